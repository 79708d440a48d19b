//! # How a provider sign-in works
//!
//! 1. *Start.* Somebody presses a provider's button. A **flow** is stored: the hash of a random **state**,
//!    a **nonce** and a **code verifier**, where to return to, and the hash of the browser's flow cookie.
//!    The browser goes on to the provider with the state, the nonce and the verifier's hash.
//! 2. *Callback.* The provider sends the browser back with a code and the state. The flow is used up at
//!    once, whatever happens next, and must be this browser's, this provider's and not older than ten
//!    minutes. So a callback can neither be replayed nor slipped to somebody else.
//! 3. *Tokens.* The code and the verifier are exchanged for tokens. A provider that speaks OpenID Connect
//!    sends an **ID token**, whose signature and claims are verified; others are asked who it is.
//! 4. *Account.* The (provider, subject) pair finds the **account**, and the account the user. Is there
//!    none, user and account are made in one transaction. An address that belongs to another user never
//!    merges the two: its owner proves it by signing in as usual, and only then is the account connected.
//!
//! From the callback on the work runs by itself: a browser that goes away, or sends the callback once more, gets
//! within a minute the answer of the first, from the process that has it (`flights.rs`). Another process only
//! knows that the flow is used up, and where it would have led.
//!
//! Whatever waits for a provider does so in places of that provider's (`PLACES`): one that does not answer keeps
//! nobody from anything else.
//!
//! Later, server code may call the provider in the person's name: [`OAuth::provider_token`] renews the
//! account's tokens when they have expired (`account/provider_token.rs`).
//!
//! What differs between providers is in a file for each (`providers/`): a row of data, explained in `preset.rs`, and
//! the code of whatever it alone does. A provider that speaks OpenID Connect needs none, only `AUTH_PROVIDERS` and
//! three variables (`providers/env.rs`).
//!
//! The rooms: `flow` leads through a sign-in, `protocol` talks to providers, `account` holds what is known of a person
//! there, `providers` what is known of the providers.

mod account;
mod flights;
mod flow;
mod protocol;
mod providers;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use secrecy::SecretString;
use uuid::Uuid;
use wire::ProviderInfo;

pub use wire::FlowError;

use self::{
    flights::Flights,
    flow::{Browser, finish::Ended},
    protocol::discovery::{Answer, Discovery, Endpoints},
};
pub use self::{
    flow::{
        finish::{Finished, RepostError},
        start::{StartError, Started, Wish},
    },
    protocol::http::Http,
    providers::{
        development::{DEVELOPMENT, development}, // wing:dev-provider
        env::from_vars,
        provider::Provider,
    },
};
use crate::{
    audit::NewEvent,
    clock::Clock,
    config::Config,
    cookies::Cookies,
    db::{Database, Tx},
    detached::Detached,
    error::Result,
    keys::KeyRing,
    public_url::PublicUrl,
    session::{RecentSession, RequestAuth},
    users::{Occasion, UserAdapter},
};

/// What a flow is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Intent {
    /// To sign in, or to register by signing in.
    #[default]
    SignIn,
    /// To connect an account with the signed-in user.
    Link,
    /// To prove once more that it is the signed-in user who is there.
    Confirm,
}

impl Intent {
    const ALL: [Self; 3] = [Self::SignIn, Self::Link, Self::Confirm];

    /// Reads the form field `intent`; absent or empty means signing in.
    pub fn from_form(text: Option<&str>) -> Option<Self> {
        match text {
            None | Some("") => Some(Self::SignIn),
            Some(text) => Self::ALL.into_iter().find(|intent| intent.as_str() == text),
        }
    }

    /// The intent as the database has it, which has no other: the table checks it.
    fn of(text: &str) -> Self {
        Self::from_form(Some(text)).unwrap_or_default()
    }

    /// The intent as the form and the database write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::Link => "link",
            Self::Confirm => "confirm",
        }
    }
}

/// Sign-in with providers. Cheap to clone.
#[derive(Clone, Debug)]
pub struct OAuth(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    providers: Vec<Configured>,
    http: Http,
    public_url: PublicUrl,
    db: Database,
    keys: Arc<KeyRing>,
    clock: Clock,
    cookies: Cookies,
    users: Arc<dyn UserAdapter>,
}

/// How many wait for one provider at once. Each provider has places of its own, so that one which does not answer
/// is in nobody's way but of those who want to go there.
const PLACES: usize = 64;

/// A provider and what is known about it at the moment.
#[derive(Debug)]
struct Configured {
    provider: Arc<Provider>,
    discovery: Discovery,
    /// For callbacks, and for whatever else waits for the provider.
    places: Detached,
    /// Renewals of tokens, by account.
    renewals: Flights<Uuid, Result<SecretString>>,
    /// Callbacks, by browser and query.
    callbacks: Flights<[u8; 32], Ended>,
}

impl Configured {
    /// The provider's endpoints, for somebody with whom nothing has begun yet: the provider is waited for if there
    /// is a place, and else it is as if it did not answer.
    async fn endpoints(&self) -> Answer<Endpoints> {
        match self.discovery.known() {
            Some(known) => known,
            None => self
                .places
                .wait(self.discovery.endpoints())
                .await
                .unwrap_or_else(|| Err(CROWDED.to_owned())),
        }
    }
}

/// Why somebody does not wait for a provider.
const CROWDED: &str = "too many wait for it";

impl OAuth {
    /// The service for the configured providers. Contacts none of them.
    pub fn new(
        config: &Config,
        db: Database,
        keys: Arc<KeyRing>,
        clock: Clock,
        cookies: Cookies,
        users: Arc<dyn UserAdapter>,
        detached: Detached,
    ) -> Self {
        let http = &config.provider_http;
        let configured = |provider: &Provider| {
            let provider = Arc::new(provider.clone());
            Configured {
                discovery: Discovery::new(Arc::clone(&provider), http.clone(), clock.clone(), &detached),
                provider,
                places: detached.apart(PLACES),
                renewals: Flights::new(detached.clone()),
                callbacks: Flights::new(detached.clone()),
            }
        };
        let providers = config.providers.iter().map(configured).collect();
        Self(Arc::new(Inner {
            providers,
            http: http.clone(),
            public_url: config.public_url.clone(),
            db,
            keys,
            clock,
            cookies,
            users,
        }))
    }

    /// The providers, in the order of their buttons.
    pub fn list(&self) -> Vec<ProviderInfo> {
        let info = |provider: &Provider| ProviderInfo {
            id: provider.id.clone(),
            name: provider.name.clone(),
        };
        self.0
            .providers
            .iter()
            .map(|configured| info(&configured.provider))
            .collect()
    }

    /// A provider's name.
    pub fn name_of(&self, id: &str) -> Option<&str> {
        self.configured(id)
            .map(|configured| configured.provider.name.as_str())
    }

    /// Runs the callbacks of this provider: each to its end, and in places of its own, since it waits for the
    /// provider. None if there is no such provider.
    pub fn callbacks_of(&self, provider: &str) -> Option<&Detached> {
        self.configured(provider).map(|configured| &configured.places)
    }

    /// Whether a provider can be reached and is the one configured.
    ///
    /// # Errors
    /// What is wrong, for the operator.
    pub async fn check(&self, id: &str) -> std::result::Result<(), String> {
        let configured = self.configured(id).ok_or("is not configured")?;
        let endpoints = configured.discovery.endpoints().await?;
        if configured.provider.is_oidc() {
            configured.discovery.keys(&endpoints).await?;
        }
        Ok(())
    }

    /// Forgets flows that have expired.
    ///
    /// # Errors
    /// Of the database.
    pub async fn sweep(&self) -> Result<()> {
        for configured in &self.0.providers {
            configured.callbacks.forget(self.0.clock.unix());
        }
        flow::sweep(&self.0.db, self.0.clock.now()).await
    }

    /// Forgets the flows of this browser, an account that waits in it for its owner, and where its flows would
    /// have led: for a sign-out, in its transaction. `browser` is the value of the flow cookie.
    ///
    /// # Errors
    /// Of the database.
    pub async fn forget_browser(&self, tx: &mut Tx, browser: Option<&str>) -> Result<()> {
        match Browser::of(browser) {
            Some(browser) => flow::forget_browser(tx, &browser).await,
            None => Ok(()),
        }
    }

    /// Connects the account that waits in this browser for this user, who has just signed in; returns its
    /// provider's name. To be called in the transaction of that sign-in, which has locked the user.
    ///
    /// # Errors
    /// Of the database.
    pub async fn complete_pending(
        &self,
        tx: &mut Tx,
        request: &RequestAuth,
        user_id: Uuid,
    ) -> Result<Option<String>> {
        let Some(browser) = Browser::of(request.flow_cookie()) else {
            return Ok(None);
        };
        let (keys, now) = (&self.0.keys, self.0.clock.now());
        let Some(identity) = flow::take_pending(tx, keys, &browser, user_id, now).await? else {
            return Ok(None);
        };
        if !account::insert(tx, keys, user_id, &identity, now).await? {
            return Ok(None);
        }
        self.0
            .users
            .upsert(tx, Occasion::Link(user_id), identity.user(), now)
            .await?;
        NewEvent::of(user_id, "link")
            .note(&identity.provider)
            .record(tx, now)
            .await?;
        tracing::info!(user = %user_id, provider = identity.provider, "connected an account after its owner signed in");
        Ok(Some(
            self.name_of(&identity.provider)
                .unwrap_or(&identity.provider)
                .to_owned(),
        ))
    }

    /// Disconnects one of the person's accounts.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound) for an unknown account and for somebody else's alike;
    /// [`Error::LastWayIn`](crate::Error::LastWayIn).
    pub async fn unlink(&self, request: &RequestAuth, recent: RecentSession, account_id: Uuid) -> Result<()> {
        let lets_in = |id: &str, issuer: Option<&str>| {
            self.configured(id)
                .is_some_and(|configured| configured.provider.lets_in(issuer))
        };
        account::unlink(
            &self.0.db,
            request,
            recent,
            account_id,
            self.0.clock.now(),
            lets_in,
        )
        .await
    }

    fn configured(&self, id: &str) -> Option<&Configured> {
        self.0
            .providers
            .iter()
            .find(|configured| configured.provider.id == id)
    }

    fn redirect_uri(&self, provider: &Provider) -> String {
        self.0.public_url.join(&provider.callback_path())
    }
}

/// A provider's text, made harmless for the log: short, in quotes, controls escaped.
fn excerpt(text: &str) -> String {
    format!("{:?}", text.chars().take(200).collect::<String>())
}
