//! Confirming one's identity with the code of a mail, for those who have neither a password, an authenticator app nor a
//! passkey.

#![expect(
    missing_docs,
    reason = "`#[server]` generates a struct for each function, whose fields are the arguments"
)]

use leptos::prelude::*;
use wire::PasskeyInfo; // wing:passkeys
use wire::SecondFactors; // wing:second-factors

#[cfg(feature = "ssr")]
use crate::context::Context;
use crate::ui::load::Load; // wing:second-factors,passkeys
use crate::{
    error::AppError,
    forms::Endpoint,
    pages::paths,
    session::current_session,
    setup::Setup,
    ui::{
        field::Field,
        form::{Form, FormState, Notice, Submit},
        link::RETURN_TO,
        load::once_loaded,
    },
};

/// Sends a code to the verified address of the signed-in user.
#[server]
pub async fn send_confirmation_code() -> Result<(), AppError> {
    let context = Context::take()?;
    context.auth.mail.require()?;
    let live = context.require_session().await?;
    Ok(context
        .auth
        .send_confirmation_code(&context.request, &live)
        .await?)
}

/// The form that asks for a code.
pub const SEND_CONFIRMATION_CODE: Endpoint =
    Endpoint::of::<SendConfirmationCode>(&[paths::SETTINGS_SECURITY]);

/// Both forms, for users who need them.
#[component]
pub fn ConfirmByMail(
    has_password: bool,
    factors: Load<SecondFactors>,             // wing:second-factors
    passkeys: Option<Load<Vec<PasskeyInfo>>>, // wing:passkeys
    form: FormState,
    return_to: Option<String>,
) -> impl IntoView {
    let send = FormState::of(SEND_CONFIRMATION_CODE);
    let address = current_session()
        .filter(|session| session.email_verified && Setup::get().has_mail)
        .and_then(|session| session.email);
    let shown = StoredValue::new((address, return_to));
    once_loaded(move || async move {
        let has_better = has_password;
        let has_better = has_better | factors.get().await.is_ok_and(|factors| factors.totp); // wing:second-factors
        // wing:passkeys
        let has_better = has_better
            | match passkeys {
                Some(passkeys) => passkeys.get().await.is_ok_and(|passkeys| !passkeys.is_empty()),
                None => false,
            };
        // end wing:passkeys
        let (address, return_to) = shown.get_value();
        address
            .filter(|_| !has_better)
            .map(|address| view! { <Forms address send form return_to /> }.into_any())
            .into_any()
    })
}

#[component]
fn Forms(address: String, send: FormState, form: FormState, return_to: Option<String>) -> impl IntoView {
    view! {
        <Notice form=send done="A mail with a code is on its way. It replaces the older ones." />
        <Form form=send>
            <p>"We send a code to " <strong>{address}</strong> ", which you then type in this browser."</p>
            <Submit form=send label="Send a code" busy="Sending…" class="button-quiet" />
        </Form>
        <Form form class="stack" emptied=true>
            <Field
                form
                name="code"
                label="Code from the mail"
                autocomplete="one-time-code"
                hint="Eight digits, valid for ten minutes"
                required=true
                about=AppError::is_about_code
            />
            {return_to.map(|path| view! { <input type="hidden" name=RETURN_TO value=path /> }.into_any())}
            <Submit form label="Confirm with the code" busy="Confirming…" />
        </Form>
    }
}
