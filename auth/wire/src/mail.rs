//! Links in mails, and who may register.

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
    /// Signs in, in the browser that has asked for it.
    SignIn,
    /// Registers: a link that was asked for, or an invitation.
    Registration,
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
    /// In the browser that has asked for it, which is another one.
    InAnotherBrowser,
}

/// Who may create an account: `REGISTRATION`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Registration {
    /// Anyone, at once. The address is verified later.
    #[default]
    Open,
    /// Anyone who has proven the address by a link.
    Confirm,
    /// Whoever is invited.
    Closed,
}
