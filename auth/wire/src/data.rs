//! Per-user data.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// What may be told about one key of the private bucket: never its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrivateKeyInfo {
    /// The field's name.
    pub key: String,
    /// The last four characters of a value of sixteen or more, masked in front; never the length.
    pub hint: Option<String>,
    /// When it was last set.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
}
