//! Asking for a link to a new password. Nothing on these pages shows whether an address has an account.

#![expect(
    missing_docs,
    reason = "`#[server]` generates a struct for each function, whose fields are the arguments"
)]

use leptos::prelude::*;

#[cfg(feature = "ssr")]
use crate::context::Context;
use crate::{
    error::AppError,
    forms::Endpoint,
    pages::{mail_link::MailPage, paths},
    ui::{
        field::EmailField,
        form::{Form, FormState, Notice, Submit},
    },
};

/// The forms of this page.
pub const FORMS: &[Endpoint] = &[FORGOT_PASSWORD];

/// Sends a link to a new password to this address, if it has an account.
#[server]
pub async fn forgot_password(email: String) -> Result<(), AppError> {
    let context = Context::take()?;
    context.auth.forgot_password(&context.request, &email).await?;
    leptos_axum::redirect(paths::FORGOT_SENT);
    Ok(())
}

const FORGOT_PASSWORD: Endpoint = Endpoint::of::<ForgotPassword>(&[paths::FORGOT]).coming_back(&["email"]);

/// The page that asks for the address.
#[component]
pub fn Forgot() -> impl IntoView {
    let form = FormState::of(FORGOT_PASSWORD);
    view! {
        <MailPage title="Forgotten password">
            <p>"Enter the e-mail address of your account. We send you a link with which you choose a new password."</p>
            <Notice form />
            <Form form class="stack">
                <EmailField form />
                <Submit form label="Send the link" busy="Sending…" />
            </Form>
            <p class="aside">
                <a href=paths::LOGIN>"Back to the sign-in"</a>
            </p>
        </MailPage>
    }
}

/// The page that says what happens now. It is the same whether or not the address has an account.
#[component]
pub fn ForgotSent() -> impl IntoView {
    view! {
        <MailPage title="Check your mail">
            <p>
                "If there is an account with this address, a mail with a link is on its way. "
                "The link is valid for 30 minutes."
            </p>
            <p>
                "No mail? Look into your spam folder, check the address, and "
                <a href=paths::FORGOT>"try again"</a> "."
            </p>
        </MailPage>
    }
}
