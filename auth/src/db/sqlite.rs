//! SQLite: a file, many readers, one writer.

use std::{io, path::Path, str::FromStr, sync::Arc};

use sqlx::{
    Sqlite,
    migrate::{MigrateError, Migrator},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tower_sessions_sqlx_store::SqliteStore;

use super::{LOCK_WAIT, OpenError, POOL_WAIT, Pool, Tx};
use crate::at_rest;

/// The engine.
pub type Db = Sqlite;

/// Where the data is unless `DATABASE_URL` says otherwise.
pub(crate) const DEFAULT_URL: Option<&str> = Some("sqlite:data/app.db");

/// Readers: each connection costs memory (ten of them 60 MB under load) and two cores feed few.
const READERS: u32 = 4;

/// Nobody else is at any row: there is one writer at a time.
pub(super) const SKIP_LOCKED: &str = "";

/// What a transaction has read stays as it is: nobody else writes meanwhile.
pub(crate) const HOLD_SHARED: &str = "";

pub(super) static MIGRATIONS: Migrator = sqlx::migrate!("../migrations/sqlite");

/// Where the stale feed listens, if not where requests go: there is no such thing here, and no value of this type.
#[derive(Clone, Debug)]
pub enum ListenAddress {}

impl ListenAddress {
    /// Refuses every address.
    ///
    /// # Errors
    /// What is wrong, as the end of a sentence.
    pub(crate) fn parse(_: &str) -> Result<Self, String> {
        Err("is for PostgreSQL: a file is looked at where it is".to_owned())
    }

    pub(crate) fn connect_options(&self) -> SqliteConnectOptions {
        match *self {}
    }
}

/// What is wrong with a `DATABASE_URL`, without repeating it.
pub(crate) fn judge_url(url: &str) -> Result<(), String> {
    let path = url
        .strip_prefix("sqlite:")
        .map(|path| path.trim_start_matches("//"));
    match path {
        Some(path) if !path.is_empty() && !path.starts_with(":memory:") => Ok(()),
        _ => Err("must be sqlite:PATH (for postgres://… build with the feature `postgres`)".to_owned()),
    }
}

/// Opens `sqlite:PATH`, making the file and its folders where they are missing.
pub(super) async fn open(url: &str) -> Result<(Pool, Pool), OpenError> {
    let options = SqliteConnectOptions::from_str(url)
        .map_err(OpenError::Url)?
        .create_if_missing(true)
        .foreign_keys(true)
        .journal_mode(SqliteJournalMode::Wal)
        // FULL: an acknowledged write survives a power cut, not only kill -9.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(LOCK_WAIT);
    if let Some(folder) = options.get_filename().parent().filter(|p| *p != Path::new("")) {
        at_rest::create_folder(folder).map_err(OpenError::Folder)?;
    }
    // SQLite would create it by the umask; its log and its index get the permissions the file has.
    match at_rest::create_file(options.get_filename()) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(OpenError::File(error)),
        _ => {}
    }
    // The writer first: it creates the file and turns the journal to WAL.
    let write = SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(POOL_WAIT)
        .connect_with(options.clone())
        .await
        .map_err(OpenError::Open)?;
    let read = SqlitePoolOptions::new()
        .max_connections(READERS)
        .acquire_timeout(POOL_WAIT)
        .connect_lazy_with(options);
    Ok((read, write))
}

/// All missing migrations in one transaction that holds the write lock: sqlx itself locks nothing here,
/// and of two processes that start at once the second would meet half of the first's tables.
pub(super) async fn migrate(write: &Pool) -> Result<(), MigrateError> {
    let mut tx = write.begin_with("BEGIN IMMEDIATE").await?;
    MIGRATIONS.run(&mut *tx).await?;
    Ok(tx.commit().await?)
}

/// It takes the write lock at once, since a reader that turns writer half-way may find that it cannot
/// (SQLITE_BUSY_SNAPSHOT).
pub(super) async fn begin(write: &Pool) -> Result<Tx, sqlx::Error> {
    write.begin_with("BEGIN IMMEDIATE").await
}

/// Nothing to wait for: a transaction that writes is the only one already.
#[expect(clippy::unused_async, reason = "PostgreSQL has to ask for it")]
pub(super) async fn hold(_: &mut Tx) -> Result<(), sqlx::Error> {
    Ok(())
}

/// There is nobody in between.
#[expect(clippy::unused_async, reason = "PostgreSQL has to be tried")]
pub(super) async fn keeps_statements(_: &Pool) -> Result<bool, sqlx::Error> {
    Ok(true)
}

/// Whether an error's code says that the database cannot answer now: SQLITE_BUSY and SQLITE_LOCKED with
/// their extended codes, and what a full, broken or read-only disk says.
pub(crate) fn is_unavailable(code: &str) -> bool {
    code.parse::<i32>()
        .is_ok_and(|code| matches!(code & 0xff, 5 | 6 | 8 | 10 | 13 | 14))
}

/// tower-sessions' store for this engine.
pub(crate) fn session_store(pool: &Pool) -> Arc<SqliteStore> {
    Arc::new(SqliteStore::new(pool.clone()))
}
