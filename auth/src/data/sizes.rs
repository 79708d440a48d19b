//! How much users' buckets hold, for administration.

use serde_json::{Map, Value};
use uuid::Uuid;
use wire::{DataSize, Timestamp};

use super::{
    Buckets,
    private::SET_AT,
    sealed::SEALED,
    table::{Bucket, Owner},
};
use crate::error::{Error, Result};

#[derive(sqlx::FromRow)]
struct Measured {
    bucket: Bucket,
    client_id: String,
    data: String,
    version: i64,
    updated_at: Timestamp,
}

impl Buckets {
    /// How much a user's buckets hold; of their content nothing is told.
    pub(crate) async fn sizes(&self, user_id: Uuid) -> Result<Vec<DataSize>> {
        let rows: Vec<Measured> = sqlx::query_as(
            "SELECT bucket, client_id, CAST(data AS TEXT) AS data, version, updated_at FROM user_data
             WHERE user_id = $1 ORDER BY client_id, bucket DESC",
        )
        .bind(user_id)
        .fetch_all(self.db.read())
        .await?;
        rows.into_iter()
            .map(|row| {
                let owner = Owner {
                    user_id,
                    client_id: &row.client_id,
                    bucket: row.bucket,
                };
                // What cannot be read or opened takes its place all the same.
                let stored: Option<Map<String, Value>> = serde_json::from_str(&row.data).ok();
                let opened = stored.clone().and_then(|stored| self.open(owner, stored).ok());
                let bytes = match &opened {
                    Some(data) => serde_json::to_string(data).map_err(Error::internal)?.len(),
                    None => row.data.len(),
                };
                let keys = opened.or(stored).unwrap_or_default();
                Ok(DataSize {
                    bucket: row.bucket.name().to_owned(),
                    client_id: row.client_id,
                    bytes,
                    keys: keys
                        .keys()
                        .filter(|key| ![SET_AT, SEALED].contains(&key.as_str()))
                        .count(),
                    version: row.version,
                    updated_at: row.updated_at,
                })
            })
            .collect()
    }
}
