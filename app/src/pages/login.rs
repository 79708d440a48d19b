//! Signing in.

#![expect(
    missing_docs,
    reason = "`#[server]` generates a struct for each function, whose fields are the arguments"
)]

use leptos::prelude::*;
use leptos_meta::Title;
use wire::AuthSession;

#[cfg(feature = "ssr")]
use crate::context::Context;
use crate::pages::claim::NotMine; // wing:mail
use crate::pages::passkeys::SignInWithPasskey; // wing:passkeys
#[cfg(feature = "ssr")]
use crate::pages::signed_in::lead_on;
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
        provider_error::ProviderErrorNotice,
        providers::ProviderChoice,
        shown::ShownWhile,
    },
};

/// The forms of this page.
pub const FORMS: &[Endpoint] = &[LOGIN];

/// Signs in with a password.
#[server]
pub async fn login(
    email: String,
    password: Secret,
    #[server(default)] remember: bool,
    #[server(default)] return_to: Option<String>,
) -> Result<AuthSession, AppError> {
    let context = Context::take()?;
    let signed_in = context
        .auth
        .sign_in_with_password(&context.request, &email, password.into(), remember)
        .await;
    lead_on(signed_in, return_to.as_deref())
}

const LOGIN: Endpoint = Endpoint::of::<Login>(&[paths::LOGIN]).coming_back(&["email", "remember"]);

/// The page to sign in, with a provider or with a password.
#[component]
pub fn LoginPage() -> impl IntoView {
    let form = FormState::of(LOGIN);
    let return_to = asked_return_to();
    let registers = Setup::get().registers();
    let register = leading_to(paths::REGISTER, return_to.as_deref());
    let by_mail = leading_to(paths::LOGIN_MAIL, return_to.as_deref()); // wing:mail
    view! {
        <Title text="Sign in" />
        <div class="page page-narrow">
            <h1>"Sign in"</h1>
            <ShownWhile holds=move || !form.was_sent()>
                <ProviderErrorNotice />
            </ShownWhile>
            <Notice form />
            <Form form class="stack">
                <Field
                    form
                    name="email"
                    label="E-mail"
                    kind="email"
                    // The second word lets browsers offer passkeys here.
                    autocomplete="username webauthn"
                    required=true
                    about=do_not_match
                />
                <Field
                    form
                    name="password"
                    label="Password"
                    kind="password"
                    autocomplete="current-password"
                    required=true
                    about=do_not_match
                />
                <Checkbox form name="remember" label="Keep me signed in" />
                {return_to.map(|path| view! { <input type="hidden" name=RETURN_TO value=path /> }.into_any())}
                <Submit form label="Sign in" busy="Signing in…" />
                <ProviderChoice />
            </Form>
            <SignInWithPasskey /> // wing:passkeys
            // wing:mail
            <NotMine />
            {Setup::get()
                .signs_in_by_mail
                .then(|| {
                    view! {
                        <p class="aside">
                            <a href=by_mail>"Sign in with a code by mail"</a>
                        </p>
                    }.into_any()
                })}
            {Setup::get()
                .has_mail
                .then(|| {
                    view! {
                        <p class="aside">
                            <a href=paths::FORGOT>"Forgotten your password?"</a>
                        </p>
                    }
                    .into_any()
                })}
            // end wing:mail
            {registers
                .then(|| {
                    view! {
                        <p class="aside">
                            "No account yet? "
                            <a href=register>"Create an account"</a>
                        </p>
                    }
                    .into_any()
                })}
        </div>
    }
}

/// Which of the two is wrong is not known, so it is about both.
fn do_not_match(error: AppError) -> bool {
    error == AppError::InvalidCredentials
}
