//! What both engines need to open a database.

use std::{path::PathBuf, time::Duration};

use super::Schema;

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
    /// There is no database file.
    #[error("there is no database at {0}: is DATABASE_URL right? `server migrate` creates a new one")]
    Missing(PathBuf),
    /// The folder of the database file cannot be created.
    #[error("cannot create the folder of the database file")]
    Folder(#[source] std::io::Error),
    /// The database file is missing and cannot be created.
    #[error("cannot create the database file")]
    File(#[source] std::io::Error),
    /// It cannot be opened.
    #[error("cannot open the database")]
    Open(#[source] sqlx::Error),
    /// The schema is not one that this program can bring up to date.
    #[error("the database is refused")]
    Schema(#[source] Schema),
    /// A migration failed.
    #[error("cannot bring the schema up to date")]
    Migrate(#[from] sqlx::migrate::MigrateError),
}
