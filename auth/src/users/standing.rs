//! How well a user can keep an account, and keep others out of it.

use uuid::Uuid;

use crate::{
    auth::Auth,
    db::Database,
    error::{Error, Result},
    session::LiveSession,
};

/// What there is of everything that protects an account or leads back into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Standing {
    /// Whether there is an address.
    pub has_address: bool,
    /// Whether it is verified.
    pub is_verified: bool,
    /// Whether there is a password.
    pub has_password: bool,
    // wing:second-factors
    /// Whether a sign-in asks for a code of an authenticator app.
    pub has_app: bool,
    /// The number of recovery codes left.
    pub recovery_codes: i64,
    // end wing:second-factors
    /// Whether there is a passkey.
    pub has_passkey: bool, // wing:passkeys
}

impl Auth {
    /// The standing of the signed-in user, by one query.
    ///
    /// # Errors
    /// [`Error::NotSignedIn`], [`Error::Unavailable`]
    pub async fn standing(&self, live: &LiveSession) -> Result<Standing> {
        find(&self.db, live.user_id()).await?.ok_or(Error::NotSignedIn)
    }
}

async fn find(db: &Database, user_id: Uuid) -> Result<Option<Standing>> {
    Ok(sqlx::query_as(concat!(
        "SELECT email IS NOT NULL AS has_address, email_verified_at IS NOT NULL AS is_verified,",
        // wing:second-factors
        " EXISTS (SELECT 1 FROM totp WHERE user_id = users.id) AS has_app,",
        " (SELECT count(*) FROM recovery_codes WHERE user_id = users.id) AS recovery_codes,",
        // end wing:second-factors
        // wing:passkeys
        " EXISTS (SELECT 1 FROM passkeys WHERE user_id = users.id) AS has_passkey,",
        // end wing:passkeys
        " password_hash IS NOT NULL AS has_password FROM users WHERE id = $1"
    ))
    .bind(user_id)
    .fetch_optional(db.read())
    .await?)
}
