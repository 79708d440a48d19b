//! Choosing a new password, with the link of a mail. Looking at the page spends nothing.

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
        register::password_hint,
    },
    secret::Secret,
    ui::{field::Field, form::FormState, link::TOKEN},
};

/// The forms of this page.
pub const FORMS: &[Endpoint] = &[RESET_PASSWORD];

/// Sets a new password with the token of a link, and ends everything that is signed in to the account.
#[server]
pub async fn reset_password(token: Secret, new_password: Secret) -> Result<(), AppError> {
    let context = Context::take()?;
    context
        .auth
        .reset_password(&context.request, &token.into(), &new_password.into())
        .await?;
    leptos_axum::redirect(paths::LOGIN);
    Ok(())
}

const RESET_PASSWORD: Endpoint = Endpoint::of::<ResetPassword>(&[paths::RESET]).staying_with(TOKEN);

/// The page.
#[component]
pub fn Reset() -> impl IntoView {
    let form = FormState::of(RESET_PASSWORD);
    view! {
        <MailPage title="Choose a new password">
            <ByLink
                link=MailLink::Reset
                form
                about=|| view! { <p>"You are signed out everywhere, and sign in with the new password."</p> }
                fields=move || view! { <NewPassword form /> }
                label="Set the password"
                busy="Setting the password…"
                again=AskAgain
            />
        </MailPage>
    }
}

#[component]
fn NewPassword(form: FormState) -> impl IntoView {
    view! {
        <Field
            form
            name="new_password"
            label="New password"
            kind="password"
            autocomplete="new-password"
            hint=password_hint()
            required=true
            about=AppError::is_about_new_password
        />
    }
}

#[component]
fn AskAgain() -> impl IntoView {
    view! {
        <p>
            <a href=paths::FORGOT>"Ask for a new link"</a>
        </p>
    }
}
