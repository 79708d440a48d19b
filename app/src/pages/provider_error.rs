//! Why signing in with a provider did not work, as the address says it.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

/// A closed set: anybody can write an address, so nothing of it is ever shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ProviderError {
    Denied,
    Expired,
    Provider,
    Unverified,
    LinkRequired,
    Taken,
}

impl ProviderError {
    fn from_code(code: &str) -> Option<Self> {
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
            Self::Taken => "This provider account is connected to another account here.",
        }
    }
}

/// Says why, if the address has a reason that we know.
#[component]
pub(super) fn ProviderErrorNotice() -> impl IntoView {
    let query = use_query_map();
    move || {
        let error = query
            .read()
            .get("error")
            .as_deref()
            .and_then(ProviderError::from_code)?;
        Some(view! {
            <div class="notice notice-error" role="alert">
                <p>{error.message()}</p>
            </div>
        })
    }
}
