//! The one source of time. Tests move it instead of sleeping.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use time::{Duration, OffsetDateTime};

/// Tells the time in whole seconds, in UTC.
///
/// Whole seconds because SQLite compares times as text, and RFC 3339 text of varying precision does
/// not sort (`…00.5Z` comes before `…00Z`).
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// A clock that stands still until it is moved: Unix seconds.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// A clock for tests that starts at `start` and stands still.
    pub fn manual(start: OffsetDateTime) -> Self {
        Self::Manual(Arc::new(AtomicI64::new(start.unix_timestamp())))
    }

    /// Seconds since the Unix epoch.
    #[expect(clippy::disallowed_methods, reason = "this is the clock everybody else asks")]
    pub fn unix(&self) -> i64 {
        match self {
            Self::System => OffsetDateTime::now_utc().unix_timestamp(),
            Self::Manual(seconds) => seconds.load(Ordering::Relaxed),
        }
    }

    /// Now, in whole seconds.
    pub fn now(&self) -> OffsetDateTime {
        from_unix(self.unix())
    }

    /// Moves a manual clock. The machine's clock stays where it is.
    pub fn advance(&self, by: Duration) {
        if let Self::Manual(seconds) = self {
            seconds.fetch_add(by.whole_seconds(), Ordering::Relaxed);
        }
    }
}

/// The time at so many seconds since the Unix epoch; the epoch itself for seconds outside years ±9999.
pub fn from_unix(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}
