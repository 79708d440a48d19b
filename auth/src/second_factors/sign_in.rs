//! The second factor of a sign-in, and codes as a confirmation of identity.

use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;
use wire::AuthSession;

use super::{recovery, setup::digits, totp};
use crate::{
    audit::{Deed, NewEvent},
    auth::Auth,
    cookies::{CookieName, Keep},
    db::Tx,
    error::{Error, Result},
    limits::{Action, Attempt, Subject},
    session::{
        LiveSession, RequestAuth,
        devices::{self, TRUSTED_FOR},
    },
    users,
};

/// Which code was right.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Used {
    Totp,
    Recovery,
}

impl Auth {
    /// Whether a sign-in waits in this browser for its second factor.
    pub async fn is_half_way(&self, request: &RequestAuth) -> Result<bool> {
        Ok(request.half_way().await?.is_some())
    }

    /// Completes the sign-in that waits in this browser, with a code of the app or a recovery code. With `trust` and a code
    /// of the app, this browser needs none for 30 days.
    ///
    /// # Errors
    /// [`Error::WrongCode`]; [`Error::NotSignedIn`] if no sign-in waits here; [`Error::TooManyAttempts`];
    /// [`Error::InvalidCredentials`] if the user is disabled by now; [`Error::Unavailable`]
    pub async fn second_factor(
        &self,
        request: &RequestAuth,
        code: &SecretString,
        trust: bool,
    ) -> Result<AuthSession> {
        let address = Subject::address(request.client().limited_address());
        let from = self.limits.attempt(Action::SecondFactorAddress, &address)?;
        let Some(half_way) = request.half_way().await? else {
            from.counts();
            return Err(Error::NotSignedIn);
        };
        let user_id = half_way.user_id;
        let by = self
            .limits
            .attempt(Action::SecondFactorUser, &Subject::User(user_id))?;
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        request.lock_to_sign_in(&mut tx, user_id).await?;
        let takes_app = true;
        // wing:mail
        // Whoever has begun with a mail opens the lock thereby.
        let takes_app =
            takes_app && (half_way.state.is_by_mail() || !self.is_user_locked(&mut tx, user_id).await?);
        // end wing:mail
        let Some(used) = self.use_code(&mut tx, user_id, code, takes_app).await? else {
            drop(tx);
            [from, by].into_iter().for_each(Attempt::counts);
            self.note_failure(request, user_id).await?;
            return Err(Error::WrongCode);
        };
        if used == Used::Recovery {
            NewEvent::of(user_id, Deed::UseRecoveryCode)
                .from(request.client())
                .record(&mut tx, &self.history)
                .await?;
        }
        let trusted = match used {
            Used::Totp if trust => Some(devices::trust(&mut tx, user_id, request.client(), now).await?),
            _ => None,
        };
        self.oauth.complete_pending(&mut tx, request, user_id).await?;
        let session = request.complete(tx, half_way).await?;
        if let Some(cookie) = trusted {
            let keep = Keep::Seconds(TRUSTED_FOR.whole_seconds());
            request.plan_also(self.cookies.set(CookieName::Device, &cookie, keep));
        }
        Ok(session)
    }

    /// Confirms the signed-in user's identity with a code of the app. A recovery code confirms nothing.
    ///
    /// # Errors
    /// [`Error::WrongCode`], [`Error::TooManyAttempts`], [`Error::Unavailable`]
    pub(crate) async fn confirm_by_app(
        &self,
        request: &RequestAuth,
        live: LiveSession,
        code: &SecretString,
    ) -> Result<()> {
        let user_id = live.user_id();
        let by = self
            .limits
            .attempt(Action::SecondFactorUser, &Subject::User(user_id))?;
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        users::lock(&mut tx, user_id).await?;
        if !totp::use_code(&mut tx, &self.keys, user_id, &digits(code.expose_secret()), now).await? {
            by.counts();
            return Err(Error::WrongCode);
        }
        request.confirm(tx, live, "totp").await
    }

    // wing:mail
    /// Whether the lock is on for the address of a user.
    async fn is_user_locked(&self, tx: &mut Tx, user_id: Uuid) -> Result<bool> {
        match users::address(tx, user_id).await? {
            Some(email) => self.mail.is_locked(&mut **tx, &email).await,
            None => Ok(false),
        }
    }
    // end wing:mail

    /// Uses a code up: of the app, if that is accepted at all, or a recovery code.
    async fn use_code(
        &self,
        tx: &mut Tx,
        user_id: Uuid,
        code: &SecretString,
        takes_app: bool,
    ) -> Result<Option<Used>> {
        let now = self.clock.now();
        if takes_app && totp::use_code(tx, &self.keys, user_id, &digits(code.expose_secret()), now).await? {
            return Ok(Some(Used::Totp));
        }
        let is_recovery = recovery::use_code(tx, user_id, code.expose_secret()).await?;
        Ok(is_recovery.then_some(Used::Recovery))
    }

    async fn note_failure(&self, request: &RequestAuth, user_id: Uuid) -> Result<()> {
        let mut tx = self.db.begin().await?;
        NewEvent::of(user_id, Deed::SecondFactorFailed)
            .from(request.client())
            .record(&mut tx, &self.history)
            .await?;
        // wing:mail
        if let Some(email) = users::address(&mut tx, user_id).await? {
            self.mail.count_failure(&mut tx, &email, request.client()).await?;
        }
        // end wing:mail
        tx.commit().await?;
        Ok(())
    }
}
