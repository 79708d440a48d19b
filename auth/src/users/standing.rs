//! How well a user can keep an account, and keep others out of it.

use secrecy::SecretString; // wing:mail,second-factors
use uuid::Uuid;

use crate::{
    auth::Auth,
    db::Db,
    error::{Error, Result},
    session::LiveSession,
    session::RequestAuth, // wing:mail,second-factors
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

// wing:mail
impl Standing {
    /// Whether there is something that confirms an identity better than a mail does.
    pub(crate) fn has_proof(self) -> bool {
        let proofs = [
            self.has_password,
            self.has_app,     // wing:second-factors
            self.has_passkey, // wing:passkeys
        ];
        proofs.contains(&true)
    }
}
// end wing:mail

impl Auth {
    // wing:mail,second-factors
    /// Confirms the identity of the signed-in user with a code: of their authenticator app, or of a mail if they have
    /// nothing better. The session gets a new id and counts as recent.
    ///
    /// # Errors
    /// [`Error::WrongCode`], [`Error::TooManyAttempts`]
    pub async fn confirm_with_code(
        &self,
        request: &RequestAuth,
        live: LiveSession,
        code: &SecretString,
    ) -> Result<()> {
        let standing = self.standing(&live).await?;
        // wing:second-factors
        if standing.has_app {
            return self.confirm_by_app(request, live, code).await;
        }
        // end wing:second-factors
        // wing:mail
        if !standing.has_proof() {
            return self.confirm_by_mail(request, live, code).await;
        }
        // end wing:mail
        Err(Error::WrongCode)
    }
    // end wing:mail,second-factors

    /// The standing of the signed-in user, by one query.
    ///
    /// # Errors
    /// [`Error::NotSignedIn`], [`Error::Unavailable`]
    pub async fn standing(&self, live: &LiveSession) -> Result<Standing> {
        find(self.db.read(), live.user_id())
            .await?
            .ok_or(Error::NotSignedIn)
    }
}

/// The standing of a user; `None` if there is no such user.
pub(crate) async fn find<'c>(
    executor: impl sqlx::Executor<'c, Database = Db>,
    user_id: Uuid,
) -> Result<Option<Standing>> {
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
    .fetch_optional(executor)
    .await?)
}
