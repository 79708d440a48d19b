//! Why signing in with a provider did not work, as the address or the flash says it.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use serde::{Deserialize, Serialize};

use crate::flash::FlashContext;

/// A closed set: anybody can write an address, so nothing of it is ever shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProviderError {
    /// The person or the provider said no.
    Denied,
    /// The flow is over, or another browser's.
    Expired,
    /// The provider does not answer as it should.
    Provider,
    /// The provider does not vouch for the address.
    Unverified,
    /// The address belongs to a user, who has to sign in first.
    LinkRequired,
    /// The provider's account belongs to another user; or, where it was to confirm who one is, to nobody.
    Taken,
}

impl ProviderError {
    /// The error with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Some(match code {
            "denied" => Self::Denied,
            "expired" => Self::Expired,
            "provider" => Self::Provider,
            "unverified" => Self::Unverified,
            "link_required" => Self::LinkRequired,
            "taken" => Self::Taken,
            _ => return None,
        })
    }

    const fn message(self) -> &'static str {
        match self {
            Self::Denied => {
                "The provider did not let you through, or you changed your mind. Nothing has happened."
            }
            Self::Expired => "This took too long, or it was finished in another browser. Please start again.",
            Self::Provider => {
                "The provider could not be reached or did not answer as it should. Please try again in a moment."
            }
            Self::Unverified => {
                "The provider has not confirmed that this e-mail address is yours. Confirm it there first, then try again."
            }
            Self::LinkRequired => {
                "There is an account with this e-mail address already. Sign in to it with its password or with a provider \
                 that is connected to it, and the new provider will be connected as well."
            }
            Self::Taken => {
                "This provider account is connected to another account here. To confirm who you are, use one that is connected to yours."
            }
        }
    }
}

/// Says why, if the address has a reason that we know.
#[component]
pub fn ProviderErrorNotice() -> impl IntoView {
    let query = use_query_map();
    move || {
        let error = query
            .read()
            .get("error")
            .as_deref()
            .and_then(ProviderError::from_code)?;
        Some(view! { <Words error /> })
    }
}

/// Says why, if the flash has a reason: who is signed in is led on from the page whose address has it.
#[component]
pub(super) fn FlashedProviderError() -> impl IntoView {
    let error = FlashContext::provider_error();
    move || error.get().map(|error| view! { <Words error /> })
}

#[component]
fn Words(error: ProviderError) -> impl IntoView {
    view! {
        <div class="notice notice-error" role="alert">
            <p>{error.message()}</p>
        </div>
    }
}
