//! A safe wrapper of tower-sessions' store: ids are hashed at rest, and a save can only update.
//!
//! The sqlx store keeps ids in clear, so anyone who reads the table holds every session. Its `save` is an upsert,
//! so a request that loaded a session before it was revoked and saves it afterwards would bring it back to life.
//! This wrapper prevents both.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Map, Value}; // wing:data-rights
use sqlx::QueryBuilder;
use time::OffsetDateTime;
use tower_sessions::{
    SessionStore,
    session::{Id, Record},
    session_store::{Error as StoreError, Result as StoreResult},
};

use uuid::Uuid; // wing:data-rights
use wire::Timestamp; // wing:data-rights

use super::id::IdHash;
use crate::{
    db::{self, Database, Db, Expired, Tx},
    error::{Error, Result},
};

/// The hash, cut to the 16 bytes of the sqlx store's key.
fn store_id(id: &IdHash) -> Id {
    Id(i128::from_le_bytes(id.short()))
}

/// The sqlx store's key for a stored `key_hash`.
fn store_key(key_hash: &[u8]) -> Result<String> {
    let short = key_hash
        .first_chunk()
        .ok_or_else(|| Error::internal("a key_hash is too short"))?;
    Ok(Id(i128::from_le_bytes(*short)).to_string())
}

/// The store that tower-sessions works with.
#[derive(Clone, Debug)]
pub struct HashedStore {
    db: Database,
    read: Arc<dyn SessionStore>,
    write: Arc<dyn SessionStore>,
}

impl HashedStore {
    /// A store over the application's own table.
    pub fn new(db: Database) -> Self {
        Self {
            read: db::session_store(db.read()),
            write: db::session_store(db.write()),
            db,
        }
    }

    /// A check that the inner store does not make.
    fn in_place(&self) -> StoreResult<()> {
        self.db.in_place().map_err(|e| StoreError::Backend(e.to_string()))
    }
}

#[async_trait]
impl SessionStore for HashedStore {
    async fn create(&self, record: &mut Record) -> StoreResult<()> {
        // Not through the inner store: it opens a transaction, which must begin where no caller can be dropped in
        // the middle of it (see `Database::begin`). It also replaces a taken id by another one, which would not be
        // the hash of any id.
        let (id, data) = stored(record).map_err(|e| StoreError::Encode(e.to_string()))?;
        sqlx::query(INSERT)
            .bind(id)
            .bind(data)
            .bind(record.expiry_date)
            .execute(self.db.write())
            .await
            .map_err(|e| StoreError::Backend(e.to_string()))?;
        Ok(())
    }

    async fn save(&self, record: &Record) -> StoreResult<()> {
        let (id, data) = stored(record).map_err(|e| StoreError::Encode(e.to_string()))?;
        let saved = sqlx::query("UPDATE tower_sessions SET data = $2, expiry_date = $3 WHERE id = $1")
            .bind(id)
            .bind(data)
            .bind(record.expiry_date)
            .execute(self.db.write())
            .await
            .map_err(|e| StoreError::Backend(e.to_string()))?;
        if saved.rows_affected() == 0 {
            tracing::info!("a session ended while its data was being saved, so the data was discarded");
        }
        Ok(())
    }

    async fn load(&self, id: &Id) -> StoreResult<Option<Record>> {
        self.in_place()?;
        let stored = self.read.load(&store_id(&IdHash::of(id))).await?;
        Ok(stored.map(|record| Record { id: *id, ..record }))
    }

    async fn delete(&self, id: &Id) -> StoreResult<()> {
        self.in_place()?;
        self.write.delete(&store_id(&IdHash::of(id))).await
    }
}

const INSERT: &str = "INSERT INTO tower_sessions (id, data, expiry_date) VALUES ($1, $2, $3)";

/// A record as it is stored: the key that its id hashes to, and its bytes under that key.
fn stored(record: &Record) -> std::result::Result<(String, Vec<u8>), rmp_serde::encode::Error> {
    let id = store_id(&IdHash::of(&record.id));
    let data = rmp_serde::to_vec(&Record { id, ..record.clone() })?;
    Ok((id.to_string(), data))
}

/// Creates an empty record, in the transaction that creates the session.
pub(super) async fn insert(tx: &mut Tx, id: &Id, expires_at: OffsetDateTime) -> Result<()> {
    let record = Record {
        id: *id,
        data: Default::default(),
        expiry_date: expires_at,
    };
    let (id, data) = stored(&record).map_err(Error::internal)?;
    sqlx::query(INSERT)
        .bind(id)
        .bind(data)
        .bind(expires_at)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Gives a record another id, in the transaction that gives the session one.
pub(super) async fn rename(tx: &mut Tx, old: &IdHash, new: &IdHash) -> Result<()> {
    sqlx::query("UPDATE tower_sessions SET id = $2 WHERE id = $1")
        .bind(store_id(old).to_string())
        .bind(store_id(new).to_string())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Deletes a record, in the transaction that ends the session.
pub(super) async fn remove(tx: &mut Tx, key_hash: &[u8]) -> Result<()> {
    sqlx::query("DELETE FROM tower_sessions WHERE id = $1")
        .bind(store_key(key_hash)?)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Deletes the records of a batch of sessions, in the transaction that ends them. An invalid hash has no record.
pub(super) async fn remove_all(tx: &mut Tx, key_hashes: &[Vec<u8>]) -> Result<()> {
    let keys: Vec<String> = key_hashes
        .iter()
        .filter_map(|key_hash| store_key(key_hash).ok())
        .collect();
    if keys.is_empty() {
        return Ok(());
    }
    let mut query = QueryBuilder::<Db>::new("DELETE FROM tower_sessions WHERE id IN (");
    let mut ids = query.separated(", ");
    for key in keys {
        ids.push_bind(key);
    }
    query.push(")").build().execute(&mut **tx).await?;
    Ok(())
}

// wing:data-rights
/// What a fork keeps in the sessions of a user, with their ends, as JSON.
pub(crate) async fn data_of_sessions(db: &Database, user_id: Uuid) -> Result<Vec<Map<String, Value>>> {
    let hashes: Vec<Vec<u8>> = sqlx::query_scalar(
        "SELECT key_hash FROM sessions WHERE user_id = $1 AND kind = 'browser' ORDER BY id",
    )
    .bind(user_id)
    .fetch_all(db.read())
    .await?;
    let mut found = Vec::new();
    for hash in hashes {
        let record: Option<(Vec<u8>, OffsetDateTime)> =
            sqlx::query_as("SELECT data, expiry_date FROM tower_sessions WHERE id = $1")
                .bind(store_key(&hash)?)
                .fetch_optional(db.read())
                .await?;
        let Some((data, expiry_date)) = record else {
            continue;
        };
        let record: Record = rmp_serde::from_slice(&data).map_err(Error::internal)?;
        let data = serde_json::to_value(record.data).map_err(Error::internal)?;
        let expiry_date = Timestamp::from(expiry_date).to_string();
        found.push(Map::from_iter([
            ("data".to_owned(), data),
            ("expiry_date".to_owned(), expiry_date.into()),
        ]));
    }
    Ok(found)
}
// end wing:data-rights

/// Records without a session, which a concurrent save or an operator may have left.
pub(super) const EXPIRED: Expired = Expired {
    table: "tower_sessions",
    key: "id",
    when: "expiry_date <= $1",
};
