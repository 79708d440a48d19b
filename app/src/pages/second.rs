//! The second factor of a sign-in.

#![expect(
    missing_docs,
    reason = "`#[server]` generates a struct for each function, whose fields are the arguments"
)]

use leptos::prelude::*;
use leptos_meta::Title;
use wire::AuthSession;

#[cfg(feature = "ssr")]
use crate::context::Context;
#[cfg(feature = "ssr")]
use crate::pages::signed_in::lead_on;
use crate::{
    error::AppError,
    forms::Endpoint,
    pages::paths,
    secret::Secret,
    ui::{
        field::{Checkbox, Field},
        form::{Form, FormState, Notice, Submit},
        link::{RETURN_TO, asked_return_to, leading_to},
    },
};

/// The forms of this page.
pub const FORMS: &[Endpoint] = &[SECOND_FACTOR];

/// Completes the sign-in that waits in this browser, with a code of an authenticator app or a recovery code.
#[server]
pub async fn second_factor(
    code: Secret,
    #[server(default)] trust: bool,
    #[server(default)] return_to: Option<String>,
) -> Result<AuthSession, AppError> {
    let context = Context::take()?;
    let signed_in = context
        .auth
        .second_factor(&context.request, &code.into(), trust)
        .await;
    lead_on(signed_in, return_to.as_deref())
}

const SECOND_FACTOR: Endpoint = Endpoint::of::<SecondFactor>(&[paths::LOGIN_SECOND]).coming_back(&["trust"]);

/// The page.
#[component]
pub fn SecondFactorPage() -> impl IntoView {
    let form = FormState::of(SECOND_FACTOR);
    let return_to = asked_return_to();
    let again = leading_to(paths::LOGIN, return_to.as_deref());
    view! {
        <Title text="Confirm it’s you" />
        <div class="page page-narrow">
            <h1>"Confirm it’s you"</h1>
            <p>"Enter the code that your authenticator app shows, or one of your recovery codes."</p>
            <Notice form />
            <Form form class="stack">
                <Field
                    form
                    name="code"
                    label="Code"
                    autocomplete="one-time-code"
                    required=true
                    about=AppError::is_about_code
                />
                <Checkbox form name="trust" label="Don’t ask for a code in this browser for 30 days" />
                {return_to.map(|path| view! { <input type="hidden" name=RETURN_TO value=path /> }.into_any())}
                <Submit form label="Sign in" busy="Signing in…" />
            </Form>
            <p class="aside">
                "Ten minutes after your password, you have to start again. "
                <a href=again>"Start again"</a>
            </p>
        </div>
    }
}
