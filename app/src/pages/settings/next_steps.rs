//! What a user can do to keep the account, and to keep others out of it: the most urgent first, and nothing once all of it is
//! done.

#![expect(
    missing_docs,
    reason = "`#[server]` generates a struct for each function, whose fields are the arguments"
)]

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

#[cfg(feature = "ssr")]
use crate::{context::Context, pages::paths};
use crate::{
    error::AppError,
    ui::load::{Load, once_loaded},
};

/// One step. The server decides on it and words it, so that the browser only has to show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextStep {
    /// What is the matter.
    pub text: String,
    /// What to do about it.
    pub label: String,
    /// Where.
    pub href: String,
    /// Whether it cannot wait.
    pub is_urgent: bool,
}

/// The next steps of the signed-in user; only those that cannot wait if it is `urgent`.
#[server]
pub async fn list_next_steps(#[server(default)] urgent: bool) -> Result<Vec<NextStep>, AppError> {
    let context = Context::take()?;
    let live = context.require_session().await?;
    let standing = context.auth.standing(&live).await?;
    let mut steps = Vec::new();
    // wing:mail
    if context.auth.mail.is_on() {
        steps.extend(about_address(&standing));
    }
    // end wing:mail
    steps.extend(about_recovery_codes(&standing)); // wing:second-factors
    // wing:second-factors,passkeys
    steps.extend(about_password(
        &standing,
        &context.auth, // wing:passkeys
    ));
    // end wing:second-factors,passkeys
    steps.retain(|step| step.is_urgent || !urgent);
    Ok(steps)
}

/// A place on the page for security.
#[cfg(feature = "ssr")]
fn at(place: &str) -> String {
    format!("{}#{place}", paths::SETTINGS_SECURITY)
}

// wing:mail
#[cfg(feature = "ssr")]
fn about_address(standing: &auth::Standing) -> Option<NextStep> {
    let (text, label, href) = match (standing.has_address, standing.is_verified) {
        (_, true) => return None,
        (true, false) => (
            "Your e-mail address is not verified. Until it is, it belongs to whoever proves that it is theirs.",
            "Verify your address",
            paths::VERIFY.to_owned(),
        ),
        (false, false) => (
            "Your account has no e-mail address, so you could not get back in by mail.",
            "Add an address",
            at("reaching-you"),
        ),
    };
    Some(NextStep {
        text: text.to_owned(),
        label: label.to_owned(),
        href,
        is_urgent: true,
    })
}
// end wing:mail

// wing:second-factors
/// So few codes are a reason to make new ones.
#[cfg(feature = "ssr")]
const FEW: i64 = 3;

#[cfg(feature = "ssr")]
fn about_recovery_codes(standing: &auth::Standing) -> Option<NextStep> {
    let text = match standing.recovery_codes {
        _ if !standing.has_app => return None,
        0 => "You have no recovery codes left. If you lose your authenticator app, you cannot sign in."
            .to_owned(),
        1 => "Only one recovery code is left.".to_owned(),
        left @ 2..=FEW => format!("Only {left} recovery codes are left."),
        _ => return None,
    };
    Some(NextStep {
        text,
        label: "Create new ones".to_owned(),
        href: at("signing-in"),
        is_urgent: true,
    })
}
// end wing:second-factors

// wing:second-factors,passkeys
/// Whoever learns the password is in.
#[cfg(feature = "ssr")]
fn about_password(
    standing: &auth::Standing,
    auth: &auth::Auth, // wing:passkeys
) -> Option<NextStep> {
    let more = [
        ("a passkey", auth.passkeys.is_on()), // wing:passkeys
        ("two-step sign-in", true),           // wing:second-factors
    ];
    let more: Vec<_> = more
        .iter()
        .filter(|(_, is_on)| *is_on)
        .map(|(name, _)| *name)
        .collect();
    let mut is_alone = standing.has_password && !more.is_empty();
    is_alone &= !standing.has_app; // wing:second-factors
    is_alone &= !standing.has_passkey; // wing:passkeys
    is_alone.then(|| NextStep {
        text: "Whoever learns your password can sign in to your account.".to_owned(),
        label: format!("Add {}", more.join(" or ")),
        href: at("signing-in"),
        is_urgent: false,
    })
}
// end wing:second-factors,passkeys

/// The steps, if there are any.
#[component]
pub fn NextSteps(
    /// What they are asked for again after.
    after: Signal<usize>,
    /// Whether only those are shown that cannot wait.
    #[prop(optional)]
    urgent: bool,
) -> impl IntoView {
    let steps = Load::new(move || after.get(), move || ListNextSteps { urgent });
    once_loaded(move || async move {
        // Without them the page is still worth showing.
        let steps = steps.get().await.unwrap_or_default();
        (!steps.is_empty())
            .then(|| {
                let steps = steps
                    .into_iter()
                    .map(
                        |NextStep {
                             text, label, href, ..
                         }| {
                            view! {
                                <li>
                                    <p>{text} " " <a href=href>{label}</a></p>
                                </li>
                            }
                        },
                    )
                    .collect_view();
                view! {
                    <aside class="notice next-steps" aria-label="Next steps">
                        <ul>{steps}</ul>
                    </aside>
                }
            })
            .into_any()
    })
}
