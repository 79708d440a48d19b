//! Signing in with a passkey. Nobody types an address: the authenticator says whose key it is.

use webauthn_rs::{Webauthn, prelude::DiscoverableAuthentication};
use webauthn_rs_proto::PublicKeyCredential;
use wire::{AuthSession, PasskeyOptions};

use super::{METHOD, answer::Answer, table};
use crate::{
    auth::Auth,
    browser::Browser,
    ceremonies::{self, Kind, Owner},
    cookies::{CookieName, Keep},
    error::{Error, Result, chain},
    limits::{Action, Subject},
    session::RequestAuth,
};

/// How long the browser keeps the flow cookie, in seconds: longer than the ceremony, which then says itself that it is over.
const COOKIE_LIFE: i64 = 600;

impl Auth {
    /// Begins a sign-in: what the browser needs to ask an authenticator. It is good for five minutes, in this browser.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there are no passkeys; [`Error::TooManyAttempts`]
    pub async fn start_passkey_sign_in(&self, request: &RequestAuth) -> Result<PasskeyOptions> {
        let webauthn = self.passkeys.require()?;
        request.require_browser()?; // wing:clients
        self.count_challenge(request)?;
        let (mut options, state) = webauthn
            .start_discoverable_authentication()
            .map_err(Error::internal)?;
        // The page decides whether it waits in the background or asks at once.
        options.mediation = None;
        let browser = Browser::of_or_new(request.flow_cookie());
        let owner = browser.hash();
        let kind = (Kind::PasskeySignIn, Owner(&owner));
        let challenge = (&options.public_key.challenge[..], &state);
        let options = self.keep_challenge(kind, None, challenge, &options).await?;
        let keep = Keep::Seconds(COOKIE_LIFE);
        request.plan_also(self.cookies.set(CookieName::Flow, browser.as_str(), keep));
        Ok(options)
    }

    /// Signs in with the browser's answer.
    ///
    /// # Errors
    /// [`Error::UnknownPasskey`] for one that nobody has here, so that the browser can forget it; [`Error::WrongPasskey`] for
    /// all else that is wrong; [`Error::NotFound`] where there are no passkeys; [`Error::TooManyAttempts`]
    pub async fn sign_in_with_passkey(
        &self,
        request: &RequestAuth,
        credential: &str,
        remember: bool,
    ) -> Result<AuthSession> {
        let webauthn = self.passkeys.require()?;
        request.require_browser()?; // wing:clients
        let address = Subject::address(request.client().limited_address());
        let attempt = self.limits.attempt(Action::PasskeyFailedAddress, &address)?;
        let signed_in = self.with_answer(webauthn, request, credential, remember).await;
        if matches!(
            signed_in,
            Err(Error::UnknownPasskey | Error::WrongPasskey | Error::InvalidCredentials)
        ) {
            attempt.counts();
        }
        signed_in
    }

    async fn with_answer(
        &self,
        webauthn: &Webauthn,
        request: &RequestAuth,
        credential: &str,
        remember: bool,
    ) -> Result<AuthSession> {
        let answer: Answer<PublicKeyCredential> = Answer::read(credential).ok_or(Error::WrongPasskey)?;
        let browser = Browser::of(request.flow_cookie()).ok_or(Error::WrongPasskey)?;
        let owner = browser.hash();
        let kind = (Kind::PasskeySignIn, Owner(&owner));
        let now = self.clock.now();
        let ceremony = ceremonies::take(&self.db, &self.keys, kind, &answer.challenge, now).await?;
        let (_, state) = ceremony.ok_or(Error::WrongPasskey)?;
        let state: DiscoverableAuthentication = state;
        let credential = &answer.credential;
        let stored = table::find(&self.db, credential.get_credential_id()).await?;
        let stored = stored.ok_or(Error::UnknownPasskey)?;
        let user_id = stored.user_id;
        // The authenticator names the user, whom the signature does not cover.
        if credential.get_user_unique_id() != Some(user_id.as_bytes()) {
            return Err(Error::WrongPasskey);
        }
        let result = webauthn
            .finish_discoverable_authentication_v2(credential, state, &stored.passkey)
            .map_err(|error| {
                tracing::info!(user = %user_id, error = %chain(&error), "a sign-in with a passkey failed");
                Error::WrongPasskey
            })?;
        let mut tx = self.db.begin().await?;
        request.lock_to_sign_in(&mut tx, user_id).await?;
        if !table::used(&mut tx, &stored, &result, now).await? {
            return Err(Error::WrongPasskey);
        }
        self.oauth.complete_pending(&mut tx, request, user_id).await?;
        request
            .start_session_by_two_factors(tx, user_id, METHOD, remember)
            .await
    }
}
