//! What happened to an account.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Timestamp;

/// Something that happened to an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The event's id.
    pub id: Uuid,
    /// When it happened.
    pub at: Timestamp,
    /// What happened: `sign_in`, `set_role` and the like.
    pub kind: String,
    /// Details that the kind leaves open: the sign-in method, the new role.
    pub note: String,
    /// The client's address, if known.
    pub ip: Option<String>,
    /// The session it began with, or ended.
    pub session_id: Option<Uuid>,
    /// Who did it.
    pub by: Actor,
}

/// Who did something to an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// The user.
    Oneself,
    /// An administrator, who is named to other administrators only.
    Admin {
        /// The administrator's user id.
        user_id: Option<Uuid>,
        /// The administrator's address.
        email: Option<String>,
    },
    /// An operator at the server's command line.
    CommandLine,
}
