//! Setting a second factor up, replacing it and removing it.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use wire::{RecoveryCodes, SecondFactors, TotpSetup};

use super::{qr, recovery, totp, totp::AppSecret};
use crate::{
    audit::Deed,
    auth::Auth,
    ceremonies::{self, Kind, Owner, UnderWay},
    error::{Error, Result},
    limits::{Action, Subject},
    session::{LiveSession, RecentSession, RequestAuth},
    users,
};

/// An app that is being set up, as it is kept until its first code.
#[derive(Serialize, Deserialize)]
struct NewApp {
    secret: String,
}

impl Auth {
    /// The second factors of the signed-in user. What is being set up is shown only to who may set it up.
    pub async fn second_factors(&self, request: &RequestAuth, live: LiveSession) -> Result<SecondFactors> {
        let user_id = live.user_id();
        let (totp, recovery_codes_left, trusted_browsers): (bool, i64, i64) = sqlx::query_as(
            "SELECT EXISTS (SELECT 1 FROM totp WHERE user_id = $1),
                    (SELECT count(*) FROM recovery_codes WHERE user_id = $1),
                    (SELECT count(*) FROM devices WHERE user_id = $1 AND trusted_until > $2)",
        )
        .bind(user_id)
        .bind(self.clock.now())
        .fetch_one(self.db.read())
        .await?;
        let setup = match self.app_under_way(&live).await? {
            Some(app) if request.recent(live.clone()).is_ok() => {
                let setup = self.shown(&live, &AppSecret::from_base32(&app.state.secret))?;
                let qr = qr::svg(&setup.uri)?;
                Some((setup, qr))
            }
            _ => None,
        };
        Ok(SecondFactors {
            totp,
            recovery_codes_left,
            trusted_browsers,
            setup: setup.map(|(TotpSetup { secret, uri }, qr)| wire::TotpUnderWay { secret, uri, qr }),
        })
    }

    /// Begins to set up an authenticator app. One that is set up already stays in force until the new one is confirmed.
    ///
    /// # Errors
    /// [`Error::NotSignedIn`], [`Error::Unavailable`]
    pub async fn start_totp(&self, recent: &RecentSession) -> Result<TotpSetup> {
        let secret = AppSecret::random();
        let setup = self.shown(recent, &secret)?;
        let app = NewApp {
            secret: secret.base32().to_owned(),
        };
        let session_id = recent.session_id();
        let kind = (Kind::Totp, Owner(session_id.as_bytes()));
        let mut tx = self.db.begin().await?;
        users::lock(&mut tx, recent.user_id())
            .await?
            .ok_or(Error::NotSignedIn)?;
        ceremonies::begin(
            &mut tx,
            &self.keys,
            kind,
            recent.user_id(),
            &app,
            self.clock.now(),
        )
        .await?;
        tx.commit().await?;
        Ok(setup)
    }

    /// Completes it with a code of the app. From now on a sign-in asks for one. The user's other sessions end.
    ///
    /// # Errors
    /// [`Error::WrongCode`], also if nothing is being set up; [`Error::TooManyAttempts`]; [`Error::Unavailable`]
    pub async fn confirm_totp(
        &self,
        request: &RequestAuth,
        live: LiveSession,
        code: &SecretString,
    ) -> Result<RecoveryCodes> {
        request.require_browser()?; // wing:clients
        let user_id = live.user_id();
        let attempt = self
            .limits
            .attempt(Action::SecondFactorUser, &Subject::User(user_id))?;
        let under_way = self.app_under_way(&live).await?;
        let now = self.clock.now();
        let right = match under_way {
            Some(UnderWay { id, state, .. }) => {
                let secret = AppSecret::from_base32(&state.secret);
                let step = secret.step_of(&digits(code.expose_secret()), now)?;
                step.map(|step| (id, secret, step))
            }
            None => None,
        };
        let Some((id, secret, step)) = right else {
            attempt.counts();
            return Err(Error::WrongCode);
        };
        let mut tx = self.db.begin().await?;
        users::lock(&mut tx, user_id).await?;
        if !ceremonies::end(&mut tx, id).await? {
            return Err(Error::WrongCode);
        }
        totp::store(&mut tx, &self.keys, user_id, (&secret, step), now).await?;
        let recovery_codes = recovery::replace(&mut tx, user_id).await?;
        request.factors_changed(tx, live, Deed::EnableTotp, "").await?;
        Ok(RecoveryCodes { recovery_codes })
    }

    /// Removes the authenticator app, with its recovery codes. The user's other sessions end.
    ///
    /// # Errors
    /// [`Error::NotSignedIn`], [`Error::Unavailable`]
    pub async fn disable_totp(&self, request: &RequestAuth, recent: RecentSession) -> Result<()> {
        let user_id = recent.user_id();
        let mut tx = self.db.begin().await?;
        users::lock(&mut tx, user_id).await?;
        recovery::remove(&mut tx, user_id).await?;
        if !totp::remove(&mut tx, user_id).await? {
            return Ok(());
        }
        request
            .factors_changed(tx, recent.into_live(), Deed::DisableTotp, "")
            .await
    }

    /// Gives the user ten recovery codes in place of all earlier ones.
    ///
    /// # Errors
    /// [`Error::NoSecondFactor`], [`Error::Unavailable`]
    pub async fn new_recovery_codes(
        &self,
        request: &RequestAuth,
        recent: RecentSession,
    ) -> Result<RecoveryCodes> {
        let user_id = recent.user_id();
        let mut tx = self.db.begin().await?;
        users::lock(&mut tx, user_id).await?;
        if !totp::is_on(&mut tx, user_id).await? {
            return Err(Error::NoSecondFactor);
        }
        let recovery_codes = recovery::replace(&mut tx, user_id).await?;
        request
            .factors_changed(tx, recent.into_live(), Deed::NewRecoveryCodes, "")
            .await?;
        Ok(RecoveryCodes { recovery_codes })
    }

    async fn app_under_way(&self, live: &LiveSession) -> Result<Option<UnderWay<NewApp>>> {
        let session_id = live.session_id();
        let kind = (Kind::Totp, Owner(session_id.as_bytes()));
        let found = ceremonies::find(&self.db, &self.keys, kind, self.clock.now()).await?;
        Ok(found.filter(|app: &UnderWay<NewApp>| app.user_id == live.user_id()))
    }

    fn shown(&self, live: &LiveSession, secret: &AppSecret) -> Result<TotpSetup> {
        let account = live.email().map(str::to_owned);
        let account = account.unwrap_or_else(|| live.user_id().to_string());
        Ok(TotpSetup {
            secret: secret.base32().to_owned(),
            uri: secret.uri(self.public_url.authority(), &account)?,
        })
    }
}

/// A code of an app, however it was typed.
pub(super) fn digits(typed: &str) -> String {
    let is_between = |char: &char| char.is_whitespace() || *char == '-';
    typed.chars().filter(|char| !is_between(char)).collect()
}
