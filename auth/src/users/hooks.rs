//! What a fork wants to happen whenever users and sessions are made: fill these in.
//!
//! Each runs inside the transaction it is named for, so what it writes is kept or dropped together with
//! the rest, and an error of it refuses the whole.
//!
//! An address is somebody's word until `email_verified` says that a provider vouches for it, or
//! `users.email_verified_at` that one did: whatever lets somebody in, or gives them more than others have, asks
//! for that, or anybody can have it by typing the right address.

use uuid::Uuid;

use super::new_user::NewUser;
use crate::{db::Tx, error::Result};

/// Before a new user is written: change the user, or refuse it (closed registration; a domain of one's own, if
/// the address is verified).
///
/// # Errors
/// Whatever shall keep the user from being made.
pub(crate) async fn on_user_saving(_tx: &mut Tx, _user: &mut NewUser) -> Result<()> {
    Ok(())
}

/// After a new user was written: write what else belongs to one.
///
/// # Errors
/// Whatever shall undo it.
pub(crate) async fn on_user_saved(_tx: &mut Tx, _user_id: Uuid) -> Result<()> {
    Ok(())
}

/// Before a session is written: refuse the sign-in.
///
/// # Errors
/// Whatever shall keep the session from beginning.
pub(crate) async fn on_session_saving(_tx: &mut Tx, _user_id: Uuid) -> Result<()> {
    Ok(())
}

/// After a session was written: note it elsewhere.
///
/// # Errors
/// Whatever shall undo it.
pub(crate) async fn on_session_saved(_tx: &mut Tx, _user_id: Uuid, _session_id: Uuid) -> Result<()> {
    Ok(())
}
