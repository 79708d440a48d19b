//! Disconnecting an account.

use time::OffsetDateTime; // wing:mail
use uuid::Uuid;

use crate::ceremonies; // wing:second-factors,passkeys
use crate::passkeys; // wing:passkeys
use crate::{
    audit::{Deed, NewEvent},
    db::Tx,
    error::{Error, Result},
    oauth::state::OAuth,
    session::{RecentSession, RequestAuth},
    users,
};

impl OAuth {
    // wing:mail
    /// Disconnects all accounts of a user, whose sessions have ended and who has another way in.
    ///
    /// # Errors
    /// Of the database.
    pub(crate) async fn disconnect_all(&self, tx: &mut Tx, user_id: Uuid) -> Result<()> {
        self.disconnect_since(tx, user_id, OffsetDateTime::UNIX_EPOCH)
            .await
    }

    /// Disconnects the accounts that were connected to a user at this time or later.
    ///
    /// # Errors
    /// Of the database.
    pub(crate) async fn disconnect_since(
        &self,
        tx: &mut Tx,
        user_id: Uuid,
        since: OffsetDateTime,
    ) -> Result<()> {
        sqlx::query("DELETE FROM accounts WHERE user_id = $1 AND created_at >= $2")
            .bind(user_id)
            .bind(since)
            .execute(&mut **tx)
            .await?;
        Ok(())
    }
    // end wing:mail

    /// Disconnects one of the person's accounts, ends the sessions that began with it and gives this one a new id.
    ///
    /// Another way in must remain, see [`Self::has_way_in`]. It is looked for in the transaction that deletes, which has
    /// locked the user: of two requests that disconnect the last two accounts at once, one fails.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown account and for another user's alike; [`Error::LastWayIn`].
    pub async fn unlink(&self, request: &RequestAuth, recent: RecentSession, account_id: Uuid) -> Result<()> {
        let user_id = recent.user_id();
        let mut tx = self.0.db.begin().await?;
        users::lock(&mut tx, user_id).await?;
        let provider: Option<String> =
            sqlx::query_scalar("DELETE FROM accounts WHERE id = $1 AND user_id = $2 RETURNING provider")
                .bind(account_id)
                .bind(user_id)
                .fetch_optional(&mut *tx)
                .await?;
        let provider = provider.ok_or(Error::NotFound)?;
        if !self.has_way_in(&mut tx, user_id).await? {
            return Err(Error::LastWayIn);
        }
        request.end_by_method(&mut tx, &recent, &provider).await?;
        // A sign-in that began with the account may wait for its second step.
        ceremonies::end_all_of(&mut tx, user_id).await?; // wing:second-factors,passkeys
        NewEvent::of(user_id, Deed::Unlink)
            .session(recent.session_id())
            .from(request.client())
            .note(&provider)
            .record(&mut tx, request.history())
            .await?;
        request.cycle(tx, (*recent).clone(), false).await?;
        tracing::info!(user = %user_id, provider, "disconnected an account");
        Ok(())
    }

    /// Whether a user, who is locked, has a way in that works: a password with an address to type, or an account whose
    /// provider lets it in under the account's issuer.
    // wing:mail
    ///
    /// A verified address is a way in, too, if users sign in by mail.
    // end wing:mail
    // wing:passkeys
    ///
    /// So is a passkey, where there are passkeys.
    // end wing:passkeys
    ///
    /// # Errors
    /// Of the database.
    pub(crate) async fn has_way_in(&self, tx: &mut Tx, user_id: Uuid) -> Result<bool> {
        let has_password: bool = sqlx::query_scalar(
            "SELECT password_hash IS NOT NULL AND email IS NOT NULL FROM users WHERE id = $1",
        )
        .bind(user_id)
        .fetch_one(&mut **tx)
        .await?;
        let accounts: Vec<(String, Option<String>)> =
            sqlx::query_as("SELECT provider, issuer FROM accounts WHERE user_id = $1")
                .bind(user_id)
                .fetch_all(&mut **tx)
                .await?;
        let is_way_in = |(id, issuer): &(String, Option<String>)| {
            self.configured(id)
                .is_some_and(|configured| configured.provider.lets_in(issuer.as_deref()))
        };
        let has_way_in = has_password || accounts.iter().any(is_way_in);
        let has_way_in = has_way_in || (self.0.signs_in_by_mail && users::is_verified(tx, user_id).await?); // wing:mail
        let has_way_in = has_way_in || (self.0.has_passkeys && passkeys::table::has_any(tx, user_id).await?); // wing:passkeys
        Ok(has_way_in)
    }
}
