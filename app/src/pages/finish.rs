//! Registering by mail: what happens after the address was entered, and where the link leads.

#![expect(
    missing_docs,
    reason = "`#[server]` generates a struct for each function, whose fields are the arguments"
)]

use leptos::prelude::*;
use wire::{AuthSession, MailLink};

#[cfg(feature = "ssr")]
use crate::context::Context;
use crate::{
    entered::Entered,
    error::AppError,
    forms::Endpoint,
    pages::{
        mail_link::{ByLink, MailPage},
        paths,
        register::password_hint,
    },
    secret::Secret,
    ui::{
        field::{Checkbox, Field},
        form::FormState,
        link::TOKEN,
    },
};

/// The forms of these pages.
pub const FORMS: &[Endpoint] = &[FINISH_REGISTRATION];

/// Creates an account with the address that the link was sent to, and signs in.
#[server]
pub async fn finish_registration(
    token: Secret,
    password: Secret,
    #[server(default)] name: Entered,
    #[server(default)] remember: bool,
) -> Result<AuthSession, AppError> {
    let context = Context::take()?;
    let session = context
        .auth
        .finish_registration(
            &context.request,
            &token.into(),
            &password.into(),
            name.into_text().as_deref(),
            remember,
        )
        .await?;
    leptos_axum::redirect(paths::PROFILE);
    Ok(session)
}

const FINISH_REGISTRATION: Endpoint = Endpoint::of::<FinishRegistration>(&[paths::REGISTER_FINISH])
    .coming_back(&["name", "remember"])
    .staying_with(TOKEN);

/// The page that says what happens now. It is the same whether or not the address has an account.
#[component]
pub fn RegisterSent() -> impl IntoView {
    view! {
        <MailPage title="Check your mail">
            <p>"A mail is on its way to this address. Its link, with which you create your account, is valid for 24 hours."</p>
            <p>
                "No mail? Look into your spam folder, check the address, and "
                <a href=paths::REGISTER>"try again"</a> "."
            </p>
        </MailPage>
    }
}

/// The page that the link leads to.
#[component]
pub fn RegisterFinish() -> impl IntoView {
    let form = FormState::of(FINISH_REGISTRATION);
    let about =
        || view! { <p>"Your address is confirmed. Choose a password, and your account is ready."</p> };
    let again = || {
        view! {
            <p>
                <a href=paths::REGISTER>"Ask for a new link"</a>
            </p>
        }
    };
    view! {
        <MailPage title="Create an account">
            <ByLink
                link=MailLink::Registration
                form
                about
                fields=move || view! { <Fields form /> }
                label="Create account"
                busy="Creating your account…"
                again
            />
        </MailPage>
    }
}

#[component]
fn Fields(form: FormState) -> impl IntoView {
    view! {
        <Field form name="name" label="Name (optional)" autocomplete="name" />
        <Field
            form
            name="password"
            label="Password"
            kind="password"
            autocomplete="new-password"
            hint=password_hint()
            required=true
            about=AppError::is_about_new_password
        />
        <Checkbox form name="remember" label="Keep me signed in" />
    }
}
