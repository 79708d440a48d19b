//! Providers: their buttons and their names.

use leptos::prelude::*;
use wire::ProviderInfo;

use super::{link::RETURN_TO, marks::Mark};
use crate::{made_for::MadeForField, pages::paths, setup::Setup};

/// A button that leads to a provider. Not a server function: the browser itself must go there, so the
/// form is a plain one with and without JavaScript.
#[component]
pub fn ProviderButton(
    /// The provider.
    provider: ProviderInfo,
    /// What comes before its name: "Connect".
    verb: &'static str,
    /// Where to go afterwards.
    return_to: Option<String>,
    /// What it is for, where it is for who is signed in: `link` or `confirm`.
    intent: &'static str,
) -> impl IntoView {
    let (action, id) = (paths::provider_login(&provider.id), provider.id.clone());
    view! {
        <form method="post" action=action>
            <MadeForField />
            {return_to.map(|path| view! { <input type="hidden" name=RETURN_TO value=path /> })}
            <input type="hidden" name="intent" value=intent />
            <button type="submit" class="button button-provider" data-provider=id>
                <Face provider verb />
            </button>
        </form>
    }
}

/// A button for each provider, as another end of the form around them: what the form says of where to go and of
/// staying signed in holds for all its ends, with and without JavaScript. They come after the form's own button,
/// which is the one that Enter presses.
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
                        // Without a look at the fields: they are for who has a password.
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
