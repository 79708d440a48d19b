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
//! Later, server code may call the provider in the person's name: [`OAuth::provider_token`] renews the
//! account's tokens when they have expired (`provider_token.rs`).
//!
//! What differs between providers is data: a row in `presets.rs`, explained in `preset.rs`. A provider that
//! speaks OpenID Connect needs no row at all, only `AUTH_PROVIDERS` and three variables (`config.rs`).

mod apple;
mod callback;
mod config;
mod discord;
mod discovery;
mod facebook;
mod finish;
mod flights;
mod flow;
mod github;
mod http;
mod id_token;
mod identify;
mod json;
mod microsoft;
mod preset;
mod presets;
mod profile;
mod provider;
mod provider_token;
mod start;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod token;
mod userinfo;

use std::sync::Arc;

use uuid::Uuid;

pub(crate) use self::flow::forget_browser;
pub use self::{
    config::{DEVELOPMENT, development, from_vars},
    finish::{Finished, RepostError},
    provider::Provider,
    start::{StartError, Started},
};
use self::{discovery::Discovery, flights::Flights, flow::Browser, http::Http};
use crate::{
    accounts::{self, Identity},
    audit::NewEvent,
    client::Client,
    clock::Clock,
    cookies::Cookies,
    db::{Database, Tx},
    error::Result,
    keys::{KeyRing, Purpose},
    public_url::PublicUrl,
    session::{RecentSession, RequestAuth},
    users::UserAdapter,
    wire::ProviderInfo,
};

/// What a flow is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Intent {
    /// To sign in, or to register by signing in.
    #[default]
    SignIn,
    /// To connect an account with the signed-in user.
    Link,
}

impl Intent {
    /// Reads the form field `intent`; absent or empty means signing in.
    pub fn from_form(text: Option<&str>) -> Option<Self> {
        match text {
            None | Some("") => Some(Self::SignIn),
            Some(text) => [Self::SignIn, Self::Link]
                .into_iter()
                .find(|intent| intent.as_str() == text),
        }
    }

    /// The intent as the form and the database write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::Link => "link",
        }
    }
}

/// Why a flow failed, as far as the person may know. The cause is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowError {
    /// The person said no.
    Denied,
    /// The flow is unknown, used up, another browser's or too old.
    Expired,
    /// The provider did not answer, or not as it should have.
    Provider,
    /// The address belongs to a user here, and the provider does not vouch for it.
    Unverified,
    /// The address belongs to a user here, who connects the account by signing in.
    LinkRequired,
    /// The account is connected with another user.
    Taken,
}

impl FlowError {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Denied,
        Self::Expired,
        Self::Provider,
        Self::Unverified,
        Self::LinkRequired,
        Self::Taken,
    ];

    /// The code in `?error=`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Provider => "provider",
            Self::Unverified => "unverified",
            Self::LinkRequired => "link_required",
            Self::Taken => "taken",
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
    flights: Flights,
}

/// A provider and what is known about it at the moment.
#[derive(Debug)]
struct Configured {
    provider: Provider,
    discovery: Discovery,
}

impl OAuth {
    /// The service for these providers. Contacts none of them.
    pub fn new(
        providers: Vec<Provider>,
        public_url: PublicUrl,
        db: Database,
        keys: Arc<KeyRing>,
        clock: Clock,
        cookies: Cookies,
        users: Arc<dyn UserAdapter>,
    ) -> Self {
        let configured = |provider| Configured {
            provider,
            discovery: Discovery::default(),
        };
        let providers = providers.into_iter().map(configured).collect();
        Self(Arc::new(Inner {
            providers,
            http: Http::new(),
            public_url,
            db,
            keys,
            clock,
            cookies,
            users,
            flights: Flights::default(),
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

    /// Whether a provider can be reached and is the one configured.
    ///
    /// # Errors
    /// What is wrong, for the operator.
    pub async fn check(&self, id: &str) -> std::result::Result<(), String> {
        let Configured { provider, discovery } = self.configured(id).ok_or("is not configured")?;
        let now = self.0.clock.unix();
        let endpoints = discovery.endpoints(provider, &self.0.http, now).await?;
        if provider.is_oidc() {
            discovery.keys(&endpoints, &self.0.http, now).await?;
        }
        Ok(())
    }

    /// Forgets flows that have expired.
    ///
    /// # Errors
    /// Of the database.
    pub async fn sweep(&self) -> Result<()> {
        flow::sweep(&self.0.db, self.0.clock.now()).await
    }

    /// Connects the account that waits in this browser for this user, who has just signed in; answers its
    /// provider's name. To be called in the transaction of that sign-in.
    ///
    /// # Errors
    /// Of the database.
    pub async fn complete_pending(
        &self,
        tx: &mut Tx,
        browser: Option<&str>,
        user_id: Uuid,
    ) -> Result<Option<String>> {
        let Some(browser) = Browser::of(browser) else {
            return Ok(None);
        };
        let now = self.0.clock.now();
        let Some(sealed) = flow::take_pending(tx, &browser, user_id, now).await? else {
            return Ok(None);
        };
        // A key that is gone closes it: the person starts again.
        let opened = self.0.keys.open(Purpose::PendingLink, &sealed);
        let identity: Option<Identity> = opened.and_then(|json| serde_json::from_str(&json).ok());
        let Some(identity) = identity else { return Ok(None) };
        if !accounts::insert(tx, &self.0.keys, user_id, &identity, now).await? {
            return Ok(None);
        }
        self.0
            .users
            .upsert(tx, Some(user_id), identity.user(), now)
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
    pub async fn unlink(
        &self,
        request: &RequestAuth,
        recent: RecentSession,
        client: &Client,
        account_id: Uuid,
    ) -> Result<()> {
        let is_configured = |id: &str| self.configured(id).is_some();
        accounts::unlink(
            &self.0.db,
            request,
            recent,
            client,
            account_id,
            self.0.clock.now(),
            is_configured,
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
