//! Sign-ins that are half-way: the first factor was right, and the second is awaited in the same browser.

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use wire::AuthSession;

use super::request::RequestAuth;
use crate::mail::METHOD; // wing:mail
use crate::{
    browser::{Browser, hash},
    ceremonies::{self, Kind, Owner, UnderWay},
    cookies::{CookieName, Keep},
    db::Tx,
    error::{Error, Result},
};

/// How long the browser keeps the flow cookie for it, in seconds.
const LIFE: i64 = 600;

/// What the first factor has decided.
#[derive(Serialize, Deserialize)]
pub(crate) struct FirstFactor {
    method: String,
    remember: bool,
}

// wing:mail
impl FirstFactor {
    /// Whether the first factor was a mail.
    pub(crate) fn is_by_mail(&self) -> bool {
        self.method == METHOD
    }
}
// end wing:mail

/// Marks the point in a transaction to which a sign-in goes back if it has to wait. The user is locked by then.
pub(super) async fn mark(tx: &mut Tx) -> Result<()> {
    sqlx::query("SAVEPOINT first_factor").execute(&mut **tx).await?;
    Ok(())
}

impl RequestAuth {
    /// Whether a user, who is locked, needs a second factor in this browser.
    pub(super) async fn needs_second_factor(&self, tx: &mut Tx, user_id: Uuid) -> Result<bool> {
        let device = self.device_cookie().map(hash);
        Ok(sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM totp WHERE user_id = $1)
                AND NOT EXISTS (SELECT 1 FROM devices WHERE user_id = $1 AND hash = $2 AND trusted_until > $3)",
        )
        .bind(user_id)
        .bind(device.map(Vec::from))
        .bind(self.sessions().0.clock.now())
        .fetch_one(&mut **tx)
        .await?)
    }

    /// Keeps a sign-in until its second factor, in place of all that the transaction has changed since [`mark`]. It holds
    /// the lock on the user: a change of what can sign in comes either before the first factor was checked or ends this,
    /// too. The session this browser has stays until the new one begins.
    pub(super) async fn keep_half_way(
        &self,
        mut tx: Tx,
        user_id: Uuid,
        method: &str,
        remember: bool,
    ) -> Result<()> {
        sqlx::query("ROLLBACK TO SAVEPOINT first_factor")
            .execute(&mut *tx)
            .await?;
        let sessions = &self.sessions().0;
        let browser = Browser::of_or_new(self.flow_cookie());
        let state = FirstFactor {
            method: method.to_owned(),
            remember,
        };
        let owner = browser.hash();
        let now = sessions.clock.now();
        let kind = (Kind::HalfWay, Owner(&owner));
        ceremonies::begin(&mut tx, &sessions.keys, kind, user_id, &state, now).await?;
        tx.commit().await?;
        let keep = Keep::Seconds(LIFE);
        self.plan_also(sessions.cookies.set(CookieName::Flow, browser.as_str(), keep));
        Ok(())
    }

    /// The sign-in that waits in this browser.
    pub(crate) async fn half_way(&self) -> Result<Option<UnderWay<FirstFactor>>> {
        let sessions = &self.sessions().0;
        let Some(browser) = Browser::of(self.flow_cookie()) else {
            return Ok(None);
        };
        let (owner, now) = (browser.hash(), sessions.clock.now());
        let kind = (Kind::HalfWay, Owner(&owner));
        ceremonies::find(&sessions.db, &sessions.keys, kind, now).await
    }

    /// Signs in, as the last step of the caller's transaction, which has checked the second factor and locked the user by
    /// [`Self::lock_to_sign_in`].
    ///
    /// # Errors
    /// Like [`Self::start_session`]; [`Error::NotSignedIn`] if another request has completed this sign-in.
    pub(crate) async fn complete(&self, mut tx: Tx, half_way: UnderWay<FirstFactor>) -> Result<AuthSession> {
        self.lock_enabled(&mut tx, half_way.user_id).await?;
        if !ceremonies::end(&mut tx, half_way.id).await? {
            return Err(Error::NotSignedIn);
        }
        let FirstFactor { method, remember } = half_way.state;
        self.begin(tx, half_way.user_id, &method, remember).await
    }
}
