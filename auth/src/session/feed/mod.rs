//! The stale feed: how an instance learns of marks made elsewhere, and how it knows that it has.
//!
//! A list of marks is worth something only if nothing is missing from it. So the feed *proves*, a few times
//! a second, that every mark committed before a moment has arrived, and is trusted for [`BOUND`] from that
//! moment on. A feed that is silent for longer (its connection was cut, the database is down, this process
//! was stopped) makes the session layer ask the authority on every request: it fails closed, and signs
//! nobody out. Before it is trusted again it reads the marks from their table.
//!
//! How the proof is made is the engine's matter: see `postgres.rs` and `sqlite.rs` beside this file.

#[cfg(feature = "postgres")]
mod postgres;
#[cfg(not(feature = "postgres"))]
mod sqlite;

use std::{
    error::Error as StdError,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::TryStreamExt;
use tokio::{sync::Notify, task::JoinHandle, time};
use uuid::Uuid;

#[cfg(feature = "postgres")]
use self::postgres as engine;
#[cfg(not(feature = "postgres"))]
use self::sqlite as engine;
use super::stale::{Mark, StaleList};
use crate::{
    db::{ConnectOptions, Database, Db, ListenAddress},
    error::chain,
};
pub(super) use engine::announce;

/// How long after a proof an instance trusts its marks: the most by which a revocation can be late.
pub(super) const BOUND: Duration = Duration::from_secs(2);
/// How long reading the whole table may take: a million marks are read in seconds.
const CATCH_UP_TIME: Duration = Duration::from_secs(60);
/// After a feed broke off, before it is taken up again; doubled each time, up to [`LONGEST_RETRY`].
const RETRY: Duration = Duration::from_millis(100);
/// A hundred instances must not keep a database from coming back.
const LONGEST_RETRY: Duration = Duration::from_secs(1);
/// Where nothing will be heard however often it is tried, until somebody changes what is in between.
const LONGEST_RETRY_IF_DEAF: Duration = Duration::from_secs(60);
/// How long the start waits for the first proof, so that the first requests need not ask the authority.
const FIRST_PROOF: Duration = Duration::from_secs(2);

/// What breaks a feed off.
type Broken = Box<dyn StdError + Send + Sync>;

/// Nothing failed, and nothing can be heard all the same: a pooler is in between, or somebody else's database
/// is listened to.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Deaf(&'static str);

/// Whether the marks in memory are complete, as requests ask it.
#[derive(Debug)]
struct Trust {
    /// The moment since which the monotonic times here are counted.
    base: Instant,
    /// Nanoseconds from `base` to the last proven moment; 0 for never.
    proven: AtomicU64,
    /// The same moment on the machine's clock, milliseconds since the epoch. The monotonic clock stands
    /// still while a machine is suspended; this one does not.
    proven_wall: AtomicU64,
    /// What the log said last.
    reported: AtomicBool,
    /// Why nothing is proven at present.
    trouble: Mutex<Option<String>>,
    first: Notify,
}

/// A moment on both clocks.
#[derive(Clone, Copy, Debug)]
struct Moment {
    monotonic: Instant,
    wall: u64,
}

impl Moment {
    fn now() -> Self {
        Self {
            monotonic: Instant::now(),
            wall: wall_millis(),
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "whether a feed is silent is a matter of real time"
)]
fn wall_millis() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

impl Trust {
    fn new() -> Self {
        // Counted from an hour ago, so that 0 is never a moment.
        let base = Instant::now();
        Self {
            base: base.checked_sub(Duration::from_secs(3600)).unwrap_or(base),
            proven: AtomicU64::new(0),
            proven_wall: AtomicU64::new(0),
            reported: AtomicBool::new(false),
            trouble: Mutex::new(None),
            first: Notify::new(),
        }
    }

    /// Every mark committed before this moment is in memory.
    fn prove(&self, moment: Moment) {
        let nanos = moment.monotonic.duration_since(self.base).as_nanos();
        self.proven_wall.store(moment.wall, Ordering::Release);
        self.proven
            .store(u64::try_from(nanos).unwrap_or(u64::MAX), Ordering::Release);
        if !self.reported.swap(true, Ordering::Relaxed) {
            *self.trouble() = None;
            tracing::info!("the stale feed is current: snapshots are trusted");
        }
        self.first.notify_one();
    }

    fn age(&self, now: Moment) -> Option<Duration> {
        let proven = self.proven.load(Ordering::Acquire);
        let monotonic = now.monotonic.duration_since(self.base);
        let wall = now.wall.saturating_sub(self.proven_wall.load(Ordering::Acquire));
        (proven > 0).then(|| {
            monotonic
                .saturating_sub(Duration::from_nanos(proven))
                .max(Duration::from_millis(wall))
        })
    }

    fn is_current(&self, now: Moment) -> bool {
        self.age(now).is_some_and(|age| age < BOUND)
    }

    /// The feed broke off; whether it had proven anything before that. What was proven holds until its bound.
    fn broken(&self, cause: &(dyn StdError + 'static)) -> bool {
        let was_current = self.reported.swap(false, Ordering::Relaxed);
        let is_news = self.trouble().replace(cause.to_string()).as_deref() != Some(&*cause.to_string());
        if was_current {
            tracing::warn!(
                error = %chain(cause),
                "the stale feed is silent: unless it is back within {} s, every request asks the authority",
                BOUND.as_secs()
            );
        } else if is_news {
            tracing::warn!(error = %chain(cause), "the stale feed stays silent");
        } else {
            tracing::debug!(error = %chain(cause), "the stale feed is still silent");
        }
        was_current
    }

    fn trouble(&self) -> MutexGuard<'_, Option<String>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running feed; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Feed {
    trust: Arc<Trust>,
    task: JoinHandle<()>,
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Feed {
    /// Begins to follow the marks, and waits a moment for the first proof.
    ///
    /// Without an address of its own it listens where requests go.
    pub(super) async fn start(db: &Database, listen: Option<&ListenAddress>, list: Arc<StaleList>) -> Self {
        let trust = Arc::new(Trust::new());
        let count = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM stale_sessions");
        // A database that does not answer now will be asked for the marks themselves.
        if let Ok(marks) = count.fetch_one(db.read()).await {
            list.reserve(usize::try_from(marks).unwrap_or_default());
        }
        let follower = Follower {
            options: listen.map_or_else(|| db.connect_options(), ListenAddress::connect_options),
            requests: listen.map(|_| db.connect_options()),
            db: db.clone(),
            list,
            trust: Arc::clone(&trust),
        };
        let task = tokio::spawn(follower.run());
        if time::timeout(FIRST_PROOF, trust.first.notified()).await.is_err() {
            tracing::warn!("the stale feed is silent: every request asks the authority");
        }
        Self { trust, task }
    }

    /// Whether a snapshot that no mark voids may be trusted.
    pub(super) fn is_current(&self) -> bool {
        self.trust.is_current(Moment::now())
    }

    pub(super) fn age(&self) -> Option<Duration> {
        self.trust.age(Moment::now())
    }

    /// Why nothing is proven at present, in the words of the error.
    pub(super) fn trouble(&self) -> Option<String> {
        self.trust.trouble().clone()
    }
}

/// What follows the marks.
struct Follower {
    /// How what the marks are followed on is connected to.
    options: ConnectOptions,
    /// How requests connect, where that is elsewhere.
    #[cfg_attr(not(feature = "postgres"), expect(dead_code, reason = "there is one file"))]
    requests: Option<ConnectOptions>,
    db: Database,
    list: Arc<StaleList>,
    trust: Arc<Trust>,
}

impl Follower {
    async fn run(self) {
        let mut last = None;
        loop {
            let broken = match engine::follow(&self).await {
                Err(broken) => broken,
                Ok(never) => match never {},
            };
            if self.trust.broken(&*broken) {
                last = None;
            }
            let pause = pause_after(last, &broken);
            time::sleep(pause).await;
            last = Some(pause);
        }
    }

    /// Every mark committed before this moment is in memory, if they are marked where this is read.
    fn prove(&self, moment: Moment) -> Result<(), Broken> {
        self.db.in_place()?;
        self.trust.prove(moment);
        Ok(())
    }

    /// Reads the marks after `seq`; the last one's.
    async fn catch_up<'c>(
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
            self.list.remember(Mark {
                session_id,
                min_version,
            });
            last = seq;
        }
        Ok(last)
    }
}

/// How long to wait before the next try; `last` is for how long it was the time before, if nothing was proven
/// since.
fn pause_after(last: Option<Duration>, broken: &Broken) -> Duration {
    let longest = match broken.is::<Deaf>() {
        true => LONGEST_RETRY_IF_DEAF,
        false => LONGEST_RETRY,
    };
    last.map_or(RETRY, |last| (last * 2).min(longest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often it is tried within this time, if each try fails so.
    fn tries(within: Duration, broken: &Broken) -> usize {
        let pauses = std::iter::successors(Some(pause_after(None, broken)), |last| {
            Some(pause_after(Some(*last), broken))
        });
        let ends = pauses.scan(Duration::ZERO, |end, pause| {
            *end += pause;
            Some(*end)
        });
        ends.take_while(|end| *end < within).count()
    }

    #[test]
    fn what_comes_back_is_tried_every_second_and_what_does_not_once_a_minute() {
        let hour = Duration::from_secs(3600);
        let (lost, deaf): (Broken, Broken) = ("connection refused".into(), Deaf("a pooler").into());
        assert_eq!(
            pause_after(None, &deaf),
            RETRY,
            "once it was heard, it may have been a restart"
        );
        assert!(
            (3595..=3605).contains(&tries(hour, &lost)),
            "{}",
            tries(hour, &lost)
        );
        assert!((60..=70).contains(&tries(hour, &deaf)), "{}", tries(hour, &deaf));
        // A pooler that was taken away leaves no long pause behind.
        assert_eq!(pause_after(Some(LONGEST_RETRY_IF_DEAF), &lost), LONGEST_RETRY);
    }

    fn after(moment: Moment, monotonic: u64, wall: u64) -> Moment {
        Moment {
            monotonic: moment.monotonic + Duration::from_millis(monotonic),
            wall: moment.wall + wall,
        }
    }

    #[test]
    fn nothing_is_trusted_before_the_first_proof() {
        let trust = Trust::new();
        assert!(!trust.is_current(Moment::now()));
        assert_eq!(trust.age(Moment::now()), None);
    }

    #[test]
    fn a_proof_holds_for_the_bound_and_not_a_moment_longer() {
        let (trust, then) = (Trust::new(), Moment::now());
        trust.prove(then);
        assert!(trust.is_current(then));
        assert!(trust.is_current(after(then, 1999, 1999)));
        assert!(!trust.is_current(after(then, 2000, 2000)));
    }

    #[test]
    fn a_suspended_machine_does_not_stretch_it() {
        let (trust, then) = (Trust::new(), Moment::now());
        trust.prove(then);
        // An hour asleep: the monotonic clock did not see it.
        assert!(!trust.is_current(after(then, 5, 3_600_000)));
        // A clock that was set back proves nothing either way.
        let back = Moment {
            wall: then.wall - 3_600_000,
            ..after(then, 2000, 0)
        };
        assert!(!trust.is_current(back));
    }
}
