//! Confirming the identity of a signed-in user with one of their passkeys.

use webauthn_rs::prelude::PasskeyAuthentication;
use webauthn_rs_proto::PublicKeyCredential;
use wire::PasskeyOptions;

use super::{answer::Answer, table};
use crate::{
    auth::Auth,
    ceremonies::{Kind, Owner},
    error::{Error, Result, chain},
    limits::{Action, Subject},
    session::{LiveSession, RequestAuth},
    users,
};

impl Auth {
    /// Begins a confirmation: what the browser needs to ask an authenticator with one of the user's own keys.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a user without a passkey; [`Error::TooManyAttempts`]
    pub async fn start_passkey_confirmation(
        &self,
        request: &RequestAuth,
        live: &LiveSession,
    ) -> Result<PasskeyOptions> {
        let webauthn = self.passkeys.require()?;
        request.require_browser()?; // wing:clients
        self.count_challenge(request)?;
        let (user_id, session_id) = (live.user_id(), live.session_id());
        let keys = table::keys_of(&self.db, user_id).await?;
        if keys.is_empty() {
            return Err(Error::NotFound);
        }
        let (options, state) = webauthn
            .start_passkey_authentication(&keys)
            .map_err(Error::internal)?;
        let kind = (Kind::PasskeyConfirmation, Owner(session_id.as_bytes()));
        let challenge = (&options.public_key.challenge[..], &state);
        self.keep_challenge(kind, Some(user_id), challenge, &options)
            .await
    }

    /// Confirms the user's identity with the browser's answer.
    ///
    /// # Errors
    /// [`Error::WrongPasskey`], [`Error::TooManyAttempts`]
    pub async fn confirm_with_passkey(
        &self,
        request: &RequestAuth,
        live: LiveSession,
        credential: &str,
    ) -> Result<()> {
        let webauthn = self.passkeys.require()?;
        let user_id = live.user_id();
        // Right or wrong, as a confirmation with the password.
        self.limits.take(Action::Confirm, Subject::User(user_id))?;
        let answer: Answer<PublicKeyCredential> = Answer::read(credential).ok_or(Error::WrongPasskey)?;
        let state = self
            .take_challenge(Kind::PasskeyConfirmation, &live, &answer.challenge)
            .await?;
        let state: PasskeyAuthentication = state.ok_or(Error::WrongPasskey)?;
        let credential = &answer.credential;
        let stored = table::find(&self.db, credential.get_credential_id()).await?;
        let stored = stored
            .filter(|stored| stored.user_id == user_id)
            .ok_or(Error::WrongPasskey)?;
        let result = webauthn
            .finish_passkey_authentication(credential, &state)
            .map_err(|error| {
                tracing::info!(user = %user_id, error = %chain(&error), "a confirmation with a passkey failed");
                Error::WrongPasskey
            })?;
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        users::lock(&mut tx, user_id).await?;
        if !table::used(&mut tx, &stored, &result, now).await? {
            return Err(Error::WrongPasskey);
        }
        request.confirm(tx, live, "passkey").await
    }
}
