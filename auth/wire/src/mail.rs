//! Links in mails.

use serde::{Deserialize, Serialize};

/// What a link in a mail is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailLink {
    /// Verifies the address of an account.
    Verification,
    /// Leads to a new password.
    Reset,
    /// Proves the address that a user wants to have.
    EmailChange,
    /// Gives a user the former address back.
    UndoEmailChange,
}

/// Where a link can be used that is still good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkUse {
    /// Here.
    Here,
    /// By another user than the signed-in one.
    ByAnother,
    /// Here, after signing in.
    AfterSignIn,
}
