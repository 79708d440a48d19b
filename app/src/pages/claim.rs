//! For the owner of an address that somebody else has entered here and never verified: a part of the page to sign in, after a
//! provider has vouched for the owner.

#![expect(
    missing_docs,
    reason = "`#[server]` generates a struct for each function, whose fields are the arguments"
)]

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use wire::{AuthSession, FlowError};

#[cfg(feature = "ssr")]
use crate::context::Context;
#[cfg(feature = "ssr")]
use crate::pages::signed_in::lead_on;
use crate::{
    error::AppError,
    forms::Endpoint,
    pages::paths,
    ui::{
        form::{Form, FormState, Notice, Submit},
        link::{ERROR, RETURN_TO, asked_return_to},
        shown::ShownWhile,
    },
};

/// The form of this part of the page.
pub const FORMS: &[Endpoint] = &[CLAIM_ADDRESS];

/// Creates an account for the provider account that waits in this browser, with its address, which nobody has verified here.
#[server]
pub async fn claim_address(#[server(default)] return_to: Option<String>) -> Result<AuthSession, AppError> {
    let context = Context::take()?;
    let signed_in = context.auth.claim_address(&context.request).await;
    lead_on(signed_in, return_to.as_deref())
}

const CLAIM_ADDRESS: Endpoint = Endpoint::of::<ClaimAddress>(&[paths::LOGIN]);

/// What there is to do if the account with this address is somebody else's.
#[component]
pub fn NotMine() -> impl IntoView {
    let form = FormState::of(CLAIM_ADDRESS);
    let query = use_query_map();
    let return_to = StoredValue::new(asked_return_to());
    let is_shown = move || query.read().get(ERROR).as_deref() == Some(FlowError::LinkRequired.code());
    view! {
        <ShownWhile holds=is_shown>
            <section class="aside">
                <p>
                    "You have never had an account here? If nobody has verified the address, it is yours, with a new account."
                </p>
                <Notice form />
                <Form form>
                    {return_to
                        .get_value()
                        .map(|path| view! { <input type="hidden" name=RETURN_TO value=path /> }.into_any())}
                    <Submit form label="Create a new account" busy="Creating your account…" class="button-quiet" />
                </Form>
            </section>
        </ShownWhile>
    }
}
