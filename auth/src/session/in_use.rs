//! Which sessions were in use within the last minute, as far as this instance has seen. Snapshots are used without
//! asking the authority, so it is not known anywhere else.

use hashlink::LruCache;
use parking_lot::Mutex;
use uuid::Uuid;

/// A session counts as in use for this many seconds after a request.
const MINUTE: i64 = 60;

/// The number of sessions remembered, in about eight megabytes. The least recently used one goes first.
const SESSIONS: usize = 131_072;

/// When sessions were last used, in Unix seconds.
pub(super) struct InUse(Mutex<LruCache<Uuid, i64>>);

impl Default for InUse {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(SESSIONS)))
    }
}

impl std::fmt::Debug for InUse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InUse").finish_non_exhaustive()
    }
}

impl InUse {
    /// Records a request with this session.
    pub(super) fn note(&self, session_id: Uuid, now: i64) {
        self.0.lock().insert(session_id, now);
    }

    /// Whether a request with this session came within the last minute.
    pub(super) fn is_in_use(&self, session_id: &Uuid, now: i64) -> bool {
        self.0
            .lock()
            .peek(session_id)
            .is_some_and(|used| now - used < MINUTE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_in_use_for_a_minute_after_its_last_request() {
        let (in_use, one, other) = (InUse::default(), Uuid::now_v7(), Uuid::now_v7());
        in_use.note(one, 100);
        in_use.note(one, 130);
        assert_eq!([189, 190].map(|now| in_use.is_in_use(&one, now)), [true, false]);
        assert!(!in_use.is_in_use(&other, 130));
    }
}
