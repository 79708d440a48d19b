//! The `user_data` table. Each bucket is a name in it.

use serde_json::{Map, Value};
use sqlx::types::Json;
use time::OffsetDateTime;
use uuid::Uuid;

use super::if_match::IfMatch;
use crate::{
    db::{Database, Tx},
    error::{Error, Result},
};

/// Which bucket it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket<'a> {
    pub(crate) user_id: Uuid,
    /// Empty for the application itself.
    pub(crate) client_id: &'a str,
    pub(crate) name: &'static str,
}

impl Bucket<'static> {
    /// One of the application's own.
    pub(super) fn own(user_id: Uuid, name: &'static str) -> Self {
        Self {
            user_id,
            client_id: "",
            name,
        }
    }
}

#[derive(sqlx::FromRow)]
struct Stored {
    data: Json<Map<String, Value>>,
    version: i64,
}

#[derive(Default)]
pub(crate) struct Row {
    pub(crate) data: Map<String, Value>,
    pub(crate) version: i64,
}

impl From<Stored> for Row {
    fn from(
        Stored {
            data: Json(data),
            version,
        }: Stored,
    ) -> Self {
        Self { data, version }
    }
}

/// A bucket as it is stored; empty if nothing was ever written.
pub(crate) async fn read(db: &Database, bucket: &Bucket<'_>) -> Result<Row> {
    let row: Option<Stored> = sqlx::query_as(
        "SELECT data, version FROM user_data WHERE user_id = $1 AND client_id = $2 AND bucket = $3",
    )
    .bind(bucket.user_id)
    .bind(bucket.client_id)
    .bind(bucket.name)
    .fetch_optional(db.read())
    .await?;
    Ok(row.map_or_else(Row::default, Row::from))
}

/// A bucket, created if missing and locked until the transaction ends: no other merge runs meanwhile.
pub(super) async fn locked(
    tx: &mut Tx,
    bucket: &Bucket<'_>,
    if_match: &IfMatch,
    now: OffsetDateTime,
) -> Result<Row> {
    let stored: Stored = sqlx::query_as(
        "INSERT INTO user_data (user_id, client_id, bucket, data, version, updated_at) VALUES ($1, $2, $3, $4, 0, $5)
         ON CONFLICT (user_id, client_id, bucket) DO UPDATE SET updated_at = user_data.updated_at
         RETURNING data, version",
    )
    .bind(bucket.user_id)
    .bind(bucket.client_id)
    .bind(bucket.name)
    .bind(Json(Map::new()))
    .bind(now)
    .fetch_one(&mut **tx)
    .await?;
    let row = Row::from(stored);
    if if_match.allows(row.version) {
        Ok(row)
    } else {
        Err(Error::VersionMismatch)
    }
}

pub(super) async fn write(
    tx: &mut Tx,
    bucket: &Bucket<'_>,
    data: &Map<String, Value>,
    version: i64,
    now: OffsetDateTime,
) -> Result<()> {
    sqlx::query(
        "UPDATE user_data SET data = $4, version = $5, updated_at = $6
         WHERE user_id = $1 AND client_id = $2 AND bucket = $3",
    )
    .bind(bucket.user_id)
    .bind(bucket.client_id)
    .bind(bucket.name)
    .bind(Json(data))
    .bind(version)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(())
}
