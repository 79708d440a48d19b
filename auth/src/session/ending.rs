//! Ending sessions: one transaction deletes their rows and writes the marks that void their snapshots.

use time::OffsetDateTime;
use uuid::Uuid;

use super::devices; // wing:second-factors
use super::table::Uncollected; // wing:clients
use super::{
    Sessions,
    live::LiveSession,
    stale::{Mark, Marks},
    table::{self, Ended, Ending},
};
use crate::ceremonies; // wing:second-factors,passkeys
use crate::{
    audit::{History, NewEvent},
    db::Tx,
    error::Result,
    users,
};

/// The most sessions a user can have at once. When another begins, the one that has not been seen for longest ends.
/// A session that is in use ends only if all of them are.
const MAX_SESSIONS: usize = 20;

impl Marks {
    /// Ends sessions: in the caller's transaction, and everywhere once it is committed.
    pub(crate) async fn end(&self, tx: &mut Tx, which: Ending) -> Result<Vec<Ended>> {
        self.end_each(tx, vec![which]).await
    }

    /// Ends all of a user's sessions.
    pub(crate) async fn end_all(&self, tx: &mut Tx, user_id: Uuid) -> Result<()> {
        self.end(tx, Ending::All { user_id }).await.map(drop)
    }

    /// Ends sessions and records this event in the history of each session's user. Returns the number of sessions.
    pub(crate) async fn end_noted(
        &self,
        tx: &mut Tx,
        which: Vec<Ending>,
        event: NewEvent<'_>,
        history: &History,
    ) -> Result<usize> {
        let ended = self.end_each(tx, which).await?;
        let sessions = ended.iter().map(|ended| (ended.user_id, ended.session_id));
        event.record_for(tx, history, sessions).await?;
        Ok(ended.len())
    }

    /// Locks each user of whom several sessions may end. Otherwise two transactions that reach a user's rows in
    /// different orders could each hold a row that the other needs next. For the same reason several users are
    /// locked in the order of their ids. Ending a single session needs no lock, since a transaction that does only
    /// that holds nothing others wait for. A transaction that also begins a session has locked both users before.
    async fn end_each(&self, tx: &mut Tx, which: Vec<Ending>) -> Result<Vec<Ended>> {
        for user_id in which.iter().filter_map(Ending::user) {
            users::lock(tx, user_id).await?;
        }
        let mut ended = Vec::new();
        for which in which {
            // wing:clients
            // What was granted in a session needs that session to be alive when it is collected.
            if let Ending::Others { user_id, .. } | Ending::All { user_id } = &which {
                table::take_back_grants(tx, &Uncollected::Of(*user_id)).await?;
            }
            // end wing:clients
            // wing:second-factors,passkeys
            if let Ending::Others { user_id, .. } | Ending::All { user_id } = &which {
                ceremonies::end_all_of(tx, *user_id).await?;
                devices::forget(tx, *user_id).await?; // wing:second-factors
            }
            // end wing:second-factors,passkeys
            ended.append(&mut table::delete(tx, which).await?);
        }
        let marks: Vec<Mark> = ended
            .iter()
            .map(|ended| Mark::revoked(ended.session_id))
            .collect();
        self.write(tx, &marks).await?;
        Ok(ended)
    }

    /// Voids the snapshots of all of a user's sessions, because what they carry has changed. The sessions stay
    /// alive. Call this in the transaction that makes the change.
    pub(crate) async fn refresh_snapshots(&self, tx: &mut Tx, user_id: Uuid) -> Result<()> {
        self.refresh(tx, user_id, false).await
    }

    /// The same for snapshots only, not for what other clients carry.
    pub(super) async fn refresh_in_browsers(&self, tx: &mut Tx, user_id: Uuid) -> Result<()> {
        self.refresh(tx, user_id, true).await
    }

    async fn refresh(&self, tx: &mut Tx, user_id: Uuid, in_browsers_only: bool) -> Result<()> {
        users::lock(tx, user_id).await?;
        let marks: Vec<Mark> = table::raise_versions(tx, user_id, in_browsers_only)
            .await?
            .into_iter()
            .map(|(session_id, min_version)| Mark {
                session_id,
                min_version,
            })
            .collect();
        self.write(tx, &marks).await
    }
}

impl Sessions {
    /// Ends the sessions a user has beyond [`MAX_SESSIONS`] now that `new` has begun. The user must be locked.
    pub(super) async fn end_surplus(&self, tx: &mut Tx, new: &LiveSession) -> Result<()> {
        let user_id = new.user_id;
        let mut others = table::last_seen(tx, user_id).await?;
        others.retain(|(session_id, _)| *session_id != new.session_id);
        self.keep_most_used(tx, user_id, others, MAX_SESSIONS - 1).await
    }

    /// Of a user's sessions, each with the time at which the authority last saw it, ends all but as many as may stay. Those
    /// that are in use stay first. Snapshots are used without asking the authority, so only this instance knows when it saw
    /// one.
    pub(crate) async fn keep_most_used(
        &self,
        tx: &mut Tx,
        user_id: Uuid,
        mut sessions: Vec<(Uuid, OffsetDateTime)>,
        most: usize,
    ) -> Result<()> {
        let now = self.0.clock.unix();
        sessions.sort_by_cached_key(|(session_id, last_seen)| {
            let is_in_use = self.0.in_use.is_in_use(session_id, now);
            std::cmp::Reverse((is_in_use, *last_seen, *session_id))
        });
        for (session_id, _) in sessions.into_iter().skip(most) {
            self.0.marks.end(tx, Ending::One { user_id, session_id }).await?;
        }
        Ok(())
    }
}
