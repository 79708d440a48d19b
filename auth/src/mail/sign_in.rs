//! Signing in by mail: with a code that is typed in the browser that asked for it, or with a link that is opened there.
//! Anywhere else the link signs nobody in, so that a link that was sent on is worth nothing.
//!
//! Of an account whose address was never verified, only its data is left: somebody else may have prepared it.

use serde::{Deserialize, Serialize};
use time::Duration;
use uuid::Uuid;
use wire::AuthSession;

use super::{
    outbox::{Kind, NewMail},
    reset::enabled_user,
    texts,
    tokens::{Found, Made, NewToken, Purpose, Whose},
    verification::Proof,
};
use crate::{
    audit::{Deed, NewEvent},
    auth::Auth,
    browser::Browser,
    cookies::{CookieName, Keep},
    db::Tx,
    email::Email,
    error::{Error, Result},
    limits::{Action, Subject},
    return_to::ReturnTo,
    session::RequestAuth,
    users,
};

/// How long code and link are valid.
const LIFE: Duration = Duration::minutes(10);
/// The page that the link leads to.
const PAGE: &str = "/login/link";
/// The `method` of sessions that began with a mail.
pub const METHOD: &str = "email";

/// What was decided when the code was asked for.
#[derive(Serialize, Deserialize)]
struct Asked {
    remember: bool,
    return_to: String,
}

/// A sign-in by mail, and where it leads.
#[derive(Debug)]
pub struct SignedInByMail {
    /// What came of it.
    pub session: Result<AuthSession>,
    /// Where to go now, or after the second factor.
    pub return_to: ReturnTo,
}

impl Auth {
    /// Sends a code and a link for this browser to an address, if an enabled user has it. The caller cannot see whether
    /// one has: the result, the limits and the work are the same.
    ///
    /// # Errors
    /// [`Error::InvalidEmail`], [`Error::NotFound`] if nobody signs in by mail, [`Error::TooManyAttempts`]
    pub async fn send_sign_in_code(
        &self,
        request: &RequestAuth,
        email: &str,
        remember: bool,
        return_to: Option<&str>,
    ) -> Result<()> {
        self.mail.require_sign_in()?;
        request.require_browser()?; // wing:clients
        let email: Email = email.parse()?;
        let from = Subject::address(request.client().limited_address());
        let by_client = self.limits.attempt(Action::MailClient, &from)?;
        let address = Subject::Email(email.as_str().to_owned());
        let by_address = self.limits.attempt(Action::MailAddress, &address)?;
        let asked = Asked {
            remember,
            return_to: ReturnTo::or_default(return_to).as_str().to_owned(),
        };
        let browser = Browser::of_or_new(request.flow_cookie());
        let mut tx = self.db.begin().await?;
        let user_id = enabled_user(&mut tx, &email).await?;
        let to = user_id.map(|_| &email);
        let new = NewToken {
            purpose: Purpose::SignIn,
            voids: Whose::Browser(browser.hash()),
            user_id,
            address: to,
            browser: Some(browser.hash()),
            data: Some(serde_json::to_value(&asked).map_err(Error::internal)?),
            life: LIFE,
        };
        let Made { token, code } = self.mail.make_token(&mut tx, &new).await?;
        let mail = NewMail {
            kind: Kind::SignIn,
            user_id,
            to,
            content: texts::sign_in(&self.public_url, PAGE, &token, &code),
            life: LIFE,
        };
        let _queued = self.mail.enqueue(&mut tx, mail).await?;
        tx.commit().await?;
        by_client.counts();
        by_address.counts();
        let keep = Keep::Seconds(LIFE.whole_seconds());
        request.plan_also(self.cookies.set(CookieName::Flow, browser.as_str(), keep));
        Ok(())
    }

    /// Signs in with the code or the link of a mail that this browser has asked for.
    ///
    /// # Errors
    /// [`Error::WrongCode`], also for a link in another browser; [`Error::LinkExpired`]; [`Error::NotFound`] if nobody signs
    /// in by mail, [`Error::TooManyAttempts`]
    pub async fn sign_in_with_code(&self, request: &RequestAuth, proof: Proof) -> Result<SignedInByMail> {
        self.mail.require_sign_in()?;
        request.require_browser()?; // wing:clients
        let browser = Browser::of(request.flow_cookie());
        let whose = browser.map_or(Whose::Nobody, |browser| Whose::Browser(browser.hash()));
        let (key, found) = match proof {
            Proof::Token(token) => {
                self.count_link(request)?;
                let (key, found) = self
                    .mail
                    .find_token(Purpose::SignIn, &token)
                    .await?
                    .ok_or(Error::LinkExpired)?;
                if !whose.is_browser_of(&found) {
                    return Err(Error::WrongCode);
                }
                (key, found)
            }
            Proof::Code(code) => {
                let from = Subject::address(request.client().limited_address());
                let by_client = self.limits.attempt(Action::MailCodeAddress, &from)?;
                let mut tx = self.db.begin().await?;
                let tried = self.mail.try_code(&mut tx, Purpose::SignIn, whose, &code).await?;
                tx.commit().await?;
                match tried {
                    Some(tried) => tried,
                    None => {
                        by_client.counts();
                        return Err(Error::WrongCode);
                    }
                }
            }
        };
        let user_id = found.user_id.ok_or(Error::WrongCode)?;
        let asked: Asked = found.asked().ok_or(Error::WrongCode)?;
        let mut tx = self.db.begin().await?;
        users::lock(&mut tx, user_id).await?;
        if !self.mail.spend(&mut tx, &key).await? {
            return Err(Error::WrongCode);
        }
        self.prove_address(&mut tx, request, user_id, &found).await?;
        tx.commit().await?;
        let session = self
            .begin_by_mail(request, user_id, &found.address, asked.remember)
            .await;
        let return_to = ReturnTo::or_default(Some(&asked.return_to));
        Ok(SignedInByMail { session, return_to })
    }

    /// Verifies the address of a user, who is locked, by the mail that has reached it. If it was not verified until now,
    /// whatever leads into the account goes first, unless its user is signed in in this very browser.
    async fn prove_address(
        &self,
        tx: &mut Tx,
        request: &RequestAuth,
        user_id: Uuid,
        found: &Found,
    ) -> Result<()> {
        let was_verified: bool = sqlx::query_scalar(
            "SELECT email_verified_at IS NOT NULL FROM users WHERE id = $1 AND email = $2 AND disabled_at IS NULL",
        )
        .bind(user_id)
        .bind(&found.address)
        .fetch_optional(&mut **tx)
        .await?
        .ok_or(Error::WrongCode)?;
        if was_verified {
            return Ok(());
        }
        let now = self.clock.now();
        let is_own = match request.require().await {
            Ok(live) => live.user_id() == user_id,
            Err(Error::NotSignedIn) => false,
            Err(error) => return Err(error),
        };
        let mut had_password = false;
        if !is_own {
            self.end_all_of(tx, user_id).await?;
            self.remove_prepared(tx, user_id).await?;
            let removed = sqlx::query(
                "UPDATE users SET password_hash = NULL WHERE id = $1 AND password_hash IS NOT NULL",
            );
            had_password = removed.bind(user_id).execute(&mut **tx).await?.rows_affected() > 0;
        }
        sqlx::query("UPDATE users SET email_verified_at = $2, updated_at = $2 WHERE id = $1")
            .bind(user_id)
            .bind(now)
            .execute(&mut **tx)
            .await?;
        let client = request.client();
        if had_password {
            NewEvent::of(user_id, Deed::RemovePassword)
                .from(client)
                .record(tx, &self.history)
                .await?;
        }
        self.sessions.marks().refresh_snapshots(tx, user_id).await?;
        NewEvent::of(user_id, Deed::VerifyEmail)
            .from(client)
            .record(tx, &self.history)
            .await
    }

    /// Begins the session, if the address that was proven is still the user's.
    async fn begin_by_mail(
        &self,
        request: &RequestAuth,
        user_id: Uuid,
        address: &str,
        remember: bool,
    ) -> Result<AuthSession> {
        let mut tx = self.db.begin().await?;
        request.lock_to_sign_in(&mut tx, user_id).await?;
        let is_theirs: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM users WHERE id = $1 AND email = $2 AND email_verified_at IS NOT NULL)",
        )
        .bind(user_id)
        .bind(address)
        .fetch_one(&mut *tx)
        .await?;
        if !is_theirs {
            return Err(Error::WrongCode);
        }
        self.oauth.complete_pending(&mut tx, request, user_id).await?;
        request.start_session(tx, user_id, METHOD, remember).await
    }
}
