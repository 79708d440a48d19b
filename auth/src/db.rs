//! The database: one text of SQL, opened for many readers and one writer.

use std::{path::Path, str::FromStr, time::Duration};

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use crate::error::{Error, Result};

/// The engine.
pub type Db = sqlx::Sqlite;
/// A pool of connections to the engine.
pub type Pool = sqlx::Pool<Db>;
/// A transaction; dropped without commit, it is rolled back.
pub type Tx = sqlx::Transaction<'static, Db>;

/// Readers: each connection costs memory (ten of them 60 MB under load) and two cores feed few.
const READERS: u32 = 4;
/// How long a statement waits for a lock, and a caller for a connection. Together they stay under the
/// five seconds after which a request is answered with 503.
const LOCK_WAIT: Duration = Duration::from_secs(2);
const POOL_WAIT: Duration = Duration::from_millis(2500);

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../migrations/sqlite");

/// The pools. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Database {
    read: Pool,
    write: Pool,
}

/// Why the database could not be opened or migrated.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// `DATABASE_URL` names no SQLite file.
    #[error("DATABASE_URL must be sqlite:PATH")]
    Url(#[source] sqlx::Error),
    /// The folder of the file cannot be made.
    #[error("cannot create the folder of the database file")]
    Folder(#[source] std::io::Error),
    /// The file cannot be opened.
    #[error("cannot open the database")]
    Open(#[source] sqlx::Error),
    /// The schema is newer than this program, or a migration failed.
    #[error("cannot bring the schema up to date (a schema newer than this program is refused)")]
    Migrate(#[from] sqlx::migrate::MigrateError),
}

impl Database {
    /// Opens `sqlite:PATH`, making the file and its folders where they are missing. Runs no migration.
    pub async fn open(url: &str) -> std::result::Result<Self, OpenError> {
        let options = SqliteConnectOptions::from_str(url)
            .map_err(OpenError::Url)?
            .create_if_missing(true)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            // FULL: an acknowledged write survives a power cut, not only kill -9.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(LOCK_WAIT);
        if let Some(folder) = options.get_filename().parent().filter(|p| *p != Path::new("")) {
            std::fs::create_dir_all(folder).map_err(OpenError::Folder)?;
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
        Ok(Self { read, write })
    }

    /// Runs the migrations that are missing. A schema with migrations this program does not know is refused.
    pub async fn migrate(&self) -> std::result::Result<(), OpenError> {
        Ok(MIGRATIONS.run(&self.write).await?)
    }

    /// Whether the database answers and its schema is this program's.
    pub async fn ready(&self) -> Result<()> {
        let newest: Option<i64> =
            sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations WHERE success")
                .fetch_one(&self.read)
                .await?;
        match newest == MIGRATIONS.iter().map(|migration| migration.version).max() {
            true => Ok(()),
            false => Err(Error::internal("the schema is not this program's")),
        }
    }

    /// For statements that only read.
    pub fn read(&self) -> &Pool {
        &self.read
    }

    /// For single statements that write.
    pub fn write(&self) -> &Pool {
        &self.write
    }

    /// A transaction that will write: it takes the write lock at once, since a reader that turns
    /// writer half-way may find that it cannot (SQLITE_BUSY_SNAPSHOT).
    pub async fn begin(&self) -> Result<Tx> {
        Ok(self.write.begin_with("BEGIN IMMEDIATE").await?)
    }

    /// Closes the pools, after the statements that run.
    pub async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }
}
