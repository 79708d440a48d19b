//! Signing in with a passkey, and what every page with passkeys needs.
//!
//! Only a script can ask an authenticator. `public/passkeys.js` is that script: it asks for the challenge, puts the
//! authenticator's answer into the form's field and sends the form. Until it runs, the forms are hidden.

#![expect(
    missing_docs,
    reason = "`#[server]` generates a struct for each function, whose fields are the arguments"
)]

use leptos::prelude::*;
use wire::{AuthSession, PasskeyOptions};

#[cfg(feature = "ssr")]
use crate::context::Context;
#[cfg(feature = "ssr")]
use crate::pages::signed_in::lead_on;
use crate::{
    error::AppError,
    forms::Endpoint,
    pages::paths,
    setup::Setup,
    ui::{
        form::{Form, FormState, Notice, Submit},
        link::{RETURN_TO, asked_return_to},
    },
};

/// The forms of this page.
pub const FORMS: &[Endpoint] = &[PASSKEY_SIGN_IN];

/// Begins a sign-in: what the browser's own function takes.
#[server]
pub async fn start_passkey_sign_in() -> Result<PasskeyOptions, AppError> {
    let context = Context::take()?;
    Ok(context.auth.start_passkey_sign_in(&context.request).await?)
}

/// Signs in with the answer of an authenticator: the JSON text of the credential.
#[server]
pub async fn passkey_sign_in(
    credential: String,
    #[server(default)] remember: bool,
    #[server(default)] return_to: Option<String>,
) -> Result<AuthSession, AppError> {
    let context = Context::take()?;
    let signed_in = context
        .auth
        .sign_in_with_passkey(&context.request, &credential, remember)
        .await;
    lead_on(signed_in, return_to.as_deref())
}

const PASSKEY_SIGN_IN: Endpoint = Endpoint::of::<PasskeySignIn>(&[paths::LOGIN]);

/// The button on the page to sign in, where there are passkeys. The script also offers them in the field for the address.
#[component]
pub fn SignInWithPasskey() -> impl IntoView {
    let form = FormState::of(PASSKEY_SIGN_IN);
    let return_to = asked_return_to();
    Setup::get().has_passkeys.then(|| {
        view! {
            <Notice form />
            <Unknown form />
            <Form form class="stack">
                {return_to.map(|path| view! { <input type="hidden" name=RETURN_TO value=path /> }.into_any())}
                // Sent if the box of the form above is ticked.
                <input type="hidden" name="remember" value="true" disabled=true />
                <AskAuthenticator start="/api/start_passkey_sign_in" offered=true>
                    <Submit form label="Sign in with a passkey" busy="Signing in…" class="button-provider" />
                </AskAuthenticator>
            </Form>
            <noscript inner_html=without_script()></noscript>
        }
        .into_any()
    })
}

/// What a visitor reads who runs no scripts.
fn without_script() -> String {
    let by_mail = "";
    // wing:mail
    let by_mail = if Setup::get().signs_in_by_mail {
        " You can sign in with a code by mail instead."
    } else {
        by_mail
    };
    // end wing:mail
    format!("<p class=\"aside\">Signing in with a passkey needs JavaScript.{by_mail}</p>")
}

/// Tells the browser that a passkey is not known here, so that it need not offer it again.
#[component]
fn Unknown(form: FormState) -> impl IntoView {
    move || {
        (form.failure() == Some(AppError::UnknownPasskey))
            .then(|| view! { <passkey-unknown></passkey-unknown> }.into_any())
    }
}

/// Part of a form that asks an authenticator before it is sent.
#[component]
pub fn AskAuthenticator(
    /// Where its challenge comes from.
    start: &'static str,
    /// Whether it makes a new passkey.
    #[prop(optional)]
    makes: bool,
    /// Whether it is also offered in the fields for addresses of the page.
    #[prop(optional)]
    offered: bool,
    /// What is hidden until the script runs, with the button.
    children: Children,
) -> impl IntoView {
    view! {
        <passkey-form
            hidden=true
            data-start=start
            data-makes=makes.then_some("")
            data-offered=offered.then_some("")
        >
            <input type="hidden" name="credential" autocomplete="off" />
            {children()}
            <p class="hint" aria-live="polite"></p>
        </passkey-form>
    }
}
