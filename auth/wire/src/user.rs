//! A user, and the ways into their account.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Role, Timestamp};

/// The whole user, from SQL. It carries no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The user's id.
    pub id: Uuid,
    /// The address in normal form.
    pub email: Option<String>,
    /// Whether a provider vouched for the address.
    pub email_verified: bool,
    /// The name to greet the user with.
    pub name: Option<String>,
    /// A picture's address (http or https).
    pub avatar_url: Option<String>,
    /// The role.
    pub role: Role,
    /// Member since.
    pub created_at: Timestamp,
    /// The provider accounts this user can sign in with.
    pub accounts: Vec<AccountInfo>,
}

/// A provider account connected to a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountInfo {
    /// The account's id, used to disconnect it.
    pub id: Uuid,
    /// The provider's id.
    pub provider: String,
    /// The address that the provider reports.
    pub email: Option<String>,
}

/// The ways into an account: what `/settings/accounts` and `/settings/security` need to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaysIn {
    /// Whether a password is set.
    pub has_password: bool,
    /// Whether there is a passkey.
    pub has_passkey: bool, // wing:passkeys
    /// The connected provider accounts.
    pub accounts: Vec<AccountInfo>,
}

/// A provider that visitors can sign in with: enough for its button.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderInfo {
    /// The provider's id, as in its addresses.
    pub id: String,
    /// The provider's name, as people know it.
    pub name: String,
}
