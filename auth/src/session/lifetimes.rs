//! How long sessions and snapshots live.

/// How long sessions and snapshots live, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// The life of a snapshot: `SNAPSHOT_TTL`.
    pub snapshot: i64,
    /// The life of a session without activity: `SESSION_IDLE`.
    pub idle: i64,
    /// The whole life of a session: `SESSION_ABSOLUTE`.
    pub absolute: i64,
    /// The life without activity, with "keep me signed in": `SESSION_REMEMBER_IDLE`.
    pub remember_idle: i64,
    /// The whole life, with "keep me signed in": `SESSION_REMEMBER_ABSOLUTE`.
    pub remember_absolute: i64,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            snapshot: 300,
            idle: 1800,
            absolute: 43_200,
            remember_idle: 1_209_600,
            remember_absolute: 2_592_000,
        }
    }
}

impl Lifetimes {
    pub(super) fn idle(&self, remember: bool) -> i64 {
        if remember { self.remember_idle } else { self.idle }
    }

    pub(super) fn absolute(&self, remember: bool) -> i64 {
        if remember {
            self.remember_absolute
        } else {
            self.absolute
        }
    }

    /// A session is touched once its last touch is this old: at most one write a minute.
    pub(super) fn touch_after(&self, remember: bool) -> i64 {
        (self.idle(remember) / 4).min(60)
    }

    /// The life of a snapshot, short enough that a session cannot pass its idle end unseen.
    pub(super) fn snapshot(&self, remember: bool) -> i64 {
        self.snapshot.min(self.idle(remember) / 2)
    }
}
