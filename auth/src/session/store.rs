//! tower-sessions' store, made safe: ids are hashed at rest, and a save can only update.
//!
//! The sqlx store keeps ids in clear, so that whoever reads the table holds every session; and its
//! `save` is an upsert, so that a request that loaded a session before it was revoked, and saves after,
//! brings it back to life. This wrapper is the cure for both.

use std::sync::Arc;

use async_trait::async_trait;
use sha2::{Digest, Sha256};
use sqlx::QueryBuilder;
use subtle::ConstantTimeEq;
use time::OffsetDateTime;
use tower_sessions::{
    SessionStore,
    session::{Id, Record},
    session_store::{Error as StoreError, Result as StoreResult},
};

use crate::{
    db::{self, Database, Db, Expired, Tx},
    error::{Error, Result},
};

/// The SHA-256 of a session id: what is stored in its place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct IdHash([u8; 32]);

impl std::fmt::Debug for IdHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IdHash(..)")
    }
}

impl IdHash {
    /// Hashes an id.
    pub fn of(id: &Id) -> Self {
        Self(Sha256::digest(id.0.to_le_bytes()).into())
    }

    /// The whole hash: `sessions.key_hash`.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The first 16 bytes, which bind a snapshot to its id.
    pub(super) fn short(&self) -> [u8; 16] {
        let mut short = [0; 16];
        short.copy_from_slice(&self.0[..16]);
        short
    }

    /// Whether a snapshot with this short hash was minted beside the id.
    pub(super) fn binds(&self, short: &[u8; 16]) -> bool {
        self.short().ct_eq(short).into()
    }

    /// The hash as the sqlx store's key, which is 16 bytes wide.
    fn as_store_id(&self) -> Id {
        Id(i128::from_le_bytes(self.short()))
    }

    /// The store's key for a stored `key_hash`.
    pub(super) fn store_key(key_hash: &[u8]) -> Result<String> {
        let bytes = key_hash
            .try_into()
            .map_err(|_| Error::internal("a key_hash is not 32 bytes"))?;
        Ok(Self(bytes).as_store_id().to_string())
    }
}

/// The store tower-sessions works with.
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

    /// What the inner store does not ask.
    fn in_place(&self) -> StoreResult<()> {
        self.db.in_place().map_err(|e| StoreError::Backend(e.to_string()))
    }
}

#[async_trait]
impl SessionStore for HashedStore {
    async fn create(&self, record: &mut Record) -> StoreResult<()> {
        // Not by the inner store: it opens a transaction, which must begin where no caller can leave in the
        // midst of it (see `Database::begin`), and it answers a taken id with another one, which is no id's hash.
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
            tracing::info!("a session ended while its data was being saved: nothing was kept");
        }
        Ok(())
    }

    async fn load(&self, id: &Id) -> StoreResult<Option<Record>> {
        self.in_place()?;
        let stored = self.read.load(&IdHash::of(id).as_store_id()).await?;
        Ok(stored.map(|record| Record { id: *id, ..record }))
    }

    async fn delete(&self, id: &Id) -> StoreResult<()> {
        self.in_place()?;
        self.write.delete(&IdHash::of(id).as_store_id()).await
    }
}

const INSERT: &str = "INSERT INTO tower_sessions (id, data, expiry_date) VALUES ($1, $2, $3)";

/// A record as it is stored: the key its id is hashed to, and its bytes under that key.
fn stored(record: &Record) -> std::result::Result<(String, Vec<u8>), rmp_serde::encode::Error> {
    let id = IdHash::of(&record.id).as_store_id();
    let data = rmp_serde::to_vec(&Record { id, ..record.clone() })?;
    Ok((id.to_string(), data))
}

/// Makes an empty record, in the transaction that makes the session.
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
        .bind(old.as_store_id().to_string())
        .bind(new.as_store_id().to_string())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Deletes a record, in the transaction that ends the session.
pub(super) async fn remove(tx: &mut Tx, key_hash: &[u8]) -> Result<()> {
    sqlx::query("DELETE FROM tower_sessions WHERE id = $1")
        .bind(IdHash::store_key(key_hash)?)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Deletes the records of a batch of sessions, in the transaction that ends them. A hash that is none has no record.
pub(super) async fn remove_all(tx: &mut Tx, key_hashes: &[Vec<u8>]) -> Result<()> {
    let keys: Vec<String> = key_hashes
        .iter()
        .filter_map(|key_hash| IdHash::store_key(key_hash).ok())
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

/// Records without a session: what a save in flight may have left, or an operator.
pub(super) const EXPIRED: Expired = Expired {
    table: "tower_sessions",
    key: "id",
    when: "expiry_date <= $1",
};
