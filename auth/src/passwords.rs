//! Registration, signing in and everything else a person does with a password.

use secrecy::SecretString;
use uuid::Uuid;

use crate::{
    Auth,
    audit::NewEvent,
    client::Client,
    credentials::PasswordHash,
    email::Email,
    error::{Error, Result},
    limits::{Action, Subject},
    session::{LiveSession, RecentSession, RequestAuth},
    users::{self, NewUser},
    wire::AuthSession,
};

/// How a session says that it began with a password.
pub const METHOD: &str = "password";

/// Who signs in, from where, and for how long.
#[derive(Debug)]
pub struct SignIn<'a> {
    /// The request that signs in.
    pub request: &'a RequestAuth,
    /// The browser.
    pub client: Client,
    /// The browser's flow cookie: it may hold a provider account that waits to be connected.
    pub browser: Option<&'a str>,
    /// "Keep me signed in".
    pub remember: bool,
}

impl Auth {
    /// Makes a user with a password and signs in, all in one transaction.
    ///
    /// # Errors
    /// [`Error::InvalidEmail`], [`Error::Password`], [`Error::EmailTaken`], [`Error::TooManyAttempts`], [`Error::Busy`]
    pub async fn register(
        &self,
        sign_in: SignIn<'_>,
        email: &str,
        password: SecretString,
        name: Option<&str>,
    ) -> Result<AuthSession> {
        self.limits.take(
            Action::RegisterAddress,
            Subject::address(sign_in.client.limited_address()),
        )?;
        let email: Email = email.parse()?;
        self.passwords.judge(&password, Some(&email))?;
        if name.is_some_and(|name| name.chars().count() > users::MAX_NAME) {
            return Err(Error::InvalidInput("name"));
        }
        let password_hash = Some(self.passwords.hash(&password).await?);
        let name = name.and_then(users::clean_name);
        let new = NewUser {
            email: Some(email),
            email_verified: false,
            name,
            avatar_url: None,
            password_hash,
        };
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        let user_id = self.users.upsert(&mut tx, None, new, now).await?;
        NewEvent::of(user_id, "register")
            .from(sign_in.client.ip)
            .note(METHOD)
            .record(&mut tx, now)
            .await?;
        sign_in
            .request
            .sign_in(tx, user_id, METHOD, sign_in.remember, &sign_in.client)
            .await
    }

    /// Signs in. A provider account that waits for this user's proof is connected on the way.
    ///
    /// # Errors
    /// [`Error::InvalidCredentials`], the same and after the same work for every reason;
    /// [`Error::TooManyAttempts`], [`Error::Busy`]
    pub async fn sign_in(
        &self,
        sign_in: SignIn<'_>,
        email: &str,
        password: SecretString,
    ) -> Result<AuthSession> {
        let address = || Subject::address(sign_in.client.limited_address());
        // What is no address is counted under its text: it must look like any unknown account.
        let parsed = email.parse::<Email>().ok();
        let key = parsed.as_ref().map_or_else(
            || email.trim().chars().take(254).collect(),
            |e| e.as_str().to_owned(),
        );
        let account = || Subject::Email(key.clone());
        self.limits.take(Action::SignInAddress, address())?;
        self.limits.take(Action::SignInFailedAddress, address())?;
        self.limits.take(Action::SignInAccount, account())?;

        let row: Option<(Uuid, Option<String>)> =
            sqlx::query_as("SELECT id, password_hash FROM users WHERE email = $1 AND disabled_at IS NULL")
                .bind(parsed.as_ref().map(Email::as_str))
                .fetch_optional(self.db.read())
                .await?;
        let (user_id, stored) = row.map_or((None, None), |(id, hash)| {
            (Some(id), hash.map(PasswordHash::stored))
        });
        let right = self.passwords.verify(&password, stored.clone()).await?;
        let (Some(user_id), Some(stored), true) = (user_id, stored, right) else {
            tracing::info!(
                user = user_id.map(tracing::field::display),
                "a sign-in with a password failed"
            );
            return Err(Error::InvalidCredentials);
        };
        self.limits.give_back(Action::SignInFailedAddress, address());
        self.limits.give_back(Action::SignInAccount, account());

        let stronger = match stored.is_outdated() {
            true => Some(self.passwords.hash(&password).await?),
            false => None,
        };
        let mut tx = self.db.begin().await?;
        // A password that was changed while it was being checked opens nothing any more.
        let locked = users::lock(&mut tx, user_id).await?;
        if locked.and_then(|user| user.password_hash).as_deref() != Some(stored.as_str()) {
            return Err(Error::InvalidCredentials);
        }
        if let Some(hash) = stronger {
            sqlx::query("UPDATE users SET password_hash = $2 WHERE id = $1")
                .bind(user_id)
                .bind(hash.as_str())
                .execute(&mut *tx)
                .await?;
        }
        self.oauth
            .complete_pending(&mut tx, sign_in.browser, user_id)
            .await?;
        sign_in
            .request
            .sign_in(tx, user_id, METHOD, sign_in.remember, &sign_in.client)
            .await
    }

    /// Confirms with the password who is signed in; the session gets a new id and counts as recent.
    ///
    /// # Errors
    /// [`Error::WrongPassword`], [`Error::TooManyAttempts`], [`Error::Busy`]
    pub async fn confirm_identity(
        &self,
        request: &RequestAuth,
        live: LiveSession,
        client: &Client,
        password: SecretString,
    ) -> Result<()> {
        self.limits.take(Action::Confirm, Subject::User(live.user_id()))?;
        self.check_password(&live, &password).await?;
        let mut tx = self.db.begin().await?;
        NewEvent::of(live.user_id(), "confirm")
            .session(live.session_id())
            .from(client.ip)
            .note(METHOD)
            .record(&mut tx, self.clock.now())
            .await?;
        request.cycle(tx, live, true).await
    }

    /// Changes the password: ends the other sessions and gives this one a new id.
    ///
    /// # Errors
    /// [`Error::WrongPassword`] for the present one, [`Error::Password`] for the new one,
    /// [`Error::TooManyAttempts`], [`Error::Busy`]
    pub async fn change_password(
        &self,
        request: &RequestAuth,
        recent: RecentSession,
        client: &Client,
        current: SecretString,
        new: SecretString,
    ) -> Result<()> {
        self.limits
            .take(Action::ChangePassword, Subject::User(recent.user_id()))?;
        self.judge_for(&recent, &new)?;
        let present = self.check_password(&recent, &current).await?;
        let hash = self.passwords.hash(&new).await?;
        self.store_password(request, recent, client, Some(&present), &hash)
            .await
    }

    /// Sets a first password, for who signs in with a provider only.
    ///
    /// # Errors
    /// [`Error::PasswordAlreadySet`], [`Error::Password`]
    pub async fn set_password(
        &self,
        request: &RequestAuth,
        recent: RecentSession,
        client: &Client,
        new: SecretString,
    ) -> Result<()> {
        self.limits
            .take(Action::ChangePassword, Subject::User(recent.user_id()))?;
        if self.stored_password(recent.user_id()).await?.is_some() {
            return Err(Error::PasswordAlreadySet);
        }
        self.judge_for(&recent, &new)?;
        let hash = self.passwords.hash(&new).await?;
        self.store_password(request, recent, client, None, &hash).await
    }

    fn judge_for(&self, live: &LiveSession, new: &SecretString) -> Result<()> {
        let email = live.email.as_deref().and_then(|email| email.parse().ok());
        Ok(self.passwords.judge(new, email.as_ref())?)
    }

    async fn stored_password(&self, user_id: Uuid) -> Result<Option<PasswordHash>> {
        let stored: Option<Option<String>> =
            sqlx::query_scalar("SELECT password_hash FROM users WHERE id = $1")
                .bind(user_id)
                .fetch_optional(self.db.read())
                .await?;
        Ok(stored.flatten().map(PasswordHash::stored))
    }

    async fn check_password(&self, live: &LiveSession, password: &SecretString) -> Result<PasswordHash> {
        let stored = self.stored_password(live.user_id()).await?;
        match (self.passwords.verify(password, stored.clone()).await?, stored) {
            (true, Some(stored)) => Ok(stored),
            _ => Err(Error::WrongPassword),
        }
    }

    /// Replaces `present` by `hash`, if it still is the present one: of two changes at once, one wins.
    async fn store_password(
        &self,
        request: &RequestAuth,
        recent: RecentSession,
        client: &Client,
        present: Option<&PasswordHash>,
        hash: &PasswordHash,
    ) -> Result<()> {
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
            return Err(Error::PasswordAlreadySet);
        }
        request.end_others(&mut tx, &recent).await?;
        NewEvent::of(recent.user_id(), "change_password")
            .session(recent.session_id())
            .from(client.ip)
            .note(METHOD)
            .record(&mut tx, now)
            .await?;
        request.cycle(tx, recent.into_live(), true).await
    }
}
