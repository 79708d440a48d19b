//! A copy of the database, made while servers use it.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    str::FromStr,
};

use secrecy::{ExposeSecret, SecretString};
use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};

use super::{LOCK_WAIT, is_missing};
use crate::at_rest;

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// `DATABASE_URL` is not an SQLite file's.
    #[error("DATABASE_URL is malformed")]
    Url(#[source] sqlx::Error),
    /// There is no database file.
    #[error("there is no database at {0}: is DATABASE_URL right?")]
    Missing(PathBuf),
    /// The database cannot be opened.
    #[error("cannot open the database")]
    Open(#[source] sqlx::Error),
    /// The file to write cannot be created: it may be there already, which is never overwritten.
    #[error("cannot create {0}")]
    Create(PathBuf, #[source] io::Error),
    /// The path is not valid Unicode, which SQLite needs.
    #[error("the path {0} is not valid Unicode")]
    Path(PathBuf),
    /// Copying has failed, for instance since the disk is full. Nothing is left of the copy.
    #[error("cannot copy the database")]
    Copy(#[source] sqlx::Error),
    /// The copy cannot be made to last.
    #[error("cannot write {0} to the disk")]
    Sync(PathBuf, #[source] io::Error),
    /// The copy is damaged, and so is the database.
    #[error("the database is damaged: {0}")]
    Damaged(String),
}

/// Writes a consistent copy of the database of a `DATABASE_URL` to a new file, which only its owner can read. Servers may go
/// on reading and writing meanwhile. Returns the number of bytes, after the copy was read and found whole.
///
/// # Errors
/// Why there is no copy.
pub async fn backup(url: &SecretString, target: &Path) -> Result<u64, BackupError> {
    let source = SqliteConnectOptions::from_str(url.expose_secret())
        .map_err(BackupError::Url)?
        .create_if_missing(false)
        .busy_timeout(LOCK_WAIT);
    if is_missing(source.get_filename()) {
        return Err(BackupError::Missing(source.get_filename().to_owned()));
    }
    let mut source = source.connect().await.map_err(BackupError::Open)?;
    let path = target
        .to_str()
        .ok_or_else(|| BackupError::Path(target.to_owned()))?;
    // SQLite would create it by the umask. Into an empty file it writes as well.
    at_rest::create_file(target).map_err(|error| BackupError::Create(target.to_owned(), error))?;
    let written = async {
        // A read transaction: it sees one state, and whoever writes does not wait for it.
        sqlx::query("VACUUM INTO $1")
            .bind(path)
            .execute(&mut source)
            .await
            .map_err(BackupError::Copy)?;
        check(target).await?;
        last(target).map_err(|error| BackupError::Sync(target.to_owned(), error))
    }
    .await;
    if written.is_err() {
        drop(fs::remove_file(target));
    }
    written
}

/// Reads the whole copy.
async fn check(target: &Path) -> Result<(), BackupError> {
    let copy = SqliteConnectOptions::new().filename(target).read_only(true);
    let mut copy = copy.connect().await.map_err(BackupError::Copy)?;
    let found: String = sqlx::query_scalar("PRAGMA integrity_check(1)")
        .fetch_one(&mut copy)
        .await
        .map_err(BackupError::Copy)?;
    copy.close().await.map_err(BackupError::Copy)?;
    if found == "ok" {
        Ok(())
    } else {
        Err(BackupError::Damaged(found))
    }
}

/// Makes the file outlast a power cut. Returns its size.
fn last(target: &Path) -> io::Result<u64> {
    let file = File::open(target)?;
    file.sync_all()?;
    let folder = target.parent().filter(|folder| *folder != Path::new(""));
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    Ok(file.metadata()?.len())
}
