//! Providers: their buttons and their names.

use auth::ProviderInfo;
use leptos::prelude::*;

use super::{link::RETURN_TO, marks::Mark};
use crate::{Setup, client::MadeForField, routes};

/// A button that leads to a provider. Not a server function: the browser itself must go there, so the
/// form is a plain one with and without JavaScript.
#[component]
pub fn ProviderButton(
    /// The provider.
    provider: ProviderInfo,
    /// What comes before its name: "Continue with".
    verb: &'static str,
    /// Where to go afterwards.
    return_to: Option<String>,
    /// Whether the account is to be connected to who is signed in.
    #[prop(optional)]
    link: bool,
) -> impl IntoView {
    let ProviderInfo { id, name } = provider;
    let action = routes::provider_login(&id);
    let mark = view! { <Mark provider=id.clone() /> };
    view! {
        <form method="post" action=action>
            <MadeForField />
            {return_to.map(|path| view! { <input type="hidden" name=RETURN_TO value=path /> })}
            {link.then(|| view! { <input type="hidden" name="intent" value="link" /> })}
            <button type="submit" class="button button-provider" data-provider=id>
                {mark}
                <span>{format!("{verb} {name}")}</span>
            </button>
        </form>
    }
}

/// Whether one can sign in with the provider.
pub fn is_configured(id: &str) -> bool {
    Setup::get().providers.iter().any(|provider| provider.id == id)
}

/// The name of a provider, also of one that is configured no longer.
pub fn provider_name(id: &str) -> String {
    let configured = Setup::get()
        .providers
        .into_iter()
        .find(|provider| provider.id == id);
    configured.map_or_else(|| id.to_owned(), |provider| provider.name)
}
