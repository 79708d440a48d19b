//! What each engine's feed works with.

use std::{error::Error as StdError, sync::Arc, time::Duration};

use futures_util::TryStreamExt;
use uuid::Uuid;

use super::{
    marks::{Mark, Marks},
    trust::{Moment, Trust},
};
use crate::db::{ConnectOptions, Database, Db};

/// How long reading the whole table may take: a million marks are read in seconds.
pub(super) const CATCH_UP_TIME: Duration = Duration::from_secs(60);

/// What breaks a feed off.
pub(super) type Broken = Box<dyn StdError + Send + Sync>;

/// Nothing failed, and nothing can be heard all the same: a pooler is in between, or somebody else's database
/// is listened to.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Deaf(pub(super) &'static str);

/// What follows the marks.
pub(super) struct Follower {
    /// How what the marks are followed on is connected to.
    pub(super) options: ConnectOptions,
    // wing:postgres
    /// How requests connect, where that is elsewhere.
    #[cfg_attr(not(feature = "postgres"), expect(dead_code, reason = "there is one file"))]
    pub(super) requests: Option<ConnectOptions>,
    // end wing:postgres
    pub(super) db: Database,
    pub(super) marks: Marks,
    pub(super) trust: Arc<Trust>,
}

impl Follower {
    /// Every mark committed before this moment is in memory, if they are marked where this is read.
    pub(super) fn prove(&self, moment: Moment) -> Result<(), Broken> {
        self.db.in_place()?;
        self.trust.prove(moment);
        Ok(())
    }

    /// Reads the marks after `seq`; the last one's.
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
