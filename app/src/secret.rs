//! Text that is typed and never shown.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A password, or another secret, in a form. On the wire it is a text like any other. The arguments of server functions derive `Debug`,
/// and this type's implementation shows nothing.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

// wing:mail
impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}
// end wing:mail

#[cfg(feature = "ssr")]
impl From<Secret> for secrecy::SecretString {
    fn from(Secret(text): Secret) -> Self {
        text.into()
    }
}
