//! Verifying an e-mail address: where the link of a mail leads, and where its code is typed.
//!
//! Looking at the page spends nothing, since programs that check mails follow links. The form does, in a session of the
//! account whose address it is.

#![expect(
    missing_docs,
    reason = "`#[server]` generates a struct for each function, whose fields are the arguments"
)]

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_location;
use wire::{User, VerificationLink};

#[cfg(feature = "ssr")]
use crate::context::Context;
use crate::{
    error::AppError,
    forms::Endpoint,
    pages::{not_found::NotFound, paths},
    secret::Secret,
    session::{GetUser, current_session},
    setup::Setup,
    ui::{
        failure::{DeadLink, Failure, no_referrer_path, set_status},
        field::Field,
        form::{Form, FormState, Notice, Submit},
        link::{TOKEN, leading_to, this_page, value_of},
        load::{Load, once_loaded},
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

/// Whose address a link verifies. Changes nothing.
#[server]
pub async fn get_verification(token: Secret) -> Result<VerificationLink, AppError> {
    let context = Context::take()?;
    let link = context
        .auth
        .look_at_verification(&context.request, &token.into())
        .await?;
    Ok(link)
}

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
    if !Setup::get().has_mail {
        return view! { <NotFound /> }.into_any();
    }
    no_referrer_path();
    let (send, verify) = (FormState::of(SEND_VERIFICATION), FormState::of(VERIFY_EMAIL));
    let search = use_location().search.get_untracked();
    let token = value_of(&search, TOKEN).filter(|token| !token.is_empty());
    let content = match token {
        Some(token) => view! { <ByLink token send verify /> }.into_any(),
        None if current_session().is_some() => view! { <ByCode send verify /> }.into_any(),
        None => view! { <SignInFirst /> }.into_any(),
    };
    view! {
        <Title text="Verify your address" />
        <div class="page page-narrow">
            <h1>"Verify your address"</h1>
            {content}
        </div>
    }
    .into_any()
}

/// The link of a mail was opened.
#[component]
fn ByLink(token: String, send: FormState, verify: FormState) -> impl IntoView {
    let asked = token.clone();
    let link = Load::new(
        || 0,
        move || GetVerification {
            token: Secret::from(asked.clone()),
        },
    );
    let is_dead = move || verify.failure() == Some(AppError::LinkExpired);
    let question = once_loaded(move || {
        let token = token.clone();
        async move {
            match link.get().await {
                Ok(VerificationLink::Yours) => view! { <Question token verify /> }.into_any(),
                Ok(VerificationLink::Another) => view! {
                    <p>
                        "This link belongs to a different account from the one that is signed in. "
                        "Sign out, then open the link again."
                    </p>
                }
                .into_any(),
                Ok(VerificationLink::SignedOut) => view! { <SignInFirst /> }.into_any(),
                Err(error @ AppError::LinkExpired) => {
                    set_status(error.status());
                    view! { <Dead send /> }.into_any()
                }
                Err(error) => view! { <Failure error /> }.into_any(),
            }
        }
    });
    view! {
        <Show when=move || verify.is_done()>
            <Done />
        </Show>
        <Show when=is_dead>
            <Dead send />
        </Show>
        <div hidden=move || verify.is_done() || is_dead()>{question}</div>
    }
}

#[component]
fn Question(token: String, verify: FormState) -> impl IntoView {
    let email = current_session().and_then(|session| session.email);
    view! {
        <p>
            "Press the button to confirm that the e-mail address " <strong>{email}</strong> " is yours."
        </p>
        <Notice form=verify />
        <Form form=verify class="stack">
            <input type="hidden" name=TOKEN value=token />
            <Submit form=verify label="Verify this address" busy="Verifying…" />
        </Form>
    }
}

/// The link is of no use any more.
#[component]
fn Dead(send: FormState) -> impl IntoView {
    view! {
        <DeadLink />
        {if current_session().is_some() {
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
        }}
    }
}

/// The page without a link.
#[component]
fn ByCode(send: FormState, verify: FormState) -> impl IntoView {
    view! {
        <Show when=move || verify.is_done()>
            <Done />
        </Show>
        <Show when=move || !verify.is_done()>
            <Notice form=verify />
            <ByUser send verify />
        </Show>
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
                {verify.map(|verify| view! { <CodeForm email=email.clone() verify /> })}
                <Again email send />
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
            "Open the link in the mail that we sent to " <strong>{email}</strong>
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
fn Again(email: String, send: FormState) -> impl IntoView {
    view! {
        <section class="aside">
            <p>"No mail? Look into the folder for unwanted mail, or ask for another one."</p>
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

/// Without a session of the account, the link proves nothing.
#[component]
fn SignInFirst() -> impl IntoView {
    view! {
        <p>"Sign in to the account whose address you want to verify. You come back here afterwards."</p>
        <p>
            <a class="button button-primary" href=leading_to(paths::LOGIN, Some(&this_page())) rel="external">
                "Sign in"
            </a>
        </p>
    }
}
