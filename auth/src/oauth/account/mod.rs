//! Accounts: the people providers know, as they are connected with users here, and the tokens of theirs we keep.

mod give_back; // wing:data-rights
pub(super) mod profile;
mod provider_token;
pub(super) mod table;
pub(super) mod tokens;
mod unlink;
