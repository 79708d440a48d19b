//! Sessions.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Role;

/// Who is signed in, as the snapshot says it: known without a query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthSession {
    /// The session's public handle; it opens nothing.
    pub session_id: Uuid,
    /// The user's id.
    pub user_id: Uuid,
    /// The user's address in normal form, if the user has one. Anybody may have typed it: what is decided by
    /// an address asks `email_verified`, too.
    pub email: Option<String>,
    /// Whether somebody vouched for the address.
    pub email_verified: bool,
    /// The user's role.
    pub role: Role,
    /// The session's absolute end.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
}

/// One of a person's sessions, as the list of sessions shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionInfo {
    /// The session's public handle, by which it is revoked.
    pub session_id: Uuid,
    /// Whether this is the session that asked.
    pub current: bool,
    /// When the person signed in.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When the session was last touched (at most once a minute).
    #[serde(with = "time::serde::rfc3339")]
    pub last_seen_at: OffsetDateTime,
    /// The session's absolute end.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
    /// The browser's `User-Agent` at sign-in.
    pub user_agent: Option<String>,
    /// The client's address at sign-in.
    pub ip: Option<String>,
    /// How the person signed in: `password` or a provider's id.
    pub method: String,
}
