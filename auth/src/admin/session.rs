//! The proof that the caller may look after people.

use wire::Permission;

use crate::{
    client::Client,
    error::{Error, Result},
    session::{LiveSession, RecentSession, RequestAuth},
};

/// A recent session whose user may see people according to the authority, whatever the snapshot shows. What else the user
/// may do to them, each action decides. Every
/// function of [`crate::admin`] requires this proof.
#[derive(Clone, Debug)]
pub struct AdminSession {
    session: RecentSession,
    client: Client,
}

impl AdminSession {
    /// The client that the request comes from.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }
}

impl std::ops::Deref for AdminSession {
    type Target = LiveSession;

    fn deref(&self) -> &LiveSession {
        &self.session
    }
}

impl RequestAuth {
    /// The live, recent session of a user who may look after people. The role is the authority's. A snapshot that differs is
    /// corrected, also for what is rendered with this request.
    ///
    /// # Errors
    /// [`Error::NotFound`] for all other callers, signed in or not: a user who may not see people does not learn
    /// that there is administration. [`Error::ReauthRequired`] as in [`Self::require_recent`];
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
        if !live.can(Permission::SeePeople) {
            return Err(Error::NotFound);
        }
        Ok(AdminSession {
            session: self.recent(live)?,
            client: self.client().clone(),
        })
    }
}
