//! PostgreSQL: a server, many instances.

mod address;

use std::{fmt, sync::Arc, time::Duration};

use sqlx::{
    ConnectOptions, Connection, Executor, Postgres,
    error::DatabaseError,
    migrate::{MigrateError, Migrator},
    postgres::{PgConnectOptions, PgPoolOptions},
};
pub(super) use tower_sessions_sqlx_store::PostgresStore as SessionStore;

use super::opening::{LOCK_WAIT, OpenError, POOL_WAIT};
use crate::clock::Clock; // wing:admin,clients,mail

/// The engine.
pub type Db = Postgres;
/// A pool of connections to the engine.
pub type Pool = sqlx::Pool<Db>;
/// A transaction; dropped without commit, it is rolled back.
pub type Tx = sqlx::Transaction<'static, Db>;

/// There is no default: a server's address cannot be guessed.
pub(crate) const DEFAULT_URL: Option<&str> = None;

/// The number of connections of one instance, in addition to the stale feed's own. A statement takes a fraction of
/// a millisecond, so with more connections statements would wait in the server rather than here.
const CONNECTIONS: u32 = 10;

/// How long a transaction may be idle: between two of our statements there is hardly any work.
const IDLE_IN_TRANSACTION: Duration = Duration::from_secs(10);

/// A prepared statement already exists, or does not exist.
const MIXED_UP: [&str; 2] = ["42P05", "26000"];

/// There is no such table.
const UNDEFINED_TABLE: &str = "42P01";

/// Skips rows that another transaction has locked.
pub(super) const SKIP_LOCKED: &str = " FOR UPDATE SKIP LOCKED";

// wing:data-rights
/// Nothing to do: autovacuum removes what is deleted.
#[expect(clippy::unused_async, reason = "SQLite has to do it")]
pub(super) async fn settle(_: &Pool) -> Result<bool, sqlx::Error> {
    Ok(true)
}
// end wing:data-rights

/// Locks the rows that were read until the transaction ends.
pub(crate) const HOLD: &str = " FOR UPDATE";

/// Locks the rows that were read until the transaction ends, shared with other readers of them.
pub(crate) const HOLD_SHARED: &str = " FOR SHARE";

pub(super) static MIGRATIONS: Migrator = sqlx::migrate!("../migrations/postgres");

/// Where the stale feed listens, if not where requests go.
#[derive(Clone)]
pub struct ListenAddress(PgConnectOptions);

impl ListenAddress {
    /// Parses an address in the same way as `DATABASE_URL`.
    ///
    /// # Errors
    /// What is wrong, as the end of a sentence, without repeating the address.
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        check_url(url)?;
        address::read(url)
            .map(Self)
            .map_err(|error| format!("cannot be read: {error}"))
    }

    pub(crate) fn connect_options(&self) -> PgConnectOptions {
        self.0.clone()
    }
}

/// The address may contain a password.
impl fmt::Debug for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListenAddress").finish_non_exhaustive()
    }
}

/// What is wrong with a `DATABASE_URL`, without repeating it: it may contain a password.
pub(crate) fn check_url(url: &str) -> Result<(), String> {
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        Ok(())
    } else {
        Err("must be postgres://USER:PASSWORD@HOST/DATABASE".to_owned())
    }
}

/// Where the database lies is up to the server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place;

impl Place {
    /// There is nothing to check.
    #[expect(
        clippy::unused_self,
        clippy::unnecessary_wraps,
        reason = "SQLite's can fail: its file may have been moved"
    )]
    pub(super) fn check(self) -> Result<(), sqlx::Error> {
        Ok(())
    }

    /// There is nothing to close.
    pub(super) async fn close(self) {}
}

/// Nothing to do: a database is created by whoever runs the server.
#[expect(clippy::unnecessary_wraps, reason = "SQLite's can fail")]
pub(super) fn create(_: &str) -> Result<(), OpenError> {
    Ok(())
}

/// Connects to the server.
pub(super) async fn open(url: &str) -> Result<(Pool, Pool, Place), OpenError> {
    let options = address::read(url).map_err(OpenError::Url)?;
    // Not as a start-up option, which PgBouncer would refuse. It includes the wait for locks. If a client begins a
    // transaction and then goes silent (a process that was stopped, a connection abandoned halfway), it holds its
    // locks no longer than any request waits for a response.
    let limit = format!(
        "SET statement_timeout = {}; SET idle_in_transaction_session_timeout = {}",
        LOCK_WAIT.as_millis(),
        IDLE_IN_TRANSACTION.as_millis()
    );
    let pool = PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(POOL_WAIT)
        .after_connect(move |connection, _| {
            let limit = limit.clone();
            Box::pin(async move { connection.execute(limit.as_str()).await.map(drop) })
        })
        .connect_with(options)
        .await
        .map_err(OpenError::Open)?;
    Ok((pool.clone(), pool, Place))
}

/// sqlx takes an advisory lock meanwhile: of several instances that start at once, one migrates. It uses a
/// connection of its own, since waiting for the others, or building an index, may take long.
pub(super) async fn migrate(pool: &Pool) -> Result<(), MigrateError> {
    let mut connection = sqlx::PgConnection::connect_with(&pool.connect_options()).await?;
    MIGRATIONS.run(&mut connection).await?;
    Ok(connection.close().await?)
}

/// READ COMMITTED: no transaction fails only because another ran beside it.
pub(super) async fn begin(pool: &Pool) -> Result<Tx, sqlx::Error> {
    pool.begin().await
}

/// An advisory lock, until the transaction ends. It has two keys: those with one are sqlx's, for migrations.
pub(super) async fn hold(tx: &mut Tx) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT pg_advisory_xact_lock(1, 0)")
        .execute(&mut **tx)
        .await
        .map(drop)
}

pub(super) async fn notify(tx: &mut Tx, channel: &str, payload: &str) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT pg_notify($1, $2)")
        .bind(channel)
        .bind(payload)
        .execute(&mut **tx)
        .await
        .map(drop)
}

// wing:admin,clients,mail
pub(super) async fn agree_on_time(pool: &Pool, clock: &Clock) -> Result<(), sqlx::Error> {
    let asked = std::time::Instant::now();
    let server_time = sqlx::query_scalar("SELECT clock_timestamp()")
        .fetch_one(pool)
        .await?;
    clock.agree(server_time, asked.elapsed());
    Ok(())
}
// end wing:admin,clients,mail

/// Limits how long statements of this transaction take, including their waits for locks of others.
pub(super) async fn hurry(tx: &mut Tx, left: Duration) -> Result<(), sqlx::Error> {
    // 0 would mean no limit.
    let limit = format!("SET LOCAL statement_timeout = {}", left.as_millis().max(1));
    tx.execute(limit.as_str()).await.map(drop)
}

/// Two connections each prepare a statement under the same name, and use it in turns.
pub(super) async fn keeps_statements(pool: &Pool) -> Result<bool, sqlx::Error> {
    let options = pool.connect_options();
    let mut first = options.connect().await?;
    let mut second = options.connect().await?;
    for _ in 0..3 {
        for (connection, query, answer) in [(&mut first, "SELECT 1", 1), (&mut second, "SELECT 2", 2)] {
            match sqlx::query_scalar::<_, i32>(query).fetch_one(connection).await {
                Ok(found) if found == answer => {}
                Ok(_) => return Ok(false),
                Err(sqlx::Error::Database(error))
                    if error.code().is_some_and(|code| MIXED_UP.contains(&&*code)) =>
                {
                    return Ok(false);
                }
                Err(error) => return Err(error),
            }
        }
    }
    first.close().await?;
    second.close().await?;
    Ok(true)
}

/// Whether a statement names a table that is not there.
pub(super) fn is_missing_table(error: &dyn DatabaseError) -> bool {
    error.code().is_some_and(|code| code == UNDEFINED_TABLE)
}

/// Whether an error is the database's fault rather than ours: the same statement succeeds once the problem has
/// passed or an operator has fixed it. Covers all classes of SQLSTATE (appendix A of PostgreSQL's manual).
pub(crate) fn is_unavailable(code: &str) -> bool {
    match code.get(..2).unwrap_or_default() {
        // Connection exception; also what a pooler reports when its server is gone.
        "08" => true,
        // Invalid transaction state: a read-only server (a standby, or one that was switched over), or a
        // transaction that was ended for taking too long. The others are statements out of place.
        "25" => matches!(code, "25006" | "25P03" | "25P04"),
        // Invalid authorisation, no such database: the account or the database is not as configured.
        "28" | "3D" => true,
        // Transaction rollback: another transaction won, or the outcome is unknown. Not for a constraint checked at
        // the commit, which would fail again.
        "40" => code != "40002",
        // Insufficient privilege, from a class that is otherwise about wrong statements.
        "42" => code == "42501",
        // Insufficient resources: disk, memory, connections.
        "53" => true,
        // Not in the required state: a lock not granted in time, an object in use, a database that accepts no
        // connections. Not for a parameter or a value that cannot be used this way.
        "55" => matches!(code, "55000" | "55006" | "55P03"),
        // Operator intervention: shutdown, start-up, a statement that took too long.
        "57" => true,
        // System error, snapshot too old, a broken configuration file.
        "58" | "72" | "F0" => true,
        // Internal error, damaged data or index: until it is restored.
        "XX" => true,
        // 00 to 03, 09 to 0Z, 20 to 24, 26, 27, 2B to 2F, 34 to 3B, 3F, 44, 54, HV, P0: success, or a
        // statement, a value, a cursor or a function that is wrong, now and later.
        _ => false,
    }
}

/// tower-sessions' store for this engine.
pub(super) fn session_store(pool: &Pool) -> Arc<SessionStore> {
    let store = SessionStore::new(pool.clone())
        .with_schema_name("public")
        .and_then(|store| store.with_table_name("tower_sessions"))
        .expect("both names are identifiers");
    Arc::new(store)
}

#[cfg(test)]
mod tests {
    use super::is_unavailable;

    #[test]
    fn each_class_is_the_databases_trouble_or_ours() {
        for code in [
            "08006", "08P01", "25006", "25P03", "28P01", "3D000", "40001", "40003", "40P01", "42501",
            "53100", "53300", "55006", "55P03", "57014", "57P01", "57P03", "58030", "72000", "F0000",
            "XX001",
        ] {
            assert!(is_unavailable(code), "{code}");
        }
        for code in [
            "00000",
            "0A000",
            "21000",
            "22021",
            "23505",
            "25P02",
            "26000",
            "34000",
            "3F000",
            "40002",
            "42P01",
            "42601",
            "54000",
            "55P04",
            "HV000",
            "P0001",
            "",
            "5",
            "\u{e9}5000",
        ] {
            assert!(!is_unavailable(code), "{code}");
        }
    }
}
