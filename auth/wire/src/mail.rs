//! Links in mails.

use serde::{Deserialize, Serialize};

/// Whose address a link verifies, compared with who is signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerificationLink {
    /// The signed-in user's.
    Yours,
    /// Another user's.
    Another,
    /// Nobody is signed in.
    SignedOut,
}
