//! What a form without JavaScript shows on the page after its redirect: the outcome, and what was typed. With or
//! without JavaScript, also why a provider sign-in failed, for a user who is already signed in.
//!
//! A flash travels in a sealed cookie that its page clears, never in the address, which anyone can craft. Meanwhile,
//! the text that a user typed is kept on the server.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use wire::FlowError;

use crate::error::AppError;

/// The outcome of a form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// It succeeded.
    Done,
    /// It was not done, because something else had to come first: a new sign-in, or a confirmation.
    Unsent,
    /// It failed with this error.
    Failed(#[serde(with = "with_wait")] AppError),
    /// The provider's button led to no sign-in, for this reason.
    NotSignedIn(FlowError),
}

/// The outcome of one form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flash {
    /// The server function's endpoint; empty for a provider's button.
    pub form: String,
    /// The outcome.
    pub outcome: Outcome,
    /// The text of the fields that come back.
    pub fields: Vec<(String, String)>,
}

/// An error with its wait, which is not part of the error on the wire.
mod with_wait {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::error::AppError;

    pub(super) fn serialize<S: Serializer>(error: &AppError, serializer: S) -> Result<S::Ok, S::Error> {
        let wait = match error {
            AppError::TooManyAttempts { wait } => wait.to_string(),
            _ => String::new(),
        };
        (error, wait).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<AppError, D::Error> {
        let (error, wait) = <(AppError, String)>::deserialize(deserializer)?;
        Ok(error.with_wait(Some(&wait)))
    }
}

/// The flash of this page, until the user goes to another page.
#[derive(Clone, Copy, Debug)]
pub struct FlashContext(RwSignal<Option<Flash>>);

impl FlashContext {
    /// Takes the flash that the server attached to the request, and passes it on to hydration.
    pub fn provide() {
        let flash = SharedValue::new(|| {
            #[cfg(feature = "ssr")]
            return use_context::<http::request::Parts>()
                .and_then(|parts| parts.extensions.get::<Flash>().cloned());
            #[cfg(not(feature = "ssr"))]
            None
        });
        provide_context(Self(RwSignal::new(flash.into_inner())));
    }

    /// The flash, if it is about this form.
    pub fn of(form: &'static str) -> Option<Flash> {
        let Self(flash) = use_context()?;
        flash.get_untracked().filter(|flash| flash.form == form)
    }

    /// Why a provider sign-in failed, if the flash is about one.
    pub fn provider_error() -> Signal<Option<FlowError>> {
        let context: Option<Self> = use_context();
        Signal::derive(move || {
            let Self(flash) = context?;
            flash.with(|flash| match flash.as_ref()?.outcome {
                Outcome::NotSignedIn(error) => Some(error),
                Outcome::Done | Outcome::Unsent | Outcome::Failed(_) => None,
            })
        })
    }

    /// Drops the flash.
    pub fn clear() {
        if let Some(Self(flash)) = use_context() {
            flash.set(None);
        }
    }
}

impl Flash {
    /// A flash about a failed sign-in with a provider.
    pub fn of_provider(error: FlowError) -> Self {
        Self {
            form: String::new(),
            outcome: Outcome::NotSignedIn(error),
            fields: Vec::new(),
        }
    }

    /// What was typed into a field.
    pub fn field(&self, name: &str) -> Option<String> {
        self.fields
            .iter()
            .find(|(field, _)| field == name)
            .map(|(_, value)| value.clone())
    }
}
