//! Which clients have shown that they received their latest refresh token.
//!
//! A client shows it by using the access token that came with it. Such a use is usually noticed without a query, so it is
//! written in the background, once a second, and nobody waits for it.

use std::{collections::HashMap, sync::Arc, time::Duration};

use hashlink::LruCache;
use parking_lot::Mutex;
use tokio::{sync::Notify, task::JoinHandle};
use uuid::Uuid;

use crate::{
    db::Database,
    error::{Result, chain},
};

/// The time between two writes.
const PERIOD: Duration = Duration::from_secs(1);
/// The number of sessions remembered as written, in about eight megabytes. One that was forgotten is written again.
const KNOWN: usize = 131_072;

/// Notes uses, and writes them until it is dropped.
pub(crate) struct Confirmations {
    inner: Arc<Inner>,
    task: JoinHandle<()>,
}

impl Drop for Confirmations {
    fn drop(&mut self) {
        self.task.abort();
    }
}

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
    /// Starts to write in the background.
    pub(super) fn start(db: Database) -> Self {
        let inner = Arc::new(Inner {
            known: Mutex::new(LruCache::new(KNOWN)),
            waiting: Mutex::default(),
            has_waiting: Notify::new(),
        });
        let writer = Arc::clone(&inner);
        let task = tokio::spawn(async move {
            loop {
                writer.has_waiting.notified().await;
                if let Err(error) = writer.write(&db).await {
                    tracing::warn!(error = %chain(&error), "uses of refresh tokens were not recorded");
                    writer.has_waiting.notify_one();
                }
                tokio::time::sleep(PERIOD).await;
            }
        });
        Self { inner, task }
    }

    /// Notes a use of an access token that came with this refresh token.
    pub(super) fn note(&self, session_id: Uuid, generation: i64) {
        self.inner.note(session_id, generation);
    }

    /// Writes what is waiting for one session: the caller has asked the authority, and can wait. If the caller goes away
    /// meanwhile, it is written in the background.
    pub(super) async fn settle(&self, db: &Database, session_id: Uuid) -> Result<()> {
        let waiting = self.inner.waiting.lock().get(&session_id).copied();
        match waiting {
            Some(generation) => self.inner.confirm(db, session_id, generation).await,
            None => Ok(()),
        }
    }

    /// Writes all that is waiting. What cannot be written waits on.
    pub(crate) async fn write(&self, db: &Database) -> Result<()> {
        self.inner.write(db).await
    }
}

impl Inner {
    /// Of a session's first token there is nothing to confirm.
    fn note(&self, session_id: Uuid, generation: i64) {
        if generation == 0 || !self.is_news(session_id, generation) {
            return;
        }
        self.waiting.lock().insert(session_id, generation);
        self.has_waiting.notify_one();
    }

    fn is_news(&self, session_id: Uuid, generation: i64) -> bool {
        let mut known = self.known.lock();
        let is_news = known.get(&session_id).is_none_or(|known| *known < generation);
        if is_news {
            known.insert(session_id, generation);
        }
        is_news
    }

    async fn write(&self, db: &Database) -> Result<()> {
        let waiting: Vec<(Uuid, i64)> = self.waiting.lock().iter().map(|(id, at)| (*id, *at)).collect();
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
        let mut waiting = self.waiting.lock();
        if waiting.get(&session_id) == Some(&generation) {
            waiting.remove(&session_id);
        }
        Ok(())
    }
}
