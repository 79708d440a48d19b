//! The database: one text of SQL for two engines.
//!
//! SQLite is the default; the cargo feature `postgres` switches to PostgreSQL. The differences between them are
//! here, and in how stale marks travel (`session/stale`). The rest of the crate uses `$1`, `ON CONFLICT` and
//! `RETURNING`, which both understand.

mod access;
mod opening;
mod patience;
#[cfg(feature = "postgres")] // wing:postgres
mod postgres; // wing:postgres
#[cfg(test)] // wing:postgres
mod schema; // wing:postgres
#[cfg(not(feature = "postgres"))] // wing:postgres
mod sqlite;
mod sweep;

#[cfg(feature = "postgres")] // wing:postgres
use postgres as engine; // wing:postgres
use secrecy::{ExposeSecret, SecretString};
#[cfg(not(feature = "postgres"))] // wing:postgres
use sqlite as engine;
use std::{sync::Arc, time::Duration};
use tokio::{sync::Mutex, time::Instant};
use tracing::Instrument;

use self::engine::is_unavailable;
#[cfg(not(feature = "postgres"))] // wing:postgres
pub use self::sqlite::{BackupError, backup};
pub use self::{
    access::Access,
    engine::{Db, ListenAddress, Pool, Tx},
    opening::OpenError,
    patience::patiently,
};
pub(crate) use self::{
    engine::{DEFAULT_URL, HOLD, HOLD_SHARED, check_url},
    patience::carried,
    sweep::{Expired, all},
};
use crate::{
    clock::Clock, // wing:admin,clients,mail
    error::{Error, Result, chain},
};

/// The options for connecting to the engine.
pub type ConnectOptions = <<Db as sqlx::Database>::Connection as sqlx::Connection>::Options;

/// How long a probe's successful write answers the next probes.
const PROBE_LIFE: Duration = Duration::from_secs(1);

/// How a database's schema relates to this program, as a sentence that says what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Schema {
    /// It is this program's.
    #[error("the schema is this program's")]
    Current,
    /// No migration has run. On PostgreSQL, an interrupted first one leaves the table in which they are recorded.
    #[error("the database has no schema: is DATABASE_URL right? `server migrate` prepares a new one")]
    None,
    /// Migrations are missing.
    #[error("the schema is older than this program: run `server migrate`")]
    Older,
    /// A later program has migrated it.
    #[error(
        "the schema is newer than this program: start the newer program, or restore a backup from before it"
    )]
    Newer,
    /// It has migrations that this program does not have, and lacks some that it has.
    #[error("the schema is that of another program: is DATABASE_URL right?")]
    Other,
    /// A migration differs from this program's of the same number.
    #[error("migration {0} is not the one that this program has: was its file changed after it had run?")]
    Changed(i64),
}

impl Schema {
    /// Compares the migrations that have run with those of a program: numbers and checksums.
    fn of(done: &[(i64, Vec<u8>)], ours: &[(i64, &[u8])]) -> Self {
        if done.is_empty() {
            return Self::None;
        }
        let mut unknown = 0;
        for (version, checksum) in done {
            match ours.iter().find(|(ours, _)| ours == version) {
                Some((_, ours)) if ours == checksum => {}
                Some(_) => return Self::Changed(*version),
                None => unknown += 1,
            }
        }
        match (unknown, done.len() - unknown == ours.len()) {
            (0, true) => Self::Current,
            (0, false) => Self::Older,
            (_, true) => Self::Newer,
            (_, false) => Self::Other,
        }
    }
}

/// The pools. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Database {
    read: Pool,
    write: Pool,
    place: engine::Place,
    /// When a probe last wrote.
    written: Arc<Mutex<Option<Instant>>>,
}

impl Database {
    /// Opens the database of a `DATABASE_URL`, creating an SQLite file that is missing. Does not run migrations.
    ///
    /// # Errors
    /// If the address is not one of the engine's, or nothing responds there.
    pub async fn open_or_create(url: &SecretString) -> std::result::Result<Self, OpenError> {
        engine::create(url.expose_secret())?;
        Self::open(url).await
    }

    /// Opens the database of a `DATABASE_URL`. Does not run migrations.
    ///
    /// # Errors
    /// If the address is not one of the engine's, or there is no database.
    pub async fn open(url: &SecretString) -> std::result::Result<Self, OpenError> {
        let (read, write, place) = engine::open(url.expose_secret()).await?;
        Ok(Self {
            read,
            write,
            place,
            written: Arc::default(),
        })
    }

    /// Runs the missing migrations; of several instances that start at once, one does. A schema with migrations
    /// unknown to this program is refused.
    ///
    /// # Errors
    /// [`OpenError::Schema`], [`OpenError::Migrate`]
    pub async fn migrate(&self) -> std::result::Result<(), OpenError> {
        // Most of the time there is nothing to do, and then no lock to wait for. If the check fails, the migration itself
        // reports why.
        match self.schema().await {
            Ok(Schema::Current) => Ok(()),
            Ok(other @ (Schema::Newer | Schema::Other | Schema::Changed(_))) => Err(OpenError::Schema(other)),
            Ok(Schema::None | Schema::Older) | Err(_) => Ok(engine::migrate(&self.write).await?),
        }
    }

    /// How the schema relates to this program.
    ///
    /// # Errors
    /// [`Error::Unavailable`]
    pub async fn schema(&self) -> Result<Schema> {
        let done: std::result::Result<Vec<(i64, Vec<u8>)>, _> =
            sqlx::query_as("SELECT version, checksum FROM _sqlx_migrations WHERE success ORDER BY version")
                .fetch_all(self.read())
                .await;
        let done = match done {
            Err(sqlx::Error::Database(error)) if engine::is_missing_table(&*error) => Vec::new(),
            done => done?,
        };
        let ours: Vec<_> = engine::MIGRATIONS
            .iter()
            .map(|migration| (migration.version, &*migration.checksum))
            .collect();
        Ok(Schema::of(&done, &ours))
    }

    /// Whether there are users. Before the first migration there are none.
    ///
    /// # Errors
    /// [`Error::Unavailable`]
    pub async fn has_users(&self) -> Result<bool> {
        if self.schema().await? == Schema::None {
            return Ok(false);
        }
        Ok(sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM users)")
            .fetch_one(self.read())
            .await?)
    }

    /// Whether the database responds, has this program's schema and can be written. Only a write detects a full
    /// disk, a standby or a lock that is never released.
    ///
    /// # Errors
    /// [`Error::Unavailable`], or [`Error::Internal`] for another schema.
    pub async fn ready(&self) -> Result<()> {
        match self.schema().await? {
            Schema::Current => {}
            other => return Err(Error::internal(other)),
        }
        // Of many concurrent probes one writes, so that probing does not keep the disk busy.
        let mut written = self.written.lock().await;
        if written.is_some_and(|at| at.elapsed() < PROBE_LIFE) {
            return Ok(());
        }
        *written = None;
        sqlx::query(
            "INSERT INTO readiness (id, written_at) VALUES (1, CURRENT_TIMESTAMP)
             ON CONFLICT (id) DO UPDATE SET written_at = excluded.written_at",
        )
        .execute(self.write())
        .await?;
        *written = Some(Instant::now());
        Ok(())
    }

    /// Whether a connection can rely on its prepared statements. It cannot through a pooler in transaction mode
    /// that does not know of them and mixes up those of its clients.
    ///
    /// # Errors
    /// [`Error::Unavailable`]
    pub async fn keeps_statements(&self) -> Result<bool> {
        Ok(engine::keeps_statements(&self.write).await?)
    }

    /// For statements that only read.
    pub fn read(&self) -> Access<'_> {
        Access::new(self, &self.read)
    }

    /// For single statements that write.
    pub fn write(&self) -> Access<'_> {
        Access::new(self, &self.write)
    }

    /// Whether the database is where it was opened. On SQLite the file may be moved or deleted meanwhile, and would
    /// go on accepting writes that are lost after a restart. Every statement outside a transaction checks this, and
    /// every transaction once it has begun. A write that was checked just before the file was moved is lost with
    /// it, like one that was acknowledged just before.
    ///
    /// # Errors
    /// If it is not; to requests this is a database that does not respond.
    pub(crate) fn in_place(&self) -> std::result::Result<(), sqlx::Error> {
        self.place.check()
    }

    /// Begins a transaction that will write.
    ///
    /// On SQLite it holds the only write lock from the start. On PostgreSQL it is READ COMMITTED: what is read and
    /// then written must be locked by the reading statement (see `users::lock`), or decided [`Self::alone`].
    ///
    /// It begins on a task of its own. If a caller were dropped between the engine's BEGIN and the driver's record
    /// of it, a connection would return to the pool inside a transaction that the driver does not know of.
    ///
    /// # Errors
    /// [`Error::Unavailable`]
    pub async fn begin(&self) -> Result<Tx> {
        let db = self.clone();
        let begin = async move {
            db.write().look_first()?;
            let tx = engine::begin(&db.write).await?;
            db.in_place()?;
            Ok::<_, sqlx::Error>(tx)
        };
        let begun = tokio::spawn(begin.in_current_span());
        let begun = async { begun.await.map_err(|error| sqlx::Error::Io(error.into()))? };
        let mut tx = patience::step(begun).await?;
        if let Some(left) = patience::left().filter(|left| *left < opening::LOCK_WAIT) {
            engine::hurry(&mut tx, left).await?;
        }
        Ok(tx)
    }

    /// Makes a transaction that has locked nothing yet exclusive: no other of this kind runs beside it on any
    /// instance. This is for decisions over many rows. Locks on the rows themselves would be taken in the order in
    /// which each transaction reaches them, and two transactions with different orders would wait for each other
    /// forever.
    ///
    /// # Errors
    /// [`Error::Unavailable`]
    pub(crate) async fn alone(tx: &mut Tx) -> Result<()> {
        Ok(engine::hold(tx).await?)
    }

    // wing:admin,clients,mail
    /// Makes a clock follow the database server's, if that is another machine's.
    ///
    /// # Errors
    /// [`Error::Unavailable`]
    pub(crate) async fn agree_on_time(&self, clock: &Clock) -> Result<()> {
        Ok(engine::agree_on_time(&self.read, clock).await?)
    }
    // end wing:admin,clients,mail

    // wing:data-rights
    /// Makes the engine overwrite what has just been deleted, which SQLite still has in its write-ahead log. Returns whether
    /// it is done: a reader may stand in the way.
    ///
    /// # Errors
    /// [`Error::Unavailable`]
    pub(crate) async fn settle(&self) -> Result<bool> {
        Ok(engine::settle(&self.write).await?)
    }
    // end wing:data-rights

    /// The options for a connection outside the pools.
    pub fn connect_options(&self) -> ConnectOptions {
        (*self.write.connect_options()).clone()
    }

    /// Closes the pools, after the running statements.
    pub async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
        self.place.close().await;
    }
}

/// Notifies the other instances, once the transaction is committed. On SQLite they look by themselves.
///
/// # Errors
/// [`Error::Unavailable`]
pub(crate) async fn notify(tx: &mut Tx, channel: &str, payload: &str) -> Result<()> {
    Ok(engine::notify(tx, channel, payload).await?)
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error as E;
        // Every reference leads to a user, or to what belongs to users. The caller has read it a moment ago, and it has been
        // deleted since, with every session.
        if let E::Database(cause) = &error
            && cause.is_foreign_key_violation()
        {
            tracing::warn!(error = %chain(&error), "a row would have referred to something that has just been deleted");
            return Self::NotSignedIn;
        }
        let unavailable = match &error {
            // No connection, or a broken one.
            E::PoolTimedOut | E::PoolClosed | E::WorkerCrashed | E::Io(_) | E::Tls(_) | E::Protocol(_) => {
                true
            }
            // The connection's state is not what it seemed. It is closed, and the next one is fine.
            E::BeginFailed | E::InvalidSavePointStatement => true,
            E::Database(cause) => cause.code().is_some_and(|code| is_unavailable(&code)),
            // Our error: a query, a type or a row that does not match the code.
            _ => false,
        };
        if unavailable {
            Self::Unavailable(error)
        } else {
            Self::internal(error)
        }
    }
}

/// tower-sessions' store for the engine.
pub(crate) fn session_store(access: Access<'_>) -> Arc<engine::SessionStore> {
    engine::session_store(access.pool())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_in_an_unknown_state_is_the_databases_trouble() {
        for error in [
            sqlx::Error::BeginFailed,
            sqlx::Error::InvalidSavePointStatement,
            sqlx::Error::Protocol("cut off".to_owned()),
        ] {
            assert!(matches!(Error::from(error), Error::Unavailable(_)));
        }
        assert!(matches!(
            Error::from(sqlx::Error::RowNotFound),
            Error::Internal(_)
        ));
    }
}
