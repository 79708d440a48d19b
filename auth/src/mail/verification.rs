//! Verifying the address of an account: by the link or the code of a mail, in a session of that account. Without the
//! session, whoever reads the mail would verify an account that somebody else has prepared for them.

use secrecy::SecretString;
use time::Duration;
use uuid::Uuid;

use super::{
    Queued,
    outbox::{Kind, NewMail},
    texts,
    tokens::{Made, NewToken, Purpose, Whose},
};
use crate::{
    audit::{Deed, NewEvent},
    auth::Auth,
    client::Client,
    db::Tx,
    email::Email,
    error::{Error, Result},
    limits::{Action, Subject},
    session::{LiveSession, RequestAuth},
    users,
};

/// How long link and code are valid.
const LIFE: Duration = Duration::hours(24);
/// The page that the link leads to.
const PAGE: &str = "/verify";

/// What shows that a mail was received.
#[derive(Debug)]
pub enum Proof {
    /// The token of its link.
    Token(SecretString),
    /// The code in it.
    Code(SecretString),
}

impl Auth {
    /// Sends a mail to the address of the signed-in user, if it is not verified yet.
    ///
    /// # Errors
    /// [`Error::NotFound`] without mail or an address, [`Error::TooManyAttempts`]
    pub async fn send_verification(&self, request: &RequestAuth, live: &LiveSession) -> Result<()> {
        self.mail.require()?;
        let email: Email = live.email().ok_or(Error::NotFound)?.parse()?;
        let limits = &self.limits;
        let from = Subject::address(request.client().limited_address());
        let by_user = limits.attempt(Action::VerificationUser, &Subject::User(live.user_id()))?;
        let by_client = limits.attempt(Action::MailClient, &from)?;
        let by_address = limits.attempt(Action::MailAddress, &Subject::Email(email.as_str().to_owned()))?;
        let mut tx = self.db.begin().await?;
        users::lock(&mut tx, live.user_id()).await?;
        let is_open: Option<bool> =
            sqlx::query_scalar("SELECT email_verified_at IS NULL FROM users WHERE id = $1 AND email = $2")
                .bind(live.user_id())
                .bind(email.as_str())
                .fetch_optional(&mut *tx)
                .await?;
        if is_open != Some(true) {
            return Ok(());
        }
        let _queued = self.enqueue_verification(&mut tx, live.user_id(), &email).await?;
        tx.commit().await?;
        by_user.counts();
        by_client.counts();
        by_address.counts();
        Ok(())
    }

    /// The same for a user whom the caller's transaction has just created. Without mail, or if the address has got too many
    /// or the client has caused too many, none is sent: the account is there all the same, and its user can ask for one
    /// later.
    pub(crate) async fn verify_new_user(
        &self,
        tx: &mut Tx,
        user_id: Uuid,
        email: &Email,
        client: &Client,
    ) -> Result<Option<Queued>> {
        let address = Subject::Email(email.as_str().to_owned());
        let from = Subject::address(client.limited_address());
        let is_possible = self.mail.is_on()
            && self.limits.take(Action::MailClient, from).is_ok()
            && self.limits.take(Action::MailAddress, address).is_ok();
        if !is_possible {
            return Ok(None);
        }
        self.enqueue_verification(tx, user_id, email).await.map(Some)
    }

    async fn enqueue_verification(&self, tx: &mut Tx, user_id: Uuid, email: &Email) -> Result<Queued> {
        let new = NewToken {
            purpose: Purpose::Verification,
            voids: Whose::User(user_id),
            user_id: Some(user_id),
            address: Some(email),
            browser: None,
            data: None,
            life: LIFE,
        };
        let Made { token, code } = self.mail.make_token(tx, &new).await?;
        let mail = NewMail {
            kind: Kind::Verification,
            user_id: Some(user_id),
            to: Some(email),
            content: texts::verification(&self.public_url, PAGE, &token, &code),
            life: LIFE,
        };
        self.mail.enqueue(tx, mail).await
    }

    /// Verifies the address of the signed-in user.
    ///
    /// # Errors
    /// [`Error::LinkExpired`] for a token, [`Error::WrongCode`] for a code; [`Error::NotSignedIn`] if a token is another
    /// user's; [`Error::NotFound`] without mail, [`Error::TooManyAttempts`]
    pub async fn verify_email(&self, request: &RequestAuth, live: &LiveSession, proof: Proof) -> Result<()> {
        self.mail.require()?;
        let user_id = live.user_id();
        let from = Subject::address(request.client().limited_address());
        let purpose = Purpose::Verification;
        let mut tx;
        let address = match proof {
            Proof::Token(token) => {
                self.count_link(request)?;
                let found = self.mail.look_at_token(purpose, &token).await?;
                if found.ok_or(Error::LinkExpired)?.user_id != Some(user_id) {
                    return Err(Error::NotSignedIn);
                }
                tx = self.db.begin().await?;
                users::lock(&mut tx, user_id).await?;
                let spent = self.mail.spend_token(&mut tx, purpose, &token).await?;
                spent.ok_or(Error::LinkExpired)?.address
            }
            Proof::Code(code) => {
                let by_user = self.limits.attempt(Action::MailCode, &Subject::User(user_id))?;
                let by_client = self.limits.attempt(Action::MailCodeAddress, &from)?;
                tx = self.db.begin().await?;
                users::lock(&mut tx, user_id).await?;
                let whose = Whose::User(user_id);
                match self.mail.try_code(&mut tx, purpose, whose, &code).await? {
                    Some((key, found)) => {
                        self.mail.spend(&mut tx, &key).await?;
                        found.address
                    }
                    None => {
                        tx.commit().await?;
                        by_user.counts();
                        by_client.counts();
                        return Err(Error::WrongCode);
                    }
                }
            }
        };
        let now = self.clock.now();
        // The address may be another one by now. Then this was no proof for it.
        let verified = sqlx::query(
            "UPDATE users SET email_verified_at = coalesce(email_verified_at, $3), updated_at = $3
             WHERE id = $1 AND email = $2",
        )
        .bind(user_id)
        .bind(&address)
        .bind(now)
        .execute(&mut *tx)
        .await?;
        if verified.rows_affected() == 0 {
            return Err(Error::LinkExpired);
        }
        self.sessions.marks().refresh_snapshots(&mut tx, user_id).await?;
        NewEvent::of(user_id, Deed::VerifyEmail)
            .session(live.session_id())
            .from(request.client())
            .record(&mut tx, &self.history)
            .await?;
        tx.commit().await?;
        tracing::info!(user = %user_id, "an address was verified");
        Ok(())
    }
}
