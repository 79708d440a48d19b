//! The proof that the caller is an administrator.

use wire::Role;

use crate::{
    error::{Error, Result},
    session::{LiveSession, RecentSession, RequestAuth},
};

/// A recent session whose user is an administrator, as the authority says it, whatever the snapshot
/// does: the proof every function of [`crate::admin`] asks for.
#[derive(Clone, Debug)]
pub struct AdminSession(RecentSession);

impl std::ops::Deref for AdminSession {
    type Target = LiveSession;

    fn deref(&self) -> &LiveSession {
        &self.0
    }
}

impl RequestAuth {
    /// The live, recent session of an administrator. The role is the authority's: a snapshot that says
    /// otherwise is set right, also for what is rendered with this request.
    ///
    /// # Errors
    /// [`Error::NotFound`] for everybody else, signed in or not: a user who is not an administrator does not learn
    /// that there is administration. [`Error::ReauthRequired`] as [`Self::require_recent`];
    /// [`Error::Unavailable`].
    pub async fn require_admin(&self) -> Result<AdminSession> {
        let live = match self.require().await {
            Ok(live) => live,
            Err(Error::NotSignedIn) => {
                self.correct(None);
                return Err(Error::NotFound);
            }
            Err(error) => return Err(error),
        };
        self.correct(Some(&live));
        if live.role() != Role::Admin {
            return Err(Error::NotFound);
        }
        self.recent(live).map(AdminSession)
    }
}
