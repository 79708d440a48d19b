//! Per-user data.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// What may be shown of one key of the private bucket, never its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrivateKeyInfo {
    /// The field's name.
    pub key: String,
    /// The last four characters of a value of sixteen or more, masked in front; never the length.
    pub hint: Option<String>,
    /// When it was last set.
    pub updated_at: Timestamp,
}
