//! What all of provider sign-in works with: the providers as configured, what is known about each at the moment,
//! and the rest of the application as far as it is needed.

use std::sync::Arc;

use secrecy::SecretString;
use uuid::Uuid;
use wire::ProviderInfo;
use wire::Registration; // wing:mail

use crate::passkeys::Passkeys; // wing:passkeys
use crate::pictures::Pictures; // wing:pictures
use crate::{
    audit::History,
    clock::Clock,
    config::Config,
    cookies::Cookies,
    db::Database,
    detached::Detached,
    error::Result,
    http_client::Http,
    keys::KeyRing,
    oauth::{
        flights::Flights,
        outcome::Ended,
        protocol::discovery::{Answer, Discovery, Endpoints},
        providers::provider::Provider,
    },
    public_url::PublicUrl,
    users::UserAdapter,
};

/// How many wait for one provider at once. Each provider has places of its own: one that does not respond is in the
/// way only of those who want to go there.
const PLACES: usize = 64;

/// Why a caller does not wait for a provider.
pub(super) const CROWDED: &str = "too many requests are waiting for it";

/// Sign-in with providers. Cheap to clone.
#[derive(Clone, Debug)]
pub struct OAuth(pub(super) Arc<Inner>);

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) providers: Vec<Configured>,
    pub(super) http: Http,
    public_url: PublicUrl,
    pub(super) db: Database,
    pub(super) keys: Arc<KeyRing>,
    pub(super) history: History,
    pub(super) clock: Clock,
    pub(super) cookies: Cookies,
    pub(super) users: Arc<dyn UserAdapter>,
    /// Whether a verified address is a way in.
    pub(super) signs_in_by_mail: bool, // wing:mail
    /// Whether new persons need an invitation.
    is_closed: bool, // wing:mail
    /// Whether a passkey is a way in.
    pub(super) has_passkeys: bool, // wing:passkeys
    pub(super) pictures: Pictures, // wing:pictures
}

/// A provider and what is known about it at the moment.
#[derive(Debug)]
pub(super) struct Configured {
    pub(super) provider: Arc<Provider>,
    pub(super) discovery: Discovery,
    /// For callbacks, and for whatever else waits for the provider.
    pub(super) places: Detached,
    /// Renewals of tokens, by account.
    pub(super) renewals: Flights<Uuid, Result<SecretString>>,
    /// Callbacks, by browser and query.
    pub(super) callbacks: Flights<[u8; 32], Ended>,
}

impl Configured {
    /// The provider's endpoints, for a caller with whom nothing has begun yet: the provider is waited for if there
    /// is a place, and else it is as if it did not respond.
    pub(super) async fn endpoints(&self) -> Answer<Endpoints> {
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

/// What [`OAuth::check`] has found out about a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    /// Its metadata and its keys are what the configuration says.
    Answers,
    /// It publishes nothing that could be compared.
    NotAsked,
}

impl OAuth {
    /// The service for the configured providers. Contacts none of them.
    pub(crate) fn new(
        config: &Config,
        db: Database,
        keys: Arc<KeyRing>,
        history: History,
        users: Arc<dyn UserAdapter>,
        detached: Detached,
        pictures: Pictures, // wing:pictures
    ) -> Self {
        let clock = history.clock().clone();
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
            history,
            clock,
            cookies: Cookies::new(config.public_url.secure()),
            users,
            signs_in_by_mail: config.signs_in_by_mail(), // wing:mail
            is_closed: config.registration == Registration::Closed, // wing:mail
            has_passkeys: Passkeys::new(&config.public_url).is_on(), // wing:passkeys
            pictures,                                    // wing:pictures
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

    // wing:mail
    /// Whether new persons need an invitation.
    pub(super) fn is_closed(&self) -> bool {
        self.0.is_closed
    }
    // end wing:mail

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
    pub async fn check(&self, id: &str) -> std::result::Result<Checked, String> {
        let configured = self.configured(id).ok_or("is not configured")?;
        let endpoints = configured.discovery.endpoints().await?;
        if !configured.provider.is_oidc() {
            return Ok(Checked::NotAsked);
        }
        configured.discovery.keys(&endpoints).await?;
        Ok(Checked::Answers)
    }

    /// The provider with this id.
    pub(super) fn configured(&self, id: &str) -> Option<&Configured> {
        self.0
            .providers
            .iter()
            .find(|configured| configured.provider.id == id)
    }

    /// Where this provider sends people back to.
    pub(super) fn redirect_uri(&self, provider: &Provider) -> String {
        self.0.public_url.join(&provider.callback_path())
    }
}
