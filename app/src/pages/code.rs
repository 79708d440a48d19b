//! Signing in by mail, with a code or with a link.

#![expect(
    missing_docs,
    reason = "`#[server]` generates a struct for each function, whose fields are the arguments"
)]

use leptos::prelude::*;
use wire::{AuthSession, MailLink};

#[cfg(feature = "ssr")]
use crate::context::Context;
#[cfg(feature = "ssr")]
use crate::pages::signed_in::lead_on;
use crate::{
    error::AppError,
    forms::Endpoint,
    pages::{
        mail_link::{ByLink, MailPage},
        paths,
    },
    secret::Secret,
    setup::Setup,
    ui::{
        field::{Checkbox, EmailField, Field},
        form::{Form, FormState, Notice, Submit},
        link::{RETURN_TO, TOKEN, asked_return_to, leading_to},
    },
};

/// The forms of these pages.
pub const FORMS: &[Endpoint] = &[SEND_SIGN_IN_CODE, SIGN_IN_WITH_CODE];

/// Sends a code for this browser to this address, if it has an account.
#[server]
pub async fn send_sign_in_code(
    email: String,
    #[server(default)] remember: bool,
    #[server(default)] return_to: Option<String>,
) -> Result<(), AppError> {
    let context = Context::take()?;
    context
        .auth
        .send_sign_in_code(&context.request, &email, remember, return_to.as_deref())
        .await?;
    leptos_axum::redirect(paths::LOGIN_CODE);
    Ok(())
}

const SEND_SIGN_IN_CODE: Endpoint =
    Endpoint::of::<SendSignInCode>(&[paths::LOGIN_MAIL]).coming_back(&["email", "remember"]);

/// Signs in with the code, or with the link's token, in the browser that has asked for them.
#[server]
pub async fn sign_in_with_code(
    #[server(default)] token: Option<Secret>,
    #[server(default)] code: Option<Secret>,
) -> Result<AuthSession, AppError> {
    use auth::mail::{Proof, SignedInByMail};

    let context = Context::take()?;
    let proof = match (token, code) {
        (Some(token), None) => Proof::Token(token.into()),
        (None, Some(code)) => Proof::Code(code.into()),
        _ => return Err(AppError::InvalidInput),
    };
    let SignedInByMail { session, return_to } =
        context.auth.sign_in_with_code(&context.request, proof).await?;
    lead_on(session, Some(return_to.as_str()))
}

const SIGN_IN_WITH_CODE: Endpoint =
    Endpoint::of::<SignInWithCode>(&[paths::LOGIN_CODE, paths::LOGIN_LINK]).staying_with(TOKEN);

/// The page where a code is asked for.
#[component]
pub fn AskPage() -> impl IntoView {
    let form = FormState::of(SEND_SIGN_IN_CODE);
    let return_to = asked_return_to();
    let login = leading_to(paths::LOGIN, return_to.as_deref());
    view! {
        <MailPage title="Sign in by mail" exists=Setup::get().signs_in_by_mail>
            <p>"Enter the e-mail address of your account. We send you a code, which you then type in this browser."</p>
            <Notice form />
            <Form form class="stack">
                <EmailField form />
                <Checkbox form name="remember" label="Keep me signed in" />
                {return_to.map(|path| view! { <input type="hidden" name=RETURN_TO value=path /> }.into_any())}
                <Submit form label="Send the code" busy="Sending…" />
            </Form>
            <p class="aside">
                <a href=login>"Back to the sign-in"</a>
            </p>
        </MailPage>
    }
}

/// The page where the code is typed. It is the same whether or not the address has an account.
#[component]
pub fn CodePage() -> impl IntoView {
    let form = FormState::of(SIGN_IN_WITH_CODE);
    view! {
        <MailPage title="Check your mail" exists=Setup::get().signs_in_by_mail>
            <p>
                "If there is an account with this address, a mail with a code is on its way. "
                "Type the code here, or open the link in this browser."
            </p>
            <Notice form />
            <Form form class="stack">
                <Field
                    form
                    name="code"
                    label="Code"
                    autocomplete="one-time-code"
                    hint="Eight digits, valid for ten minutes"
                    required=true
                    about=AppError::is_about_code
                />
                <Submit form label="Sign in" busy="Signing in…" />
            </Form>
            <p class="aside">
                "No mail? Look into your spam folder, check the address, and "
                <a href=paths::LOGIN_MAIL>"ask for another code"</a> "."
            </p>
        </MailPage>
    }
}

/// The page that the link leads to.
#[component]
pub fn LinkPage() -> impl IntoView {
    let form = FormState::of(SIGN_IN_WITH_CODE);
    let again = || {
        view! {
            <p>
                <a href=paths::LOGIN_MAIL>"Ask for a new one"</a>
            </p>
        }
    };
    view! {
        <MailPage title="Sign in by mail" exists=Setup::get().signs_in_by_mail>
            <ByLink
                link=MailLink::SignIn
                form
                about=|| view! { <p>"Press the button to sign in."</p> }
                label="Sign in"
                busy="Signing in…"
                again
            />
        </MailPage>
    }
}
