//! What can go wrong in this crate. Callers decide what of it a person may read.

use std::{error::Error as StdError, fmt};

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;

/// Every way an operation of this crate ends without success.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The authority (the database) does not answer, for a reason that will pass or that an operator mends.
    /// Nothing is known, so nothing is granted.
    #[error("the database does not answer")]
    Unavailable(#[source] sqlx::Error),
    /// Too many password hashes are being computed already.
    #[error("too many passwords are being checked at once")]
    Busy,
    /// Nobody is signed in, or the session has ended.
    #[error("no live session")]
    NotSignedIn,
    /// The session is alive, but its person has not confirmed who they are for ten minutes.
    #[error("the session's last confirmation is too old")]
    ReauthRequired,
    /// Wrong address or password; or no such user, no password, disabled: nobody can tell which.
    #[error("invalid credentials")]
    InvalidCredentials,
    /// The present password, asked of who is signed in, is another one; or there is none.
    #[error("wrong present password")]
    WrongPassword,
    /// The limit of attempts is reached; seconds until the next one.
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
    /// A password is set already; it is changed with the present one, not set anew.
    #[error("a password is set already")]
    PasswordAlreadySet,
    /// A value that does not fit its field.
    #[error("invalid input: {0}")]
    InvalidInput(&'static str),
    /// There is no such thing, or it is somebody else's: nobody can tell which.
    #[error("not found")]
    NotFound,
    /// Removing this would leave no way to sign in.
    #[error("the last way in cannot be removed")]
    LastWayIn,
    /// The provider's access token has expired, and there is nothing to renew it with: the person has
    /// withdrawn it, or the provider never gave a refresh token, or the key it was sealed with is gone. Who
    /// signs in at the provider again, or connects it again, brings new ones.
    #[error("the person has to sign in at the provider again")]
    SignInAtProvider,
    /// A provider does not answer, or not as it should.
    #[error("the provider gives no usable answer: {0}")]
    ProviderUnavailable(String),
    // wing:admin
    /// Nobody does this to their own account.
    #[error("not to oneself")]
    Yourself,
    /// Without this administrator nobody could look after the application.
    #[error("the last administrator stays one")]
    LastAdmin,
    // end wing:admin
    /// `If-Match` named another version than the present one.
    #[error("the version has changed")]
    VersionMismatch,
    /// More than the bucket holds.
    #[error("too large")]
    TooLarge,
    // wing:private-data
    /// A user's private data was sealed with a key that is not in `SESSION_SECRET` any more, or was put where it
    /// does not belong. It is neither shown nor written over; with the key it is there again.
    #[error(
        "the private data of user {0} cannot be opened: its key is not in SESSION_SECRET, or it is another's"
    )]
    Unopened(uuid::Uuid),
    // end wing:private-data
    /// A broken invariant or an answer of the database nobody expects.
    #[error("internal error: {0}")]
    Internal(#[source] Box<dyn StdError + Send + Sync>),
}

/// Why a password is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordProblem {
    /// Fewer characters than the policy asks for.
    #[error("too short")]
    TooShort,
    /// More characters than any policy accepts.
    #[error("too long")]
    TooLong,
    /// Made of words, names and patterns that are tried first, or of what is known of the person.
    #[error("too easy to guess")]
    TooCommon,
    /// Contains a character that may not come out the same when it is typed again: a control or an invisible
    /// character, or one without a meaning in Unicode.
    #[error("contains a character that cannot be used")]
    Control,
}

/// An error with all its causes, in one line: the only form in which errors are logged. The first says what
/// was being tried, the last why it failed.
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
            // Some errors repeat their cause in their own words.
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
    /// Wraps a cause that nobody outside the log should read.
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
