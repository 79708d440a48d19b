//! What the feed of each engine works with.

use std::{error::Error as StdError, sync::Arc, time::Duration};

use futures_util::TryStreamExt;
use uuid::Uuid;

use super::{
    marks::{Mark, Marks},
    trust::{Moment, Trust},
};
use crate::db::{ConnectOptions, Database, Db};

/// How long reading the whole table may take. A million marks are read in seconds.
pub(super) const CATCH_UP_TIME: Duration = Duration::from_secs(60);

/// Why a feed broke.
pub(super) type Broken = Box<dyn StdError + Send + Sync>;

/// Nothing failed, and yet nothing can be heard: a pooler is in between, or the feed listens to another database.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Deaf(pub(super) &'static str);

/// Follows the marks.
pub(super) struct Follower {
    /// How to connect to where the marks are followed.
    pub(super) options: ConnectOptions,
    // wing:postgres
    /// How requests connect, if they connect elsewhere.
    #[cfg_attr(not(feature = "postgres"), expect(dead_code, reason = "there is one file"))]
    pub(super) requests: Option<ConnectOptions>,
    // end wing:postgres
    pub(super) db: Database,
    pub(super) marks: Marks,
    pub(super) trust: Arc<Trust>,
}

impl Follower {
    /// Proves that every mark committed before this moment is in memory, provided that marks are written to the
    /// database that is read here.
    pub(super) fn prove(&self, moment: Moment) -> Result<(), Broken> {
        self.db.in_place()?;
        self.trust.prove(moment);
        Ok(())
    }

    /// Reads the marks after `seq`. Returns the `seq` of the last one.
    pub(super) async fn catch_up<'c>(
        &self,
        connection: impl sqlx::Executor<'c, Database = Db>,
        seq: i64,
    ) -> Result<i64, sqlx::Error> {
        let mut rows = sqlx::query_as::<_, (i64, Uuid, i64)>(
            "SELECT seq, session_id, min_version FROM stale_sessions WHERE seq > $1 ORDER BY seq",
        )
        .bind(seq)
        .fetch(connection);
        let mut last = seq;
        while let Some((seq, session_id, min_version)) = rows.try_next().await? {
            self.marks.remember(Mark {
                session_id,
                min_version,
            });
            last = seq;
        }
        Ok(last)
    }
}
