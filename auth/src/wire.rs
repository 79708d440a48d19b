//! The types that cross the wire: what server functions answer and views show. They compile to wasm,
//! so nothing in here may hold a secret.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

pub use crate::role::Role;

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

/// The whole user, from SQL. It carries no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The user's id.
    pub id: Uuid,
    /// The address in normal form.
    pub email: Option<String>,
    /// Whether somebody vouched for the address.
    pub email_verified: bool,
    /// The name to greet with.
    pub name: Option<String>,
    /// A picture's address (http or https).
    pub avatar_url: Option<String>,
    /// The role.
    pub role: Role,
    /// Member since.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// The provider accounts this user can sign in with.
    pub accounts: Vec<AccountInfo>,
}

/// A provider account connected to a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountInfo {
    /// The account's id, by which it is disconnected.
    pub id: Uuid,
    /// The provider's id.
    pub provider: String,
    /// The address the provider names.
    pub email: Option<String>,
}

/// The ways into an account: what `/settings/accounts` and `/settings/security` need to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaysIn {
    /// Whether a password is set.
    pub has_password: bool,
    /// The connected provider accounts.
    pub accounts: Vec<AccountInfo>,
}

/// A provider somebody can sign in with here: enough for its button.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderInfo {
    /// The provider's id, as in its addresses.
    pub id: String,
    /// The provider's name, as people know it.
    pub name: String,
}

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
