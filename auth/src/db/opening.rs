//! What both engines need to open a database.

use std::time::Duration;

/// How long a statement waits for a lock, and a caller for a connection. Together they stay under the five seconds
/// after which the response is a 503, and so do all steps of a request ([`patiently`](super::patiently)).
pub(super) const LOCK_WAIT: Duration = Duration::from_secs(2);
pub(super) const POOL_WAIT: Duration = Duration::from_millis(2500);

/// Why the database could not be opened or migrated.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// `DATABASE_URL` is not one of the engine's.
    #[error("DATABASE_URL is malformed")]
    Url(#[source] sqlx::Error),
    /// The folder of the database file cannot be created.
    #[error("cannot create the folder of the database file")]
    Folder(#[source] std::io::Error),
    /// The database file is missing and cannot be created.
    #[error("cannot create the database file")]
    File(#[source] std::io::Error),
    /// It cannot be opened.
    #[error("cannot open the database")]
    Open(#[source] sqlx::Error),
    /// The schema is newer than this program, or a migration failed.
    #[error("cannot bring the schema up to date (a schema newer than this program is refused)")]
    Migrate(#[from] sqlx::migrate::MigrateError),
}
