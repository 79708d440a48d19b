//! An access token for server code that calls a provider's API in a person's name.
//!
//! A token that is about to expire is renewed first: once, however many ask, and by a task of its own. A
//! provider that hands out a new refresh token with each renewal takes the second use of an old one for
//! theft, so the old one is used by one caller in this process, and the new one is stored even if that caller goes
//! away. Another process may use it at the same time: the one that stores first wins, by comparing what is stored
//! with what was read, and the other takes what is stored then.

use oauth2::{RedirectUrl, TokenResponse};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    audit::{Deed, NewEvent},
    error::{Error, Result},
    oauth::{
        account::{
            profile,
            tokens::{self, Stored, Tokens},
        },
        flights::{Landed, again},
        protocol::{
            id_token::{Origin, Rejected},
            token::{self, TokenAnswer},
        },
        providers::provider::Provider,
        state::{CROWDED, Configured, OAuth},
    },
    session::{LiveSession, RequestAuth},
    users,
};

/// A token that lives no longer than this is renewed, in seconds.
const MARGIN: i64 = 60;

/// What stored tokens are good for.
enum Next {
    Use(SecretString),
    /// With this refresh token.
    Renew(SecretString),
}

impl OAuth {
    /// An access token for the signed-in user's account at a provider, good for a minute at least where the
    /// provider reports a lifetime. Of several accounts, the one last signed in with. Whoever holds it can use it:
    /// keep it on the server, out of logs, responses and errors.
    ///
    /// Most providers let a token live an hour and renew it only if they were asked to at sign-in:
    /// `<ID>_OFFLINE=1`.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the user has no account there; [`Error::SignInAtProvider`] if the token has
    /// expired and cannot be renewed; [`Error::ProviderUnavailable`], also if too many wait for the provider
    /// already; [`Error::Unavailable`].
    pub async fn provider_token(&self, live: &LiveSession, provider: &str) -> Result<SecretString> {
        self.usable_token(live, provider, None).await
    }

    /// An access token in the place of one that the provider's API has just refused with 401, whatever its
    /// lifetime was said to be: the person may have withdrawn it, or the provider ended it early. It is renewed
    /// once, however many callers were refused; if that was done already, its result is returned. Ask once per
    /// refusal, and take a second 401 for the last word.
    ///
    /// # Errors
    /// As [`OAuth::provider_token`]; [`Error::SignInAtProvider`] if there is nothing to renew it with.
    pub async fn provider_token_after_401(
        &self,
        live: &LiveSession,
        provider: &str,
        refused: &SecretString,
    ) -> Result<SecretString> {
        let token = self.usable_token(live, provider, Some(refused)).await?;
        if !is_same(&token, refused) {
            return Ok(token);
        }
        // It came from a renewal under way, begun by a caller that did not know of the refusal.
        self.usable_token(live, provider, Some(refused)).await
    }

    async fn usable_token(
        &self,
        live: &LiveSession,
        provider: &str,
        refused: Option<&SecretString>,
    ) -> Result<SecretString> {
        let configured = self.configured(provider).ok_or(Error::NotFound)?;
        let id = &configured.provider.id;
        let stored = tokens::of_user(&self.0.db, live.user_id(), id).await?;
        let stored = stored.ok_or(Error::NotFound)?;
        // Another issuer's tokens are worth nothing here, and none of this one's business.
        if !configured.provider.lets_in(stored.issuer.as_deref()) {
            return Err(Error::SignInAtProvider);
        }
        if let Next::Use(token) = self.decide(&stored, MARGIN, refused)? {
            return Ok(token);
        }
        let (oauth, id, account_id) = (self.clone(), id.clone(), stored.account_id);
        let refused = refused.cloned();
        let renewal = || async move {
            let cargo = oauth.renewed(&id, account_id, refused.as_ref()).await;
            Landed { cargo, until: None }
        };
        let joined = configured.renewals.join(account_id, self.0.clock.unix(), renewal);
        let landed = configured.places.wait(joined).await;
        let landed = landed.ok_or_else(|| Error::ProviderUnavailable(CROWDED.to_owned()))??;
        match &*landed {
            Ok(token) => Ok(token.clone()),
            Err(error) => Err(again(error)),
        }
    }

    async fn renewed(
        &self,
        provider: &str,
        account_id: Uuid,
        refused: Option<&SecretString>,
    ) -> Result<SecretString> {
        let configured = self.configured(provider).ok_or(Error::NotFound)?;
        // Again: they may have been renewed since.
        let stored = tokens::of_account(&self.0.db, account_id).await?;
        let stored = stored.ok_or(Error::NotFound)?;
        match self.decide(&stored, MARGIN, refused)? {
            Next::Use(token) => Ok(token),
            Next::Renew(refresh) => self.renew(configured, &stored, &refresh).await,
        }
    }

    /// Whether the person must agree once more for us to get a refresh token: some providers hand one out
    /// only then, and it would be a nuisance for people whose refresh token we have.
    pub(crate) async fn must_agree_again(&self, provider: &Provider, request: &RequestAuth) -> Result<bool> {
        let Some(session) = request.session() else {
            return Ok(false);
        };
        if !provider.offline || provider.preset.offline.again.is_empty() {
            return Ok(false);
        }
        let stored = tokens::of_user(&self.0.db, session.user_id, &provider.id).await?;
        let refresh = stored
            .filter(|stored| provider.lets_in(stored.issuer.as_deref()))
            .and_then(|stored| stored.refresh(&self.0.keys));
        Ok(refresh.is_none())
    }

    /// What these tokens are good for, if an access token shall live longer than `margin` seconds and be another
    /// than the `refused` one. One that cannot be renewed is used to its end.
    fn decide(&self, stored: &Stored, margin: i64, refused: Option<&SecretString>) -> Result<Next> {
        let left = stored
            .token_expires_at
            .map(|at| at.unix_timestamp() - self.0.clock.unix());
        let outlives = |margin| left.is_none_or(|left| left > margin);
        let access = stored.access(&self.0.keys);
        let access = access.filter(|access| !refused.is_some_and(|refused| is_same(access, refused)));
        match (access, stored.refresh(&self.0.keys)) {
            (Some(access), _) if outlives(margin) => Ok(Next::Use(access)),
            (_, Some(refresh)) => Ok(Next::Renew(refresh)),
            (Some(access), None) if outlives(0) => Ok(Next::Use(access)),
            (_, None) => Err(Error::SignInAtProvider),
        }
    }

    /// Exchanges a refresh token and stores what comes.
    async fn renew(
        &self,
        configured: &Configured,
        stored: &Stored,
        refresh: &SecretString,
    ) -> Result<SecretString> {
        let Configured {
            provider, discovery, ..
        } = configured;
        let (http, now) = (&self.0.http, self.0.clock.unix());
        let redirect_uri = RedirectUrl::new(self.redirect_uri(provider)).map_err(Error::internal)?;
        let endpoints = discovery.endpoints().await.map_err(Error::ProviderUnavailable)?;
        if provider.is_oidc() {
            // Now rather than when an ID token has come: what came with it could not be stored without.
            let keys = discovery.keys(&endpoints).await;
            keys.map_err(Error::ProviderUnavailable)?;
        }
        let client = token::client(provider, &endpoints, redirect_uri);
        let answer = match token::refresh(http, provider, client, refresh, now).await {
            Ok(answer) => answer,
            Err(refused) if refused.is_final => return self.give_up(provider, stored, &refused.cause).await,
            Err(refused) => return Err(Error::ProviderUnavailable(refused.cause)),
        };
        if let (true, Some(id_token)) = (provider.is_oidc(), &answer.id_token) {
            let access_token = answer.access_token().secret();
            let verified = discovery
                .verify(&endpoints, id_token, access_token, Origin::Renewal)
                .await;
            let cause = match verified {
                Ok(claims) => {
                    let subject = profile::subject(provider.preset.subject, &Value::Object(claims));
                    (subject.as_ref() != Some(&stored.subject))
                        .then(|| "ID token: it is for another user".to_owned())
                }
                Err(Rejected::Key(cause)) => return Err(Error::ProviderUnavailable(cause)),
                Err(Rejected::Token(cause)) => Some(cause),
            };
            if let Some(cause) = cause {
                return self.give_up(provider, stored, &cause).await;
            }
        }
        self.keep(provider, stored, refresh, &answer, now).await
    }

    async fn keep(
        &self,
        provider: &Provider,
        stored: &Stored,
        refresh: &SecretString,
        answer: &TokenAnswer,
        now: i64,
    ) -> Result<SecretString> {
        let new = Tokens::of(answer, now).or_refresh(refresh);
        if !tokens::replace(&self.0.db, &self.0.keys, stored, &new).await? {
            return self.what_is_stored_now(stored).await;
        }
        tracing::info!(user = %stored.user_id, provider = provider.id, "renewed a provider's tokens");
        Ok(answer.access_token().secret().clone().into())
    }

    /// Forgets a refresh token that is worth nothing, or for which a response came that cannot be trusted.
    async fn give_up(&self, provider: &Provider, stored: &Stored, cause: &str) -> Result<SecretString> {
        let mut tx = self.0.db.begin().await?;
        // As a deletion of the user does: first the user, then the accounts.
        users::lock(&mut tx, stored.user_id)
            .await?
            .ok_or(Error::NotFound)?;
        if !tokens::forget_refresh(&mut tx, stored).await? {
            drop(tx);
            return self.what_is_stored_now(stored).await;
        }
        NewEvent::of(stored.user_id, Deed::ForgetToken)
            .note(&provider.id)
            .record(&mut tx, &self.0.history)
            .await?;
        tx.commit().await?;
        tracing::warn!(
            user = %stored.user_id,
            provider = provider.id,
            cause,
            "a provider's token cannot be renewed and has been deleted"
        );
        Err(Error::SignInAtProvider)
    }

    /// What another process, or a sign-in, has stored while we asked.
    async fn what_is_stored_now(&self, old: &Stored) -> Result<SecretString> {
        let stored = tokens::of_account(&self.0.db, old.account_id).await?;
        match self.decide(&stored.ok_or(Error::NotFound)?, 0, None)? {
            Next::Use(token) => Ok(token),
            Next::Renew(_) => Err(Error::ProviderUnavailable(
                "other requests keep replacing the token, but none of the new ones is fresh".to_owned(),
            )),
        }
    }
}

fn is_same(one: &SecretString, other: &SecretString) -> bool {
    one.expose_secret() == other.expose_secret()
}
