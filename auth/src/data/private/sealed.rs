//! Private data is sealed at rest.

use serde_json::{Map, Value};
use sqlx::{FromRow, Row as _, types::Json};
use uuid::Uuid;

use super::{super::AtRest, BUCKET, Buckets};
use crate::{
    error::{Error, Result},
    keys::{KeyRing, Place, Purpose},
};

/// The only member of a private bucket at rest.
pub(crate) const SEALED: &str = "$sealed";
/// The number of rows read at once when all are resealed.
const BATCH: i64 = 100;

/// A private bucket as it is stored.
#[derive(FromRow)]
struct Private {
    user_id: Uuid,
    client_id: String,
    data: Json<Map<String, Value>>,
    version: i64,
}

impl Buckets {
    /// Seals with the newest key all data that is unsealed or sealed with another key. Afterwards the older keys
    /// may be removed from `SESSION_SECRET`. Returns the number of rows. Rows that cannot be opened stay as they
    /// are.
    ///
    /// # Errors
    /// Of the database; the rows before the error are done.
    pub async fn reseal(&self) -> Result<usize> {
        let newest = format!("%{}\"}}", self.keys.newest_ending());
        let (mut resealed, mut unopened) = (0, 0);
        let mut after = (Uuid::nil(), String::new());
        loop {
            let rows = sqlx::query(
                "SELECT user_id, client_id, data, version FROM user_data
                 WHERE bucket = $1 AND (user_id, client_id) > ($2, $3)
                   AND CAST(data AS TEXT) NOT LIKE $4 AND CAST(data AS TEXT) <> '{}'
                 ORDER BY user_id, client_id LIMIT $5",
            )
            .bind(BUCKET)
            .bind(after.0)
            .bind(&after.1)
            .bind(&newest)
            .bind(BATCH)
            .fetch_all(self.db.read())
            .await?;
            let Some(last) = rows.last() else { break };
            after = (last.try_get("user_id")?, last.try_get("client_id")?);
            for row in &rows {
                // Each row separately: one that is not an object must not keep the others from being resealed.
                let Ok(Private {
                    user_id,
                    client_id,
                    data: Json(stored),
                    version,
                }) = Private::from_row(row)
                else {
                    unopened += 1;
                    continue;
                };
                let sealing = self.sealing_for(user_id, &client_id);
                let Ok(data) = sealing.open(stored) else {
                    unopened += 1;
                    continue;
                };
                // Skips what was written meanwhile. The version stays, since nothing has changed for readers.
                let written = sqlx::query(
                    "UPDATE user_data SET data = $5
                     WHERE user_id = $1 AND client_id = $2 AND bucket = $3 AND version = $4",
                )
                .bind(user_id)
                .bind(&client_id)
                .bind(BUCKET)
                .bind(version)
                .bind(Json(sealing.close(data)?))
                .execute(self.db.write())
                .await?;
                resealed += usize::try_from(written.rows_affected()).unwrap_or(0);
            }
        }
        if resealed > 0 {
            tracing::info!(rows = resealed, "sealed private data with the newest key");
        }
        if unopened > 0 {
            tracing::error!(
                rows = unopened,
                "some private data could not be resealed: it is damaged, or its key is no longer in SESSION_SECRET"
            );
        }
        Ok(resealed)
    }

    /// The number of rows that another key than the newest has sealed.
    pub(crate) async fn sealed_with_former(&self) -> Result<i64> {
        Ok(sqlx::query_scalar(
            "SELECT count(*) FROM user_data
             WHERE bucket = $1 AND CAST(data AS TEXT) NOT LIKE $2 AND CAST(data AS TEXT) <> '{}'",
        )
        .bind(BUCKET)
        .bind(format!("%{}\"}}", self.keys.newest_ending()))
        .fetch_one(self.db.read())
        .await?)
    }

    /// How private data that a client keeps for a user is sealed.
    pub(crate) fn sealing_for<'a>(&'a self, user_id: Uuid, client_id: &'a str) -> Sealing<'a> {
        Sealing {
            keys: &self.keys,
            user_id,
            client_id,
        }
    }
}

/// Seals the data of one user.
pub(crate) struct Sealing<'a> {
    keys: &'a KeyRing,
    user_id: Uuid,
    /// Empty for the application itself.
    client_id: &'a str,
}

impl Sealing<'_> {
    fn place(&self) -> Place {
        let row = [
            &self.user_id.as_bytes()[..],
            self.client_id.as_bytes(),
            BUCKET.as_bytes(),
        ];
        Place::new("user_data.data", &row)
    }
}

impl AtRest for Sealing<'_> {
    fn close(&self, data: Map<String, Value>) -> Result<Map<String, Value>> {
        // An empty object reveals nothing, and stays recognisable at a glance.
        if data.is_empty() {
            return Ok(data);
        }
        let text = serde_json::to_string(&data).map_err(Error::internal)?;
        let sealed = self.keys.seal_at(Purpose::PrivateData, &self.place(), &text);
        Ok(Map::from_iter([(SEALED.to_owned(), sealed.into())]))
    }

    fn open(&self, stored: Map<String, Value>) -> Result<Map<String, Value>> {
        let Some(sealed) = stored.get(SEALED) else {
            return Ok(stored);
        };
        let sealed = sealed.as_str().unwrap_or_default();
        let opened = self.keys.open_at(Purpose::PrivateData, &self.place(), sealed);
        let opened = opened.and_then(|text| serde_json::from_str(&text).ok());
        opened.ok_or(Error::Unopened(self.user_id))
    }
}
