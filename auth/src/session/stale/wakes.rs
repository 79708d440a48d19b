//! Wakes whatever follows a session. A mark wakes the followers of its session and no others. Followers that rest cost
//! nothing.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::watch;
use uuid::Uuid;

/// The followers of all sessions, on this instance. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(in crate::session) struct Wakes(Arc<Mutex<Followed>>);

#[derive(Debug, Default)]
struct Followed {
    sessions: HashMap<Uuid, Session>,
    is_closed: bool,
}

/// A session that is followed.
#[derive(Debug)]
struct Session {
    wake: watch::Sender<()>,
    followers: usize,
}

impl Wakes {
    /// Follows a session. `None` if it has `most` followers already.
    pub(in crate::session) fn follow(&self, session_id: Uuid, most: usize) -> Option<Follower> {
        let mut followed = self.0.lock();
        let woken = if followed.is_closed {
            watch::channel(()).1
        } else {
            let session = followed.sessions.entry(session_id).or_insert_with(|| Session {
                wake: watch::Sender::new(()),
                followers: 0,
            });
            if session.followers >= most {
                return None;
            }
            session.followers += 1;
            session.wake.subscribe()
        };
        Some(Follower {
            wakes: self.clone(),
            session_id,
            woken,
        })
    }

    /// Wakes the followers of a session. A follower that is busy will see it when it rests again.
    pub(super) fn wake(&self, session_id: &Uuid) {
        if let Some(session) = self.0.lock().sessions.get(session_id) {
            session.wake.send_replace(());
        }
    }

    /// Wakes all followers, because the stale feed is not current: marks may be missing.
    pub(super) fn wake_all(&self) {
        for session in self.0.lock().sessions.values() {
            session.wake.send_replace(());
        }
    }

    /// Ends all following, for good.
    pub(in crate::session) fn close(&self) {
        let mut followed = self.0.lock();
        followed.is_closed = true;
        followed.sessions.clear();
    }
}

/// One follower of a session.
#[derive(Debug)]
pub(in crate::session) struct Follower {
    wakes: Wakes,
    session_id: Uuid,
    woken: watch::Receiver<()>,
}

impl Follower {
    /// Waits for the next wake. Returns false if all following has ended.
    pub(in crate::session) async fn woken(&mut self) -> bool {
        self.woken.changed().await.is_ok()
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let mut followed = self.wakes.0.lock();
        let Some(session) = followed.sessions.get_mut(&self.session_id) else {
            return;
        };
        session.followers -= 1;
        if session.followers == 0 {
            followed.sessions.remove(&self.session_id);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn is_woken(follower: &mut Follower) -> Option<bool> {
        follower.woken().now_or_never()
    }

    #[test]
    fn a_mark_wakes_the_followers_of_its_session_and_no_others() {
        let (wakes, one, other) = (Wakes::default(), Uuid::from_u128(1), Uuid::from_u128(2));
        let mut followers = [one, one, other].map(|id| wakes.follow(id, 2).unwrap());
        wakes.wake(&one);
        wakes.wake(&one);
        let woken = followers.each_mut().map(is_woken);
        assert_eq!(woken, [Some(true), Some(true), None]);
        assert_eq!(followers.each_mut().map(is_woken), [None; 3]);
        wakes.wake_all();
        assert_eq!(followers.each_mut().map(is_woken), [Some(true); 3]);
    }

    #[test]
    fn a_session_has_so_many_followers_and_is_forgotten_with_the_last() {
        let (wakes, one, other) = (Wakes::default(), Uuid::from_u128(1), Uuid::from_u128(2));
        let first = wakes.follow(one, 2).unwrap();
        let second = wakes.follow(one, 2).unwrap();
        assert!(wakes.follow(one, 2).is_none());
        assert!(wakes.follow(other, 2).is_some(), "another session has its own");
        drop(first);
        assert!(wakes.follow(one, 2).is_some());
        drop(second);
        assert!(wakes.0.lock().sessions.is_empty());
    }

    #[test]
    fn once_it_is_closed_nothing_is_followed_any_more() {
        let (wakes, id) = (Wakes::default(), Uuid::from_u128(1));
        let mut before = wakes.follow(id, 1).unwrap();
        wakes.close();
        let mut after = wakes.follow(id, 1).unwrap();
        assert_eq!([&mut before, &mut after].map(is_woken), [Some(false); 2]);
        drop((before, after));
        assert!(wakes.0.lock().sessions.is_empty());
    }
}
