//! The passkeys a user has: their list, their names, and removing one.

use uuid::Uuid;
use wire::PasskeyInfo;

use super::table;
use crate::{
    audit::Deed,
    auth::Auth,
    error::{Error, Result},
    session::{LiveSession, RecentSession, RequestAuth},
    users::{self, clean_name},
};

/// The name of a passkey whose user has given it none.
const UNNAMED: &str = "Passkey";

/// A name as it is stored.
pub(super) fn name_of(typed: &str) -> String {
    clean_name(typed).unwrap_or_else(|| UNNAMED.to_owned())
}

impl Auth {
    /// The signed-in user's passkeys, the oldest first.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there are no passkeys.
    pub async fn list_passkeys(&self, live: &LiveSession) -> Result<Vec<PasskeyInfo>> {
        self.passkeys.require()?;
        table::list(&self.db, live.user_id()).await
    }

    /// Gives a passkey another name.
    ///
    /// # Errors
    /// [`Error::NotFound`], also for another user's.
    pub async fn rename_passkey(&self, live: &LiveSession, id: Uuid, name: &str) -> Result<()> {
        self.passkeys.require()?;
        if table::rename(&self.db, live.user_id(), id, &name_of(name)).await? {
            Ok(())
        } else {
            Err(Error::NotFound)
        }
    }

    /// Removes a passkey. The user's other sessions end.
    ///
    /// # Errors
    /// [`Error::NotFound`], also for another user's; [`Error::LastWayIn`]
    pub async fn delete_passkey(&self, request: &RequestAuth, recent: RecentSession, id: Uuid) -> Result<()> {
        self.passkeys.require()?;
        let user_id = recent.user_id();
        let mut tx = self.db.begin().await?;
        users::lock(&mut tx, user_id).await?;
        let name = table::delete(&mut tx, user_id, id).await?;
        let name = name.ok_or(Error::NotFound)?;
        if !self.oauth.has_way_in(&mut tx, user_id).await? {
            return Err(Error::LastWayIn);
        }
        request
            .factors_changed(tx, recent.into_live(), Deed::RemovePasskey, &name)
            .await
    }
}
