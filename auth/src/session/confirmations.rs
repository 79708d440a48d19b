//! Which clients have shown that they received their latest refresh token.
//!
//! A client shows it by using the access token that came with it. Such a use is usually noticed without a query, so it is
//! written in the background, once a second, and nobody waits for it.

use std::{collections::HashMap, sync::Arc, time::Duration};

use hashlink::LruCache;
use parking_lot::Mutex;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::{
    db::Database,
    error::{Result, chain},
};

/// The time between two writes.
const PERIOD: Duration = Duration::from_secs(1);
/// The number of sessions remembered as written, in about eight megabytes. One that was forgotten is written again.
const KNOWN: usize = 131_072;

/// Notes uses, and writes them. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Confirmations(Arc<Inner>);

struct Inner {
    /// The latest number of each session that is written, or about to be.
    known: Mutex<LruCache<Uuid, i64>>,
    waiting: Mutex<HashMap<Uuid, i64>>,
    has_waiting: Notify,
}

impl std::fmt::Debug for Confirmations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Confirmations").finish_non_exhaustive()
    }
}

impl Confirmations {
    /// Starts to write in the background, until it is dropped.
    pub(super) fn start(db: Database) -> Self {
        let confirmations = Self(Arc::new(Inner {
            known: Mutex::new(LruCache::new(KNOWN)),
            waiting: Mutex::default(),
            has_waiting: Notify::new(),
        }));
        let weak = Arc::downgrade(&confirmations.0);
        tokio::spawn(async move {
            while let Some(inner) = weak.upgrade() {
                let this = Self(inner);
                // Woken now and then, to see whether there still is something to write for.
                let woken = tokio::time::timeout(PERIOD, this.0.has_waiting.notified()).await;
                if woken.is_ok()
                    && let Err(error) = this.write(&db).await
                {
                    tracing::warn!(error = %chain(&error), "uses of refresh tokens were not recorded");
                    this.0.has_waiting.notify_one();
                }
                drop(this);
                tokio::time::sleep(PERIOD).await;
            }
        });
        confirmations
    }

    /// Notes a use of an access token that came with this refresh token. Of a session's first token there is nothing to
    /// confirm.
    pub(super) fn note(&self, session_id: Uuid, generation: i64) {
        if generation == 0 || !self.is_news(session_id, generation) {
            return;
        }
        self.0.waiting.lock().insert(session_id, generation);
        self.0.has_waiting.notify_one();
    }

    fn is_news(&self, session_id: Uuid, generation: i64) -> bool {
        let mut known = self.0.known.lock();
        let is_news = known.get(&session_id).is_none_or(|known| *known < generation);
        if is_news {
            known.insert(session_id, generation);
        }
        is_news
    }

    /// Writes what is waiting for one session: the caller has asked the authority, and can wait. If the caller goes away
    /// meanwhile, it is written in the background.
    pub(super) async fn settle(&self, db: &Database, session_id: Uuid) -> Result<()> {
        let waiting = self.0.waiting.lock().get(&session_id).copied();
        match waiting {
            Some(generation) => self.confirm(db, session_id, generation).await,
            None => Ok(()),
        }
    }

    /// Writes all that is waiting. What cannot be written waits on.
    pub(crate) async fn write(&self, db: &Database) -> Result<()> {
        let waiting: Vec<(Uuid, i64)> = self.0.waiting.lock().iter().map(|(id, at)| (*id, *at)).collect();
        for (session_id, generation) in waiting {
            self.confirm(db, session_id, generation).await?;
        }
        Ok(())
    }

    /// A statement for each session: one for many would lock their rows in an order of its own, and could wait for a
    /// transaction that waits for it.
    async fn confirm(&self, db: &Database, session_id: Uuid, generation: i64) -> Result<()> {
        sqlx::query(
            "UPDATE sessions SET confirmed = TRUE WHERE id = $1 AND generation = $2 AND NOT confirmed",
        )
        .bind(session_id)
        .bind(generation)
        .execute(db.write())
        .await?;
        // Only now: whoever is interrupted before leaves it waiting.
        let mut waiting = self.0.waiting.lock();
        if waiting.get(&session_id) == Some(&generation) {
            waiting.remove(&session_id);
        }
        Ok(())
    }
}
