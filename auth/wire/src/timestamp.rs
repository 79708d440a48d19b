//! A moment, as text on the wire.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A moment: on the wire it is RFC 3339 text, in UTC. The server's half holds the time. The browser's half holds
/// the text, which is shorter than the code to parse it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "server", derive(sqlx::Type), sqlx(transparent))]
pub struct Timestamp(
    #[cfg(feature = "server")]
    #[serde(with = "time::serde::rfc3339")]
    time::OffsetDateTime,
    #[cfg(not(feature = "server"))] String,
);

impl fmt::Display for Timestamp {
    /// The text on the wire.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        #[cfg(feature = "server")]
        return match self.0.format(&time::format_description::well_known::Rfc3339) {
            Ok(text) => f.write_str(&text),
            Err(_) => Err(fmt::Error),
        };
        #[cfg(not(feature = "server"))]
        f.write_str(&self.0)
    }
}

#[cfg(feature = "server")]
impl From<time::OffsetDateTime> for Timestamp {
    fn from(time: time::OffsetDateTime) -> Self {
        Self(time)
    }
}

#[cfg(feature = "server")]
impl From<Timestamp> for time::OffsetDateTime {
    fn from(Timestamp(time): Timestamp) -> Self {
        time
    }
}
