//! The e-mail address of the account, and another one in its place.

#![expect(
    missing_docs,
    reason = "`#[server]` generates a struct for each function, whose fields are the arguments"
)]

use leptos::prelude::*;
use wire::MailLink;

#[cfg(feature = "ssr")]
use crate::context::Context;
use crate::{
    error::AppError,
    forms::Endpoint,
    pages::{
        mail_link::{ByLink, MailPage},
        paths,
    },
    secret::Secret,
    session::current_session,
    setup::Setup,
    ui::{
        address::Address,
        field::EmailField,
        form::{Form, FormState, Notice, Submit},
        link::TOKEN,
    },
};

/// The forms of this part of the settings, and of the pages that its mails lead to.
pub const FORMS: &[Endpoint] = &[CHANGE_EMAIL, CONFIRM_EMAIL_CHANGE, UNDO_EMAIL_CHANGE];

/// Sends a link to the address that the signed-in user wants to have.
#[server]
pub async fn change_email(email: String) -> Result<(), AppError> {
    let context = Context::take()?;
    context.auth.mail.require()?;
    let recent = context.require_recent_session().await?;
    context
        .auth
        .change_email(&context.request, recent, &email)
        .await?;
    Ok(())
}

const CHANGE_EMAIL: Endpoint =
    Endpoint::of::<ChangeEmail>(&[paths::SETTINGS_SECURITY]).coming_back(&["email"]);

/// Gives the signed-in user the address that the link was sent to.
#[server]
pub async fn confirm_email_change(token: Secret) -> Result<(), AppError> {
    let context = Context::take()?;
    context.auth.mail.require()?;
    let live = context.require_session().await?;
    context
        .auth
        .confirm_email_change(&context.request, &live, &token.into())
        .await?;
    leptos_axum::redirect(paths::PROFILE);
    Ok(())
}

const CONFIRM_EMAIL_CHANGE: Endpoint =
    Endpoint::of::<ConfirmEmailChange>(&[paths::CONFIRM_ADDRESS]).staying_with(TOKEN);

/// Gives a user the former address back, with the token that was sent to it.
#[server]
pub async fn undo_email_change(token: Secret) -> Result<(), AppError> {
    let context = Context::take()?;
    context
        .auth
        .undo_email_change(&context.request, &token.into())
        .await?;
    leptos_axum::redirect(paths::FORGOT_SENT);
    Ok(())
}

const UNDO_EMAIL_CHANGE: Endpoint = Endpoint::of::<UndoEmailChange>(&[paths::UNDO]).staying_with(TOKEN);

/// The card with the address.
#[component]
pub fn EmailAddress() -> impl IntoView {
    let form = FormState::of(CHANGE_EMAIL);
    let (email, is_verified) = current_session()
        .map(|session| (session.email, session.email_verified))
        .unwrap_or_default();
    let lost = email
        .is_none()
        .then_some(" An address that is not verified goes to whoever proves that it is theirs.");
    let change = Setup::get().has_mail.then(|| {
        view! {
            <p class="hint">"We send a link to the new address. Until you open it, the present one stays."</p>
            <Notice form done="A mail with a link is on its way to this address, unless you have it already." />
            <Form form class="stack" emptied=true>
                <EmailField form label="New e-mail address" autocomplete="email" />
                <Submit form label="Change address" busy="Sending…" />
            </Form>
        }.into_any()
    });
    view! {
        <section class="card" aria-labelledby="address-title">
            <h3 id="address-title">"E-mail address"</h3>
            <p>
                <Address email is_verified />
                {lost}
            </p>
            {change}
        </section>
    }
}

/// The page that the link to a new address leads to.
#[component]
pub fn ConfirmAddress() -> impl IntoView {
    let form = FormState::of(CONFIRM_EMAIL_CHANGE);
    let about = || view! { <p>"Press the button to use the address that this link was sent to."</p> };
    let again = || {
        view! {
            <p>
                <a href=paths::SETTINGS_SECURITY rel="external">"Ask for a new link"</a>
            </p>
        }
    };
    view! {
        <MailPage title="Confirm your new address">
            <ByLink
                link=MailLink::EmailChange
                form
                about
                label="Use this address"
                busy="Changing your address…"
                taken="Another account has this address by now, so yours keeps the one that it has."
                again
            />
        </MailPage>
    }
}

/// The page that the link to the former address leads to.
#[component]
pub fn UndoChange() -> impl IntoView {
    let form = FormState::of(UNDO_EMAIL_CHANGE);
    let about = || {
        view! {
            <p>
                "Your account gets back the address that this link was sent to. Everyone is signed out; the password, and what was added since the change, are removed. You get another mail to choose a new password."
            </p>
        }
    };
    let again = || {
        view! {
            <p>
                "If this was not you, and you cannot sign in: " <a href=paths::FORGOT>"choose a new password"</a>
            </p>
        }
    };
    view! {
        <MailPage title="Undo the change">
            <ByLink
                link=MailLink::UndoEmailChange
                form
                about
                label="Undo the change"
                busy="Undoing it…"
                taken="Another account has this address by now, so yours keeps the one that it has. Everyone is signed out of it, and the password is removed."
                again
            />
        </MailPage>
    }
}
