//! Stale marks: which snapshots are void although their time is not up.
//!
//! A mark says that snapshots of a session below a version are void. It is a row, written in the
//! transaction that makes it true, and an entry in memory, where every request looks. The entry comes
//! *before* the commit: a mark too many costs one query, a mark too late would let a revoked session in.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
};

use uuid::Uuid;

use crate::{
    clock::{Clock, from_unix},
    db::{Database, Tx},
    error::Result,
};

/// The version that voids every snapshot of a session.
pub(super) const REVOKED: i64 = i64::MAX;

/// How much longer than a snapshot's life a mark is kept: twice the slack between clocks.
const SLACK: i64 = 120;

#[derive(Clone, Copy, Debug)]
struct Mark {
    min_version: i64,
    forget_at: i64,
}

/// The marks in memory.
#[derive(Debug)]
pub(super) struct StaleList {
    clock: Clock,
    /// A snapshot's longest life, seconds.
    ttl: i64,
    marks: RwLock<HashMap<Uuid, Mark>>,
}

impl StaleList {
    pub(super) fn new(clock: Clock, ttl: i64) -> Self {
        Self {
            clock,
            ttl,
            marks: RwLock::default(),
        }
    }

    /// Reads the marks of earlier processes; to be done before the first snapshot is trusted.
    pub(super) async fn load(&self, db: &Database) -> Result<()> {
        let rows: Vec<(Uuid, i64, time::OffsetDateTime)> = sqlx::query_as(
            "SELECT session_id, min_version, forget_at FROM stale_sessions WHERE forget_at > $1",
        )
        .bind(self.clock.now())
        .fetch_all(db.read())
        .await?;
        for (session_id, min_version, forget_at) in rows {
            self.remember(session_id, min_version, forget_at.unix_timestamp());
        }
        Ok(())
    }

    /// Whether a snapshot of this version is void.
    pub(super) fn voids(&self, session_id: &Uuid, version: i64) -> bool {
        let marks = self.marks.read().unwrap_or_else(PoisonError::into_inner);
        marks
            .get(session_id)
            .is_some_and(|mark| version < mark.min_version)
    }

    /// Marks a session, in memory at once and in SQL with the transaction.
    pub(super) async fn mark(&self, tx: &mut Tx, session_id: Uuid, min_version: i64) -> Result<()> {
        let forget_at = self.clock.unix() + self.ttl + SLACK;
        self.remember(session_id, min_version, forget_at);
        sqlx::query(
            "INSERT INTO stale_sessions (session_id, min_version, forget_at) VALUES ($1, $2, $3)
             ON CONFLICT (session_id) DO UPDATE SET
                 min_version = CASE WHEN excluded.min_version > stale_sessions.min_version
                               THEN excluded.min_version ELSE stale_sessions.min_version END,
                 forget_at = excluded.forget_at",
        )
        .bind(session_id)
        .bind(min_version)
        .bind(from_unix(forget_at))
        .execute(&mut **tx)
        .await?;
        Ok(())
    }

    /// Forgets marks that can void nothing any more.
    pub(super) async fn sweep(&self, db: &Database) -> Result<()> {
        let now = self.clock.unix();
        {
            let mut marks = self.marks.write().unwrap_or_else(PoisonError::into_inner);
            marks.retain(|_, mark| mark.forget_at > now);
            marks.shrink_to_fit();
        }
        sqlx::query("DELETE FROM stale_sessions WHERE forget_at <= $1")
            .bind(from_unix(now))
            .execute(db.write())
            .await?;
        Ok(())
    }

    fn remember(&self, session_id: Uuid, min_version: i64, forget_at: i64) {
        let mut marks = self.marks.write().unwrap_or_else(PoisonError::into_inner);
        let mark = marks.entry(session_id).or_insert(Mark {
            min_version,
            forget_at,
        });
        mark.min_version = mark.min_version.max(min_version);
        mark.forget_at = mark.forget_at.max(forget_at);
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;

    #[test]
    fn the_highest_mark_wins_and_equal_versions_live() {
        let list = StaleList::new(Clock::manual(OffsetDateTime::UNIX_EPOCH), 300);
        let id = Uuid::from_u128(1);
        list.remember(id, 3, 10);
        list.remember(id, 2, 20);
        assert!(list.voids(&id, 2));
        assert!(!list.voids(&id, 3));
        list.remember(id, REVOKED, 20);
        assert!(list.voids(&id, i64::MAX - 1));
        assert!(!list.voids(&Uuid::from_u128(2), 1));
    }

    #[test]
    fn marks_outlive_every_snapshot_they_void() {
        // Minted by an instance a whole slack ahead, a snapshot ends this long after the marking at most.
        let longest_beyond_ttl = super::super::snapshot::CLOCK_SLACK;
        assert!(SLACK > longest_beyond_ttl);
    }
}
