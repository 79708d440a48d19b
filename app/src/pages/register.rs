//! Creating an account.

#![expect(
    missing_docs,
    reason = "`#[server]` generates a struct for each function, whose fields are the arguments"
)]

use leptos::prelude::*;
use leptos_meta::Title;
use wire::AuthSession;
use wire::Registration; // wing:mail

#[cfg(feature = "ssr")]
use crate::context::Context;
#[cfg(feature = "ssr")]
use crate::pages::signed_in::lead_on;
use crate::{
    error::AppError,
    forms::Endpoint,
    pages::paths,
    secret::Secret,
    setup::Setup,
    ui::{
        field::{Checkbox, EmailField, Field},
        form::{Form, FormState, Notice, Submit},
        link::{RETURN_TO, asked_return_to, leading_to},
        providers::ProviderChoice,
    },
};

/// The forms of this page.
pub const FORMS: &[Endpoint] = &[REGISTER];

/// Creates an account with a password and signs in.
// wing:mail
///
/// Where addresses are confirmed first, it only sends a link, and returns nothing.
// end wing:mail
#[server]
pub async fn register(
    email: String,
    #[server(default)] password: Option<Secret>,
    #[server(default)] name: Option<String>,
    #[server(default)] remember: bool,
    #[server(default)] return_to: Option<String>,
) -> Result<Option<AuthSession>, AppError> {
    let context = Context::take()?;
    // wing:mail
    match context.auth.mail.registration() {
        Registration::Open => {}
        Registration::Confirm => {
            context
                .auth
                .ask_to_register(&context.request, &email, name.as_deref())
                .await?;
            leptos_axum::redirect(paths::REGISTER_SENT);
            return Ok(None);
        }
        Registration::Closed => return Err(AppError::RegistrationClosed),
    }
    // end wing:mail
    let password = password.ok_or(AppError::InvalidInput)?;
    let signed_in = context
        .auth
        .register(
            &context.request,
            &email,
            password.into(),
            name.as_deref(),
            remember,
        )
        .await;
    lead_on(signed_in, return_to.as_deref()).map(Some)
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
    // wing:mail
    match Setup::get().registration {
        Registration::Open => {}
        Registration::Confirm => return view! { <ByMail form login /> }.into_any(),
        Registration::Closed => return view! { <Closed login /> }.into_any(),
    }
    // end wing:mail
    view! {
        <Title text="Create an account" />
        <div class="page page-narrow">
            <h1>"Create an account"</h1>
            <Notice form />
            <Form form class="stack">
                <Field form name="name" label="Name (optional)" autocomplete="name" />
                <EmailField form />
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
                {return_to.map(|path| view! { <input type="hidden" name=RETURN_TO value=path /> }.into_any())}
                <Submit form label="Create account" busy="Creating your account…" />
                <ProviderChoice />
            </Form>
            <p class="aside">
                "Already have an account? " <a href=login>"Sign in"</a>
            </p>
        </div>
    }
    .into_any()
}

// wing:mail
/// The page where an address is confirmed before there is an account.
#[component]
fn ByMail(form: FormState, login: String) -> impl IntoView {
    view! {
        <Title text="Create an account" />
        <div class="page page-narrow">
            <h1>"Create an account"</h1>
            <p>"We send you a link with which you create your account."</p>
            <Notice form />
            <Form form class="stack">
                <EmailField form />
                <Submit form label="Send the link" busy="Sending…" />
                <ProviderChoice />
            </Form>
            <p class="aside">
                "Already have an account? " <a href=login>"Sign in"</a>
            </p>
        </div>
    }
}

/// The page where nobody registers without an invitation.
#[component]
fn Closed(login: String) -> impl IntoView {
    view! {
        <Title text="Create an account" />
        <div class="page page-narrow">
            <h1>"Create an account"</h1>
            <p>{AppError::RegistrationClosed.message()}</p>
            <p class="aside">
                "Already have an account? " <a href=login>"Sign in"</a>
            </p>
        </div>
    }
}
// end wing:mail

/// The requirements on a new password.
pub(super) fn password_hint() -> String {
    format!(
        "At least {} characters. A few unrelated words are easy to remember and hard to guess.",
        Setup::get().password_min_length,
    )
}
