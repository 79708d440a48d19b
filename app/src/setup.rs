//! The application's configuration, as far as pages need it.

use leptos::prelude::*;
use wire::ProviderInfo;
use wire::Registration; // wing:mail

/// What every page knows without a query, such as the providers with a button, and the minimum length of a password.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Setup {
    /// The configured providers, in the order of their buttons.
    pub providers: Vec<ProviderInfo>,
    /// The shortest password, in characters.
    pub password_min_length: usize,
    /// Whether there is mail.
    pub has_mail: bool, // wing:mail
    /// Whether users sign in by mail.
    pub signs_in_by_mail: bool, // wing:mail
    /// Who may register.
    pub registration: Registration, // wing:mail
    /// Whether there are passkeys.
    pub has_passkeys: bool, // wing:passkeys
}

/// Never shown to a user: there is no request while the list of routes is built.
impl Default for Setup {
    fn default() -> Self {
        Self {
            providers: Vec::new(),
            password_min_length: 15,
            has_mail: false,                  // wing:mail
            signs_in_by_mail: false,          // wing:mail
            registration: Registration::Open, // wing:mail
            has_passkeys: false,              // wing:passkeys
        }
    }
}

impl Setup {
    /// Takes the set-up from the server, and passes it on to hydration.
    pub fn provide() {
        let setup = SharedValue::new(|| {
            #[cfg(feature = "ssr")]
            if let Some(auth) = use_context::<auth::Auth>() {
                return Self {
                    providers: auth.oauth.list(),
                    password_min_length: auth.passwords.min_length(),
                    has_mail: auth.mail.is_on(),            // wing:mail
                    signs_in_by_mail: auth.mail.signs_in(), // wing:mail
                    registration: auth.mail.registration(), // wing:mail
                    has_passkeys: auth.passkeys.is_on(),    // wing:passkeys
                };
            }
            Self::default()
        });
        provide_context(setup.into_inner());
    }

    /// Whether there is a page on which anybody creates an account.
    pub fn registers(&self) -> bool {
        // wing:mail
        if self.registration == Registration::Closed {
            return false;
        }
        // end wing:mail
        true
    }

    /// The set-up, for a view.
    pub fn get() -> Self {
        use_context().unwrap_or_default()
    }
}
