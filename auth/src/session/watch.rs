//! Following a session for as long as a connection is open: for event streams, and for WebSockets of a fork.
//!
//! While the stale feed is current, every change of a session comes as a mark, so a watch rests until a mark wakes it,
//! and then asks the authority. While the feed is not current, it asks the authority every two seconds. If the
//! authority does not respond, nothing is known, and the watch ends.

use std::{fmt, pin::Pin, sync::atomic::Ordering, time::Duration};

use http::Extensions;
use time::OffsetDateTime;
use uuid::Uuid;
use wire::{AuthSession, Scope};

use super::{live::LiveSession, request::RequestAuth, stale::Follower};
use crate::{
    clock::Deadline,
    db,
    error::{Error, Result, chain},
};

/// The most watches of one session at once, on one instance.
const MOST: usize = 10;
/// When to try again if a session has that many, in seconds. A connection that its client has lost is noticed by then.
const RETRY_AFTER: i64 = 15;
/// The time between two questions to the authority while the feed is not current.
const UNTRUSTED: Duration = Duration::from_secs(2);
/// The time between two questions while a mark voids what the authority says, because the mark's transaction has not
/// been committed yet. The feed reports the commit; this is for a feed that does not.
const UNCOMMITTED: Duration = Duration::from_millis(500);

/// Marks a request that follows a session and does nothing else. It is no activity of its user, so it does not move the
/// session's idle end: a page that is left open would otherwise keep its session alive. Put it into the extensions
/// before the session layer sees the request.
#[derive(Clone, Copy, Debug)]
pub struct SlidesNothing;

impl SlidesNothing {
    pub(super) fn applies(extensions: &Extensions) -> bool {
        extensions.get::<Self>().is_some()
    }
}

/// What happens to a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is alive, and this is what it shows: first, and when that has changed.
    Session(AuthSession),
    /// It has ended.
    Ended(End),
}

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Its user or an operator ended it, or its user was disabled.
    Revoked,
    /// Its time was over.
    Expired,
}

/// Follows one session. It moves no end of the session.
pub struct Watch {
    request: RequestAuth,
    follower: Follower,
    /// What was shown last.
    shown: AuthSession,
    /// The first of the session's two ends, as the authority last said.
    ends_at: OffsetDateTime,
    end: Deadline,
    /// When the authority is asked again even if no mark wakes this watch.
    again: Option<Deadline>,
    phase: Phase,
}

enum Phase {
    /// Nothing was shown yet.
    New,
    /// Nothing has happened since the authority was asked.
    Resting,
    /// The authority is being asked. The question goes on if the caller waits for the change in many pieces.
    Asking(Pin<Box<dyn Future<Output = Option<Standing>> + Send>>),
    Over,
}

/// What the authority says of a session.
enum Standing {
    Live(LiveSession),
    Ended(End),
}

/// Shows whose session it follows.
impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("session_id", &self.shown.session_id)
            .finish_non_exhaustive()
    }
}

impl RequestAuth {
    /// Follows this request's session, for as long as the connection stays open.
    ///
    /// # Errors
    /// [`Error::NotSignedIn`], [`Error::Unavailable`]; [`Error::TooManyAttempts`] if the session is followed by ten
    /// connections already.
    pub async fn watch(&self) -> Result<Watch> {
        let session_id = self.session().ok_or(Error::NotSignedIn)?.session_id;
        // Before the authority is asked: what it does not know yet will wake this.
        let follower = self.sessions().0.marks.wakes().follow(session_id, MOST);
        let follower = follower.ok_or(Error::TooManyAttempts {
            retry_after: RETRY_AFTER,
        })?;
        let live = self.still(Scope::Profile).await?;
        let mut watch = Watch {
            request: self.clone(),
            follower,
            shown: AuthSession::from(&live),
            ends_at: live.expires_at,
            end: self.sessions().0.clock.after(Duration::ZERO),
            again: None,
            phase: Phase::New,
        };
        watch.rest_until_after(&live);
        Ok(watch)
    }

    /// Asks the authority how this request's session stands. `None` if it does not respond, or if the session lives on
    /// with another id than the request presented.
    async fn standing(self, session_id: Uuid, ends_at: OffsetDateTime) -> Option<Standing> {
        let sessions = &self.sessions().0;
        sessions.authority_reads.fetch_add(1, Ordering::Relaxed);
        let asked = async {
            match self.still(Scope::Profile).await {
                Ok(live) => return Ok(Some(Standing::Live(live))),
                Err(Error::NotSignedIn) => {}
                Err(error) => return Err(error),
            }
            let is_revoked = sessions.marks.is_revoked(&session_id);
            if !is_revoked && self.is_late().await? {
                return Ok(None);
            }
            // Without a mark, as when the feed is not current, only the time shows it.
            let end = if !is_revoked && sessions.clock.now() >= ends_at {
                End::Expired
            } else {
                End::Revoked
            };
            Ok(Some(Standing::Ended(end)))
        };
        // The request has been answered, and with it ended the limit of its waiting.
        db::patiently(asked).await.unwrap_or_else(|error| {
            tracing::debug!(
                session = %session_id,
                error = %chain(&error),
                "a session is no longer followed: the authority does not answer"
            );
            None
        })
    }
}

impl Watch {
    /// Waits for the next change. `None` if the connection has to close without one: the authority does not respond, the
    /// server is stopping, or the browser has received another id for this session, which it has to prove with a new
    /// request. After the end, always `None`.
    ///
    /// A caller may drop the future and call this again; no change is lost.
    pub async fn next(&mut self) -> Option<Change> {
        loop {
            match &mut self.phase {
                Phase::New => {
                    self.phase = Phase::Resting;
                    return Some(Change::Session(self.shown.clone()));
                }
                Phase::Resting => {
                    let is_open = self.rest().await;
                    let request = self.request.clone();
                    self.phase = if is_open {
                        Phase::Asking(Box::pin(request.standing(self.shown.session_id, self.ends_at)))
                    } else {
                        Phase::Over
                    };
                }
                Phase::Asking(standing) => match standing.await {
                    Some(Standing::Live(live)) => {
                        self.phase = Phase::Resting;
                        self.rest_until_after(&live);
                        let session = AuthSession::from(&live);
                        if session != self.shown {
                            self.shown = session.clone();
                            return Some(Change::Session(session));
                        }
                    }
                    Some(Standing::Ended(end)) => {
                        self.phase = Phase::Over;
                        return Some(Change::Ended(end));
                    }
                    None => self.phase = Phase::Over,
                },
                Phase::Over => return None,
            }
        }
    }

    /// Waits until the authority has to be asked. Returns false if the server is stopping.
    async fn rest(&mut self) -> bool {
        let again = async {
            match &self.again {
                Some(again) => again.reached().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            is_open = self.follower.woken() => is_open,
            () = self.end.reached() => true,
            () = again => true,
        }
    }

    /// Decides from the authority's answer when it has to be asked again.
    fn rest_until_after(&mut self, live: &LiveSession) {
        let sessions = &self.request.sessions().0;
        self.ends_at = live.expires_at.min(live.idle_expires_at);
        let left = self.ends_at - sessions.clock.now();
        self.end = sessions.clock.after(left.try_into().unwrap_or_default());
        let is_committed = !sessions.marks.voids(&live.session_id, live.version);
        // If the feed stops being current after this look, it wakes every watch.
        self.again = match (is_committed, sessions.feed.is_current()) {
            (true, true) => None,
            (true, false) => Some(sessions.clock.after(UNTRUSTED)),
            (false, _) => Some(sessions.clock.after(UNCOMMITTED)),
        };
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use tokio::time::timeout;

    use super::*;
    use crate::session::tests::Scene;

    /// The most a test waits for what has to come.
    const PATIENCE: Duration = Duration::from_secs(20);

    struct Followed {
        scene: Scene,
        watch: Watch,
    }

    impl Followed {
        /// A watch that has shown its session.
        async fn new() -> Self {
            let scene = Scene::new().await;
            let headers = scene.sign_in().await;
            let request = scene.sessions.request(&headers, &Extensions::new()).await;
            let mut watch = request.unwrap().watch().await.unwrap();
            assert!(matches!(watch.next().await, Some(Change::Session(_))));
            Self { scene, watch }
        }

        async fn next(&mut self) -> Option<Change> {
            let next = timeout(PATIENCE, self.watch.next());
            next.await.expect("something happens")
        }

        fn is_current(&self) -> bool {
            self.scene.sessions.status().feed_is_current
        }

        fn asked(&self) -> u64 {
            self.scene.sessions.status().authority_reads
        }

        /// Ends the session as no code of ours does, without a mark.
        async fn delete(&self) {
            sqlx::query("DELETE FROM sessions")
                .execute(self.scene.sessions.0.db.write())
                .await
                .unwrap();
        }

        /// Waits until the authority has been asked, with nothing to tell.
        async fn asks_in_vain(&mut self) {
            let before = self.asked();
            let status = self.scene.sessions.clone();
            let asked = async {
                while status.status().authority_reads == before {
                    tokio::task::yield_now().await;
                }
            };
            tokio::select! {
                change = self.next() => panic!("{change:?}"),
                () = asked => {}
            }
            // Its answer as well.
            while matches!(self.watch.phase, Phase::Asking(_)) {
                assert_eq!(self.watch.next().now_or_never(), None);
                tokio::task::yield_now().await;
            }
        }
    }

    #[tokio::test]
    async fn at_rest_the_authority_is_not_asked() {
        let mut ada = Followed::new().await;
        for _ in 0..10 {
            ada.scene.clock.advance(time::Duration::seconds(60));
            assert_eq!(ada.watch.next().now_or_never(), None);
        }
        assert_eq!(ada.asked(), 0);
    }

    #[tokio::test]
    async fn without_a_current_feed_the_authority_is_asked_at_once_and_every_two_seconds() {
        let mut ada = Followed::new().await;
        ada.scene.sessions.0.feed.hang();
        // Until the last proof is too old, marks are complete.
        ada.asks_in_vain().await;
        assert!(!ada.is_current());
        for _ in 0..3 {
            let asked = ada.asked();
            ada.scene.clock.advance(time::Duration::seconds(1));
            assert_eq!(ada.watch.next().now_or_never(), None);
            assert_eq!(ada.asked(), asked);
            ada.scene.clock.advance(time::Duration::seconds(1));
            ada.asks_in_vain().await;
        }
        ada.delete().await;
        ada.scene.clock.advance(time::Duration::seconds(2));
        assert_eq!(ada.next().await, Some(Change::Ended(End::Revoked)));
        assert_eq!(ada.next().await, None);
    }

    #[tokio::test]
    async fn with_neither_a_feed_nor_an_authority_nothing_is_followed() {
        let mut ada = Followed::new().await;
        ada.scene.sessions.0.feed.hang();
        ada.scene.sessions.0.db.close().await;
        assert_eq!(ada.next().await, None);
        assert!(!ada.is_current(), "it ended no sooner than the last proof");
    }

    #[tokio::test]
    async fn a_session_ends_when_its_end_is_committed() {
        let mut ada = Followed::new().await;
        let sessions = ada.scene.sessions.clone();
        let mut tx = sessions.0.db.begin().await.unwrap();
        sessions.end_all(&mut tx, ada.scene.user_id).await.unwrap();
        ada.asks_in_vain().await;
        tx.commit().await.unwrap();
        assert_eq!(ada.next().await, Some(Change::Ended(End::Revoked)));
        assert_eq!(ada.next().await, None);
    }

    #[tokio::test]
    async fn without_a_feed_a_commit_is_seen_by_asking_again() {
        let mut ada = Followed::new().await;
        ada.scene.sessions.0.feed.hang();
        let sessions = ada.scene.sessions.clone();
        let mut tx = sessions.0.db.begin().await.unwrap();
        sessions.end_all(&mut tx, ada.scene.user_id).await.unwrap();
        ada.asks_in_vain().await;
        tx.commit().await.unwrap();
        ada.scene.clock.advance(time::Duration::seconds(1));
        assert_eq!(ada.next().await, Some(Change::Ended(End::Revoked)));
    }

    #[tokio::test]
    async fn an_end_that_is_rolled_back_is_none() {
        let mut ada = Followed::new().await;
        let sessions = ada.scene.sessions.clone();
        let mut tx = sessions.0.db.begin().await.unwrap();
        sessions.end_all(&mut tx, ada.scene.user_id).await.unwrap();
        ada.asks_in_vain().await;
        drop(tx);
        for _ in 0..3 {
            ada.scene.clock.advance(time::Duration::seconds(1));
            ada.asks_in_vain().await;
        }
    }

    #[tokio::test]
    async fn a_change_that_is_waited_for_in_pieces_is_not_lost() {
        let mut ada = Followed::new().await;
        let sessions = ada.scene.sessions.clone();
        let mut tx = sessions.0.db.begin().await.unwrap();
        sessions.end_all(&mut tx, ada.scene.user_id).await.unwrap();
        tx.commit().await.unwrap();
        let pieces = async {
            loop {
                match ada.watch.next().now_or_never() {
                    Some(change) => break change,
                    None => tokio::time::sleep(Duration::from_millis(1)).await,
                }
            }
        };
        let change = timeout(PATIENCE, pieces).await.expect("the authority answers");
        assert_eq!(change, Some(Change::Ended(End::Revoked)));
    }
}
