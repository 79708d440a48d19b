//! A user about to be created.

use crate::{email::Email, password::hash::PasswordHash};

/// A user about to be created.
#[derive(Debug, Default)]
pub struct NewUser {
    /// The address; must be free.
    pub email: Option<Email>,
    /// Whether a provider vouches for the address.
    pub email_verified: bool,
    /// The name, trimmed and cut by [`clean_name`](super::clean_name).
    pub name: Option<String>,
    /// A picture's address, checked by [`clean_avatar`](super::clean_avatar).
    pub avatar_url: Option<String>,
    /// The password's hash, if there is one.
    pub password_hash: Option<PasswordHash>,
}
