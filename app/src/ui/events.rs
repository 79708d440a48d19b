//! What happened to an account, in words.

use leptos::prelude::*;
use wire::{Actor, Event, Role};

use super::{providers::provider_name, time::When};

/// A list of events, the newest first.
#[component]
pub fn EventList(
    /// The events.
    events: Vec<Event>,
) -> impl IntoView {
    if events.is_empty() {
        return view! { <p class="empty">"No activity yet."</p> }.into_any();
    }
    let rows = events
        .into_iter()
        .map(|event| {
            let what = words(&event.kind, &event.note);
            view! {
                <li class="event">
                    <p>{what} {by(event.by)}</p>
                    <p class="hint">
                        <When at=event.at />
                        {event.ip.map(|ip| view! { " from " <span class="address">{ip}</span> }.into_any())}
                    </p>
                </li>
            }
        })
        .collect_view();
    view! { <ul class="events">{rows}</ul> }.into_any()
}

fn by(actor: Actor) -> Option<String> {
    match actor {
        Actor::Oneself => None,
        Actor::Admin {
            email: Some(email), ..
        } => Some(format!(" by {email}")),
        Actor::Admin { email: None, .. } => Some(" by an administrator".to_owned()),
        Actor::CommandLine => Some(" from the server’s command line".to_owned()),
    }
}

/// The event in words. An event that a fork has added is shown by its name.
fn words(kind: &str, note: &str) -> String {
    match kind {
        "register" => format!("Account created with {}", method(note)),
        "sign_in" => format!("Signed in with {}", method(note)),
        "sign_in_failed" => "Sign-in attempt with a wrong password".to_owned(),
        "confirm_failed" => "Identity not confirmed: wrong password".to_owned(),
        "change_password_failed" => "Password not changed: wrong current password".to_owned(),
        "too_many_attempts" => {
            "Too many attempts in a row; further attempts were refused for a while".to_owned()
        }
        "sign_out" => "Signed out".to_owned(),
        "revoke_session" => "Session ended".to_owned(),
        "confirm" => "Identity confirmed".to_owned(),
        "change_password" => "Password changed".to_owned(),
        "reset_password" => "New password chosen with a link from a mail".to_owned(), // wing:mail
        // wing:mail
        "remove_password" => {
            "Password removed, since the address had not been verified when it was set".to_owned()
        }
        "set_email" => "E-mail address set".to_owned(),
        "invite" => "Somebody was invited".to_owned(),
        "change_email" => "E-mail address changed".to_owned(),
        "undo_email_change" => "Change of the e-mail address undone".to_owned(),
        "lose_email" => "E-mail address removed: its owner has proven that it is theirs".to_owned(),
        // end wing:mail
        "verify_email" => "E-mail address verified".to_owned(),
        "link" => format!("{} connected", provider_name(note)),
        "unlink" => format!("{} disconnected", provider_name(note)),
        "disable" => "Account disabled".to_owned(),
        "enable" => "Account enabled".to_owned(),
        "set_role" => match Role::from_name(note) {
            Some(role) => format!("Role changed to {}", role.label()),
            None => format!("Role changed to {note}"),
        },
        "export_data" => "Data downloaded".to_owned(), // wing:data-rights
        // wing:second-factors
        "enable_totp" => "Two-step sign-in turned on".to_owned(),
        "disable_totp" => "Two-step sign-in turned off".to_owned(),
        "new_recovery_codes" => "Recovery codes replaced".to_owned(),
        "use_recovery_code" => "Signed in with a recovery code".to_owned(),
        "second_factor_failed" => "Sign-in attempt with the right first step and a wrong code".to_owned(),
        // end wing:second-factors
        // wing:passkeys
        "add_passkey" => format!("Passkey “{note}” added"),
        "remove_passkey" => format!("Passkey “{note}” removed"),
        // end wing:passkeys
        "reset_factors" => "Second factors removed".to_owned(), // wing:admin+second-factors,admin+passkeys
        // wing:clients
        "client_signed_in" => format!("{note} was given access to your account"),
        "client_signed_out" => format!("{note} gave up its access to your account"),
        "client_revoked" => format!("{note} lost its access to every account"),
        "token_reuse" => format!("A copied token of {note} was used, so its access has ended"),
        "create_key" => format!("Key “{note}” created"),
        // end wing:clients
        other => other.replace('_', " "),
    }
}

/// The method of a sign-in, in words.
pub fn method(name: &str) -> String {
    match name {
        "password" => "a password".to_owned(),
        "email" => "a code by mail".to_owned(), // wing:mail
        "passkey" => "a passkey".to_owned(),    // wing:passkeys
        provider => provider_name(provider),
    }
}
