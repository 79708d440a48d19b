//! Registration, signing in and everything else a user does with a password.

mod check;
pub mod hash;
pub(crate) mod opaque;
mod policy;

use secrecy::SecretString;
use uuid::Uuid;
use wire::AuthSession;

use self::{
    check::{Purpose, Right, Whose},
    hash::PasswordHash,
    policy::Person,
};
pub use self::{opaque::Password, policy::MIN_LENGTH_FLOOR};
use crate::{
    audit::{Deed, NewEvent},
    auth::Auth,
    email::Email,
    error::{Error, Result},
    limits::{Action, Subject},
    session::{LiveSession, RecentSession, RequestAuth},
    users::{self, NewUser, Occasion},
};

/// The `method` of sessions that began with a password.
pub const METHOD: &str = "password";

impl Auth {
    /// Creates a user with a password and signs in, all in one transaction.
    ///
    /// # Errors
    /// [`Error::InvalidEmail`], [`Error::Password`], [`Error::EmailTaken`], [`Error::TooManyAttempts`],
    /// [`Error::Busy`]
    pub async fn register(
        &self,
        request: &RequestAuth,
        email: &str,
        password: SecretString,
        name: Option<&str>,
        remember: bool,
    ) -> Result<AuthSession> {
        self.require_open_registration()?; // wing:mail
        let client = request.client();
        let address = client.limited_address();
        let visit = self
            .limits
            .attempt(Action::RegisterAddress, &Subject::address(address))?;
        let accepted = self.accept_registration(email, &password, name);
        let (email, password, name) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                visit.counts();
                return Err(error);
            }
        };
        let password_hash = Some(self.passwords.hash(password, address, Some(visit)).await?);
        let own_address = email.clone(); // wing:mail
        let new = NewUser {
            email: Some(email),
            email_verified: false,
            name,
            avatar_url: None,
            password_hash,
        };
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        let user_id = self
            .users
            .upsert(&mut tx, Occasion::Registration, new, now)
            .await?;
        NewEvent::of(user_id, Deed::Register)
            .from(client)
            .note(METHOD)
            .record(&mut tx, &self.history)
            .await?;
        // wing:mail
        let _queued = self
            .verify_new_user(&mut tx, user_id, &own_address, request.client())
            .await?;
        // end wing:mail
        request.start_session(tx, user_id, METHOD, remember).await
    }

    // wing:mail
    /// The password of somebody who registers with this address, if the rules accept it.
    pub(crate) fn accept_password_for(
        &self,
        email: &Email,
        name: Option<&str>,
        password: &SecretString,
    ) -> Result<Password> {
        let email = Some(email);
        Ok(self.passwords.accept(password, &Person { email, name })?)
    }
    // end wing:mail

    fn accept_registration(
        &self,
        email: &str,
        password: &SecretString,
        name: Option<&str>,
    ) -> Result<(Email, Password, Option<String>)> {
        let email: Email = email.parse()?;
        let person = Person {
            email: Some(&email),
            name,
        };
        let password = self.passwords.accept(password, &person)?;
        if name.is_some_and(|name| name.chars().count() > users::MAX_NAME) {
            return Err(Error::InvalidInput("name"));
        }
        Ok((email, password, name.and_then(users::clean_name)))
    }

    /// Signs in. If a provider account is waiting for this user's proof, it is connected as well.
    ///
    /// # Errors
    /// [`Error::InvalidCredentials`], the same and after the same work for every reason;
    /// [`Error::TooManyAttempts`], [`Error::Busy`]
    pub async fn sign_in_with_password(
        &self,
        request: &RequestAuth,
        email: &str,
        password: SecretString,
        remember: bool,
    ) -> Result<AuthSession> {
        let client = request.client();
        let address = client.limited_address();
        let visit = self
            .limits
            .attempt(Action::SignInAddress, &Subject::address(address))?;
        let Right {
            user_id,
            stored,
            is_outdated,
        } = self
            .check_password(Purpose::SignIn, Whose::Address(email), client, &password, visit)
            .await?
            .ok_or(Error::InvalidCredentials)?;
        let better = match Password::new(&password) {
            Ok(password) if is_outdated => match self.passwords.hash(password, address, None).await {
                // The next sign-in can do it.
                Err(Error::Busy) => None,
                hashed => Some(hashed?),
            },
            _ => None,
        };
        let mut tx = self.db.begin().await?;
        // A password that was changed while it was being checked no longer opens anything.
        let locked = request.lock_to_sign_in(&mut tx, user_id).await?;
        if locked.and_then(|user| user.password_hash).as_deref() != Some(stored.as_str()) {
            return Err(Error::InvalidCredentials);
        }
        if let Some(hash) = better {
            sqlx::query("UPDATE users SET password_hash = $2 WHERE id = $1")
                .bind(user_id)
                .bind(hash.as_str())
                .execute(&mut *tx)
                .await?;
        }
        self.oauth.complete_pending(&mut tx, request, user_id).await?;
        request.start_session(tx, user_id, METHOD, remember).await
    }

    /// Confirms the signed-in user's identity with the password. The session gets a new id and counts as recent.
    ///
    /// # Errors
    /// [`Error::WrongPassword`], [`Error::TooManyAttempts`], [`Error::Busy`]
    pub async fn confirm_identity(
        &self,
        request: &RequestAuth,
        live: LiveSession,
        password: SecretString,
    ) -> Result<()> {
        let client = request.client();
        let visit = self.visit(Action::Confirm, Purpose::Confirm, &live, client)?;
        let present = self
            .check_password(Purpose::Confirm, Whose::Session(&live), client, &password, visit)
            .await?
            .ok_or(Error::WrongPassword)?
            .stored;
        let mut tx = self.db.begin().await?;
        // A password that was changed while it was being checked no longer confirms anything.
        let locked = users::lock(&mut tx, live.user_id()).await?;
        if locked.and_then(|user| user.password_hash).as_deref() != Some(present.as_str()) {
            return Err(Error::WrongPassword);
        }
        request.confirm(tx, live, METHOD).await
    }

    /// Changes the password, ends the other sessions and gives this one a new id.
    ///
    /// # Errors
    /// [`Error::WrongPassword`] for the present one, [`Error::Password`] for the new one,
    /// [`Error::TooManyAttempts`], [`Error::Busy`]
    pub async fn change_password(
        &self,
        request: &RequestAuth,
        recent: RecentSession,
        current: SecretString,
        new: SecretString,
    ) -> Result<()> {
        let client = request.client();
        let visit = self.visit(Action::ChangePassword, Purpose::ChangePassword, &recent, client)?;
        let new = self.accept_for(&recent, &new).await?;
        let whose = Whose::Session(&recent);
        let present = self
            .check_password(Purpose::ChangePassword, whose, client, &current, visit)
            .await?
            .ok_or(Error::WrongPassword)?
            .stored;
        let hash = self.passwords.hash(new, client.limited_address(), None).await?;
        self.store_password(request, recent, Some(&present), &hash).await
    }

    /// Sets a first password, for a user who signs in with providers only.
    ///
    /// # Errors
    /// [`Error::PasswordAlreadySet`], [`Error::Password`]
    pub async fn set_password(
        &self,
        request: &RequestAuth,
        recent: RecentSession,
        new: SecretString,
    ) -> Result<()> {
        let client = request.client();
        let visit = self.visit(Action::ChangePassword, Purpose::ChangePassword, &recent, client)?;
        if users::ways_in(&self.db, recent.user_id()).await?.has_password {
            return Err(Error::PasswordAlreadySet);
        }
        let new = self.accept_for(&recent, &new).await?;
        let address = client.limited_address();
        let hash = self.passwords.hash(new, address, Some(visit)).await?;
        self.store_password(request, recent, None, &hash).await
    }

    async fn accept_for(&self, live: &LiveSession, new: &SecretString) -> Result<Password> {
        self.accept_new_password(live.user_id(), live.email(), new).await
    }

    /// A new password for this user, if the rules accept it.
    pub(crate) async fn accept_new_password(
        &self,
        user_id: Uuid,
        email: Option<&str>,
        new: &SecretString,
    ) -> Result<Password> {
        let name: Option<Option<String>> = sqlx::query_scalar("SELECT name FROM users WHERE id = $1")
            .bind(user_id)
            .fetch_optional(self.db.read())
            .await?;
        let name = name.flatten();
        let email: Option<Email> = email.and_then(|email| email.parse().ok());
        let person = Person {
            email: email.as_ref(),
            name: name.as_deref(),
        };
        Ok(self.passwords.accept(new, &person)?)
    }

    /// Replaces `present` by `hash`, if it still is the present one: of two concurrent changes, one wins.
    async fn store_password(
        &self,
        request: &RequestAuth,
        recent: RecentSession,
        present: Option<&PasswordHash>,
        hash: &PasswordHash,
    ) -> Result<()> {
        let client = request.client();
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        let stored = sqlx::query(
            "UPDATE users SET password_hash = $2, updated_at = $4
             WHERE id = $1 AND coalesce(password_hash, '') = coalesce($3, '')",
        )
        .bind(recent.user_id())
        .bind(hash.as_str())
        .bind(present.map(PasswordHash::as_str))
        .bind(now)
        .execute(&mut *tx)
        .await?;
        if stored.rows_affected() == 0 {
            // Another request was quicker.
            return Err(match present {
                Some(_) => Error::WrongPassword,
                None => Error::PasswordAlreadySet,
            });
        }
        request.end_others(&mut tx, &recent).await?;
        NewEvent::of(recent.user_id(), Deed::ChangePassword)
            .session(recent.session_id())
            .from(client)
            .note(METHOD)
            .record(&mut tx, &self.history)
            .await?;
        // A first password proves nothing, since the caller has just chosen it.
        request.cycle(tx, recent.into_live(), present.is_some()).await
    }
}
