//! The errors of this crate. Callers decide what of them a visitor may read.

use std::{error::Error as StdError, fmt};

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;

/// Every way in which an operation of this crate can fail.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The authority (the database) does not respond, for a reason that will pass or that an operator can fix.
    /// Nothing is known, so nothing is granted.
    #[error("the database does not answer")]
    Unavailable(#[source] sqlx::Error),
    /// Too many password hashes are being computed already.
    #[error("too many passwords are being checked at once")]
    Busy,
    /// There is no signed-in user, or the session has ended.
    #[error("no live session")]
    NotSignedIn,
    // wing:clients
    /// Not an access token or a personal key of ours, or it has expired or was taken back.
    #[error("no valid token")]
    InvalidToken,
    /// The token or key may not do this.
    #[error("the scope {} is missing", .0.name())]
    InsufficientScope(wire::Scope),
    /// Only a browser may do this: it would outlive the token.
    #[error("not allowed with a token or a key")]
    NotByToken,
    /// The user has as many personal keys as a user can have.
    #[error("too many keys")]
    TooManyKeys,
    // end wing:clients
    /// The session is alive, but its user has not confirmed their identity in the last ten minutes.
    #[error("the session's last confirmation is too old")]
    ReauthRequired,
    /// Wrong address or password, no such user, no password, or disabled: the caller cannot see which.
    #[error("invalid credentials")]
    InvalidCredentials,
    // wing:passkeys
    /// Nobody here has this passkey.
    #[error("unknown passkey")]
    UnknownPasskey,
    /// A passkey's answer that is wrong, too late, or not for what was asked: the caller cannot see which.
    #[error("wrong answer of a passkey")]
    WrongPasskey,
    /// The user has as many passkeys as a user can have.
    #[error("too many passkeys")]
    TooManyPasskeys,
    // end wing:passkeys
    // wing:mail,second-factors
    /// A wrong, used or expired code: the caller cannot see which.
    #[error("wrong code")]
    WrongCode,
    // end wing:mail,second-factors
    // wing:mail
    /// The link's token is unknown, spent or expired: the caller cannot see which.
    #[error("the link is no longer valid")]
    LinkExpired,
    /// A mail confirms nothing for a user who has a password, an authenticator app or a passkey.
    #[error("the user has something better than a mail to confirm with")]
    ConfirmOtherwise,
    /// Nobody may register in this way, at least not without an invitation.
    #[error("registration is closed")]
    RegistrationClosed,
    // end wing:mail
    // wing:second-factors
    /// The first factor was right. The sign-in waits in this browser for the second one.
    #[error("the second factor is missing")]
    SecondFactorRequired,
    // end wing:second-factors
    // wing:second-factors,passkeys
    /// This needs a second factor, and the user has none.
    #[error("no second factor is set up")]
    NoSecondFactor,
    // end wing:second-factors,passkeys
    /// The present password of the signed-in user is a different one, or none is set.
    #[error("wrong current password")]
    WrongPassword,
    /// The limit of attempts is reached. Contains the seconds until the next one.
    #[error("too many attempts, next in {retry_after} s")]
    TooManyAttempts {
        /// Seconds, at least 1.
        retry_after: i64,
    },
    /// Another user has this address.
    #[error("the address belongs to another user")]
    EmailTaken,
    /// Not an address this application accepts.
    #[error("not a usable e-mail address")]
    InvalidEmail,
    /// The password breaks a rule.
    #[error("password refused: {0:?}")]
    Password(#[from] PasswordProblem),
    /// A password is already set. It can be changed with the present one, but not set anew.
    #[error("a password is set already")]
    PasswordAlreadySet,
    /// A value that does not fit its field.
    #[error("invalid input: {0}")]
    InvalidInput(&'static str),
    // wing:data-rights
    /// Not the text that confirms a deletion.
    #[error("not confirmed")]
    NotConfirmed,
    // end wing:data-rights
    /// It does not exist, or belongs to another user: the caller cannot see which.
    #[error("not found")]
    NotFound,
    /// Removing this would leave no way to sign in.
    #[error("the last way to sign in cannot be removed")]
    LastWayIn,
    /// The provider's access token has expired and cannot be renewed: the user has withdrawn it, the provider never
    /// gave a refresh token, or the key it was sealed with is gone. Signing in at the provider again, or connecting
    /// it again, brings new tokens.
    #[error("the user must sign in at the provider again")]
    SignInAtProvider,
    /// A provider does not respond, or not as it should.
    #[error("the provider's response cannot be used: {0}")]
    ProviderUnavailable(String),
    /// The user's role does not allow it.
    #[error("the role does not allow it")]
    NotPermitted,
    // wing:admin
    /// Users cannot do this to their own account.
    #[error("administrators cannot do this to themselves")]
    Yourself,
    /// This is the last administrator, and without one nobody could manage users.
    #[error("the last administrator cannot be removed")]
    LastAdmin,
    // end wing:admin
    /// `If-Match` named another version than the present one.
    #[error("the version has changed")]
    VersionMismatch,
    /// More data than the bucket may hold.
    #[error("too large")]
    TooLarge,
    // wing:pictures
    /// Not a picture in a format that is read, or one that takes too much memory.
    #[error("not a picture")]
    NotAPicture,
    /// Too many pictures are waiting to be read already.
    #[error("too many pictures are being read at once")]
    TooManyPictures,
    // end wing:pictures
    // wing:private-data
    /// A user's private data was sealed with a key that is no longer in `SESSION_SECRET`, or was moved to where it
    /// does not belong. It is neither shown nor overwritten. With the key it can be read again.
    #[error(
        "the private data of user {0} cannot be opened: its key is not in SESSION_SECRET, or it belongs to another user"
    )]
    Unopened(uuid::Uuid),
    // end wing:private-data
    /// A broken invariant, or an unexpected result of the database.
    #[error("internal error: {0}")]
    Internal(#[source] Box<dyn StdError + Send + Sync>),
}

/// Why a password is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordProblem {
    /// Fewer characters than the policy requires.
    #[error("too short")]
    TooShort,
    /// More characters than any policy accepts.
    #[error("too long")]
    TooLong,
    /// Consists of words, names and patterns that attackers try first, or of what is known of the user.
    #[error("too easy to guess")]
    TooCommon,
    /// Contains a character that may not come out the same when it is typed again: a control character, an
    /// invisible one, or one without a meaning in Unicode.
    #[error("contains a character that cannot be used")]
    Control,
}

/// An error with all its causes, in one line: the only form in which errors are logged. The first part shows what
/// was attempted, the last why it failed.
pub fn chain<'a>(error: &'a (dyn StdError + 'static)) -> Chain<'a> {
    Chain(error)
}

/// See [`chain`].
#[derive(Clone, Copy, Debug)]
pub struct Chain<'a>(&'a (dyn StdError + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = self.0.to_string();
        f.write_str(&line)?;
        let mut next = self.0.source();
        while let Some(cause) = next {
            let text = cause.to_string();
            // Some errors repeat their cause in their own text.
            if !line.ends_with(&text) {
                write!(f, ": {text}")?;
                line = text;
            }
            next = cause.source();
        }
        Ok(())
    }
}

impl Error {
    /// Wraps a cause that must not be shown outside the log.
    pub fn internal(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Internal(cause.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_names_every_cause_once() {
        let disk = std::io::Error::other("the disk is full");
        let error = Error::Unavailable(sqlx::Error::Io(disk));
        assert_eq!(
            chain(&error).to_string(),
            "the database does not answer: error communicating with database: the disk is full"
        );
        assert_eq!(
            chain(&Error::internal("a broken invariant")).to_string(),
            "internal error: a broken invariant"
        );
        assert_eq!(chain(&Error::NotFound).to_string(), "not found");
    }
}
