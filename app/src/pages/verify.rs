//! Verifying an e-mail address: where the link of a mail leads, and where its code is typed.
//!
//! Looking at the page spends nothing, since programs that check mails follow links. The form does, in a session of the
//! account whose address it is.

#![expect(
    missing_docs,
    reason = "`#[server]` generates a struct for each function, whose fields are the arguments"
)]

use leptos::prelude::*;
use wire::{MailLink, User};

#[cfg(feature = "ssr")]
use crate::context::Context;
use crate::{
    error::AppError,
    forms::Endpoint,
    pages::{
        mail_link::{ByLink, MailPage, SignInFirst, token_here},
        paths,
    },
    secret::Secret,
    session::{GetUser, current_session},
    ui::{
        failure::Failure,
        field::Field,
        form::{Form, FormState, Notice, Submit},
        link::{TOKEN, leading_to},
        load::{Load, once_loaded},
        shown::ShownWhile,
    },
};

/// The forms of this page.
pub const FORMS: &[Endpoint] = &[SEND_VERIFICATION, VERIFY_EMAIL];

/// Sends a mail with a link and a code, if the address of the signed-in user is not verified yet.
#[server]
pub async fn send_verification() -> Result<(), AppError> {
    let context = Context::take()?;
    context.auth.mail.require()?;
    let live = context.require_session().await?;
    Ok(context.auth.send_verification(&context.request, &live).await?)
}

const SEND_VERIFICATION: Endpoint = Endpoint::of::<SendVerification>(&[paths::VERIFY]);

/// Verifies the address of the signed-in user by the link's token or by the code.
#[server]
pub async fn verify_email(
    #[server(default)] token: Option<Secret>,
    #[server(default)] code: Option<Secret>,
) -> Result<(), AppError> {
    use auth::mail::Proof;

    let context = Context::take()?;
    context.auth.mail.require()?;
    let live = context.require_session().await?;
    let proof = match (token, code) {
        (Some(token), None) => Proof::Token(token.into()),
        (None, Some(code)) => Proof::Code(code.into()),
        _ => return Err(AppError::InvalidInput),
    };
    context.auth.verify_email(&context.request, &live, proof).await?;
    leptos_axum::redirect(paths::VERIFY);
    Ok(())
}

const VERIFY_EMAIL: Endpoint = Endpoint::of::<VerifyEmail>(&[paths::VERIFY]).staying_with(TOKEN);

/// The page.
#[component]
pub fn Verify() -> impl IntoView {
    let (send, verify) = (FormState::of(SEND_VERIFICATION), FormState::of(VERIFY_EMAIL));
    view! {
        <MailPage title="Verify your address">
            {if !token_here().is_empty() {
                view! {
                    <ByLink
                        link=MailLink::Verification
                        form=verify
                        about=Question
                        label="Verify this address"
                        busy="Verifying…"
                        again=move || view! { <Again send /> }
                        done=Done
                    />
                }
                    .into_any()
            } else if current_session().is_some() {
                view! { <ByCode send verify /> }.into_any()
            } else {
                view! { <SignInFirst /> }.into_any()
            }}
        </MailPage>
    }
}

#[component]
fn Question() -> impl IntoView {
    let email = current_session().and_then(|session| session.email);
    view! {
        <p>
            "Press the button to confirm that the e-mail address " <strong>{email}</strong> " is yours."
        </p>
    }
}

/// The way to another link.
#[component]
fn Again(send: FormState) -> impl IntoView {
    if current_session().is_some() {
        view! { <ByUser send /> }.into_any()
    } else {
        view! {
            <p>
                <a href=leading_to(paths::LOGIN, Some(paths::VERIFY)) rel="external">
                    "Sign in to get a new one"
                </a>
            </p>
        }
        .into_any()
    }
}

/// The page without a link.
#[component]
fn ByCode(send: FormState, verify: FormState) -> impl IntoView {
    view! {
        <ShownWhile holds=move || verify.is_done()>
            <Done />
        </ShownWhile>
        <ShownWhile holds=move || !verify.is_done()>
            <Notice form=verify />
            <ByUser send verify />
        </ShownWhile>
    }
}

/// What the signed-in user can do: nothing if the address is verified, otherwise type a code or ask for another mail.
#[component]
fn ByUser(
    send: FormState,
    /// The form for a code, where it is part of the page.
    #[prop(optional)]
    verify: Option<FormState>,
) -> impl IntoView {
    let user = Load::new(|| 0, || GetUser {});
    once_loaded(move || async move {
        match user
            .get()
            .await
            .and_then(|user| user.ok_or(AppError::Unauthenticated))
        {
            Ok(User { email: None, .. }) => view! { <p>"Your account has no e-mail address."</p> }.into_any(),
            Ok(User {
                email_verified: true, ..
            }) => view! { <Done /> }.into_any(),
            Ok(User {
                email: Some(email), ..
            }) => view! {
                {verify.map(|verify| view! { <CodeForm email=email.clone() verify /> }.into_any())}
                <AnotherMail email send />
            }
            .into_any(),
            Err(error) => view! { <Failure error /> }.into_any(),
        }
    })
}

#[component]
fn CodeForm(email: String, verify: FormState) -> impl IntoView {
    view! {
        <p>
            "Open the link in our mail to " <strong>{email}</strong>
            ", or type the code in it here."
        </p>
        <Form form=verify class="stack">
            <Field
                form=verify
                name="code"
                label="Code"
                autocomplete="one-time-code"
                hint="Eight digits"
                required=true
                about=AppError::is_about_code
            />
            <Submit form=verify label="Verify" busy="Verifying…" />
        </Form>
    }
}

#[component]
fn AnotherMail(email: String, send: FormState) -> impl IntoView {
    view! {
        <section class="aside">
            <p>"No mail? Look into your spam folder, or ask for another one."</p>
            <Notice form=send done="A new mail is on its way. It replaces the older ones." />
            <Form form=send>
                <Submit
                    form=send
                    label="Send another mail"
                    busy="Sending…"
                    name=format!("Send another mail to {email}")
                    class="button-quiet"
                />
            </Form>
        </section>
    }
}

#[component]
fn Done() -> impl IntoView {
    view! {
        <p class="notice notice-done" role="status">
            "Your address is verified."
        </p>
        <p>
            <a href=paths::PROFILE rel="external">"Go to your profile"</a>
        </p>
    }
}
