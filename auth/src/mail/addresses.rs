//! Who has an address. It belongs to whoever has proven it last; until somebody has, it is only a claim, which gives way to
//! a proof.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::{
    audit::{Deed, NewEvent},
    auth::Auth,
    db::Tx,
    email::Email,
    error::{Error, Result},
    users,
};

/// The user who has an address, whether or not it is verified.
pub(crate) async fn holder(tx: &mut Tx, email: &Email) -> Result<Option<Uuid>> {
    Ok(sqlx::query_scalar("SELECT id FROM users WHERE email = $1")
        .bind(email.as_str())
        .fetch_optional(&mut **tx)
        .await?)
}

/// Locks users in the order of their ids, so that of two transactions that need the same users, one waits for the other.
pub(super) async fn lock_all(tx: &mut Tx, user_ids: impl IntoIterator<Item = Uuid>) -> Result<()> {
    for user_id in BTreeSet::from_iter(user_ids) {
        users::lock(tx, user_id).await?;
    }
    Ok(())
}

impl Auth {
    /// Takes an address from its holder, who is locked, for another user (if there is one yet) who has just proven it. The
    /// holder keeps account and data, and reads in the account's history what has happened.
    ///
    /// # Errors
    /// [`Error::EmailTaken`] if the holder has verified it, too.
    pub(crate) async fn take_address(
        &self,
        tx: &mut Tx,
        (holder, taker): (Option<Uuid>, Option<Uuid>),
        email: &Email,
    ) -> Result<()> {
        let Some(holder) = holder.filter(|holder| Some(*holder) != taker) else {
            return Ok(());
        };
        let now = self.clock.now();
        let taken = sqlx::query(
            "UPDATE users SET email = NULL, updated_at = $3
             WHERE id = $1 AND email = $2 AND email_verified_at IS NULL",
        )
        .bind(holder)
        .bind(email.as_str())
        .bind(now)
        .execute(&mut **tx)
        .await?;
        if taken.rows_affected() == 0 {
            return Err(Error::EmailTaken);
        }
        self.sessions.marks().refresh_snapshots(tx, holder).await?;
        // Who has proven the address, and from where, is not for the holder to know.
        NewEvent::of(holder, Deed::LoseEmail)
            .record(tx, &self.history)
            .await?;
        Ok(())
    }
}
