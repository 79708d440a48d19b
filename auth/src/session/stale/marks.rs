//! Stale marks: which snapshots are void before they expire.
//!
//! A mark voids a session's snapshots below a version. It is a row, written in the transaction that makes it true,
//! and an entry in memory, where every request looks. On the instance that writes the mark, the entry comes
//! *before* the commit: a mark too many costs one query, a mark too late would let a revoked session in. The other
//! instances learn of it through the [`feed`](super::feed).
//!
//! A mark must outlive every snapshot it voids, whichever process sealed it. That may be a server with another
//! `SNAPSHOT_TTL` during a change, or one that started after a command had found no value. So the longest
//! `SNAPSHOT_TTL` ever used is in the database. Every writer of marks uses it, and no process seals a snapshot that
//! lives longer.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use parking_lot::RwLock;
use uuid::Uuid;

use super::wakes::Wakes; // wing:clients
use crate::{
    clock::{Clock, from_unix},
    db::{self, Database, Db, Expired, HOLD_SHARED, Tx},
    error::Result,
};

/// The version that voids every snapshot of a session.
const REVOKED: i64 = i64::MAX;

/// The channel that announces marks to other instances.
pub(super) const CHANNEL: &str = "stale_sessions";

/// How much longer than the longest life of a snapshot a mark is kept: twice the accepted clock difference.
const SLACK: i64 = 120;

/// The number of rows per INSERT, and of marks per notification. The engines' limits are 32 766 parameters and 8000
/// bytes.
const BATCH: usize = 100;

const EXPIRED: Expired = Expired {
    table: "stale_sessions",
    key: "seq",
    when: "forget_at <= $1",
};

/// Snapshots of this session below this version are void.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session) struct Mark {
    pub(in crate::session) session_id: Uuid,
    pub(in crate::session) min_version: i64,
}

impl Mark {
    /// The mark that ends a session.
    pub(in crate::session) fn revoked(session_id: Uuid) -> Self {
        Self {
            session_id,
            min_version: REVOKED,
        }
    }
}

/// The text that other instances read.
impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.session_id.simple(), self.min_version)
    }
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    min_version: i64,
    forget_at: i64,
}

/// The marks in memory, and the writer of their rows: all that is needed to end sessions. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Marks(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: Clock,
    /// The longest life of a snapshot by this process's configuration, in seconds.
    ttl: i64,
    /// The longest of all processes that ever used this database, as last read by this one; 0 before the first
    /// read.
    longest: AtomicI64,
    list: RwLock<HashMap<Uuid, Entry>>,
    /// Whatever follows the sessions that marks are about.
    wakes: Wakes, // wing:clients
}

impl Marks {
    /// Starts without marks.
    pub(crate) fn new(clock: Clock, ttl: i64) -> Self {
        Self(Arc::new(Inner {
            clock,
            ttl,
            longest: AtomicI64::new(0),
            list: RwLock::default(),
            wakes: Wakes::default(), // wing:clients
        }))
    }

    // wing:postgres
    /// The clock that marks are kept by.
    #[cfg(feature = "postgres")]
    pub(in crate::session) fn clock(&self) -> &Clock {
        &self.0.clock
    }
    // end wing:postgres

    // wing:clients
    /// Whatever follows the sessions that marks are about.
    pub(in crate::session) fn wakes(&self) -> &Wakes {
        &self.0.wakes
    }

    /// Whether a mark ends this session. Its transaction may not have been committed yet.
    pub(in crate::session) fn is_revoked(&self, session_id: &Uuid) -> bool {
        self.voids(session_id, REVOKED - 1)
    }
    // end wing:clients

    /// Whether a snapshot of this version is void.
    pub(crate) fn voids(&self, session_id: &Uuid, version: i64) -> bool {
        self.0
            .list
            .read()
            .get(session_id)
            .is_some_and(|entry| version < entry.min_version)
    }

    /// Makes room for this many more marks. A list that grows by doubling leaves behind freed memory of half its
    /// size.
    pub(super) fn reserve(&self, marks: usize) {
        self.0.list.write().reserve(marks);
    }

    /// The longest life of a snapshot, in seconds, that marks are sure to outlive; 0 before the database was asked.
    pub(in crate::session) fn longest_life(&self) -> i64 {
        self.0.ttl.min(self.0.longest.load(Ordering::Acquire))
    }

    /// Reads the longest `SNAPSHOT_TTL` ever used on this database, and stores this process's there if it is
    /// longer.
    pub(in crate::session) async fn agree(&self, db: &Database) -> Result<()> {
        let longest: i64 = sqlx::query_scalar("SELECT longest FROM snapshot_ttl")
            .fetch_one(db.read())
            .await?;
        if longest < self.0.ttl {
            let mut tx = db.begin().await?;
            // Waits for transactions that write marks with the former value. The marks present afterwards are
            // complete.
            sqlx::query("UPDATE snapshot_ttl SET longest = $1 WHERE longest < $1")
                .bind(self.0.ttl)
                .execute(&mut *tx)
                .await?;
            let now = self.0.clock.unix();
            sqlx::query("UPDATE stale_sessions SET forget_at = $1 WHERE forget_at < $1 AND forget_at > $2")
                .bind(from_unix(now + self.0.ttl + SLACK))
                .bind(from_unix(now))
                .execute(&mut *tx)
                .await?;
            tx.commit().await?;
        }
        self.0
            .longest
            .fetch_max(longest.max(self.0.ttl), Ordering::AcqRel);
        Ok(())
    }

    /// Writes marks: to memory at once, to SQL and to the other instances with the transaction.
    pub(in crate::session) async fn write(&self, tx: &mut Tx, marks: &[Mark]) -> Result<()> {
        if marks.is_empty() {
            return Ok(());
        }
        for mark in marks {
            self.remember(*mark);
        }
        // Locked until the commit: no process begins to seal longer-lived snapshots before this mark is there to be
        // kept longer.
        let longest: i64 = sqlx::query_scalar(&format!("SELECT longest FROM snapshot_ttl{HOLD_SHARED}"))
            .fetch_one(&mut **tx)
            .await?;
        self.0.longest.fetch_max(longest, Ordering::AcqRel);
        let forget_at = from_unix(self.forget_at());
        for batch in marks.chunks(BATCH) {
            sqlx::QueryBuilder::<Db>::new("INSERT INTO stale_sessions (session_id, min_version, forget_at) ")
                .push_values(batch, |mut row, mark| {
                    row.push_bind(mark.session_id)
                        .push_bind(mark.min_version)
                        .push_bind(forget_at);
                })
                .build()
                .execute(&mut **tx)
                .await?;
            let said: Vec<String> = batch.iter().map(Mark::to_string).collect();
            db::notify(tx, CHANNEL, &said.join(",")).await?;
        }
        Ok(())
    }

    /// Adds a mark to memory. It is kept by this instance's own clock, whatever the writer's clock shows.
    pub(super) fn remember(&self, mark: Mark) {
        let forget_at = self.forget_at();
        let mut list = self.0.list.write();
        let entry = list.entry(mark.session_id).or_insert(Entry {
            min_version: mark.min_version,
            forget_at,
        });
        entry.min_version = entry.min_version.max(mark.min_version);
        entry.forget_at = entry.forget_at.max(forget_at);
        // Even if the mark is not new: when it was first remembered, its transaction may not have been committed.
        self.0.wakes.wake(&mark.session_id); // wing:clients
    }

    /// Deletes marks that can no longer void anything.
    pub(in crate::session) async fn sweep(&self, db: &Database) -> Result<()> {
        let now = self.0.clock.unix();
        {
            let mut list = self.0.list.write();
            list.retain(|_, entry| entry.forget_at > now);
            if list.capacity() > 4 * list.len() {
                list.shrink_to_fit();
            }
        }
        db.sweep(EXPIRED, from_unix(now)).await.map(drop)
    }

    /// The number of marks in memory.
    pub(in crate::session) fn len(&self) -> usize {
        self.0.list.read().len()
    }

    fn forget_at(&self) -> i64 {
        self.0.clock.unix() + self.0.ttl.max(self.0.longest.load(Ordering::Acquire)) + SLACK
    }
}

#[cfg(test)]
mod tests {
    use time::{Duration, OffsetDateTime};

    use super::*;

    fn mark(session_id: Uuid, min_version: i64) -> Mark {
        Mark {
            session_id,
            min_version,
        }
    }

    #[test]
    fn the_highest_mark_wins_and_equal_versions_live() {
        let list = Marks::new(Clock::manual(OffsetDateTime::UNIX_EPOCH), 300);
        let id = Uuid::from_u128(1);
        list.remember(mark(id, 3));
        list.remember(mark(id, 2));
        assert!(list.voids(&id, 2));
        assert!(!list.voids(&id, 3));
        list.remember(Mark::revoked(id));
        assert!(list.voids(&id, i64::MAX - 1));
        assert!(!list.voids(&Uuid::from_u128(2), 1));
        assert_eq!(list.len(), 1);
    }

    #[test]
    fn marks_outlive_every_snapshot_they_void() {
        // If the issuing instance's clock is ahead by the whole slack, a snapshot ends at most this long after the
        // mark.
        let longest_beyond_ttl = crate::session::snapshot::CLOCK_SLACK;
        assert!(SLACK > longest_beyond_ttl);
    }

    #[test]
    fn a_mark_is_kept_by_the_readers_clock() {
        let clock = Clock::manual(OffsetDateTime::UNIX_EPOCH);
        let list = Marks::new(clock.clone(), 300);
        list.remember(mark(Uuid::from_u128(1), 2));
        let forgotten = |list: &Marks| {
            list.0
                .list
                .read()
                .values()
                .all(|entry| entry.forget_at <= clock.unix())
        };
        clock.advance(Duration::seconds(300 + SLACK - 1));
        assert!(!forgotten(&list));
        clock.advance(Duration::seconds(1));
        assert!(forgotten(&list));
    }

    #[test]
    fn a_million_marks_fit_in_a_hundred_megabytes() {
        let list = Marks::new(Clock::manual(OffsetDateTime::UNIX_EPOCH), 300);
        for n in 0..1_000_000_u128 {
            list.remember(Mark::revoked(Uuid::from_u128(n)));
        }
        // hashbrown allocates a power of two of buckets, fills seven eighths of them, and adds a byte for each.
        let buckets = (list.0.list.read().capacity() * 8 / 7).next_power_of_two();
        let bytes = buckets * (size_of::<(Uuid, Entry)>() + 1);
        assert_eq!(list.len(), 1_000_000);
        assert!(bytes <= 100_000_000, "{bytes}");
    }
}
