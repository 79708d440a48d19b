//! Accounts: the people providers know, as they are connected with users here, and the tokens of theirs we keep.

pub(super) mod profile;
pub(super) mod provider_token;
mod table;
pub(super) mod tokens;

pub(super) use self::table::{Account, Identity, find, insert, refresh, unlink};
