//! SQLite: a file, many readers, one writer.

mod backup;
mod place;

use std::{fs, io, path::Path, str::FromStr, sync::Arc, time::Duration};

use sqlx::{
    Connection, Sqlite,
    error::DatabaseError,
    migrate::{MigrateError, Migrator},
    sqlite::{
        SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
    },
};
pub(super) use tower_sessions_sqlx_store::SqliteStore as SessionStore;

pub use self::backup::{BackupError, backup};
pub(super) use self::place::Place;
use super::opening::{LOCK_WAIT, OpenError, POOL_WAIT};
use crate::{
    at_rest,
    clock::Clock, // wing:admin,clients,mail
};

/// The engine.
pub type Db = Sqlite;
/// A pool of connections to the engine.
pub type Pool = sqlx::Pool<Db>;
/// A transaction; dropped without commit, it is rolled back.
pub type Tx = sqlx::Transaction<'static, Db>;

/// Where the data is unless `DATABASE_URL` says otherwise.
pub(crate) const DEFAULT_URL: Option<&str> = Some("sqlite:data/app.db");

/// The number of readers. Each connection costs memory (ten of them 60 MB under load), and a few are enough for two
/// cores.
const READERS: u32 = 4;

/// No row is ever locked by another transaction: there is one writer at a time.
pub(super) const SKIP_LOCKED: &str = "";

/// No other transaction writes meanwhile.
pub(crate) const HOLD: &str = "";

/// Rows that a transaction has read cannot change: no other transaction writes meanwhile.
pub(crate) const HOLD_SHARED: &str = "";

pub(super) static MIGRATIONS: Migrator = sqlx::migrate!("../migrations/sqlite");

/// Where the stale feed listens, if not where requests go. SQLite has no such place, so this type has no values.
#[derive(Clone, Debug)]
pub enum ListenAddress {}

impl ListenAddress {
    /// Refuses every address.
    ///
    /// # Errors
    /// What is wrong, as the end of a sentence.
    pub(crate) fn parse(_: &str) -> Result<Self, String> {
        Err("is for PostgreSQL only".to_owned())
    }

    pub(crate) fn connect_options(&self) -> SqliteConnectOptions {
        match *self {}
    }
}

/// What is wrong with a `DATABASE_URL`, without repeating it.
pub(crate) fn check_url(url: &str) -> Result<(), String> {
    let path = url
        .strip_prefix("sqlite:")
        .map(|path| path.trim_start_matches("//"));
    match path {
        // Each parameter would break an assumption: that there is one file, and that it lasts.
        Some(path) if path.contains('?') => {
            Err("takes no parameters, and its path must not contain a question mark".to_owned())
        }
        Some(path) if !path.is_empty() && !path.starts_with(":memory:") => {
            let readable = SqliteConnectOptions::from_str(url);
            readable.map(drop).map_err(|_| "cannot be read".to_owned())
        }
        // wing:postgres
        None if url.starts_with("postgres") => {
            Err("must be sqlite:PATH (for postgres://… build with the feature `postgres`)".to_owned())
        }
        // end wing:postgres
        _ => Err("must be sqlite:PATH".to_owned()),
    }
}

/// Creates the file of `sqlite:PATH` and its folders, if they are missing.
pub(super) fn create(url: &str) -> Result<(), OpenError> {
    let options = SqliteConnectOptions::from_str(url).map_err(OpenError::Url)?;
    let file = options.get_filename();
    if let Some(folder) = file.parent().filter(|folder| *folder != Path::new("")) {
        at_rest::create_folder(folder).map_err(OpenError::Folder)?;
    }
    // SQLite would create it by the umask. Its log and its index get the same permissions as the file.
    match at_rest::create_file(file) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(OpenError::File(error)),
        _ => Ok(()),
    }
}

/// Whether there is nothing at this path. SQLite reports any other reason why a file cannot be opened.
fn is_missing(file: &Path) -> bool {
    fs::symlink_metadata(file).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// Opens the file of `sqlite:PATH`.
pub(super) async fn open(url: &str) -> Result<(Pool, Pool, Place), OpenError> {
    let options = SqliteConnectOptions::from_str(url)
        .map_err(OpenError::Url)?
        // If the file is missing later on, it was taken away. An empty file in its place would hide that.
        .create_if_missing(false)
        .foreign_keys(true)
        .journal_mode(SqliteJournalMode::Wal)
        // FULL: an acknowledged write survives a power cut, not only kill -9.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(LOCK_WAIT)
        // What is deleted is overwritten. Otherwise it stays in the file until its place is used again.
        .pragma("secure_delete", "ON");
    if is_missing(options.get_filename()) {
        return Err(OpenError::Missing(options.get_filename().to_owned()));
    }
    // The first connection switches the journal to WAL.
    let place = Place::note(&options).await?;
    let pool = |connections: u32| {
        let place = place.clone();
        SqlitePoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(POOL_WAIT)
            // No connection to another file is kept.
            .after_connect(move |_, _| {
                let checked = place.check();
                Box::pin(async move { checked })
            })
    };
    let write = pool(1)
        .after_release(|connection, _| Box::pin(is_at_rest(connection)))
        .connect_lazy_with(options.clone());
    let read = pool(READERS).connect_lazy_with(options);
    Ok((read, write, place))
}

/// Whether a returned connection has no transaction open, as far as its driver knows; otherwise it is closed. When
/// SQLite runs out of disk or memory it may roll back by itself, without the driver noticing. The driver would then
/// count one transaction too many forever and refuse the next one.
async fn is_at_rest(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    // A rollback may still be waiting in the queue of the connection's thread.
    connection.ping().await?;
    let at_rest = !connection.is_in_transaction();
    if !at_rest {
        tracing::warn!("a connection was returned inside a transaction and is being replaced");
    }
    Ok(at_rest)
}

/// Runs all missing migrations in one transaction that holds the write lock. sqlx itself locks nothing here, so of
/// two processes that start at once the second would find half of the first one's tables.
pub(super) async fn migrate(write: &Pool) -> Result<(), MigrateError> {
    let mut tx = write.begin_with("BEGIN IMMEDIATE").await?;
    MIGRATIONS.run(&mut *tx).await?;
    Ok(tx.commit().await?)
}

/// Takes the write lock at once: a reader that becomes a writer half-way may find that it cannot
/// (SQLITE_BUSY_SNAPSHOT).
pub(super) async fn begin(write: &Pool) -> Result<Tx, sqlx::Error> {
    write.begin_with("BEGIN IMMEDIATE").await
}

/// Nothing to wait for: a transaction that writes is already the only one.
#[expect(clippy::unused_async, reason = "PostgreSQL has to ask for it")]
pub(super) async fn hold(_: &mut Tx) -> Result<(), sqlx::Error> {
    Ok(())
}

/// Nothing to announce: other processes look for themselves.
#[expect(clippy::unused_async, reason = "PostgreSQL sends it")]
pub(super) async fn notify(_: &mut Tx, _: &str, _: &str) -> Result<(), sqlx::Error> {
    Ok(())
}

// wing:admin,clients,mail
/// The database is on this machine.
#[expect(clippy::unused_async, reason = "PostgreSQL has to be asked")]
pub(super) async fn agree_on_time(_: &Pool, _: &Clock) -> Result<(), sqlx::Error> {
    Ok(())
}
// end wing:admin,clients,mail

// wing:data-rights
/// Empties the write-ahead log into the file. Returns whether nothing stood in the way.
pub(super) async fn settle(write: &Pool) -> Result<bool, sqlx::Error> {
    let is_busy: i32 = sqlx::query_scalar("PRAGMA wal_checkpoint(TRUNCATE)")
        .fetch_one(write)
        .await?;
    Ok(is_busy == 0)
}
// end wing:data-rights

/// The holder of the only lock waits for no other.
#[expect(clippy::unused_async, reason = "PostgreSQL has to be told")]
pub(super) async fn hurry(_: &mut Tx, _: Duration) -> Result<(), sqlx::Error> {
    Ok(())
}

/// There is no pooler in between.
#[expect(clippy::unused_async, reason = "PostgreSQL has to be tried")]
pub(super) async fn keeps_statements(_: &Pool) -> Result<bool, sqlx::Error> {
    Ok(true)
}

/// Whether a statement names a table that is not there. SQLite has no code of its own for it.
pub(super) fn is_missing_table(error: &dyn DatabaseError) -> bool {
    error.message().starts_with("no such table")
}

/// Whether an error is the database's fault rather than ours: the same statement succeeds once the problem has
/// passed or an operator has fixed it. Covers all result codes of SQLite, by the low byte that extended codes
/// share.
pub(crate) fn is_unavailable(code: &str) -> bool {
    let Ok(code) = code.parse::<i32>() else {
        return false;
    };
    match code & 0xff {
        // PERM, READONLY, CANTOPEN: the file, its folder or the file system may not be written or opened.
        3 | 8 | 14 => true,
        // ABORT: the transaction was rolled back during one of its statements, as happens on a full disk.
        4 => true,
        // BUSY, LOCKED: another connection or process has held the lock for longer than we wait.
        5 | 6 => true,
        // PROTOCOL: another process holds the locks of the write-ahead log.
        15 => true,
        // NOMEM, IOERR, FULL: memory, disk, or room on it.
        7 | 10 | 13 => true,
        // INTERRUPT: stopped from outside.
        9 => true,
        // CORRUPT, NOTADB: the file is damaged or not the database, until it is restored.
        11 | 26 => true,
        // SCHEMA: another process has just migrated.
        17 => true,
        // NOLFS: the file system does not support a file of this size.
        22 => true,
        // ERROR, INTERNAL, NOTFOUND, EMPTY, TOOBIG, CONSTRAINT, MISMATCH, MISUSE, AUTH, FORMAT, RANGE: a statement
        // or a value that is wrong, now and later. NOTICE, WARNING, ROW, DONE are not errors.
        _ => false,
    }
}

/// tower-sessions' store for this engine.
pub(super) fn session_store(pool: &Pool) -> Arc<SessionStore> {
    Arc::new(SessionStore::new(pool.clone()))
}

#[cfg(test)]
mod tests {
    use super::{check_url, is_unavailable};

    #[test]
    fn an_address_is_a_path_and_nothing_else() {
        for good in ["sqlite:app.db", "sqlite:data/app.db", "sqlite:///var/lib/app.db"] {
            assert_eq!(check_url(good), Ok(()), "{good}");
        }
        for odd in [
            "sqlite:app.db?mode=memory&cache=shared",
            "sqlite:app.db?mode=canary",
            "sqlite:app.db?vfs=canary",
            "sqlite:app.db?",
            "sqlite::memory:",
            "sqlite://:memory:",
            "sqlite:",
            "sqlite:canary%ff",
            "canary.db",
        ] {
            let said = check_url(odd).unwrap_err();
            assert!(!said.contains("canary"), "{said}");
        }
    }

    /// Extended codes consist of a family's number in the low byte and the member's above it.
    #[test]
    fn each_result_code_is_the_databases_trouble_or_ours() {
        let theirs = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 17, 22, 26];
        for code in 0..=101 {
            for code in [code, code | 1 << 8, code | 9 << 8] {
                let expected = theirs.contains(&(code & 0xff));
                assert_eq!(is_unavailable(&code.to_string()), expected, "{code}");
            }
        }
        assert!(!is_unavailable("no number"));
    }
}
