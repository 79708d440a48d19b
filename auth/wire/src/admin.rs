//! Administration. These types never contain a value of a private bucket: of data they show only the size.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Event, Role, SessionInfo, Timestamp};

/// A page of users.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserPage {
    /// The users: the newest first, or in a search by the matched text.
    pub people: Vec<UserRow>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<String>,
}

/// A user in the list of users.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(sqlx::FromRow))]
pub struct UserRow {
    /// The user's id.
    pub id: Uuid,
    /// The address in normal form.
    pub email: Option<String>,
    /// Whether a provider vouched for the address.
    pub email_verified: bool,
    /// The name.
    pub name: Option<String>,
    // wing:pictures
    /// The path of the picture that is shown.
    #[cfg_attr(feature = "server", sqlx(skip))]
    pub picture: Option<String>,
    // end wing:pictures
    /// The role.
    pub role: Role,
    /// Member since.
    pub created_at: Timestamp,
    /// Since when the user cannot sign in.
    pub disabled_at: Option<Timestamp>,
}

/// Everything about one user that administrators see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserDetails {
    /// The user's id.
    pub id: Uuid,
    /// Whether this is the administrator who asked: some actions are not allowed on their own account.
    pub oneself: bool,
    /// The address in normal form.
    pub email: Option<String>,
    /// Whether a provider vouched for the address.
    pub email_verified: bool,
    /// The name.
    pub name: Option<String>,
    /// A picture's address (http or https).
    pub avatar_url: Option<String>,
    /// The path of the picture that is shown.
    pub picture: Option<String>, // wing:pictures
    /// The role.
    pub role: Role,
    /// Whether a password is set.
    pub has_password: bool,
    /// Whether there is a second factor, or a passkey.
    pub has_factors: bool, // wing:second-factors,passkeys
    /// Member since.
    pub created_at: Timestamp,
    /// Since when the user cannot sign in.
    pub disabled_at: Option<Timestamp>,
    /// The connected provider accounts.
    pub accounts: Vec<UserAccount>,
    /// The live sessions.
    pub sessions: Vec<SessionInfo>,
    /// How much data there is.
    pub data: Vec<DataSize>,
}

/// A connected provider account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "server", derive(sqlx::FromRow))]
pub struct UserAccount {
    /// The account's id.
    pub id: Uuid,
    /// The provider's id.
    pub provider: String,
    /// The address that the provider reports.
    pub email: Option<String>,
    /// When it was connected.
    pub created_at: Timestamp,
    /// When it was last used to sign in.
    pub last_used_at: Timestamp,
}

/// The size of a bucket, never its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataSize {
    /// `public` or `private`.
    pub bucket: String,
    /// The client that wrote it; empty for the application itself.
    pub client_id: String,
    /// Bytes of JSON text, as the limit of a bucket counts them.
    pub bytes: usize,
    /// The number of keys.
    pub keys: usize,
    /// Rises by one with every write.
    pub version: i64,
    /// The last write.
    pub updated_at: Timestamp,
}

/// A page of events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Events {
    /// The newest first.
    pub events: Vec<Event>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<Uuid>,
}
