//! Private data is sealed at rest.

use serde_json::{Map, Value};
use sqlx::{FromRow, Row as _, types::Json};
use uuid::Uuid;

use super::{
    Buckets,
    table::{Bucket, Owner},
};
use crate::{
    error::{Error, Result},
    keys::Purpose,
};

/// The one member of a private bucket at rest.
pub(super) const SEALED: &str = "$sealed";
/// The number of rows read at once when all are sealed anew.
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
    /// Seals with the newest key whatever another key has sealed, or none: afterwards the older ones may leave
    /// `SESSION_SECRET`. Returns the number of rows. Those that cannot be opened stay as they are.
    ///
    /// # Errors
    /// Of the database; the rows before are done.
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
            .bind(Bucket::Private)
            .bind(after.0)
            .bind(&after.1)
            .bind(&newest)
            .bind(BATCH)
            .fetch_all(self.db.read())
            .await?;
            let Some(last) = rows.last() else { break };
            after = (last.try_get("user_id")?, last.try_get("client_id")?);
            for row in &rows {
                // Each by itself: one that is no object must not keep the others from their key.
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
                let owner = Owner {
                    user_id,
                    client_id: &client_id,
                    bucket: Bucket::Private,
                };
                let Ok(data) = self.open(owner, stored) else {
                    unopened += 1;
                    continue;
                };
                // Not what was written meanwhile; and to its reader nothing has changed.
                let written = sqlx::query(
                    "UPDATE user_data SET data = $5
                     WHERE user_id = $1 AND client_id = $2 AND bucket = $3 AND version = $4",
                )
                .bind(user_id)
                .bind(&client_id)
                .bind(Bucket::Private)
                .bind(version)
                .bind(Json(self.seal(owner, data)?))
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
                "private data was left as it is: it is damaged, or sealed with keys that are not in SESSION_SECRET any more"
            );
        }
        Ok(resealed)
    }

    /// A bucket's data as it is stored.
    pub(super) fn seal(&self, owner: Owner<'_>, data: Map<String, Value>) -> Result<Map<String, Value>> {
        // Empty it says nothing, and is told from the others at a glance.
        if owner.bucket == Bucket::Public || data.is_empty() {
            return Ok(data);
        }
        let text = serde_json::to_string(&data).map_err(Error::internal)?;
        let sealed = self.keys.seal_at(Purpose::PrivateData, &owner.place(), &text);
        Ok(Map::from_iter([(SEALED.to_owned(), sealed.into())]))
    }

    /// A bucket's data as it was before it was stored.
    pub(super) fn open(&self, owner: Owner<'_>, stored: Map<String, Value>) -> Result<Map<String, Value>> {
        let sealed = match (owner.bucket, stored.get(SEALED)) {
            (Bucket::Private, Some(sealed)) => sealed.as_str().unwrap_or_default(),
            _ => return Ok(stored),
        };
        let opened = self.keys.open_at(Purpose::PrivateData, &owner.place(), sealed);
        let opened = opened.and_then(|text| serde_json::from_str(&text).ok());
        opened.ok_or(Error::Unopened(owner.user_id))
    }
}
