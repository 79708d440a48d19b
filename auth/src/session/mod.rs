//! Sessions: who is signed in, known without a query and revocable at once.
//!
//! - [`layer`] recognises a request: a live snapshot is enough by itself, otherwise the authority is asked.
//! - [`snapshot`] seals and opens what a browser carries; [`stale`] voids it before it expires, on every instance.
//! - [`table`] is the `sessions` table, the authority. [`former`] holds the ids that sessions had until a moment
//!   ago, and [`records`] keeps per-session data for tower-sessions.
//! - [`watch`] follows a session while a connection is open. <!-- wing:clients -->
//! - [`RequestAuth`] gives a request access to all of it. [`cookies`] writes what the browser gets, and [`ending`]
//!   ends sessions.

mod bearers; // wing:clients
mod confirmations; // wing:clients
mod cookies;
pub(crate) mod devices; // wing:second-factors
mod ending;
mod former;
mod half_way; // wing:second-factors
pub(crate) mod id;
mod in_use;
mod layer;
mod lifetimes;
mod live;
mod proof;
mod records;
mod request;
mod shown;
mod snapshot;
mod stale;
pub(crate) mod table;
#[cfg(test)]
mod tests;
mod watch; // wing:clients

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use uuid::Uuid;

use self::confirmations::Confirmations; // wing:clients
pub(crate) use self::records::data_of_sessions; // wing:data-rights
pub use self::{
    id::IdHash,
    layer::session_layer,
    lifetimes::Lifetimes,
    live::{LiveSession, RecentSession},
    proof::Lookup,
    request::RequestAuth,
    watch::{Change, End, SlidesNothing, Watch}, // wing:clients
};
use self::{in_use::InUse, records::HashedStore, stale::Feed};
pub(crate) use self::{proof::Bearer, shown::SealedShown, snapshot::is_in_time}; // wing:clients
pub(crate) use self::{
    request::Repeated,
    shown::Shown,
    stale::Marks,
    table::{ALIVE, Ending},
};
use crate::{
    audit::History,
    clock::Clock,
    cookies::Cookies,
    db::{self, Database, ListenAddress, Tx},
    detached::Detached,
    error::{Result, chain},
    keys::KeyRing,
};

/// The most sessions touched at once. While the database is busy, further requests go on without touching theirs.
const TOUCHES: usize = 64;

/// The session service. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Sessions(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    db: Database,
    store: Arc<HashedStore>,
    keys: Arc<KeyRing>,
    history: History,
    clock: Clock,
    cookies: Cookies,
    lifetimes: Lifetimes,
    marks: Marks,
    feed: Feed,
    in_use: InUse,
    confirmations: Confirmations, // wing:clients
    /// Runs the touches of sessions.
    touches: Detached,
    /// The number of session checks that a snapshot could not decide.
    authority_reads: AtomicU64,
}

/// The state of the session service, for operators.
#[derive(Clone, Copy, Debug)]
pub struct SessionsStatus {
    /// Whether snapshots are trusted; otherwise every request asks the authority.
    pub feed_is_current: bool,
    /// How long ago it was last proven that no stale mark is missing; `None` if not since the start.
    pub feed_age: Option<std::time::Duration>,
    /// The number of stale marks in memory.
    pub marks: usize,
    /// The number of session checks that asked the authority, since the start.
    pub authority_reads: u64,
}

impl Sessions {
    /// Creates the service over a migrated database. Until it is dropped it follows the stale feed in a task of the
    /// present runtime, at `LISTEN_DATABASE_URL` if that is set. No snapshot is trusted before the feed has proven
    /// that no mark is missing.
    pub(crate) async fn new(
        db: Database,
        listen: Option<&ListenAddress>,
        keys: Arc<KeyRing>,
        history: History,
        cookies: Cookies,
        lifetimes: Lifetimes,
        detached: &Detached,
    ) -> Self {
        let clock = history.clock().clone();
        let marks = Marks::new(clock.clone(), lifetimes.snapshot);
        if let Err(error) = marks.agree(&db).await {
            tracing::warn!(
                error = %chain(&error),
                "SNAPSHOT_TTL could not be stored in the database: until the next sweep stores it, snapshots live no longer than the stored value"
            );
        }
        let feed = Feed::start(&db, listen, marks.clone()).await;
        let store = Arc::new(HashedStore::new(db.clone()));
        let confirmations = Confirmations::start(db.clone()); // wing:clients
        Self(Arc::new(Inner {
            db,
            store,
            keys,
            history,
            clock,
            cookies,
            lifetimes,
            marks,
            feed,
            in_use: InUse::default(),
            confirmations, // wing:clients
            touches: detached.apart(TOUCHES),
            authority_reads: AtomicU64::new(0),
        }))
    }

    /// The state of the service.
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

    /// Deletes what has expired: sessions, their data, stale marks.
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

    /// Ends all of a user's sessions: they are deleted and marked in the caller's transaction.
    pub async fn end_all(&self, tx: &mut Tx, user_id: Uuid) -> Result<()> {
        self.0.marks.end_all(tx, user_id).await
    }

    /// Voids the snapshots of all of a user's sessions, see [`Marks::refresh_snapshots`].
    pub async fn refresh_snapshots(&self, tx: &mut Tx, user_id: Uuid) -> Result<()> {
        self.0.marks.refresh_snapshots(tx, user_id).await
    }

    // wing:clients
    /// Ends every [`Watch`], present and future, because the server is stopping.
    pub fn end_watches(&self) {
        self.0.marks.wakes().close();
    }
    // end wing:clients

    // wing:clients
    /// The audit log.
    pub(crate) fn history(&self) -> &History {
        &self.0.history
    }
    // end wing:clients

    /// The part that ends sessions.
    pub(crate) fn marks(&self) -> &Marks {
        &self.0.marks
    }
}
