//! Providers: their buttons and their names.

use leptos::prelude::*;
use wire::ProviderInfo;

use super::{link::RETURN_TO, marks::Mark};
use crate::{made_for::MadeForField, pages::paths, setup::Setup};

/// A button that leads to a provider. It does not call a server function: the browser itself must go there, so the
/// form is a plain one with and without JavaScript.
#[component]
pub fn ProviderButton(
    /// The provider.
    provider: ProviderInfo,
    /// The text before its name, such as "Connect".
    verb: &'static str,
    /// Where to go afterwards.
    return_to: Option<String>,
    /// The purpose, if it is for a signed-in user: `link` or `confirm`.
    intent: &'static str,
) -> impl IntoView {
    let (action, id) = (paths::provider_login(&provider.id), provider.id.clone());
    view! {
        <form method="post" action=action>
            <MadeForField />
            {return_to.map(|path| view! { <input type="hidden" name=RETURN_TO value=path /> }.into_any())}
            <input type="hidden" name="intent" value=intent />
            <button type="submit" class="button button-provider" data-provider=id>
                <Face provider verb />
            </button>
        </form>
    }
}

/// A button for each provider, as further submit buttons of the form around them. The form's fields on where to go
/// and on staying signed in apply to all of its buttons, with and without JavaScript. They come after the form's own
/// button, which is the one that Enter presses.
#[component]
pub fn ProviderChoice() -> impl IntoView {
    let providers = Setup::get().providers;
    (!providers.is_empty()).then(|| {
        let buttons = providers
            .into_iter()
            .map(|provider| {
                let (action, id) = (paths::provider_login(&provider.id), provider.id.clone());
                view! {
                    <li>
                        // Without validating the fields: they are for users with a password.
                        <button
                            type="submit"
                            formaction=action
                            formnovalidate=true
                            class="button button-provider"
                            data-provider=id
                        >
                            <Face provider verb="Continue with" />
                        </button>
                    </li>
                }
            })
            .collect_view();
        view! {
            <p class="or">
                <span>"or without a password"</span>
            </p>
            <ul class="providers" aria-label="Providers">
                {buttons}
            </ul>
        }
    })
}

#[component]
fn Face(provider: ProviderInfo, verb: &'static str) -> impl IntoView {
    view! {
        <Mark provider=provider.id />
        <span>{format!("{verb} {}", provider.name)}</span>
    }
}

/// Whether the provider can be used to sign in.
pub fn is_configured(id: &str) -> bool {
    Setup::get().providers.iter().any(|provider| provider.id == id)
}

/// The name of a provider, even if it is no longer configured.
pub fn provider_name(id: &str) -> String {
    let configured = Setup::get()
        .providers
        .into_iter()
        .find(|provider| provider.id == id);
    configured.map_or_else(|| id.to_owned(), |provider| provider.name)
}
