//! Rows by the thousand and the million, in one statement each where their content does not matter.

use auth::{Clock, db::Db};
use sha2::{Digest, Sha256};
use sqlx::Connection;
use time::Duration;
use tokio::runtime::Runtime;
use tower_sessions::session::Id;
use uuid::Uuid;

use crate::clients::{CHALLENGE, CLIENT, REDIRECT}; // wing:clients
use crate::{Outcome, database::TestDatabase};

/// Sessions whose ids are known; the others are there to be in the way.
pub(crate) const KNOWN: u32 = 1000;

/// The id of the n-th known session. Their hashes are far apart.
pub(crate) fn id(n: u32) -> Id {
    Id(i128::from(n) + 1)
}

/// What differs between the engines: 16 random bytes as an id, and 32.
#[cfg(not(feature = "postgres"))] // wing:postgres
const RANDOM: (&str, &str) = ("randomblob(16)", "randomblob(32)");
#[cfg(feature = "postgres")] // wing:postgres
const RANDOM: (&str, &str) = ("gen_random_uuid()", "sha256(uuid_send(gen_random_uuid()))"); // wing:postgres

/// What an engine would do by itself in time, and does now instead of in the midst of a measurement.
#[cfg(not(feature = "postgres"))] // wing:postgres
const SETTLE: &str = "PRAGMA wal_checkpoint(TRUNCATE)";
#[cfg(feature = "postgres")] // wing:postgres
const SETTLE: &str = "VACUUM ANALYZE"; // wing:postgres

// wing:clients
const CODES_A_USER: usize = 20;

/// A code of the right form.
fn code() -> String {
    let text = format!("sac_{}{}", Uuid::now_v7().simple(), Uuid::now_v7().simple());
    let sum = Sha256::digest(&text);
    format!("{text}{:02x}{:02x}{:02x}{:02x}", sum[0], sum[1], sum[2], sum[3])
}
// end wing:clients

/// A way to write rows, beside any server.
pub(crate) struct Rows {
    runtime: Runtime,
    connection: <Db as sqlx::Database>::Connection,
}

impl Rows {
    /// Connects to a database whose tables are there.
    pub(crate) fn open(database: &TestDatabase) -> Outcome<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let connection = runtime.block_on(<Db as sqlx::Database>::Connection::connect(&database.url()))?;
        Ok(Self { runtime, connection })
    }

    /// Sessions that were just seen: known ones, each of a user of its own, and others, ten a user.
    pub(crate) fn sessions(&mut self, known: u32, others: u32) -> Outcome {
        let (uuid, hash) = RANDOM;
        let now = Clock::system().now();
        let end = now + Duration::hours(12);
        let connection = &mut self.connection;
        self.runtime.block_on(async {
            let mut tx = connection.begin().await?;
            sqlx::query(&format!(
                "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
                 INSERT INTO users (id, name, created_at, updated_at) SELECT {uuid}, 'other', $2, $2 FROM n"
            ))
            .bind(i64::from(others / 10))
            .bind(now)
            .execute(&mut *tx)
            .await?;
            if others > 0 {
                sqlx::query(&format!(
                    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10)
                     INSERT INTO sessions (id, user_id, key_hash, created_at, last_seen_at, idle_expires_at,
                                           expires_at, authenticated_at, method)
                     SELECT {uuid}, u.id, {hash}, $1, $1, $2, $2, $1, 'password' FROM users u CROSS JOIN n
                     WHERE u.name = 'other'"
                ))
                .bind(now)
                .bind(end)
                .execute(&mut *tx)
                .await?;
            }
            for n in 0..known {
                let user = Uuid::now_v7();
                sqlx::query("INSERT INTO users (id, email, created_at, updated_at) VALUES ($1, $2, $3, $3)")
                    .bind(user)
                    .bind(format!("known{n}@example.com"))
                    .bind(now)
                    .execute(&mut *tx)
                    .await?;
                sqlx::query(
                    "INSERT INTO sessions (id, user_id, key_hash, created_at, last_seen_at, idle_expires_at,
                                           expires_at, authenticated_at, method)
                     VALUES ($1, $2, $3, $4, $4, $5, $5, $4, 'password')",
                )
                .bind(Uuid::now_v7())
                .bind(user)
                .bind(Sha256::digest(id(n).0.to_le_bytes()).to_vec())
                .bind(now)
                .bind(end)
                .execute(&mut *tx)
                .await?;
            }
            tx.commit().await?;
            sqlx::query(SETTLE).execute(&mut *connection).await?;
            Ok(())
        })
    }

    /// Users with the password of the only user who has one: `person0@example.com` and so on.
    pub(crate) fn people(&mut self, number: u32) -> Outcome {
        let (uuid, _) = RANDOM;
        let connection = &mut self.connection;
        self.runtime.block_on(async {
            sqlx::query(&format!(
                "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $1)
                 INSERT INTO users (id, email, password_hash, created_at, updated_at)
                 SELECT {uuid}, 'person' || CAST(n.i AS TEXT) || '@example.com', u.password_hash,
                        u.created_at, u.updated_at
                 FROM n CROSS JOIN users u WHERE u.password_hash IS NOT NULL"
            ))
            .bind(i64::from(number))
            .execute(&mut *connection)
            .await?;
            Ok(())
        })
    }

    // wing:admin
    /// Makes somebody an administrator.
    pub(crate) fn administrator(&mut self, email: &str) -> Outcome {
        let connection = &mut self.connection;
        self.runtime.block_on(async {
            sqlx::query("UPDATE users SET role = 'admin' WHERE email = $1")
                .bind(email)
                .execute(&mut *connection)
                .await?;
            Ok(())
        })
    }
    // end wing:admin

    // wing:clients
    /// Authorization codes, all of them different: for each new user fewer than may have a session.
    pub(crate) fn codes(&mut self, number: usize) -> Outcome<Vec<String>> {
        let connection = &mut self.connection;
        self.runtime.block_on(async {
            let now = Clock::system().now();
            let mut tx = connection.begin().await?;
            let (mut codes, mut user) = (Vec::with_capacity(number), Uuid::now_v7());
            for n in 0..number {
                if n % CODES_A_USER == 0 {
                    user = Uuid::now_v7();
                    sqlx::query("INSERT INTO users (id, created_at, updated_at) VALUES ($1, $2, $2)")
                        .bind(user)
                        .bind(now)
                        .execute(&mut *tx)
                        .await?;
                }
                let code = code();
                sqlx::query(
                    "INSERT INTO authorization_codes (code_hash, client_id, user_id, redirect_uri, challenge, scope,
                                                      expires_at)
                     VALUES ($1, $2, $3, $4, $5, 'profile', $6)",
                )
                .bind(Sha256::digest(&code).to_vec())
                .bind(CLIENT)
                .bind(user)
                .bind(REDIRECT)
                .bind(CHALLENGE)
                .bind(now + Duration::hours(1))
                .execute(&mut *tx)
                .await?;
                codes.push(code);
            }
            tx.commit().await?;
            sqlx::query(SETTLE).execute(&mut *connection).await?;
            Ok(codes)
        })
    }
    // end wing:clients

    /// Marks of sessions that nobody has.
    pub(crate) fn marks(&mut self, number: u32) -> Outcome {
        let (uuid, _) = RANDOM;
        let forget_at = Clock::system().now() + Duration::minutes(7);
        let connection = &mut self.connection;
        self.runtime.block_on(async {
            sqlx::query(&format!(
                "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
                 INSERT INTO stale_sessions (session_id, min_version, forget_at) SELECT {uuid}, $2, $3 FROM n"
            ))
            .bind(i64::from(number))
            .bind(i64::MAX)
            .bind(forget_at)
            .execute(&mut *connection)
            .await?;
            sqlx::query(SETTLE).execute(&mut *connection).await?;
            Ok(())
        })
    }
}
