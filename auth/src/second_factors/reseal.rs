//! A new key seals the secrets of apps anew. Otherwise users would lose their app with the old key.

use uuid::Uuid;

use super::totp;
use crate::{auth::Auth, error::Result};

/// The number of secrets read at once.
const BATCH: i64 = 100;

impl Auth {
    /// Seals with the newest key every secret of an app that is sealed with another. Afterwards the older keys may be
    /// removed from `SESSION_SECRET`. Returns the number of secrets. What no key opens stays as it is.
    ///
    /// # Errors
    /// Of the database; the secrets before the error are done.
    pub async fn reseal_factors(&self) -> Result<usize> {
        let newest = format!("%{}", self.keys.newest_ending());
        let (mut resealed, mut unopened) = (0, 0);
        let mut after = Uuid::nil();
        loop {
            let rows: Vec<(Uuid, String)> = sqlx::query_as(
                "SELECT user_id, secret FROM totp WHERE user_id > $1 AND secret NOT LIKE $2
                 ORDER BY user_id LIMIT $3",
            )
            .bind(after)
            .bind(&newest)
            .bind(BATCH)
            .fetch_all(self.db.read())
            .await?;
            let Some((last, _)) = rows.last() else { break };
            after = *last;
            for (user_id, sealed) in rows {
                let Some(secret) = totp::open(&self.keys, user_id, &sealed) else {
                    unopened += 1;
                    continue;
                };
                // Skips what has been replaced meanwhile.
                let written = sqlx::query("UPDATE totp SET secret = $3 WHERE user_id = $1 AND secret = $2")
                    .bind(user_id)
                    .bind(&sealed)
                    .bind(totp::seal(&self.keys, user_id, &secret))
                    .execute(self.db.write())
                    .await?;
                resealed += usize::try_from(written.rows_affected()).unwrap_or(0);
            }
        }
        if resealed > 0 {
            tracing::info!(rows = resealed, "sealed the secrets of apps with the newest key");
        }
        if unopened > 0 {
            tracing::error!(
                rows = unopened,
                "some secrets of apps could not be resealed: their key is no longer in SESSION_SECRET, and their users \
                 need recovery codes"
            );
        }
        Ok(resealed)
    }

    /// The number of secrets that another key than the newest has sealed.
    pub(crate) async fn factors_sealed_with_former(&self) -> Result<i64> {
        Ok(
            sqlx::query_scalar("SELECT count(*) FROM totp WHERE secret NOT LIKE $1")
                .bind(format!("%{}", self.keys.newest_ending()))
                .fetch_one(self.db.read())
                .await?,
        )
    }
}
