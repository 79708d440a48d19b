//! Taking a change of address back, by a link in a mail to the former one. Whoever has changed it may have had the account
//! in hand: what they could still come back by goes, and the owner of the former address chooses a new password.

use secrecy::SecretString;
use serde_json::Value;
use time::{Duration, OffsetDateTime};

use super::{
    Mail,
    addresses::{holder, lock_all},
    change::set_address,
    notices::{Doer, KEPT, Notice},
    tokens::Purpose,
};
use crate::passkeys; // wing:passkeys
use crate::second_factors; // wing:second-factors
use crate::{
    audit::{Deed, NewEvent},
    auth::Auth,
    clock::from_unix,
    email::Email,
    error::{Error, Result},
    session::RequestAuth,
};

/// How long the link is valid.
pub(super) const LIFE: Duration = Duration::days(7);
/// The page that the link leads to.
pub(super) const PAGE: &str = "/undo";
// wing:second-factors,passkeys
/// Factors that were set up this long before the change go, too: whoever means to keep an account sets them up first.
const BEFORE: Duration = Duration::hours(24);
// end wing:second-factors,passkeys

/// When the change was made, in Unix seconds, as its token keeps it.
pub(super) fn since(now: OffsetDateTime) -> Value {
    now.unix_timestamp().into()
}

impl Auth {
    /// Gives a user the former address back, verified, and ends everything that is signed in to the account. The password
    /// goes, and whatever was added since the change and leads into the account; a link to a new password is sent.
    ///
    /// # Errors
    /// [`Error::LinkExpired`]; [`Error::EmailTaken`] if another user has verified the address meanwhile, after all of the
    /// rest was done; [`Error::NotFound`] without mail, [`Error::TooManyAttempts`]
    pub async fn undo_email_change(&self, request: &RequestAuth, token: &SecretString) -> Result<()> {
        self.mail.require()?;
        self.count_link(request)?;
        let purpose = Purpose::UndoEmailChange;
        let found = self.mail.look_at_token(purpose, token).await?;
        let found = found.ok_or(Error::LinkExpired)?;
        let user_id = found.user_id.ok_or(Error::LinkExpired)?;
        let email: Email = found.address.parse()?;
        let now = self.clock.now();
        let since = found.asked().map_or(OffsetDateTime::UNIX_EPOCH, from_unix);
        let mut tx = self.db.begin().await?;
        let holder = holder(&mut tx, &email).await?;
        lock_all(&mut tx, holder.into_iter().chain([user_id])).await?;
        let spent = self.mail.spend_token(&mut tx, purpose, token).await?;
        let spent = spent.ok_or(Error::LinkExpired)?;
        Mail::end_later_undos(&mut tx, user_id, spent.id).await?;
        let left = sqlx::query(
            "UPDATE users SET password_hash = NULL, updated_at = $2 WHERE id = $1 AND disabled_at IS NULL",
        )
        .bind(user_id)
        .bind(now)
        .execute(&mut *tx)
        .await?;
        if left.rows_affected() == 0 {
            return Err(Error::LinkExpired);
        }
        self.end_all_of(&mut tx, user_id).await?;
        self.oauth.disconnect_since(&mut tx, user_id, since).await?;
        // wing:second-factors
        second_factors::remove_since(&mut tx, user_id, since - BEFORE).await?;
        // end wing:second-factors
        passkeys::table::remove_since(&mut tx, user_id, since - BEFORE).await?; // wing:passkeys
        let taken = self.take_address(&mut tx, (holder, Some(user_id)), &email).await;
        let _queued = match &taken {
            Ok(()) => {
                // Whoever loses the address by this is told, too: it may be the owner who loses it to the thief.
                let doer = Doer::Holder(Some(request.client()));
                self.mail
                    .notify(&mut tx, user_id, Notice::AddressLost, doer)
                    .await?;
                set_address(&mut tx, user_id, &email, now).await?;
                Some(self.enqueue_reset(&mut tx, Some(user_id), &email).await?)
            }
            Err(Error::EmailTaken) => None,
            Err(_) => return taken,
        };
        let event = NewEvent::of(user_id, Deed::UndoEmailChange)
            .from(request.client())
            .note(if taken.is_ok() { "" } else { KEPT });
        event.record(&mut tx, &self.history).await?;
        tx.commit().await?;
        tracing::info!(user = %user_id, "a change of address was taken back");
        taken
    }
}
