//! How long sessions and snapshots live.

/// How long sessions and snapshots live, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// A snapshot: `SNAPSHOT_TTL`.
    pub snapshot: i64,
    /// Without activity: `SESSION_IDLE`.
    pub idle: i64,
    /// At all: `SESSION_ABSOLUTE`.
    pub absolute: i64,
    /// Without activity, with "keep me signed in": `SESSION_REMEMBER_IDLE`.
    pub remember_idle: i64,
    /// At all, with "keep me signed in": `SESSION_REMEMBER_ABSOLUTE`.
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

    /// A session is touched when its last touch is this old: at most one write a minute.
    pub(super) fn touch_after(&self, remember: bool) -> i64 {
        (self.idle(remember) / 4).min(60)
    }

    /// A snapshot's life: never so long that a session could pass its idle end unseen.
    pub(super) fn snapshot(&self, remember: bool) -> i64 {
        self.snapshot.min(self.idle(remember) / 2)
    }
}
