//! The sizes of users' buckets, for administration.

use serde_json::{Map, Value};
use uuid::Uuid;
use wire::{DataSize, Timestamp};

use crate::{
    auth::Auth,
    data::AtRest as _,                               // wing:private-data
    data::private::{BUCKET, SET_AT, sealed::SEALED}, // wing:private-data
    error::{Error, Result},
};

#[derive(sqlx::FromRow)]
struct Measured {
    bucket: String,
    client_id: String,
    data: String,
    version: i64,
    updated_at: Timestamp,
}

impl Auth {
    /// The sizes of a user's buckets. Their content is not shown.
    pub(super) async fn data_sizes(&self, user_id: Uuid) -> Result<Vec<DataSize>> {
        let rows: Vec<Measured> = sqlx::query_as(
            "SELECT bucket, client_id, CAST(data AS TEXT) AS data, version, updated_at FROM user_data
             WHERE user_id = $1 ORDER BY client_id, bucket DESC",
        )
        .bind(user_id)
        .fetch_all(self.db.read())
        .await?;
        rows.into_iter()
            .map(|row| {
                // Data that cannot be parsed or opened still takes up space.
                let stored: Option<Map<String, Value>> = serde_json::from_str(&row.data).ok();
                let opened = stored.clone();
                // wing:private-data
                let opened = if row.bucket == BUCKET {
                    opened.and_then(|stored| {
                        self.buckets
                            .sealing_for(user_id, &row.client_id)
                            .open(stored)
                            .ok()
                    })
                } else {
                    opened
                };
                // end wing:private-data
                let bytes = match &opened {
                    Some(data) => serde_json::to_string(data).map_err(Error::internal)?.len(),
                    None => row.data.len(),
                };
                let keys = opened.or(stored).unwrap_or_default();
                Ok(DataSize {
                    bucket: row.bucket,
                    client_id: row.client_id,
                    bytes,
                    keys: keys
                        .keys()
                        .filter(|key| ![SET_AT, SEALED].contains(&key.as_str())) // wing:private-data
                        .count(),
                    version: row.version,
                    updated_at: row.updated_at,
                })
            })
            .collect()
    }
}
