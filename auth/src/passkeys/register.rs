//! Making a passkey for a signed-in user.

use std::ops::RangeInclusive;

use webauthn_rs::prelude::PasskeyRegistration;
use webauthn_rs_proto::{RegisterPublicKeyCredential, ResidentKeyRequirement};
use wire::{NewPasskey, PasskeyOptions};

use super::{
    MOST,
    answer::{About, Answer},
    manage::name_of,
    table,
};
use crate::{
    audit::Deed,
    auth::Auth,
    ceremonies::{Kind, Owner},
    error::{Error, Result, chain},
    session::{RecentSession, RequestAuth},
    users,
};

/// How long the id of a credential is (WebAuthn §7.1, step 25). The library accepts any.
const ID_BYTES: RangeInclusive<usize> = 16..=1023;

impl Auth {
    /// Begins to make a passkey: what the browser needs for it. It is good for five minutes, in this session.
    ///
    /// # Errors
    /// [`Error::TooManyPasskeys`]; [`Error::NotFound`] where there are no passkeys; [`Error::TooManyAttempts`]
    pub async fn start_passkey(
        &self,
        request: &RequestAuth,
        recent: &RecentSession,
    ) -> Result<PasskeyOptions> {
        let webauthn = self.passkeys.require()?;
        self.count_challenge(request)?;
        let (user_id, session_id) = (recent.user_id(), recent.session_id());
        let keys = table::keys_of(&self.db, user_id).await?;
        if keys.len() >= MOST {
            return Err(Error::TooManyPasskeys);
        }
        let existing = keys.iter().map(|key| key.cred_id().clone()).collect();
        let name = recent.email().map_or_else(|| user_id.to_string(), str::to_owned);
        let (mut options, state) = webauthn
            .start_passkey_registration(user_id, &name, &name, Some(existing))
            .map_err(Error::internal)?;
        // The library discourages what makes a passkey one: that it is found without naming its user.
        if let Some(selection) = &mut options.public_key.authenticator_selection {
            selection.resident_key = Some(ResidentKeyRequirement::Required);
            selection.require_resident_key = true;
        }
        let kind = (Kind::NewPasskey, Owner(session_id.as_bytes()));
        let challenge = (&options.public_key.challenge[..], &state);
        self.keep_challenge(kind, Some(user_id), challenge, &options)
            .await
    }

    /// Completes it with the browser's answer. The user's other sessions end.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for an answer that cannot be accepted, which uses the ceremony up;
    /// [`Error::TooManyPasskeys`]; [`Error::NotFound`] where there are no passkeys
    pub async fn finish_passkey(
        &self,
        request: &RequestAuth,
        recent: RecentSession,
        credential: &str,
        name: &str,
    ) -> Result<NewPasskey> {
        const REFUSED: Error = Error::InvalidInput("credential");
        let webauthn = self.passkeys.require()?;
        let user_id = recent.user_id();
        let answer: Answer<RegisterPublicKeyCredential> = Answer::read(credential).ok_or(REFUSED)?;
        let state = self
            .take_challenge(Kind::NewPasskey, &recent, &answer.challenge)
            .await?;
        let state: PasskeyRegistration = state.ok_or(REFUSED)?;
        let passkey = webauthn
            .finish_passkey_registration(&answer.credential, &state)
            .map_err(|error| {
                tracing::info!(user = %user_id, error = %chain(&error), "a new passkey was refused");
                REFUSED
            })?;
        if !ID_BYTES.contains(&passkey.cred_id().len()) {
            return Err(REFUSED);
        }
        let (name, now) = (name_of(name), self.clock.now());
        let mut tx = self.db.begin().await?;
        users::lock(&mut tx, user_id).await?;
        if table::count(&mut tx, user_id).await? >= MOST as i64 {
            return Err(Error::TooManyPasskeys);
        }
        let about = About::of(&answer.credential);
        let id = table::insert(&mut tx, user_id, (&passkey, about), &name, now).await?;
        let id = id.ok_or(REFUSED)?;
        request
            .factors_changed(tx, recent.into_live(), Deed::AddPasskey, &name)
            .await?;
        Ok(NewPasskey {
            id,
            name,
            created_at: now.into(),
        })
    }
}
