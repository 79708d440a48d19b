//! Choosing a new password, with the link of a mail. Looking at the page spends nothing.

#![expect(
    missing_docs,
    reason = "`#[server]` generates a struct for each function, whose fields are the arguments"
)]

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_location;

#[cfg(feature = "ssr")]
use crate::context::Context;
use crate::{
    error::AppError,
    forms::Endpoint,
    pages::{not_found::NotFound, paths, register::password_hint},
    secret::Secret,
    setup::Setup,
    ui::{
        failure::{DeadLink, Failure, no_referrer_path, set_status},
        field::Field,
        form::{Form, FormState, Notice, Submit},
        link::{TOKEN, value_of},
        load::{Load, once_loaded},
    },
};

/// The forms of this page.
pub const FORMS: &[Endpoint] = &[RESET_PASSWORD];

/// Whether a link to a new password is still good. Changes nothing.
#[server]
pub async fn get_reset(token: Secret) -> Result<(), AppError> {
    let context = Context::take()?;
    Ok(context
        .auth
        .look_at_reset(&context.request, &token.into())
        .await?)
}

/// Sets a new password with the token of a link, and ends everything that is signed in to the account.
#[server]
pub async fn reset_password(token: Secret, new_password: Secret) -> Result<(), AppError> {
    let context = Context::take()?;
    context
        .auth
        .reset_password(&context.request, &token.into(), &new_password.into())
        .await?;
    leptos_axum::redirect(paths::LOGIN);
    Ok(())
}

const RESET_PASSWORD: Endpoint = Endpoint::of::<ResetPassword>(&[paths::RESET]).staying_with(TOKEN);

/// The page.
#[component]
pub fn Reset() -> impl IntoView {
    if !Setup::get().has_mail {
        return view! { <NotFound /> }.into_any();
    }
    no_referrer_path();
    let form = FormState::of(RESET_PASSWORD);
    let search = use_location().search.get_untracked();
    let token = value_of(&search, TOKEN).unwrap_or_default();
    let asked = token.clone();
    let link = Load::new(
        || 0,
        move || GetReset {
            token: Secret::from(asked.clone()),
        },
    );
    let is_dead = move || form.failure() == Some(AppError::LinkExpired);
    let content = once_loaded(move || {
        let token = token.clone();
        async move {
            match link.get().await {
                Ok(()) => view! { <NewPassword token form /> }.into_any(),
                Err(error @ AppError::LinkExpired) => {
                    set_status(error.status());
                    view! { <Dead /> }.into_any()
                }
                Err(error) => view! { <Failure error /> }.into_any(),
            }
        }
    });
    view! {
        <Title text="Choose a new password" />
        <div class="page page-narrow">
            <h1>"Choose a new password"</h1>
            <Show when=is_dead>
                <Dead />
            </Show>
            <div hidden=is_dead>{content}</div>
        </div>
    }
    .into_any()
}

#[component]
fn NewPassword(token: String, form: FormState) -> impl IntoView {
    view! {
        <p>"You are signed out everywhere, and sign in with the new password."</p>
        <Notice form />
        <Form form class="stack">
            <input type="hidden" name=TOKEN value=token />
            <Field
                form
                name="new_password"
                label="New password"
                kind="password"
                autocomplete="new-password"
                hint=password_hint()
                required=true
                about=AppError::is_about_new_password
            />
            <Submit form label="Set the password" busy="Setting the password…" />
        </Form>
    }
}

/// The link is of no use any more.
#[component]
fn Dead() -> impl IntoView {
    view! {
        <DeadLink />
        <p>
            <a href=paths::FORGOT>"Ask for a new link"</a>
        </p>
    }
}
