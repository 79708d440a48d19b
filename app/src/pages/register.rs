//! Creating an account.

#![expect(
    missing_docs,
    reason = "`#[server]` generates a struct for each function, whose fields are the arguments"
)]

use leptos::prelude::*;
use leptos_meta::Title;
use wire::AuthSession;

#[cfg(feature = "ssr")]
use crate::context::Context;
use crate::{
    error::AppError,
    forms::Endpoint,
    pages::paths,
    secret::Secret,
    setup::Setup,
    ui::{
        field::{Checkbox, Field},
        form::{Form, FormState, Notice, Submit},
        link::{RETURN_TO, asked_return_to, leading_to},
        providers::ProviderChoice,
    },
};

/// The forms of this page.
pub const FORMS: &[Endpoint] = &[REGISTER];

/// Creates an account with a password and signs in.
#[server]
pub async fn register(
    email: String,
    password: Secret,
    #[server(default)] name: Option<String>,
    #[server(default)] remember: bool,
    #[server(default)] return_to: Option<String>,
) -> Result<AuthSession, AppError> {
    let context = Context::take()?;
    let session = context
        .auth
        .register(
            &context.request,
            &email,
            password.into(),
            name.as_deref(),
            remember,
        )
        .await?;
    leptos_axum::redirect(auth::ReturnTo::or_default(return_to.as_deref()).as_str());
    Ok(session)
}

const REGISTER: Endpoint =
    Endpoint::of::<Register>(&[paths::REGISTER]).coming_back(&["email", "name", "remember"]);

/// The page to create an account, which signs in as well.
#[component]
pub fn RegisterPage() -> impl IntoView {
    let form = FormState::of(REGISTER);
    let return_to = asked_return_to();
    let hint = password_hint();
    let login = leading_to(paths::LOGIN, return_to.as_deref());
    view! {
        <Title text="Create an account" />
        <div class="page page-narrow">
            <h1>"Create an account"</h1>
            <Notice form />
            <Form form class="stack">
                <Field form name="name" label="Name (optional)" autocomplete="name" />
                <Field
                    form
                    name="email"
                    label="E-mail"
                    kind="email"
                    autocomplete="username"
                    required=true
                    about=AppError::is_about_email
                />
                <Field
                    form
                    name="password"
                    label="Password"
                    kind="password"
                    autocomplete="new-password"
                    hint
                    required=true
                    about=AppError::is_about_new_password
                />
                <Checkbox form name="remember" label="Keep me signed in" />
                {return_to.map(|path| view! { <input type="hidden" name=RETURN_TO value=path /> })}
                <Submit form label="Create account" busy="Creating your account…" />
                <ProviderChoice />
            </Form>
            <p class="aside">
                "Already have an account? " <a href=login>"Sign in"</a>
            </p>
        </div>
    }
}

/// The requirements on a new password.
pub(super) fn password_hint() -> String {
    format!(
        "At least {} characters. A few unrelated words are easy to remember and hard to guess.",
        Setup::get().password_min_length,
    )
}
