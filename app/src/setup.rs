//! How this application is set up, as far as pages need to know.

use leptos::prelude::*;
use wire::ProviderInfo;

/// What every page can know without asking: the providers with a button, the shortest password.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Setup {
    /// The configured providers, in the order of their buttons.
    pub providers: Vec<ProviderInfo>,
    /// The shortest password, in characters.
    pub password_min_length: usize,
}

/// Nobody sees this one: there is no request while the list of routes is made.
impl Default for Setup {
    fn default() -> Self {
        Self {
            providers: Vec::new(),
            password_min_length: 15,
        }
    }
}

impl Setup {
    /// Takes the set-up from the server, and hands it on to hydration.
    pub fn provide() {
        let setup = SharedValue::new(|| {
            #[cfg(feature = "ssr")]
            if let Some(auth) = use_context::<auth::Auth>() {
                return Self {
                    providers: auth.oauth.list(),
                    password_min_length: auth.passwords.min_length(),
                };
            }
            Self::default()
        });
        provide_context(setup.into_inner());
    }

    /// The set-up, for a view.
    pub fn get() -> Self {
        use_context().unwrap_or_default()
    }
}
