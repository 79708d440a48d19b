//! Why a sign-in with a provider failed, as given in the address or the flash.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use wire::FlowError;

use super::link::ERROR;
use crate::flash::FlashContext;

/// Shows the reason, if the address has one that is known.
#[component]
pub fn ProviderErrorNotice() -> impl IntoView {
    let query = use_query_map();
    move || {
        let error = query
            .read()
            .get(ERROR)
            .as_deref()
            .and_then(FlowError::from_code)?;
        Some(view! { <Words error /> })
    }
}

/// Shows the reason, if the flash has one: a signed-in user is redirected from the page whose address has it.
#[component]
pub(super) fn FlashedProviderError() -> impl IntoView {
    let error = FlashContext::provider_error();
    move || error.get().map(|error| view! { <Words error /> }.into_any())
}

#[component]
fn Words(error: FlowError) -> impl IntoView {
    view! {
        <div class="notice notice-error" role="alert">
            <p>{words(error)}</p>
        </div>
    }
}

const fn words(error: FlowError) -> &'static str {
    match error {
        FlowError::Denied => "This was cancelled or refused at the provider. Nothing has changed.",
        FlowError::Expired => {
            "This took too long, or it was finished in another browser. Please start again."
        }
        FlowError::Provider => {
            "The provider could not be reached or sent an invalid response. Please try again in a moment."
        }
        FlowError::Unverified => {
            "The provider has not confirmed that this e-mail address is yours. Confirm it there first, then try again."
        }
        FlowError::LinkRequired => {
            "An account with this e-mail address already exists. Sign in to it with its password or with a provider \
             that is connected to it, and the new provider will be connected as well."
        }
        // wing:mail
        FlowError::Closed => {
            "New accounts are created by invitation only. Ask whoever runs this site for one."
        }
        // end wing:mail
        FlowError::Taken => {
            "This provider account is connected to another account here. To confirm your identity, use one that is connected to your account."
        }
    }
}
