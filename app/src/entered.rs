//! The fields of a form, as they were sent.

use serde::{Deserialize, Serialize};

/// A field of a form, as it was sent: absent, or with a text that may be empty. With `Option<String>`, the form's
/// decoder (serde_qs) would turn an empty text into `None`, and a field could never be emptied.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String")]
pub struct Entered(Option<String>);

impl Entered {
    /// The text, if the field was sent.
    pub fn into_text(self) -> Option<String> {
        self.0
    }
}

/// Shows only whether there is a text, which may be a secret.
impl std::fmt::Debug for Entered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "Entered(..)" } else { "Absent" })
    }
}

impl From<String> for Entered {
    fn from(text: String) -> Self {
        Self(Some(text))
    }
}

#[cfg(feature = "ssr")]
pub(crate) use self::patch::Patch;

#[cfg(feature = "ssr")]
mod patch {
    use serde_json::{Map, Value};

    use super::Entered;
    use crate::error::AppError;

    /// A merge patch built from form fields: absent means unchanged, empty means removed.
    #[derive(Default)]
    pub(crate) struct Patch(Map<String, Value>);

    impl Patch {
        /// A text of at most `most` characters.
        pub(crate) fn text(&mut self, field: &str, value: Entered, most: usize) -> Result<(), AppError> {
            self.checked(field, value, |text| text.chars().count() <= most)
        }

        /// A person's name of at most `most` characters. Characters that reverse or hide the text beside them are
        /// left out.
        pub(crate) fn name(&mut self, field: &str, value: Entered, most: usize) -> Result<(), AppError> {
            self.text(field, value, most)?;
            if let Some(Value::String(name)) = self.0.get_mut(field) {
                let clean = auth::clean_name(name);
                self.0.insert(field.to_owned(), clean.into());
            }
            Ok(())
        }

        /// The address of a page, of at most `most` bytes.
        pub(crate) fn url(&mut self, field: &str, value: Entered, most: usize) -> Result<(), AppError> {
            // The scheme decides whether a link is safe to show: `javascript:` is an address too.
            self.checked(field, value, |text| {
                text.len() <= most
                    && text.split_once("://").is_some_and(|(scheme, rest)| {
                        matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https")
                            && !rest.is_empty()
                            && !rest.contains(|c: char| c.is_whitespace() || c.is_control())
                    })
            })
            .map_err(|_| AppError::InvalidWebsite)
        }

        /// One of these texts.
        pub(crate) fn choice(
            &mut self,
            field: &str,
            value: Entered,
            choices: &[&str],
        ) -> Result<(), AppError> {
            self.checked(field, value, |text| choices.contains(&text))
        }

        fn checked(
            &mut self,
            field: &str,
            value: Entered,
            fits: impl Fn(&str) -> bool,
        ) -> Result<(), AppError> {
            let Some(value) = value.into_text() else {
                return Ok(());
            };
            let value = value.trim();
            let json = if value.is_empty() {
                Value::Null
            } else if fits(value) && !value.contains('\0') {
                value.into()
            } else {
                return Err(AppError::InvalidInput);
            };
            self.0.insert(field.to_owned(), json);
            Ok(())
        }
    }

    impl From<Patch> for Value {
        fn from(patch: Patch) -> Self {
            Self::Object(patch.0)
        }
    }
}
