//! Public data: readable and writable by its owner in the browser.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    Buckets, IfMatch, InClear, Versioned,
    table::{self, Bucket},
    typed,
};
use crate::{
    error::Result,
    session::{LiveSession, Shown},
};

/// Its name in the table.
pub(crate) const BUCKET: &str = "public";

impl Buckets {
    /// The signed-in user's public data.
    pub async fn public<T: DeserializeOwned>(&self, live: &LiveSession) -> Result<Versioned<T>> {
        let row = table::read(&self.db, &Bucket::own(live.user_id(), BUCKET)).await?;
        Ok(Versioned {
            data: typed(row.data)?,
            version: row.version,
        })
    }

    /// Merges a patch (RFC 7396) into the public data: keys it does not name stay, `null` removes.
    ///
    /// # Errors
    /// [`Error::VersionMismatch`], [`Error::TooLarge`]; [`Error::InvalidInput`] for a patch that is not an object
    /// or holds a NUL; [`Error::Internal`] if the result is not a `T`.
    pub async fn update_public<T: Serialize + DeserializeOwned>(
        &self,
        live: &LiveSession,
        patch: &Value,
        if_match: &IfMatch,
    ) -> Result<Versioned<T>> {
        let bucket = Bucket::own(live.user_id(), BUCKET);
        let mut tx = self.db.begin().await?;
        let before = Shown::before(&mut tx, live.user_id()).await?;
        let (data, version) = self.merge_in(&mut tx, &bucket, &InClear, patch, if_match).await?;
        self.marks
            .refresh_unless(&mut tx, live.user_id(), &before)
            .await?;
        tx.commit().await?;
        Ok(Versioned {
            data: typed(data)?,
            version,
        })
    }

    /// Empties the public data.
    pub async fn clear_public(&self, live: &LiveSession, if_match: &IfMatch) -> Result<i64> {
        let mut tx = self.db.begin().await?;
        let before = Shown::before(&mut tx, live.user_id()).await?;
        let version = self
            .clear_in(&mut tx, &Bucket::own(live.user_id(), BUCKET), if_match)
            .await?;
        self.marks
            .refresh_unless(&mut tx, live.user_id(), &before)
            .await?;
        tx.commit().await?;
        Ok(version)
    }
}
