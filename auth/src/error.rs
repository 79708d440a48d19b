//! What can go wrong in this crate. Callers decide what of it a person may read.

use crate::db;

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;

/// Every way an operation of this crate ends without success.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The authority (the database) does not answer. Nothing is known, so nothing is granted.
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
    Password(#[from] crate::credentials::PasswordProblem),
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
    /// Nobody does this to their own account.
    #[error("not to oneself")]
    Yourself,
    /// Without this administrator nobody could look after the application.
    #[error("the last administrator stays one")]
    LastAdmin,
    /// `If-Match` named another version than the present one.
    #[error("the version has changed")]
    VersionMismatch,
    /// More than the bucket holds.
    #[error("too large")]
    TooLarge,
    /// A user's private data was sealed with a key that is not in `SESSION_SECRET` any more, or was put where it
    /// does not belong. It is neither shown nor written over; with the key it is there again.
    #[error(
        "the private data of user {0} cannot be opened: its key is not in SESSION_SECRET, or it is another's"
    )]
    Unopened(uuid::Uuid),
    /// A broken invariant or an answer of the database nobody expects.
    #[error("internal error: {0}")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// Wraps a cause that nobody outside the log should read.
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(cause.into())
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error as E;
        match &error {
            E::PoolTimedOut | E::PoolClosed | E::WorkerCrashed | E::Io(_) | E::Tls(_) => {
                Self::Unavailable(error)
            }
            E::Database(cause) if cause.code().is_some_and(|code| db::is_unavailable(&code)) => {
                Self::Unavailable(error)
            }
            _ => Self::Internal(Box::new(error)),
        }
    }
}

impl From<tower_sessions::session_store::Error> for Error {
    fn from(error: tower_sessions::session_store::Error) -> Self {
        // The store flattens its cause into text, so a busy database cannot be told from other
        // failures: asking again later is right for both.
        Self::Unavailable(sqlx::Error::Io(std::io::Error::other(error.to_string())))
    }
}
