//! Changes to users by administrators: one transaction each, with its audit event.

use time::OffsetDateTime;
use uuid::Uuid;
use wire::{Permission, Role};

use super::{Administration, By, another_admin_stays};
use crate::passkeys; // wing:passkeys
use crate::second_factors; // wing:second-factors
use crate::users; // wing:second-factors,passkeys,mail
use crate::{
    audit::{Deed, NewEvent},
    db::{Database, Tx},
    error::{Error, Result},
    session::{Ending, table},
};
use crate::{email::Email, mail::Mail}; // wing:mail

/// The user an action applies to, as the transaction found them.
#[derive(sqlx::FromRow)]
struct Target {
    role: Role,
    disabled_at: Option<OffsetDateTime>,
}

impl Administration {
    /// Ends a session, whichever user it belongs to. If it is the session of the request itself, the caller must
    /// inform the browser.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such session; [`Error::NotPermitted`]
    pub async fn end_session(&self, by: By<'_>, session_id: Uuid) -> Result<()> {
        match self.end(by, vec![Ending::Any { session_id }]).await? {
            0 => Err(Error::NotFound),
            _ => Ok(()),
        }
    }

    /// Ends all of a user's sessions, the administrator's own as well. Returns their number.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such user; [`Error::NotPermitted`]
    pub async fn end_sessions(&self, by: By<'_>, user_id: Uuid) -> Result<usize> {
        self.known(user_id).await?;
        self.end(by, vec![Ending::All { user_id }]).await
    }

    /// Prevents a user from signing in. Their sessions end rather than being suspended: a user who is enabled again
    /// must first prove their identity.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::NotPermitted`]; [`Error::Yourself`]; [`Error::LastAdmin`]
    pub async fn disable(&self, by: By<'_>, user_id: Uuid) -> Result<()> {
        let now = self.clock.now();
        let (mut tx, _, target) = self.begin_on(by, Permission::DisablePeople, user_id).await?;
        if by.is(user_id) {
            return Err(Error::Yourself);
        }
        if target.disabled_at.is_some() {
            return Ok(());
        }
        another_admin_stays(&mut tx, user_id).await?;
        sqlx::query("UPDATE users SET disabled_at = $2, updated_at = $2 WHERE id = $1")
            .bind(user_id)
            .bind(now)
            .execute(&mut *tx)
            .await?;
        self.marks.end(&mut tx, Ending::All { user_id }).await?;
        self.note(&mut tx, by, user_id, Deed::Disable, "").await?;
        tx.commit().await?;
        tracing::info!(user = %user_id, by = %by, "disabled a user");
        Ok(())
    }

    /// Lets a user sign in again.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::NotPermitted`]
    pub async fn enable(&self, by: By<'_>, user_id: Uuid) -> Result<()> {
        let now = self.clock.now();
        let (mut tx, _, target) = self.begin_on(by, Permission::DisablePeople, user_id).await?;
        if target.disabled_at.is_none() {
            return Ok(());
        }
        sqlx::query("UPDATE users SET disabled_at = NULL, updated_at = $2 WHERE id = $1")
            .bind(user_id)
            .bind(now)
            .execute(&mut *tx)
            .await?;
        self.note(&mut tx, by, user_id, Deed::Enable, "").await?;
        tx.commit().await?;
        tracing::info!(user = %user_id, by = %by, "enabled a user");
        Ok(())
    }

    /// Gives a user a role. Their sessions stay alive, but their snapshots are void at once.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::NotPermitted`], also for a role that allows more than the caller's own;
    /// [`Error::Yourself`]; [`Error::LastAdmin`]
    pub async fn set_role(&self, by: By<'_>, user_id: Uuid, role: Role) -> Result<()> {
        let now = self.clock.now();
        let (mut tx, reach, target) = self.begin_on(by, Permission::GiveRoles, user_id).await?;
        if by.is(user_id) {
            return Err(Error::Yourself);
        }
        reach.to(role)?;
        if target.role == role {
            return Ok(());
        }
        if !role.can(Permission::GiveRoles) {
            another_admin_stays(&mut tx, user_id).await?;
        }
        sqlx::query("UPDATE users SET role = $2, updated_at = $3 WHERE id = $1")
            .bind(user_id)
            .bind(role)
            .bind(now)
            .execute(&mut *tx)
            .await?;
        self.marks.refresh_snapshots(&mut tx, user_id).await?;
        self.note(&mut tx, by, user_id, Deed::SetRole, role.name())
            .await?;
        tx.commit().await?;
        tracing::info!(user = %user_id, role = role.name(), by = %by, "changed a user's role");
        Ok(())
    }

    // wing:second-factors,passkeys
    /// Removes the second factors of a user who has lost them, and ends their sessions. The password stays: nobody
    /// chooses one for somebody else.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::NotPermitted`]; [`Error::Yourself`]; [`Error::NoSecondFactor`]
    pub async fn reset_factors(&self, by: By<'_>, user_id: Uuid) -> Result<()> {
        let (mut tx, reach) = self.begin(by, Permission::ResetFactors).await?;
        users::lock(&mut tx, user_id).await?.ok_or(Error::NotFound)?;
        reach.over(&mut tx, user_id).await?;
        if by.is(user_id) {
            return Err(Error::Yourself);
        }
        let mut removed = false;
        removed |= second_factors::remove_all(&mut tx, user_id).await?; // wing:second-factors
        removed |= passkeys::table::remove_all(&mut tx, user_id).await?; // wing:passkeys
        if !removed {
            return Err(Error::NoSecondFactor);
        }
        self.marks.end(&mut tx, Ending::All { user_id }).await?;
        self.note(&mut tx, by, user_id, Deed::ResetFactors, "").await?;
        tx.commit().await?;
        tracing::info!(user = %user_id, by = %by, "removed a user's second factors");
        Ok(())
    }
    // end wing:second-factors,passkeys

    // wing:mail
    /// Gives a user an address, for somebody who has lost theirs by mistake. It is not verified thereby.
    ///
    /// # Errors
    /// [`Error::InvalidEmail`]; [`Error::NotFound`]; [`Error::NotPermitted`]; [`Error::EmailTaken`]
    pub async fn set_email(&self, by: By<'_>, user_id: Uuid, email: &str) -> Result<()> {
        let email: Email = email.parse()?;
        let now = self.clock.now();
        let (mut tx, reach) = self.begin(by, Permission::ChangeAddress).await?;
        users::lock(&mut tx, user_id).await?.ok_or(Error::NotFound)?;
        reach.over(&mut tx, user_id).await?;
        // Now, so that the former address is told.
        self.note(&mut tx, by, user_id, Deed::SetEmail, "").await?;
        let set = sqlx::query(
            "UPDATE users SET email = $2, email_verified_at = NULL, updated_at = $3 WHERE id = $1",
        )
        .bind(user_id)
        .bind(email.as_str())
        .bind(now)
        .execute(&mut *tx)
        .await;
        match set {
            Err(sqlx::Error::Database(cause)) if cause.is_unique_violation() => {
                return Err(Error::EmailTaken);
            }
            set => set?,
        };
        self.marks.refresh_snapshots(&mut tx, user_id).await?;
        Mail::end_tokens(&mut tx, user_id).await?;
        tx.commit().await?;
        tracing::info!(user = %user_id, by = %by, "set a user's address");
        Ok(())
    }
    // end wing:mail

    pub(super) async fn end(&self, by: By<'_>, which: Vec<Ending>) -> Result<usize> {
        let (mut tx, reach) = self.begin(by, Permission::EndSessions).await?;
        for ending in &which {
            if let Some(user_id) = table::user_of(&mut tx, ending).await? {
                reach.over(&mut tx, user_id).await?;
            }
        }
        let event = by.sign(NewEvent::system_event(Deed::RevokeSession));
        let ended = self.marks.end_noted(&mut tx, which, event, &self.history).await?;
        tx.commit().await?;
        tracing::info!(sessions = ended, by = %by, "ended sessions");
        Ok(ended)
    }

    /// Begins a transaction in which the caller still may do this: another administrator may have ended that meanwhile.
    pub(crate) async fn begin(&self, by: By<'_>, to: Permission) -> Result<(Tx, Reach)> {
        let mut tx = self.db.begin().await?;
        let reach = still_may(&mut tx, by, to).await?;
        Ok((tx, reach))
    }

    /// The same for decisions on who may do what: if two administrators try to remove each other at once, the second sees
    /// what the first did.
    async fn begin_on(&self, by: By<'_>, to: Permission, user_id: Uuid) -> Result<(Tx, Reach, Target)> {
        let mut tx = self.db.begin().await?;
        Database::alone(&mut tx).await?;
        let reach = still_may(&mut tx, by, to).await?;
        let target = target(&mut tx, user_id).await?;
        reach.to(target.role)?;
        Ok((tx, reach, target))
    }

    async fn note(&self, tx: &mut Tx, by: By<'_>, user_id: Uuid, deed: Deed, note: &str) -> Result<()> {
        by.sign(NewEvent::of(user_id, deed).note(note))
            .record(tx, &self.history)
            .await
    }
}

async fn target(tx: &mut Tx, user_id: Uuid) -> Result<Target> {
    sqlx::query_as("SELECT role, disabled_at FROM users WHERE id = $1")
        .bind(user_id)
        .fetch_optional(&mut **tx)
        .await?
        .ok_or(Error::NotFound)
}

/// The users that a caller may change, and the roles that a caller may give: those with no more permissions than the caller's
/// own. At the command line, all.
#[derive(Clone, Copy)]
pub(crate) struct Reach(Option<Role>);

impl Reach {
    /// Refuses a role that is beyond it.
    pub(crate) fn to(self, role: Role) -> Result<()> {
        match self.0 {
            Some(own) if !own.covers(role) => Err(Error::NotPermitted),
            _ => Ok(()),
        }
    }

    /// Refuses a user who is beyond it. At the command line it asks nothing.
    async fn over(self, tx: &mut Tx, user_id: Uuid) -> Result<()> {
        match self.0 {
            Some(_) => self.to(target(tx, user_id).await?.role),
            None => Ok(()),
        }
    }
}

/// Refuses a caller whose role does not allow this any more, or whose session has ended.
async fn still_may(tx: &mut Tx, by: By<'_>, to: Permission) -> Result<Reach> {
    let By::Admin(admin) = by else {
        return Ok(Reach(None));
    };
    let role: Option<Role> = sqlx::query_scalar(
        "SELECT u.role FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id = $1 AND u.disabled_at IS NULL",
    )
    .bind(admin.session_id())
    .fetch_optional(&mut **tx)
    .await?;
    match role {
        Some(role) if role.can(to) => Ok(Reach(Some(role))),
        Some(role) if role.can(Permission::SeePeople) => Err(Error::NotPermitted),
        _ => Err(Error::NotFound),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_reaches_roles_that_allow_no_more_and_the_command_line_all() {
        let support = Reach(Some(Role::Support));
        assert!(support.to(Role::User).is_ok() && support.to(Role::Support).is_ok());
        assert!(matches!(support.to(Role::Admin), Err(Error::NotPermitted)));
        assert!(Reach(Some(Role::Admin)).to(Role::Admin).is_ok());
        assert!(Reach(None).to(Role::Admin).is_ok());
    }
}
