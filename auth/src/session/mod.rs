//! Sessions: who is signed in, known without a query and taken back at once.
//!
//! - [`layer`] recognises a request: a live snapshot is enough by itself, else the authority is asked.
//! - [`snapshot`] seals and opens what a browser carries; [`stale`] voids it before its time, on every instance.
//! - [`table`] is the `sessions` table, the authority, and [`former`] the ids sessions had until a moment ago;
//!   [`records`] keeps per-session data for tower-sessions.
//! - [`RequestAuth`] is one request's way to all of it; [`cookies`] writes what the browser gets, and [`ending`] ends
//!   sessions.

mod cookies;
mod ending;
mod former;
pub(crate) mod id;
mod in_use;
mod layer;
mod lifetimes;
mod live;
mod records;
mod request;
mod snapshot;
mod stale;
pub(crate) mod table;
#[cfg(test)]
mod tests;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use uuid::Uuid;

pub use self::{
    id::IdHash,
    layer::session_layer,
    lifetimes::Lifetimes,
    live::{LiveSession, RecentSession},
    request::RequestAuth,
};
use self::{in_use::InUse, records::HashedStore, stale::Feed};
pub(crate) use self::{request::Repeated, stale::Marks, table::Ending};
use crate::{
    clock::Clock,
    cookies::Cookies,
    db::{self, Database, ListenAddress, Tx},
    detached::Detached,
    error::{Result, chain},
    keys::KeyRing,
};

/// The most sessions that are touched at once; further requests have no say in it while the database is busy.
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
    marks: Marks,
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
        let marks = Marks::new(clock.clone(), lifetimes.snapshot);
        if let Err(error) = marks.agree(&db).await {
            tracing::warn!(
                error = %chain(&error),
                "the database was not told SNAPSHOT_TTL: until it is, with the next sweep, snapshots live no longer than it knows"
            );
        }
        let feed = Feed::start(&db, listen, marks.clone()).await;
        let store = Arc::new(HashedStore::new(db.clone()));
        Self(Arc::new(Inner {
            db,
            store,
            keys,
            clock,
            cookies,
            lifetimes,
            marks,
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
            marks: self.0.marks.len(),
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
            self.0.marks.agree(db).await,
            table::sweep(db, now).await,
            db.sweep(records::EXPIRED, now).await.map(drop),
            db.sweep(former::EXPIRED, now).await.map(drop),
            self.0.marks.sweep(db).await,
        ])
    }

    /// Ends all of a user's sessions: gone and marked with the caller's transaction.
    pub async fn end_all(&self, tx: &mut Tx, user_id: Uuid) -> Result<()> {
        self.0.marks.end_all(tx, user_id).await
    }

    /// Voids the snapshots of all of a user's sessions, see [`Marks::refresh_snapshots`].
    pub async fn refresh_snapshots(&self, tx: &mut Tx, user_id: Uuid) -> Result<()> {
        self.0.marks.refresh_snapshots(tx, user_id).await
    }

    /// What ends sessions.
    pub(crate) fn marks(&self) -> &Marks {
        &self.0.marks
    }
}
