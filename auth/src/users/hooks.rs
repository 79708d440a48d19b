//! Hooks for a fork, called whenever users and sessions are created: fill these in.
//!
//! Each runs inside the transaction it is named for. What it writes is kept or dropped together with the rest, and
//! an error from it refuses the whole.
//!
//! An address is only a claim until `email_verified` shows that a provider vouches for it, or
//! `users.email_verified_at` that one did. A hook that lets a user in, or gives them more than others have, must
//! check this. Otherwise anyone can get in by typing the right address.

use uuid::Uuid;

use super::new_user::NewUser;
use crate::{db::Tx, error::Result};

/// Before a new user is written: change the user, or refuse it (closed registration, or only addresses of your own
/// domain, if verified).
///
/// # Errors
/// Any error that should prevent the user from being created.
pub(crate) async fn on_user_saving(_tx: &mut Tx, _user: &mut NewUser) -> Result<()> {
    Ok(())
}

/// After a new user was written: write what else belongs to a user.
///
/// # Errors
/// Any error that should undo it.
pub(crate) async fn on_user_saved(_tx: &mut Tx, _user_id: Uuid) -> Result<()> {
    Ok(())
}

/// Before a session is written: refuse the sign-in.
///
/// # Errors
/// Any error that should prevent the session from beginning.
pub(crate) async fn on_session_saving(_tx: &mut Tx, _user_id: Uuid) -> Result<()> {
    Ok(())
}

/// After a session was written: record it elsewhere.
///
/// # Errors
/// Any error that should undo it.
pub(crate) async fn on_session_saved(_tx: &mut Tx, _user_id: Uuid, _session_id: Uuid) -> Result<()> {
    Ok(())
}
