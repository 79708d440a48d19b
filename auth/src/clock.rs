//! The one source of time. Tests move it instead of sleeping.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use time::{Duration, OffsetDateTime};
use tokio::sync::watch;

/// Returns the time in whole seconds, in UTC.
///
/// The seconds are whole because SQLite compares times as text, and RFC 3339 text of varying precision does not
/// sort (`…00.5Z` comes before `…00Z`).
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's clock, and the number of milliseconds that the database server's clock is ahead of it. So
    /// instances on many machines share the one clock of their database, however far apart their own are.
    System(Arc<AtomicI64>),
    /// A clock for tests that stands still until it is moved, in Unix seconds.
    Manual(Arc<watch::Sender<i64>>),
}

// wing:postgres
/// A smaller difference between clocks is noise, and following it would make the time jump back and forth.
#[cfg(feature = "postgres")]
const NOTICED: i64 = 500;
// end wing:postgres

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self::System(Arc::default())
    }

    /// A clock for tests that starts at `start` and stands still.
    pub fn manual(start: OffsetDateTime) -> Self {
        Self::Manual(Arc::new(watch::Sender::new(start.unix_timestamp())))
    }

    /// Seconds since the Unix epoch.
    pub fn unix(&self) -> i64 {
        match self {
            Self::System(ahead) => (machine_millis() + ahead.load(Ordering::Relaxed)).div_euclid(1000),
            Self::Manual(seconds) => *seconds.borrow(),
        }
    }

    /// Now, in whole seconds.
    pub fn now(&self) -> OffsetDateTime {
        from_unix(self.unix())
    }

    /// Moves a manual clock. The machine's clock is not affected.
    pub fn advance(&self, by: Duration) {
        if let Self::Manual(seconds) = self {
            seconds.send_modify(|now| *now += by.whole_seconds());
        }
    }

    // wing:clients,mail
    /// The end of this much time from now. A manual clock counts whole seconds.
    pub fn after(&self, time: std::time::Duration) -> Deadline {
        match self {
            Self::System(_) => Deadline::System(tokio::time::Instant::now() + time),
            Self::Manual(seconds) => {
                let whole = i64::try_from(time.as_millis().div_ceil(1000)).unwrap_or(i64::MAX);
                Deadline::Manual(Arc::clone(seconds), self.unix().saturating_add(whole))
            }
        }
    }
    // end wing:clients,mail

    // wing:postgres
    /// Follows the database server's clock, which showed `server` at some time in the last `elapsed`. A manual
    /// clock does not follow. Returns whether this has changed the time.
    #[cfg(feature = "postgres")]
    pub(crate) fn agree(&self, server: OffsetDateTime, elapsed: std::time::Duration) -> bool {
        let Self::System(ahead) = self else { return false };
        let server = i64::try_from(server.unix_timestamp_nanos() / 1_000_000).unwrap_or_default();
        let half = i64::try_from(elapsed.as_millis() / 2).unwrap_or_default();
        let measured = server - (machine_millis() - half);
        // A difference that the round trip alone may cause is ignored.
        let noticed = (measured - ahead.load(Ordering::Relaxed)).abs() > NOTICED.max(half);
        if noticed {
            ahead.store(measured, Ordering::Relaxed);
            tracing::warn!(
                milliseconds = measured,
                "the database server's clock is ahead of this machine's: the server's clock is used"
            );
        }
        noticed
    }
    // end wing:postgres
}

// wing:clients,mail
/// The end of a time to wait. Corrections of the machine's clock do not move it.
#[derive(Clone, Debug)]
pub enum Deadline {
    /// By the machine.
    System(tokio::time::Instant),
    /// By a clock for tests, in Unix seconds.
    Manual(Arc<watch::Sender<i64>>, i64),
}

impl Deadline {
    /// Waits for it.
    pub async fn reached(&self) {
        match self {
            Self::System(instant) => tokio::time::sleep_until(*instant).await,
            Self::Manual(seconds, end) => {
                // This fails only without a sender, and the sender is in `self`.
                _ = seconds.subscribe().wait_for(|now| now >= end).await;
            }
        }
    }
}
// end wing:clients,mail

#[expect(
    clippy::disallowed_methods,
    reason = "this is the clock that all other code asks"
)]
fn machine_millis() -> i64 {
    let now = OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000;
    i64::try_from(now).unwrap_or_default()
}

/// The time this many seconds after the Unix epoch; the epoch itself for seconds outside years ±9999.
pub fn from_unix(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

// wing:postgres
#[cfg(all(test, feature = "postgres"))]
mod tests {
    use super::*;

    #[test]
    fn the_servers_clock_counts_unless_the_difference_may_be_the_journeys() {
        let clock = Clock::system();
        let machine = || from_unix(machine_millis() / 1000);
        let elapsed = std::time::Duration::from_millis;
        for minutes in [5, -5, 0] {
            assert!(clock.agree(machine() + Duration::minutes(minutes), elapsed(0)));
            let off = (clock.now() - machine()).whole_seconds() - minutes * 60;
            assert!(off.abs() <= 1, "{off} s off");
        }
        // Read at any moment of a round trip of twenty seconds, the time is the same.
        for ago in [1, 10, 18] {
            clock.agree(machine() - Duration::seconds(ago), elapsed(20_000));
            assert!((clock.now() - machine()).whole_seconds().abs() <= 1, "{ago}");
        }
        // No round trip explains a time in the future, or one before it began. The true time is at most ten seconds
        // from the middle.
        for (off, ahead) in [(9, 9..=29), (-30, -31..=-10)] {
            let clock = Clock::system();
            clock.agree(machine() + Duration::seconds(off), elapsed(20_000));
            let found = (clock.now() - machine()).whole_seconds();
            assert!(ahead.contains(&found), "{off}: {found}");
        }
    }
}
// end wing:postgres
