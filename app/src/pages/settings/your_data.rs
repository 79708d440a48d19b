//! What users may ask about their data: to get all of it, and to have it deleted.

#![expect(
    missing_docs,
    reason = "`#[server]` generates a struct for each function, whose fields are the arguments"
)]

use leptos::prelude::*;

#[cfg(feature = "ssr")]
use crate::context::Context;
use crate::{
    error::AppError,
    forms::Endpoint,
    made_for::MadeForField,
    pages::paths,
    session::current_session,
    ui::{
        field::Field,
        form::{Form, FormState, Notice, Submit},
    },
};

/// The forms of this part of the page.
pub const FORMS: &[Endpoint] = &[EXPORT, DELETE_ACCOUNT];

/// Where everything that is kept about the signed-in user is downloaded.
pub const EXPORT_DATA: &str = "/api/export_data";

const EXPORT: Endpoint = Endpoint::at(EXPORT_DATA, &[paths::SETTINGS_SECURITY]);

/// Deletes the account of the signed-in user. `confirm` is its address, or `delete` if it has none.
#[server]
pub async fn delete_account(confirm: String) -> Result<(), AppError> {
    Context::take()?.delete_account(&confirm).await
}

/// The form that deletes the account.
pub const DELETE_ACCOUNT: Endpoint = Endpoint::of::<DeleteAccount>(&[paths::SETTINGS_SECURITY]);

/// The cards for it.
#[component]
pub fn YourData() -> impl IntoView {
    view! {
        <Download />
        <Delete />
    }
}

/// Its form is always sent by the browser itself, which then keeps the file.
#[component]
fn Download() -> impl IntoView {
    let form = FormState::of(EXPORT);
    view! {
        <section class="card" aria-labelledby="download-title">
            <h3 id="download-title">"Your data"</h3>
            <p class="hint">
                "Everything that is kept about you, in one file. "
                <a href=paths::PRIVACY>"What is kept, why, and for how long"</a>
            </p>
            <Notice form />
            <form method="post" action=EXPORT_DATA>
                <MadeForField />
                <button type="submit" class="button button-quiet">
                    "Download your data"
                </button>
            </form>
        </section>
    }
}

#[component]
fn Delete() -> impl IntoView {
    let form = FormState::of(DELETE_ACCOUNT);
    let email = current_session().and_then(|session| session.email);
    let asked = match email {
        Some(email) => format!("To confirm, type your e-mail address: {email}"),
        None => "To confirm, type the word: delete".to_owned(),
    };
    view! {
        <section class="card" aria-labelledby="delete-title">
            <h3 id="delete-title">"Delete your account"</h3>
            <p class="hint">
                "This deletes your account and everything in it, at once and for good. All your sessions end. Your e-mail address is free afterwards."
            </p>
            <Notice form />
            <Form form class="stack">
                <Field
                    form
                    name="confirm"
                    label=asked
                    autocomplete="off"
                    required=true
                    about=is_not_confirmed
                />
                <Submit form label="Delete my account" busy="Deleting…" class="button-danger" />
            </Form>
        </section>
    }
}

fn is_not_confirmed(error: AppError) -> bool {
    error == AppError::NotConfirmed
}
