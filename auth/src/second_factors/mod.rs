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
