//! Whether the marks in memory are complete, asked by every request.

use std::{
    error::Error as StdError,
    mem,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::error::chain;

/// How long after a proof an instance trusts its marks: the longest delay of a revocation.
pub(super) const BOUND: Duration = Duration::from_secs(2);

/// The last proof, and the last report in the log.
#[derive(Debug)]
pub(super) struct Trust {
    /// The last moment before which every committed mark is in memory; `None` before the first proof.
    proven: watch::Sender<Option<Moment>>,
    reported: Mutex<Report>,
}

/// The last report in the log.
#[derive(Debug)]
enum Report {
    Nothing,
    Current,
    /// Nothing is proven at present, for this reason.
    Silent(String),
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
        Self {
            proven: watch::Sender::new(None),
            reported: Mutex::new(Report::Nothing),
        }
    }

    /// Records that every mark committed before this moment is in memory.
    pub(super) fn prove(&self, moment: Moment) {
        self.proven.send_replace(Some(moment));
        if !matches!(self.report(Report::Current), Report::Current) {
            tracing::info!("the stale feed is current: snapshots are trusted");
        }
    }

    /// Waits for the first proof.
    pub(super) async fn first_proof(&self) {
        // This fails only without a sender, and the sender is in `self`.
        _ = self.proven.subscribe().wait_for(Option::is_some).await;
    }

    // wing:clients
    /// Calls `lapsed` each time that the marks in memory may begin to be incomplete.
    pub(super) async fn each_lapse(&self, lapsed: impl Fn()) {
        let mut proofs = self.proven.subscribe();
        loop {
            // First, so that no proof comes unnoticed after the look at the last one.
            proofs.mark_unchanged();
            if let Some(left) = self.left(Moment::now()) {
                tokio::time::sleep(left).await;
            } else {
                lapsed();
                // This fails only without a sender, and the sender is in `self`.
                _ = proofs.changed().await;
            }
        }
    }

    /// How much longer the last proof holds.
    fn left(&self, now: Moment) -> Option<Duration> {
        let left = BOUND.checked_sub(self.age(now)?)?;
        (!left.is_zero()).then_some(left)
    }
    // end wing:clients

    pub(super) fn age(&self, now: Moment) -> Option<Duration> {
        let proven = (*self.proven.borrow())?;
        let monotonic = now.monotonic.saturating_duration_since(proven.monotonic);
        let wall = Duration::from_millis(now.wall.saturating_sub(proven.wall));
        Some(monotonic.max(wall))
    }

    pub(super) fn is_current(&self, now: Moment) -> bool {
        self.age(now).is_some_and(|age| age < BOUND)
    }

    /// Reports that the feed broke. Returns whether it had proven anything since the last break. A proof stays
    /// valid until its bound.
    pub(super) fn broken(&self, cause: &(dyn StdError + 'static)) -> bool {
        let reason = cause.to_string();
        let before = self.report(Report::Silent(reason.clone()));
        match &before {
            Report::Current => tracing::warn!(
                error = %chain(cause),
                "the stale feed is silent: unless it is back within {} s, every request asks the authority",
                BOUND.as_secs()
            ),
            Report::Silent(former) if *former == reason => {
                tracing::debug!(error = %chain(cause), "the stale feed is still silent");
            }
            Report::Nothing | Report::Silent(_) => {
                tracing::warn!(error = %chain(cause), "the stale feed stays silent");
            }
        }
        matches!(before, Report::Current)
    }

    /// Why nothing is proven at present.
    pub(super) fn trouble(&self) -> Option<String> {
        match &*self.reported.lock() {
            Report::Silent(reason) => Some(reason.clone()),
            Report::Nothing | Report::Current => None,
        }
    }

    /// Replaces the last report. Returns the previous one.
    fn report(&self, report: Report) -> Report {
        mem::replace(&mut self.reported.lock(), report)
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
        // An hour of sleep, which the monotonic clock did not see.
        assert!(!trust.is_current(after(then, 5, 3_600_000)));
        // A clock that was set back proves nothing either way.
        let back = Moment {
            wall: then.wall - 3_600_000,
            ..after(then, 2000, 0)
        };
        assert!(!trust.is_current(back));
    }
}
