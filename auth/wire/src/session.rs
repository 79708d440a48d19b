//! Sessions.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Role, Timestamp};

/// Who is signed in according to the snapshot, known without a query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthSession {
    /// The session's public handle; it opens nothing.
    pub session_id: Uuid,
    /// The user's id.
    pub user_id: Uuid,
    /// The user's address in normal form, if the user has one. Anyone may have typed it: a decision based on an
    /// address must also check `email_verified`.
    pub email: Option<String>,
    /// Whether the address is verified.
    pub email_verified: bool,
    /// The user's role.
    pub role: Role,
    /// The session's absolute end.
    pub expires_at: Timestamp,
    /// The name that is shown for the user, if there is one: at most 40 characters of it. Pages are rendered with it, and it
    /// is not part of the answers to clients.
    #[cfg(feature = "server")]
    #[serde(skip)]
    pub name: Option<String>,
    // wing:pictures
    /// The id of the picture that is shown for the user. Like the name, only for pages.
    #[cfg(feature = "server")]
    #[serde(skip)]
    pub picture: Option<Uuid>,
    // end wing:pictures
}

/// One of a user's sessions, as the list of sessions shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionInfo {
    /// The session's public handle, used to revoke it.
    pub session_id: Uuid,
    /// Whether this is the session that asked.
    pub current: bool,
    /// When the user signed in.
    pub created_at: Timestamp,
    /// When the session was last touched (at most once a minute).
    pub last_seen_at: Timestamp,
    /// The session's absolute end.
    pub expires_at: Timestamp,
    /// The browser's `User-Agent` at sign-in.
    pub user_agent: Option<String>,
    /// The client's address at sign-in.
    pub ip: Option<String>,
    /// How the user signed in: `password` or a provider's id.
    pub method: String,
}
