//! A new password for whoever has forgotten theirs: by a link in a mail to the address of the account.
//!
//! Whoever owns the address gets the account. If the address was never verified, somebody else may have prepared the
//! account for them to walk into: then every other way in goes, and the address is verified now.

use secrecy::SecretString;
use time::Duration;
use uuid::Uuid;

use super::{
    Mail, Queued,
    outbox::{Kind, NewMail},
    seen, texts,
    tokens::{Made, NewToken, Purpose, Whose},
};
use crate::passkeys; // wing:passkeys
use crate::second_factors; // wing:second-factors
use crate::{
    audit::{Deed, NewEvent},
    auth::Auth,
    db::Tx,
    email::Email,
    error::{Error, Result},
    limits::{Action, Subject},
    networks::{self, Network},
    session::RequestAuth,
    users,
};

/// How long the link is valid.
const LIFE: Duration = Duration::minutes(30);
/// The page that the link leads to.
const PAGE: &str = "/reset";

impl Auth {
    /// Sends a link to this address, if an enabled user has it. The caller cannot see whether one has: the result, the
    /// limits and the work are the same.
    ///
    /// # Errors
    /// [`Error::InvalidEmail`], [`Error::NotFound`] without mail, [`Error::TooManyAttempts`]
    pub async fn forgot_password(&self, request: &RequestAuth, email: &str) -> Result<()> {
        self.mail.require()?;
        let email: Email = email.parse()?;
        let from = Subject::address(request.client().limited_address());
        let by_client = self.limits.attempt(Action::MailClient, &from)?;
        let address = Subject::Email(email.as_str().to_owned());
        let by_address = self.limits.attempt(Action::MailAddress, &address)?;
        let mut tx = self.db.begin().await?;
        let user_id = enabled_user(&mut tx, &email).await?;
        let _queued = self.enqueue_reset(&mut tx, user_id, &email).await?;
        tx.commit().await?;
        by_client.counts();
        by_address.counts();
        Ok(())
    }

    /// Writes the mail with the link. Without a user, the same work is done for a mail that is never sent.
    pub(super) async fn enqueue_reset(
        &self,
        tx: &mut Tx,
        user_id: Option<Uuid>,
        email: &Email,
    ) -> Result<Queued> {
        let to = user_id.map(|_| email);
        let new = NewToken {
            purpose: Purpose::Reset,
            voids: user_id.map_or(Whose::Nobody, Whose::User),
            user_id,
            address: to,
            browser: None,
            data: None,
            life: LIFE,
        };
        let Made { token, .. } = self.mail.make_token(tx, &new).await?;
        let mail = NewMail {
            kind: Kind::Reset,
            user_id,
            to,
            content: texts::reset(&self.public_url, PAGE, &token),
            life: LIFE,
        };
        self.mail.enqueue(tx, mail).await
    }

    /// Whose password the link changes, and the address that it proves.
    async fn reset_of(&self, token: &SecretString) -> Result<(Uuid, String)> {
        let found = self.mail.look_at_token(Purpose::Reset, token).await?;
        let found = found.ok_or(Error::LinkExpired)?;
        Ok((found.user_id.ok_or(Error::LinkExpired)?, found.address))
    }

    /// Sets a new password, or a first one, and ends everything that is signed in to the account. Signs nobody in.
    ///
    /// # Errors
    /// [`Error::LinkExpired`]; [`Error::Password`], which spends nothing; [`Error::NotFound`] without mail,
    /// [`Error::TooManyAttempts`], [`Error::Busy`]
    pub async fn reset_password(
        &self,
        request: &RequestAuth,
        token: &SecretString,
        new: &SecretString,
    ) -> Result<()> {
        self.mail.require()?;
        self.count_link(request)?;
        let (user_id, address) = self.reset_of(token).await?;
        let client = request.client();
        let new = self.accept_new_password(user_id, Some(&address), new).await?;
        let hash = self.passwords.hash(new, client.limited_address(), None).await?;
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        // No sign-in happens meanwhile.
        users::lock(&mut tx, user_id).await?;
        let spent = self.mail.spend_token(&mut tx, Purpose::Reset, token).await?;
        let address = spent.ok_or(Error::LinkExpired)?.address;
        let was_verified: bool = sqlx::query_scalar(
            "SELECT email_verified_at IS NOT NULL FROM users WHERE id = $1 AND email = $2 AND disabled_at IS NULL",
        )
        .bind(user_id)
        .bind(&address)
        .fetch_optional(&mut *tx)
        .await?
        .ok_or(Error::LinkExpired)?;
        sqlx::query(
            "UPDATE users SET password_hash = $2, email_verified_at = coalesce(email_verified_at, $3), updated_at = $3
             WHERE id = $1",
        )
        .bind(user_id)
        .bind(hash.as_str())
        .bind(now)
        .execute(&mut *tx)
        .await?;
        self.mail.unlock(&mut tx, &address).await?;
        self.end_all_of(&mut tx, user_id).await?;
        if !was_verified {
            self.remove_prepared(&mut tx, user_id).await?;
        }
        NewEvent::of(user_id, Deed::ResetPassword)
            .from(client)
            .record(&mut tx, &self.history)
            .await?;
        if !was_verified {
            NewEvent::of(user_id, Deed::VerifyEmail)
                .from(client)
                .record(&mut tx, &self.history)
                .await?;
        }
        tx.commit().await?;
        // Whoever has guessed at the former password must not make the owner wait with the new one.
        let account = Subject::Email(address.clone());
        self.limits.forget(Action::SignInAccount, &account);
        if let Some(network) = client.ip.map(Network::of) {
            let from_here = Subject::EmailFrom(address, network);
            self.limits.forget(Action::SignInKnownNetwork, &from_here);
        }
        tracing::info!(user = %user_id, "a password was reset by mail");
        Ok(())
    }

    /// Ends everything that is signed in to an account, and everything under way that would lead into it.
    pub(super) async fn end_all_of(&self, tx: &mut Tx, user_id: Uuid) -> Result<()> {
        self.sessions.marks().end_all(tx, user_id).await?;
        self.oauth.forget_user(tx, user_id).await?;
        Mail::end_tokens(tx, user_id).await
    }

    /// Removes what leads into an account beside its password, or keeps its owner out: whoever has registered with the
    /// address of somebody else may have prepared it.
    pub(super) async fn remove_prepared(&self, tx: &mut Tx, user_id: Uuid) -> Result<()> {
        second_factors::remove_all(tx, user_id).await?; // wing:second-factors
        passkeys::table::remove_all(tx, user_id).await?; // wing:passkeys
        // Of an address that leads into the account no more, a link that gives it back would.
        Mail::end_undos(tx, user_id).await?;
        seen::forget(tx, user_id).await?;
        networks::forget(tx, user_id).await?;
        self.oauth.disconnect_all(tx, user_id).await
    }
}

/// The enabled user with this address, who is locked.
pub(super) async fn enabled_user(tx: &mut Tx, email: &Email) -> Result<Option<Uuid>> {
    Ok(sqlx::query_scalar(
        "UPDATE users SET updated_at = updated_at WHERE email = $1 AND disabled_at IS NULL RETURNING id",
    )
    .bind(email.as_str())
    .fetch_optional(&mut **tx)
    .await?)
}
