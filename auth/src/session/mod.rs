//! Sessions: who is signed in, known without a query and taken back at once.
//!
//! - [`layer`] recognises a request: a live snapshot answers by itself, else the authority is asked.
//! - [`snapshot`] seals and opens what a browser carries; [`stale`] voids it before its time, on every
//!   instance that the [`feed`] reaches, and on those it does not reach nothing is trusted.
//! - [`authority`] is the `sessions` table, and [`former`] the ids sessions had until a moment ago; [`store`]
//!   keeps per-session data for tower-sessions.
//! - [`RequestAuth`] is one request's way to all of it, and the only place that writes session cookies.

mod authority;
mod feed;
mod former;
mod in_use;
mod layer;
mod request;
mod snapshot;
mod stale;
mod store;
#[cfg(test)]
mod tests;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use time::{Duration, OffsetDateTime};
use uuid::Uuid;

pub use self::{
    authority::{AdminSession, LiveSession, RecentSession},
    layer::session_layer,
    request::RequestAuth,
    store::{HashedStore, IdHash},
};
pub(crate) use self::{
    authority::{Ended, Ending},
    request::Repeated,
};
use self::{
    feed::Feed,
    in_use::InUse,
    snapshot::Snapshot,
    stale::{Mark, StaleList},
};
use crate::{
    audit::NewEvent,
    clock::Clock,
    cookies::{Cookies, Keep},
    db::{self, Database, ListenAddress, Tx},
    detached::Detached,
    error::{Result, chain},
    keys::KeyRing,
    users,
};

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
    fn idle(&self, remember: bool) -> i64 {
        if remember { self.remember_idle } else { self.idle }
    }

    fn absolute(&self, remember: bool) -> i64 {
        if remember {
            self.remember_absolute
        } else {
            self.absolute
        }
    }

    /// A session is touched when its last touch is this old: at most one write a minute.
    fn touch_after(&self, remember: bool) -> i64 {
        (self.idle(remember) / 4).min(60)
    }

    /// A snapshot's life: never so long that a session could run into its idle end unseen.
    fn snapshot(&self, remember: bool) -> i64 {
        self.snapshot.min(self.idle(remember) / 2)
    }
}

/// How long a confirmation of identity counts as recent.
pub const RECENT: Duration = Duration::minutes(10);

/// Sessions a user may have at once; when another begins, the one that has not been seen for longest ends, and
/// never one that is in use while there are others.
pub const MAX_SESSIONS: usize = 20;

/// So many sessions are touched at once; more requests have no say in it while the database is busy.
const TOUCHES: usize = 64;

/// The session service. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Sessions(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    db: Database,
    store: Arc<HashedStore>,
    keys: Arc<KeyRing>,
    clock: Clock,
    cookies: Cookies,
    lifetimes: Lifetimes,
    stale: Arc<StaleList>,
    feed: Feed,
    in_use: InUse,
    /// Where sessions are touched.
    touches: Detached,
    /// Session checks a snapshot could not answer.
    authority_reads: AtomicU64,
}

/// What operators may know of the session service.
#[derive(Clone, Copy, Debug)]
pub struct SessionsStatus {
    /// Whether snapshots are trusted; else every request asks the authority.
    pub feed_is_current: bool,
    /// How long ago it was last proven that no stale mark is missing; `None`: not since the start.
    pub feed_age: Option<std::time::Duration>,
    /// Stale marks in memory.
    pub marks: usize,
    /// Session checks that asked the authority, since the start.
    pub authority_reads: u64,
}

impl Sessions {
    /// The service over a migrated database. It follows the stale feed, in a task of the present runtime,
    /// until it is dropped, at an address of its own if there is one (`LISTEN_DATABASE_URL`); no snapshot is
    /// trusted before the feed has proven that no mark is missing.
    pub async fn new(
        db: Database,
        listen: Option<&ListenAddress>,
        keys: Arc<KeyRing>,
        clock: Clock,
        cookies: Cookies,
        lifetimes: Lifetimes,
        detached: &Detached,
    ) -> Self {
        let stale = Arc::new(StaleList::new(clock.clone(), lifetimes.snapshot));
        if let Err(error) = stale.agree(&db).await {
            tracing::warn!(
                error = %chain(&error),
                "the database was not told SNAPSHOT_TTL: until it is, with the next sweep, snapshots live no longer than it knows"
            );
        }
        let feed = Feed::start(&db, listen, Arc::clone(&stale)).await;
        let store = Arc::new(HashedStore::new(db.clone()));
        Self(Arc::new(Inner {
            db,
            store,
            keys,
            clock,
            cookies,
            lifetimes,
            stale,
            feed,
            in_use: InUse::default(),
            touches: detached.apart(TOUCHES),
            authority_reads: AtomicU64::new(0),
        }))
    }

    /// How the service is doing.
    pub fn status(&self) -> SessionsStatus {
        SessionsStatus {
            feed_is_current: self.0.feed.is_current(),
            feed_age: self.0.feed.age(),
            marks: self.0.stale.len(),
            authority_reads: self.0.authority_reads.load(Ordering::Relaxed),
        }
    }

    /// Why the stale feed proves nothing at present, in the words of the error.
    pub fn feed_trouble(&self) -> Option<String> {
        self.0.feed.trouble()
    }

    /// Forgets what has expired: sessions, their data, stale marks.
    pub async fn sweep(&self) -> Result<()> {
        let (db, now) = (&self.0.db, self.0.clock.now());
        db::all([
            self.0.stale.agree(db).await,
            authority::sweep(db, now).await,
            db.sweep(store::EXPIRED, now).await.map(drop),
            db.sweep(former::EXPIRED, now).await.map(drop),
            self.0.stale.sweep(db).await,
        ])
    }

    /// Voids the snapshots of all of a user's sessions, which stay alive: what they carry has changed.
    /// To be called in the transaction that changes it.
    pub async fn refresh_snapshots(&self, tx: &mut Tx, user_id: Uuid) -> Result<()> {
        users::lock(tx, user_id).await?;
        let marks: Vec<Mark> = authority::raise_versions(tx, user_id)
            .await?
            .into_iter()
            .map(|(session_id, min_version)| Mark {
                session_id,
                min_version,
            })
            .collect();
        self.0.stale.mark(tx, &marks).await
    }

    /// Ends all of a user's sessions, whoever's request it is: gone and marked with the caller's transaction.
    pub async fn end_all(&self, tx: &mut Tx, user_id: Uuid) -> Result<()> {
        self.end(tx, Ending::All { user_id }).await.map(drop)
    }

    /// Ends what a user has beyond [`MAX_SESSIONS`] now that `new` has begun; the user is locked.
    async fn end_surplus(&self, tx: &mut Tx, new: &LiveSession) -> Result<()> {
        let user_id = new.user_id;
        let now = self.0.clock.unix();
        let mut others = authority::last_seen(tx, user_id).await?;
        others.retain(|(session_id, _)| *session_id != new.session_id);
        // A snapshot is used without a word to the authority: when one was is known here alone.
        others.sort_by_cached_key(|(session_id, last_seen)| {
            let is_in_use = self.0.in_use.is_in_use(session_id, now);
            std::cmp::Reverse((is_in_use, *last_seen, *session_id))
        });
        for (session_id, _) in others.into_iter().skip(MAX_SESSIONS - 1) {
            self.end(tx, Ending::One { user_id, session_id }).await?;
        }
        Ok(())
    }

    /// Ends sessions, in the caller's transaction and everywhere once it is committed.
    pub(crate) async fn end(&self, tx: &mut Tx, which: Ending) -> Result<Vec<Ended>> {
        self.end_each(tx, vec![which]).await
    }

    /// The same, with this event in the history of each one's user; how many.
    pub(crate) async fn end_noted(
        &self,
        tx: &mut Tx,
        which: Vec<Ending>,
        event: NewEvent<'_>,
    ) -> Result<usize> {
        let ended = self.end_each(tx, which).await?;
        let now = self.0.clock.now();
        for ended in &ended {
            let event = event.about(ended.user_id).session(ended.session_id);
            event.record(tx, now).await?;
        }
        Ok(ended.len())
    }

    /// Who ends several sessions of a user locks the user first: rows are met in any order, and of two who meet
    /// them in different ones each would hold a row the other wants next. For the same reason several users are
    /// named in the order of their ids. Ending one session, whose ever it is, needs no lock: whoever does no more than
    /// that holds nothing that others want meanwhile. Who begins another session besides locks both users before.
    async fn end_each(&self, tx: &mut Tx, which: Vec<Ending>) -> Result<Vec<Ended>> {
        for user_id in which.iter().filter_map(Ending::user) {
            users::lock(tx, user_id).await?;
        }
        let mut ended = Vec::new();
        for which in which {
            ended.append(&mut authority::delete(tx, which).await?);
        }
        let marks: Vec<Mark> = ended
            .iter()
            .map(|ended| Mark::revoked(ended.session_id))
            .collect();
        self.0.stale.mark(tx, &marks).await?;
        Ok(ended)
    }

    fn mint(&self, live: &LiveSession, id: &IdHash) -> String {
        let ttl = self
            .0
            .lifetimes
            .snapshot(live.remember)
            .min(self.0.stale.longest_life());
        Snapshot {
            session_id: live.session_id,
            user_id: live.user_id,
            email: live.email.clone(),
            email_verified: live.email_verified,
            role: live.role,
            session_expires: live.expires_at.unix_timestamp(),
            version: live.version,
            issued: live.as_of,
            expires: (live.as_of + ttl)
                .min(live.expires_at.unix_timestamp())
                .min(live.idle_expires_at.unix_timestamp()),
            id_hash: id.short(),
        }
        .seal(&self.0.keys)
    }

    /// How long the browser keeps a session's cookies.
    fn keep(&self, remember: bool, expires_at: OffsetDateTime) -> Keep {
        match remember {
            true => Keep::Seconds(expires_at.unix_timestamp() - self.0.clock.unix()),
            false => Keep::BrowserSession,
        }
    }
}
