//! Where the database lies: whether the files that were opened are still the ones at their paths.
//!
//! An open file goes on working after it was moved or deleted. What is written to it then is acknowledged, and lost
//! with the next restart. Meanwhile a new connection by the path gets another file or, with a new log beside the
//! old database, a damaged one.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use sqlx::{
    ConnectOptions, Connection,
    sqlite::{SqliteConnectOptions, SqliteConnection},
};
use tokio::sync::Mutex;

use crate::db::OpenError;

/// The files of an open database. Cheap to clone.
#[derive(Clone, Debug)]
pub(in crate::db) struct Place(Arc<Files>);

#[derive(Debug)]
struct Files {
    /// The database, its log, its index.
    files: [(PathBuf, Identity); 3],
    /// Whether the loss has been logged.
    is_lost: AtomicBool,
    /// While this is open, SQLite neither deletes the log nor creates another.
    anchor: Mutex<Option<SqliteConnection>>,
}

/// Identifies the file, whatever its name.
#[cfg(unix)]
type Identity = (u64, u64);
/// On this system an open file can be neither moved nor deleted.
#[cfg(not(unix))]
type Identity = ();

fn identity(path: &Path) -> io::Result<Identity> {
    let data = fs::metadata(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        Ok((data.dev(), data.ino()))
    }
    #[cfg(not(unix))]
    {
        drop(data);
        Ok(())
    }
}

/// A file is not where it was opened.
#[derive(Debug)]
struct Lost(PathBuf);

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} was moved, deleted or replaced while it was in use",
            self.0.display()
        )
    }
}

impl std::error::Error for Lost {}

impl Place {
    /// Opens the files and records their identities.
    pub(in crate::db) async fn note(options: &SqliteConnectOptions) -> Result<Self, OpenError> {
        let mut anchor = options.connect().await.map_err(OpenError::Open)?;
        // The first reader opens the log.
        sqlx::query("SELECT count(*) FROM sqlite_schema")
            .execute(&mut anchor)
            .await
            .map_err(OpenError::Open)?;
        let path = options.get_filename();
        // SQLite puts the others beside the file itself, not beside a link to it.
        let file = fs::canonicalize(path).map_err(OpenError::File)?;
        let beside = |suffix: &str| {
            let mut name = file.clone().into_os_string();
            name.push(suffix);
            PathBuf::from(name)
        };
        let noted = |path: PathBuf| match identity(&path) {
            Ok(identity) => Ok((path, identity)),
            Err(error) => Err(OpenError::File(error)),
        };
        Ok(Self(Arc::new(Files {
            files: [
                noted(path.to_owned())?,
                noted(beside("-wal"))?,
                noted(beside("-shm"))?,
            ],
            is_lost: AtomicBool::new(false),
            anchor: Mutex::new(Some(anchor)),
        })))
    }

    /// Whether all files are where they were. It costs three calls of `stat`: 22 µs in all when measured in a
    /// sandbox with slow system calls.
    ///
    /// # Errors
    /// Which file is not; it is also logged, once.
    pub(in crate::db) fn check(&self) -> Result<(), sqlx::Error> {
        let moved = |(path, noted): &&(PathBuf, Identity)| identity(path).ok() != Some(*noted);
        let Some((path, _)) = self.0.files.iter().find(moved) else {
            if self.0.is_lost.load(Ordering::Relaxed) && self.0.is_lost.swap(false, Ordering::Relaxed) {
                tracing::info!("the database file is back");
            }
            return Ok(());
        };
        let lost = Lost(path.clone());
        if !self.0.is_lost.swap(true, Ordering::Relaxed) {
            tracing::error!("{lost}: nothing is read or written until it is back or the server restarts");
        }
        Err(sqlx::Error::Io(io::Error::new(io::ErrorKind::NotFound, lost)))
    }

    /// Closes the files, after all other connections.
    pub(in crate::db) async fn close(&self) {
        if let Some(anchor) = self.0.anchor.lock().await.take()
            && let Err(error) = anchor.close().await
        {
            tracing::debug!(error = %crate::chain(&error), "the database was not closed properly");
        }
    }
}
