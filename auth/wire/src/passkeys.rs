//! Passkeys, as their user sees them, and what the browser's own functions take.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Timestamp;

/// What the browser's functions for passkeys take, as `{"publicKey": …}`. It is for them only: see `public/passkeys.js`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PasskeyOptions(serde_json::Value);

#[cfg(feature = "server")]
impl PasskeyOptions {
    /// The options as their JSON.
    ///
    /// # Errors
    /// If they cannot be written as JSON.
    pub fn of(options: &impl Serialize) -> serde_json::Result<Self> {
        serde_json::to_value(options).map(Self)
    }
}

/// A passkey that was just made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewPasskey {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A user's passkey.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(sqlx::FromRow))]
pub struct PasskeyInfo {
    /// Its id.
    pub id: Uuid,
    /// The name that its user has given it.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used, if ever.
    pub last_used_at: Option<Timestamp>,
    /// Whether it is kept in more than one place, so that it survives the loss of a device.
    pub synced: bool,
}
