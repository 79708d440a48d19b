//! What events are about.

use strum::IntoStaticStr;

/// What happened. The database and the pages have its name in snake case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[cfg_attr(test, derive(strum::VariantArray))]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Deed {
    /// A user was created.
    Register,
    /// A session of a browser began.
    SignIn,
    /// A password was wrong.
    SignInFailed,
    /// The same, at a confirmation of identity.
    ConfirmFailed,
    /// The same, at a change of the password.
    ChangePasswordFailed,
    /// An account was tried too often.
    TooManyAttempts,
    /// A session was ended by its own browser.
    SignOut,
    /// A session was ended from elsewhere.
    RevokeSession,
    /// A user has confirmed their identity.
    Confirm,
    /// A password was set or changed.
    ChangePassword,
    /// An address was proven.
    VerifyEmail,
    /// A provider account was connected.
    Link,
    /// A provider account was disconnected.
    Unlink,
    /// A provider's token was of no use any more.
    ForgetToken,
    /// A user is gone.
    DeleteUser,
    // wing:mail
    /// A password was chosen by a link from a mail.
    ResetPassword,
    /// A password was removed, since the address had not been proven when it was set.
    RemovePassword,
    /// An address was replaced by another one.
    ChangeEmail,
    /// That was taken back.
    UndoEmailChange,
    /// An address that was not proven went to whoever has proven it.
    LoseEmail,
    // end wing:mail
    // wing:admin
    /// A user may not sign in any more.
    Disable,
    /// A user may sign in again.
    Enable,
    /// A user was given a role.
    SetRole,
    // end wing:admin
    /// A user was given an address.
    SetEmail, // wing:admin+mail
    /// Somebody was invited.
    Invite, // wing:mail
    // wing:admin+second-factors,admin+passkeys
    /// The second factors of a user were removed.
    ResetFactors,
    // end wing:admin+second-factors,admin+passkeys
    // wing:second-factors
    /// Two-step sign-in was turned on.
    EnableTotp,
    /// Two-step sign-in was turned off.
    DisableTotp,
    /// Recovery codes were replaced.
    NewRecoveryCodes,
    /// A recovery code was used.
    UseRecoveryCode,
    /// A code was wrong after a first step that was right.
    SecondFactorFailed,
    // end wing:second-factors
    // wing:passkeys
    /// A passkey was added.
    AddPasskey,
    /// A passkey was removed.
    RemovePasskey,
    // end wing:passkeys
    // wing:clients
    /// A personal key was created.
    CreateKey,
    /// A client's session began.
    ClientSignedIn,
    /// A client has ended its session.
    ClientSignedOut,
    /// A client was revoked.
    ClientRevoked,
    /// A copy of a client's token was used.
    TokenReuse,
    // end wing:clients
    // wing:data-rights
    /// A user's data was exported.
    ExportData,
    // end wing:data-rights
}

impl Deed {
    /// Its name in the database and in the history.
    pub(crate) fn name(self) -> &'static str {
        self.into()
    }
}
