//! Whether the marks in memory are complete, as requests ask it.

use std::{
    error::Error as StdError,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::Notify;

use crate::error::chain;

/// How long after a proof an instance trusts its marks: the most by which a revocation can be late.
pub(super) const BOUND: Duration = Duration::from_secs(2);

/// Whether the marks in memory are complete, as requests ask it.
#[derive(Debug)]
pub(super) struct Trust {
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
    pub(super) first: Notify,
}

/// A moment on both clocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) monotonic: Instant,
    wall: u64,
}

impl Moment {
    pub(super) fn now() -> Self {
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
    pub(super) fn new() -> Self {
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
    pub(super) fn prove(&self, moment: Moment) {
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

    pub(super) fn age(&self, now: Moment) -> Option<Duration> {
        let proven = self.proven.load(Ordering::Acquire);
        let monotonic = now.monotonic.duration_since(self.base);
        let wall = now.wall.saturating_sub(self.proven_wall.load(Ordering::Acquire));
        (proven > 0).then(|| {
            monotonic
                .saturating_sub(Duration::from_nanos(proven))
                .max(Duration::from_millis(wall))
        })
    }

    pub(super) fn is_current(&self, now: Moment) -> bool {
        self.age(now).is_some_and(|age| age < BOUND)
    }

    /// The feed broke off; whether it had proven anything before that. What was proven holds until its bound.
    pub(super) fn broken(&self, cause: &(dyn StdError + 'static)) -> bool {
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

    pub(super) fn trouble(&self) -> MutexGuard<'_, Option<String>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
