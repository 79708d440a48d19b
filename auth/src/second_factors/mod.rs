//! Second factors at sign-in: codes of an authenticator app ([`totp`]), recovery codes for a user who has lost it
//! ([`recovery`]).
//!
//! [`RequestAuth::start_session`](crate::RequestAuth::start_session) asks for the factor, since every way to sign in leads
//! through it. The sign-in then waits in its browser for a code.

mod qr;
mod recovery;
mod reseal;
mod setup;
mod sign_in;
mod totp;

use time::OffsetDateTime; // wing:mail
// wing:mail,admin
use uuid::Uuid;

use crate::{db::Tx, error::Result};

/// Removes all of a user's factors. Returns whether there were any. The caller ends the sessions, and with them the
/// sign-ins that wait and the trust in browsers.
pub(crate) async fn remove_all(tx: &mut Tx, user_id: Uuid) -> Result<bool> {
    recovery::remove(tx, user_id).await?;
    totp::remove(tx, user_id).await
}
// end wing:mail,admin

// wing:mail
/// Removes what was set up at this time or later: the app with its recovery codes, or the codes alone. The caller ends the
/// sessions.
pub(crate) async fn remove_since(tx: &mut Tx, user_id: Uuid, since: OffsetDateTime) -> Result<()> {
    if totp::is_on_since(tx, user_id, since).await? {
        return remove_all(tx, user_id).await.map(drop);
    }
    let has_new_codes: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM audit_events
                        WHERE user_id = $1 AND kind IN ('enable_totp', 'new_recovery_codes') AND at >= $2)",
    )
    .bind(user_id)
    .bind(since)
    .fetch_one(&mut **tx)
    .await?;
    if has_new_codes {
        recovery::remove(tx, user_id).await?;
    }
    Ok(())
}
// end wing:mail
