//! Another address for an account. Its user has it once a link in a mail to it was used in a session of the account.
//! The former address, if it was verified, is told before, and can take the change back after it.

use secrecy::SecretString;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{
    Mail, Queued,
    addresses::{holder, lock_all},
    notices::{Doer, Notice},
    outbox::{Kind, NewMail},
    texts,
    tokens::{Made, NewToken, Purpose, Whose},
    undo,
};
use crate::{
    audit::{Deed, NewEvent},
    auth::Auth,
    db::Tx,
    email::Email,
    error::{Error, Result},
    limits::{Action, Subject},
    session::{LiveSession, RecentSession, RequestAuth},
    users,
};

/// How long the link is valid.
const LIFE: Duration = Duration::hours(24);
/// The page that the link leads to.
const PAGE: &str = "/settings/confirm-address";

/// An address that a user has.
#[derive(sqlx::FromRow)]
struct Present {
    email: Option<String>,
    email_verified_at: Option<OffsetDateTime>,
}

impl Present {
    async fn of(tx: &mut Tx, user_id: Uuid) -> Result<Self> {
        sqlx::query_as("SELECT email, email_verified_at FROM users WHERE id = $1")
            .bind(user_id)
            .fetch_optional(&mut **tx)
            .await?
            .ok_or(Error::NotSignedIn)
    }

    /// The address, if it is verified.
    fn verified(&self) -> Option<Email> {
        let email = self.email.as_ref().filter(|_| self.email_verified_at.is_some());
        email.and_then(|email| email.parse().ok())
    }
}

impl Auth {
    /// Sends a link to the address that the signed-in user wants to have, and a notice to a verified present one. The
    /// caller cannot see whether the address is taken.
    ///
    /// # Errors
    /// [`Error::InvalidEmail`], [`Error::NotFound`] without mail, [`Error::TooManyAttempts`]
    pub async fn change_email(
        &self,
        request: &RequestAuth,
        recent: RecentSession,
        email: &str,
    ) -> Result<()> {
        self.mail.require()?;
        let email: Email = email.parse()?;
        let user_id = recent.user_id();
        let from = Subject::address(request.client().limited_address());
        let by_client = self.limits.attempt(Action::MailClient, &from)?;
        let address = Subject::Email(email.as_str().to_owned());
        let by_address = self.limits.attempt(Action::MailAddress, &address)?;
        let mut tx = self.db.begin().await?;
        users::lock(&mut tx, user_id).await?;
        let present = Present::of(&mut tx, user_id).await?.verified();
        if present.as_ref() == Some(&email) {
            return Ok(());
        }
        let new = NewToken {
            purpose: Purpose::EmailChange,
            voids: Whose::User(user_id),
            user_id: Some(user_id),
            address: Some(&email),
            browser: None,
            data: None,
            life: LIFE,
        };
        let Made { token, .. } = self.mail.make_token(&mut tx, &new).await?;
        let mail = NewMail {
            kind: Kind::EmailChange,
            user_id: Some(user_id),
            to: Some(&email),
            content: texts::email_change(&self.public_url, PAGE, &token),
            life: LIFE,
        };
        let _queued = self.mail.enqueue(&mut tx, mail).await?;
        if let Some(present) = &present {
            let doer = Doer::Holder(Some(request.client()));
            self.mail
                .notify_at(&mut tx, Some(user_id), Some(present), Notice::AddressAsked, doer)
                .await?;
        }
        tx.commit().await?;
        by_client.counts();
        by_address.counts();
        Ok(())
    }

    /// Gives the signed-in user the address that the link was sent to.
    ///
    /// # Errors
    /// [`Error::LinkExpired`]; [`Error::NotSignedIn`] if the link is another user's; [`Error::EmailTaken`] if another
    /// user has verified the address meanwhile, which spends nothing; [`Error::NotFound`] without mail,
    /// [`Error::TooManyAttempts`]
    pub async fn confirm_email_change(
        &self,
        request: &RequestAuth,
        live: &LiveSession,
        token: &SecretString,
    ) -> Result<()> {
        self.mail.require()?;
        self.count_link(request)?;
        let user_id = live.user_id();
        let found = self.mail.look_at_token(Purpose::EmailChange, token).await?;
        let found = found.ok_or(Error::LinkExpired)?;
        if found.user_id != Some(user_id) {
            return Err(Error::NotSignedIn);
        }
        let email: Email = found.address.parse()?;
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        let holder = holder(&mut tx, &email).await?;
        lock_all(&mut tx, holder.into_iter().chain([user_id])).await?;
        let spent = self
            .mail
            .spend_token(&mut tx, Purpose::EmailChange, token)
            .await?;
        spent.ok_or(Error::LinkExpired)?;
        let former = Present::of(&mut tx, user_id).await?.verified();
        self.take_address(&mut tx, (holder, Some(user_id)), &email)
            .await?;
        set_address(&mut tx, user_id, &email, now).await?;
        // What strangers have tried with it was not about this account.
        self.mail.unlock(&mut tx, email.as_str()).await?;
        self.sessions.marks().refresh_snapshots(&mut tx, user_id).await?;
        // What was sent to the former address proves nothing any more.
        Mail::end_tokens(&mut tx, user_id).await?;
        NewEvent::of(user_id, Deed::ChangeEmail)
            .session(live.session_id())
            .from(request.client())
            .record(&mut tx, &self.history)
            .await?;
        let _queued = match former.filter(|former| *former != email) {
            Some(former) if !self.mail.goes_back(&mut tx, user_id, &email).await? => {
                Some(self.enqueue_undo(&mut tx, user_id, &former).await?)
            }
            _ => None,
        };
        tx.commit().await?;
        tracing::info!(user = %user_id, "an address was changed");
        Ok(())
    }

    /// Writes the mail with which the former address takes the change back.
    async fn enqueue_undo(&self, tx: &mut Tx, user_id: Uuid, former: &Email) -> Result<Queued> {
        let new = NewToken {
            purpose: Purpose::UndoEmailChange,
            voids: Whose::Nobody,
            user_id: Some(user_id),
            address: Some(former),
            browser: None,
            data: Some(undo::since(self.clock.now())),
            life: undo::LIFE,
        };
        let Made { token, .. } = self.mail.make_token(tx, &new).await?;
        let mail = NewMail {
            kind: Kind::UndoEmailChange,
            user_id: Some(user_id),
            to: Some(former),
            content: texts::undo_email_change(&self.public_url, undo::PAGE, &token),
            life: undo::LIFE,
        };
        self.mail.enqueue(tx, mail).await
    }
}

/// Gives a user, who is locked, an address that they have just proven and that no other user has.
pub(super) async fn set_address(
    tx: &mut Tx,
    user_id: Uuid,
    email: &Email,
    now: OffsetDateTime,
) -> Result<()> {
    let set = sqlx::query(
        "UPDATE users SET email = $2, email_verified_at = $3, updated_at = $3 WHERE id = $1 AND disabled_at IS NULL",
    )
    .bind(user_id)
    .bind(email.as_str())
    .bind(now)
    .execute(&mut **tx)
    .await;
    match set {
        Ok(set) if set.rows_affected() == 1 => Ok(()),
        Ok(_) => Err(Error::LinkExpired),
        // Another transaction has given it to another user just now.
        Err(sqlx::Error::Database(cause)) if cause.is_unique_violation() => Err(Error::EmailTaken),
        Err(error) => Err(error.into()),
    }
}
