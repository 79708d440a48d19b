//! Where a provider's endpoints and keys are: asked for when first needed, kept for an hour.
//!
//! Nothing is asked at start, so a provider that is down never keeps the application from starting. However many
//! wait, it is asked once, and a failure counts for some seconds: a provider that does not respond costs those who
//! come meanwhile no time. After that, the next sign-in tries again.

use std::sync::Arc;

use oauth2::{AuthUrl, TokenUrl};
use parking_lot::{Mutex, MutexGuard};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use url::Url;

use crate::{
    clock::Clock,
    detached::Detached,
    http_client::{Http, is_safe},
    oauth::{
        flights::{Flights, Landed},
        protocol::{
            excerpt::excerpt,
            id_token::{self, Algorithm, Expected, Keys, Origin, Rejected, names},
            json::Object,
        },
        providers::{preset::Known, provider::Provider},
    },
};

/// How long metadata and keys are kept, in seconds.
const KEEP: i64 = 3600;
/// Minimum seconds between two fetches of the keys for the sake of an unknown one.
const REFETCH_AFTER: i64 = 300;
/// How long a failure counts, in seconds.
const FAILED_FOR: i64 = 5;

/// All that a sign-in needs to know about where a provider is.
#[derive(Debug)]
pub(crate) struct Endpoints {
    pub(crate) authorize: AuthUrl,
    pub(crate) token: TokenUrl,
    pub(crate) userinfo: Option<String>,
    /// The issuer as the metadata names it: at Microsoft it may be a template.
    pub(crate) issuer: Option<String>,
    /// Whether every callback must name the issuer (RFC 9207 §2.4).
    pub(crate) iss_required: bool,
    /// What ID tokens may be signed with.
    pub(crate) algorithms: Vec<Algorithm>,
    /// Whether the token endpoint takes the client secret in the body only.
    pub(crate) post_only: bool,
    /// Where tokens are given back (RFC 7009), if the provider takes them.
    pub(crate) revocation: Option<String>, // wing:data-rights
    jwks: Option<String>,
}

/// What we read of OpenID Provider Metadata (OpenID Connect Discovery §3).
///
/// `openidconnect` has a type for it that reads all of it, and fails on the first malformed address of a
/// page that is never used. What is optional may be missing, `null` or empty alike.
#[derive(Debug, Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: Option<String>,
    token_endpoint: Option<String>,
    userinfo_endpoint: Option<String>,
    jwks_uri: Option<String>,
    revocation_endpoint: Option<Value>, // wing:data-rights
    #[serde(default, deserialize_with = "texts")]
    id_token_signing_alg_values_supported: Option<Vec<String>>,
    #[serde(default, deserialize_with = "texts")]
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    authorization_response_iss_parameter_supported: Option<Value>,
}

/// A list of texts, whatever else is among them.
fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    let list = Option::<Vec<Value>>::deserialize(deserializer)?;
    let text = |value: Value| value.as_str().map(str::to_owned);
    Ok(list.map(|list| list.into_iter().filter_map(text).collect()))
}

/// What is known of a provider, or why it is not, for the operator.
pub(crate) type Answer<T> = Result<Arc<T>, String>;

/// What is known about one provider at the moment.
#[derive(Debug)]
pub(crate) struct Discovery {
    source: Source,
    /// Of a provider without metadata: there is nothing to ask.
    fixed: Option<Answer<Endpoints>>,
    endpoints: Flights<(), Answer<Endpoints>>,
    keys: Flights<(), Answer<Keys>>,
    /// Keys that were fetched for the sake of one that was unknown.
    newer: Flights<(), Answer<Keys>>,
}

/// Where it is learned.
#[derive(Clone, Debug)]
struct Source {
    provider: Arc<Provider>,
    http: Http,
    clock: Clock,
    newest: Arc<Mutex<Option<Newest>>>,
}

/// The newest keys, and until when they are used.
#[derive(Debug)]
struct Newest {
    keys: Arc<Keys>,
    until: i64,
}

impl Discovery {
    /// About a provider of which nothing is known yet.
    pub(crate) fn new(provider: Arc<Provider>, http: Http, clock: Clock, detached: &Detached) -> Self {
        let fixed = match provider.issuer {
            Some(_) if provider.is_oidc() => None,
            _ => Some(Endpoints::fixed(&provider).map(Arc::new)),
        };
        Self {
            source: Source {
                provider,
                http,
                clock,
                newest: Arc::default(),
            },
            fixed,
            endpoints: Flights::new(detached.clone()),
            keys: Flights::new(detached.clone()),
            newer: Flights::new(detached.clone()),
        }
    }

    /// The provider's endpoints, as far as that is known without asking it.
    pub(crate) fn known(&self) -> Option<Answer<Endpoints>> {
        let kept = || self.endpoints.kept((), self.source.clock.unix());
        self.fixed.clone().or_else(|| kept().map(|kept| (*kept).clone()))
    }

    /// The provider's endpoints.
    pub(crate) async fn endpoints(&self) -> Answer<Endpoints> {
        if let Some(fixed) = &self.fixed {
            return fixed.clone();
        }
        let source = self.source.clone();
        let work = || async move {
            let endpoints = source.endpoints().await;
            source.landed(endpoints.map(Arc::new), KEEP)
        };
        self.once(&self.endpoints, work).await
    }

    /// The provider's keys, and whether they were fetched for this call.
    pub(crate) async fn keys(&self, endpoints: &Endpoints) -> Result<(Arc<Keys>, bool), String> {
        if let Some(keys) = self.source.newest() {
            return Ok((keys, false));
        }
        let mut fetched = false;
        let work = || {
            fetched = true;
            self.source.clone().fetch_keys(endpoints.jwks.clone(), KEEP)
        };
        let keys = self.once(&self.keys, work).await?;
        Ok((keys, fetched))
    }

    /// Keys newer than `seen`, which lack a token's key; none if they were looked for a moment ago.
    pub(crate) async fn newer_keys(
        &self,
        seen: &Arc<Keys>,
        endpoints: &Endpoints,
    ) -> Result<Option<Arc<Keys>>, String> {
        let is_newer = |keys: &Arc<Keys>| !Arc::ptr_eq(keys, seen);
        if let Some(keys) = self.source.newest().filter(is_newer) {
            return Ok(Some(keys));
        }
        let source = self.source.clone();
        let work = || source.fetch_keys(endpoints.jwks.clone(), REFETCH_AFTER);
        let keys = self.once(&self.newer, work).await?;
        Ok(Some(keys).filter(is_newer))
    }

    /// Verifies an ID token, which came with this access token. If its key is unknown, the provider may have changed its keys: they are
    /// fetched once more, unless that was just done.
    pub(crate) async fn verify(
        &self,
        endpoints: &Endpoints,
        id_token: &str,
        access_token: &str,
        origin: Origin<'_>,
    ) -> Result<Object, Rejected> {
        let provider = &self.source.provider;
        let issuer =
            |claims: &Object, key_issuer: Option<&str>| endpoints.issuer_of(provider, claims, key_issuer);
        let expected = Expected {
            algorithms: &endpoints.algorithms,
            issuer: &issuer,
            client_id: &provider.client_id,
            audiences: &provider.audiences,
            origin,
            access_token,
            now: self.source.clock.unix(),
        };
        let (keys, just_fetched) = self.keys(endpoints).await.map_err(Rejected::Key)?;
        let verified = id_token::verify(id_token, &keys, &expected);
        if just_fetched || !matches!(verified, Err(Rejected::Key(_))) {
            return verified;
        }
        match self.newer_keys(&keys, endpoints).await.map_err(Rejected::Key)? {
            Some(newer) => id_token::verify(id_token, &newer, &expected),
            None => verified,
        }
    }

    /// The same result for all callers.
    async fn once<T, F>(&self, flights: &Flights<(), Answer<T>>, work: impl FnOnce() -> F) -> Answer<T>
    where
        T: Send + Sync + 'static,
        F: Future<Output = Landed<Answer<T>>> + Send + 'static,
    {
        let landed = flights.join((), self.source.clock.unix(), work).await;
        let answer = landed.map_err(|missed| missed.to_string())?;
        (*answer).clone()
    }
}

impl Source {
    /// A result that is kept for `keep` seconds from now, if it is not a failure.
    fn landed<T>(&self, cargo: Answer<T>, keep: i64) -> Landed<Answer<T>> {
        let keep = match cargo {
            Ok(_) => keep,
            Err(_) => FAILED_FOR,
        };
        let until = Some(self.clock.unix().saturating_add(keep));
        Landed { cargo, until }
    }

    async fn endpoints(&self) -> Result<Endpoints, String> {
        let issuer = self.provider.issuer.as_deref();
        let issuer = issuer.ok_or("metadata: the issuer is not known")?;
        let url = metadata_url(&self.provider, issuer);
        let text = self
            .http
            .get_again(&url)
            .await
            .map_err(|error| format!("metadata of {}: {error}", without_query(&url)))?;
        let metadata = serde_json::from_slice(&text).map_err(|error| {
            let (url, cause) = (without_query(&url), excerpt(&error.to_string()));
            format!("metadata of {url}: not as the standard requires: {cause}")
        })?;
        Endpoints::discovered(&self.provider, issuer, metadata)
    }

    async fn fetch_keys(self, url: Option<String>, keep: i64) -> Landed<Answer<Keys>> {
        let keys = self.keys_at(url).await.map(Arc::new);
        if let Ok(keys) = &keys {
            *self.lock() = Some(Newest {
                keys: Arc::clone(keys),
                until: self.clock.unix().saturating_add(KEEP),
            });
        }
        self.landed(keys, keep)
    }

    async fn keys_at(&self, url: Option<String>) -> Result<Keys, String> {
        let url = url.ok_or("key set: the metadata has no jwks_uri")?;
        let text = self
            .http
            .get_again(&url)
            .await
            .map_err(|error| format!("key set of {}: {error}", without_query(&url)))?;
        Keys::parse(&text).map_err(|cause| format!("key set of {}: it {cause}", without_query(&url)))
    }

    fn newest(&self) -> Option<Arc<Keys>> {
        let now = self.clock.unix();
        let newest = self.lock();
        newest
            .as_ref()
            .filter(|newest| now < newest.until)
            .map(|newest| Arc::clone(&newest.keys))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Newest>> {
        self.newest.lock()
    }
}

impl Endpoints {
    fn discovered(provider: &Provider, issuer: &str, metadata: Metadata) -> Result<Self, String> {
        // Byte for byte: an attacker who made us take another issuer's metadata could sign for any user here
        // (OpenID Connect Discovery §4.3).
        let is_same = metadata.issuer == issuer
            || matches!(provider.preset.endpoints, Known::Tenants(tenants)
                if (tenants.is_issuer_of)(issuer, &metadata.issuer));
        if !is_same {
            let found = excerpt(&metadata.issuer);
            return Err(format!("metadata: its issuer is {found}, expected {issuer:?}"));
        }
        let listed = metadata.id_token_signing_alg_values_supported;
        let algorithms: Vec<Algorithm> = match (&provider.algorithms, listed) {
            (Some(fixed), _) => fixed.clone(),
            (None, Some(listed)) => {
                let known: Vec<Algorithm> = listed.iter().filter_map(|name| name.parse().ok()).collect();
                if known.is_empty() {
                    let (listed, accepted) = (excerpt(&listed.join(", ")), names(&Algorithm::ALL));
                    return Err(format!(
                        "metadata: tokens are signed with {listed}, accepted: {accepted}"
                    ));
                }
                known
            }
            // Every provider must have it (OpenID Connect Core §15.1).
            (None, None) => vec![Algorithm::Rs256],
        };
        let methods = metadata.token_endpoint_auth_methods_supported.unwrap_or_default();
        let takes = |method: &str| methods.iter().any(|one| one == method);
        // What came by https leads nowhere else: an attacker who could write one address into it would get codes,
        // secrets and tokens in the clear, on this machine as well.
        let is_plain = |url: &str| Url::parse(url).is_ok_and(|url| url.scheme() == "http");
        let plain = is_plain(issuer) || is_plain(&metadata_url(provider, issuer));
        let named = |what: &str, url: Option<String>| match url.filter(|url| !url.is_empty()) {
            Some(url) if is_plain(&url) && !plain => Err(format!(
                "metadata: its {what} is {}, which is not https, although the metadata is",
                excerpt(&url)
            )),
            url => Ok(url),
        };
        let wanted = |what: &str, configured: &Option<String>, url| match configured {
            Some(_) => Ok(None),
            None => named(what, url),
        };
        Ok(Self {
            post_only: takes("client_secret_post") && !takes("client_secret_basic"),
            algorithms,
            // Read as a promise wherever it can be read as one: then a callback without is not taken.
            iss_required: match metadata.authorization_response_iss_parameter_supported {
                Some(Value::Bool(promised)) => promised,
                Some(Value::String(text)) => text == "true",
                _ => false,
            },
            // wing:data-rights
            // Nothing depends on it, so a wrong one is none.
            revocation: metadata
                .revocation_endpoint
                .and_then(|url| named("revocation_endpoint", Some(url.as_str()?.to_owned())).ok()?)
                .and_then(|url| safe("revocation_endpoint", url).ok()),
            // end wing:data-rights
            jwks: named("jwks_uri", metadata.jwks_uri)?
                .map(|url| safe("jwks_uri", url))
                .transpose()?,
            ..Self::of(
                provider,
                wanted(
                    "authorization_endpoint",
                    &provider.authorize,
                    metadata.authorization_endpoint,
                )?,
                wanted("token_endpoint", &provider.token, metadata.token_endpoint)?,
                wanted(
                    "userinfo_endpoint",
                    &provider.userinfo,
                    metadata.userinfo_endpoint,
                )?,
                Some(metadata.issuer),
            )?
        })
    }

    /// The issuer an ID token with these claims must name. `key_issuer` is whose tokens its key may sign, where
    /// the key set says so.
    pub(crate) fn issuer_of(
        &self,
        provider: &Provider,
        claims: &Object,
        key_issuer: Option<&str>,
    ) -> Result<String, String> {
        let found = self.issuer.as_deref().ok_or("the issuer is not known")?;
        let (Known::Tenants(tenants), Some(configured)) = (provider.preset.endpoints, &provider.issuer)
        else {
            return Ok(found.to_owned());
        };
        let issuer = (tenants.issuer_for)(configured, found, claims)?;
        match key_issuer {
            Some(key_issuer) if !(tenants.key_is_of)(key_issuer, &issuer) => Err(format!(
                "its key is for {}, but its issuer is {issuer:?}",
                excerpt(key_issuer)
            )),
            _ => Ok(issuer),
        }
    }

    fn fixed(provider: &Provider) -> Result<Self, String> {
        let (authorize, token, userinfo) = match provider.preset.endpoints {
            Known::Endpoints {
                authorize,
                token,
                userinfo,
            } => (Some(authorize), Some(token), Some(userinfo)),
            Known::Issuer(_) | Known::Tenants(_) => (None, None, None),
        };
        let owned = |known: Option<&str>| known.map(str::to_owned);
        Self::of(
            provider,
            owned(authorize),
            owned(token),
            owned(userinfo),
            provider.issuer.clone(),
        )
    }

    /// Endpoints as known, each replaced by what is configured for it.
    fn of(
        provider: &Provider,
        authorize: Option<String>,
        token: Option<String>,
        userinfo: Option<String>,
        issuer: Option<String>,
    ) -> Result<Self, String> {
        let authorize = provider
            .authorize
            .clone()
            .or(authorize)
            .ok_or("it has no authorization endpoint")?;
        let token = provider
            .token
            .clone()
            .or(token)
            .ok_or("it has no token endpoint")?;
        let userinfo = provider.userinfo.clone().or(userinfo);
        let broken = |_| "an endpoint is not a URL".to_owned();
        Ok(Self {
            authorize: AuthUrl::new(safe("authorization_endpoint", authorize)?).map_err(broken)?,
            token: TokenUrl::new(safe("token_endpoint", token)?).map_err(broken)?,
            userinfo: userinfo.map(|url| safe("userinfo_endpoint", url)).transpose()?,
            issuer,
            iss_required: false,
            algorithms: Vec::new(),
            post_only: false,
            revocation: None, // wing:data-rights
            jwks: None,
        })
    }
}

/// Where the metadata is: under the issuer, without its slash at the end (OpenID Connect Discovery §4), or
/// where configuration says.
fn metadata_url(provider: &Provider, issuer: &str) -> String {
    provider.metadata.clone().unwrap_or_else(|| {
        format!(
            "{}/.well-known/openid-configuration",
            issuer.trim_end_matches('/')
        )
    })
}

fn without_query(url: &str) -> &str {
    url.split('?').next().unwrap_or(url)
}

/// An address we may send people and secrets to.
fn safe(what: &str, url: String) -> Result<String, String> {
    if Url::parse(&url).is_ok_and(|url| is_safe(&url)) {
        Ok(url)
    } else {
        Err(format!("{what} is {}, not an https address", excerpt(&url)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::{Json, Router, http::StatusCode, response::IntoResponse};
    use futures_util::{FutureExt, future::join_all};
    use serde_json::{Value, json};
    use time::Duration;
    use tokio::sync::Semaphore;

    use super::*;
    use crate::{
        Vars,
        clock::from_unix,
        oauth::from_vars,
        oauth::testing::{Signer, jwks},
    };

    /// A provider that counts requests, and responds once a test lets it.
    struct Idp {
        discovery: Discovery,
        clock: Clock,
        asked: Arc<AtomicUsize>,
        answers: Arc<Semaphore>,
        is_well: Arc<Mutex<bool>>,
    }

    impl Idp {
        async fn new() -> Self {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let issuer = format!("http://{}", listener.local_addr().unwrap());
            let asked = Arc::<AtomicUsize>::default();
            let answers = Arc::new(Semaphore::new(usize::from(u16::MAX)));
            let is_well = Arc::new(Mutex::new(true));
            let body = json!({
                "issuer": issuer, "authorization_endpoint": format!("{issuer}/authorize"),
                "token_endpoint": format!("{issuer}/token"), "jwks_uri": format!("{issuer}/jwks"),
                "keys": jwks(&[&Signer::es256("a")])["keys"],
            });
            let handler = {
                let (asked, answers, is_well) = (asked.clone(), answers.clone(), is_well.clone());
                move || async move {
                    asked.fetch_add(1, Ordering::SeqCst);
                    answers.acquire().await.unwrap().forget();
                    if *is_well.lock() {
                        Json(body).into_response()
                    } else {
                        StatusCode::NOT_FOUND.into_response()
                    }
                }
            };
            let router = Router::new().fallback(handler);
            tokio::spawn(async move { axum::serve(listener, router).await });
            let clock = Clock::manual(from_unix(0));
            let http = Http::from_vars(&Vars::default(), &mut Vec::new());
            let provider = Arc::new(provider(&[("ACME_ISSUER", &issuer)]));
            Self {
                discovery: Discovery::new(provider, http, clock.clone(), &Detached::default()),
                clock,
                asked,
                answers,
                is_well,
            }
        }

        fn pass(&self, seconds: i64) {
            self.clock.advance(Duration::seconds(seconds));
        }

        fn asked(&self) -> usize {
            self.asked.load(Ordering::SeqCst)
        }
    }

    #[tokio::test]
    async fn however_many_callers_wait_the_provider_is_asked_once() {
        let idp = Idp::new().await;
        let discovery = &idp.discovery;
        assert!(discovery.known().is_none());
        let endpoints = join_all((0..20).map(|_| discovery.endpoints())).await;
        assert_eq!(idp.asked(), 1);
        let endpoints = endpoints[7].clone().unwrap();
        let keys = join_all((0..20).map(|_| discovery.keys(&endpoints))).await;
        assert_eq!(idp.asked(), 2);
        let fetched = keys.iter().filter(|keys| keys.as_ref().unwrap().1);
        assert_eq!(fetched.count(), 1, "for one they were fetched");
        let (seen, _) = keys[7].clone().unwrap();
        let newer = join_all((0..20).map(|_| discovery.newer_keys(&seen, &endpoints))).await;
        assert_eq!(idp.asked(), 3);
        let newer: Vec<_> = newer.into_iter().map(|keys| keys.unwrap().unwrap()).collect();
        assert!(newer.iter().all(|keys| Arc::ptr_eq(keys, &newer[0])));
        assert!(Arc::ptr_eq(
            &discovery.keys(&endpoints).await.unwrap().0,
            &newer[0]
        ));

        // There are none newer than these for five minutes.
        for (seconds, found) in [(299, false), (1, true)] {
            idp.pass(seconds);
            let found_now = discovery.newer_keys(&newer[0], &endpoints).await.unwrap();
            assert_eq!(found_now.is_some(), found);
        }
        assert_eq!(idp.asked(), 4);
        // All of it is kept for an hour from when it came.
        idp.pass(3299);
        assert!(discovery.known().unwrap().is_ok());
        idp.pass(1);
        assert!(discovery.known().is_none());
        assert!(!discovery.keys(&endpoints).await.unwrap().1);
        idp.pass(300);
        assert!(discovery.keys(&endpoints).await.unwrap().1);
        assert_eq!(idp.asked(), 5);
    }

    #[tokio::test]
    async fn a_failure_counts_for_five_seconds() {
        let idp = Idp::new().await;
        let discovery = &idp.discovery;
        let endpoints = discovery.endpoints().await.unwrap();
        let (seen, _) = discovery.keys(&endpoints).await.unwrap();
        let well = |is_well| *idp.is_well.lock() = is_well;
        idp.pass(3600);
        well(false);
        let fails = async || {
            let newer = discovery.newer_keys(&seen, &endpoints).await.map(|_| ());
            let keys = discovery.keys(&endpoints).await.map(|_| ());
            let endpoints = discovery.endpoints().await.map(|_| ());
            [newer, keys, endpoints].map(|answer| answer.unwrap_err())
        };
        let first = fails().await;
        assert_eq!(idp.asked(), 5);
        assert!(first[2].contains("404"), "{first:?}");
        well(true);
        idp.pass(4);
        assert_eq!(fails().await, first);
        assert_eq!(discovery.known().unwrap().unwrap_err(), first[2]);
        assert_eq!(idp.asked(), 5);
        idp.pass(1);
        assert!(discovery.known().is_none());
        discovery.endpoints().await.unwrap();
        discovery.keys(&endpoints).await.unwrap();
        assert_eq!(idp.asked(), 7);
    }

    #[tokio::test]
    async fn a_failure_counts_from_when_it_was_known() {
        let idp = Idp::new().await;
        *idp.is_well.lock() = false;
        idp.answers.forget_permits(usize::MAX);
        // The caller goes away.
        assert!(idp.discovery.endpoints().now_or_never().is_none());
        while idp.asked() == 0 {
            tokio::task::yield_now().await;
        }
        idp.pass(10);
        idp.answers.add_permits(1);
        assert!(idp.discovery.endpoints().await.is_err());
        idp.pass(4);
        assert!(idp.discovery.endpoints().await.is_err());
        assert_eq!(idp.asked(), 1);
    }

    // wing:github
    #[test]
    fn a_provider_without_metadata_is_not_asked() {
        let pairs = [("GITHUB_CLIENT_ID", "c"), ("GITHUB_CLIENT_SECRET", "s")];
        let github = from_vars(&pairs.into_iter().collect(), &mut Vec::new()).remove(0);
        let http = Http::from_vars(&Vars::default(), &mut Vec::new());
        let clock = Clock::manual(from_unix(0));
        let discovery = Discovery::new(Arc::new(github), http, clock, &Detached::default());
        let endpoints = discovery.known().unwrap().unwrap();
        assert_eq!(
            endpoints.token.as_str(),
            "https://github.com/login/oauth/access_token"
        );
    }
    // end wing:github

    fn provider(more: &[(&str, &str)]) -> Provider {
        let pairs = [
            &[
                ("AUTH_PROVIDERS", "acme"),
                ("ACME_ISSUER", "https://idp.example/a"),
                ("ACME_CLIENT_ID", "c"),
                ("ACME_CLIENT_SECRET", "s"),
            ],
            more,
        ]
        .concat();
        let mut problems = Vec::new();
        from_vars(&pairs.into_iter().collect(), &mut problems)
            .pop()
            .unwrap()
    }

    fn discovered(provider: &Provider, changes: Value) -> Result<Endpoints, String> {
        let mut metadata = json!({
            "issuer": "https://idp.example/a", "authorization_endpoint": "https://idp.example/authorize",
            "token_endpoint": "https://idp.example/token", "jwks_uri": "https://idp.example/jwks", "op_tos_uri": "",
        });
        metadata
            .as_object_mut()
            .unwrap()
            .extend(changes.as_object().unwrap().clone());
        Endpoints::discovered(
            provider,
            provider.issuer.as_ref().unwrap(),
            serde_json::from_value(metadata).unwrap(),
        )
    }

    #[test]
    fn metadata_must_be_the_issuers_own_and_lead_to_safe_places() {
        let acme = provider(&[]);
        let endpoints = discovered(&acme, json!({})).unwrap();
        assert_eq!(endpoints.algorithms, [Algorithm::Rs256]);
        assert!(!endpoints.post_only && !endpoints.iss_required && endpoints.userinfo.is_none());
        for bad in [
            json!({ "issuer": "https://idp.example/a/" }),
            json!({ "issuer": "https://idp.example/A" }),
            json!({ "issuer": "https://evil.example" }),
            json!({ "jwks_uri": "http://idp.example/jwks" }),
            json!({ "token_endpoint": "http://idp.example/token" }),
            json!({ "authorization_endpoint": "javascript:alert(1)" }),
            json!({ "userinfo_endpoint": "ftp://idp.example/" }),
            json!({ "token_endpoint": null }),
            json!({ "id_token_signing_alg_values_supported": ["none", "HS256"] }),
        ] {
            assert!(discovered(&acme, bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_configured_wins() {
        let more = [
            ("ACME_ALGS", "EdDSA"),
            ("ACME_TOKEN_URL", "http://localhost:9/t"),
            ("ACME_USERINFO_URL", "https://u.example"),
        ];
        let endpoints = discovered(
            &provider(&more),
            json!({
                "id_token_signing_alg_values_supported": ["RS256", "ES256", "HS256"],
                "token_endpoint_auth_methods_supported": ["client_secret_post"],
                "authorization_response_iss_parameter_supported": true,
            }),
        )
        .unwrap();
        assert_eq!(endpoints.algorithms, [Algorithm::EdDsa]);
        assert_eq!(endpoints.token.as_str(), "http://localhost:9/t");
        assert_eq!(endpoints.userinfo.as_deref(), Some("https://u.example"));
        assert!(endpoints.post_only && endpoints.iss_required);
        let listed = json!({ "id_token_signing_alg_values_supported": ["RS256", "ES256", "HS256", "RS512"] });
        assert_eq!(
            discovered(&provider(&[]), listed).unwrap().algorithms,
            [Algorithm::Rs256, Algorithm::Es256, Algorithm::Rs512]
        );
    }

    #[test]
    fn optional_members_may_be_null_or_empty() {
        let acme = provider(&[]);
        let bare = discovered(&acme, json!({})).unwrap();
        for changes in [
            json!({
                "userinfo_endpoint": null, "jwks_uri": null, "id_token_signing_alg_values_supported": null,
                "token_endpoint_auth_methods_supported": null,
                "authorization_response_iss_parameter_supported": null,
            }),
            json!({ "userinfo_endpoint": "", "jwks_uri": "" }),
            json!({ "authorization_response_iss_parameter_supported": "false" }),
        ] {
            let endpoints = discovered(&acme, changes.clone()).unwrap();
            assert_eq!(endpoints.userinfo, None, "{changes}");
            assert_eq!(endpoints.algorithms, bare.algorithms, "{changes}");
            assert!(!endpoints.post_only && !endpoints.iss_required, "{changes}");
        }
        let odd = json!({
            "id_token_signing_alg_values_supported": [null, "ES384", 1],
            "token_endpoint_auth_methods_supported": [null, "client_secret_post"],
            "authorization_response_iss_parameter_supported": "true",
        });
        let odd = discovered(&acme, odd).unwrap();
        assert_eq!(odd.algorithms, [Algorithm::Es384]);
        assert!(odd.post_only && odd.iss_required);
        for required in ["authorization_endpoint", "token_endpoint"] {
            assert!(discovered(&acme, json!({ required: "" })).is_err(), "{required}");
        }
    }

    #[test]
    fn metadata_of_https_leads_to_nothing_in_the_clear() {
        let endpoints = [
            "authorization_endpoint",
            "token_endpoint",
            "userinfo_endpoint",
            "jwks_uri",
        ];
        let plain = |more: &[(&str, &str)], endpoint: &str, url: &str| {
            let provider = provider(more);
            let mut changes = json!({ "issuer": provider.issuer });
            changes[endpoint] = url.into();
            discovered(&provider, changes)
        };
        let on_loopback = ("ACME_ISSUER", "http://127.0.0.1:9/a");
        let metadata = |url: &'static str| ("ACME_METADATA_URL", url);
        for endpoint in endpoints {
            for url in ["http://127.0.0.1:9/x", "HTTP://localhost/x", "http://[::1]/x"] {
                let refused = plain(&[], endpoint, url).unwrap_err();
                assert!(refused.contains(endpoint), "{refused}");
                assert!(plain(&[metadata("https://inside.example/m")], endpoint, url).is_err());
                // What is plain itself, on this machine, may lead to plain addresses on this machine.
                assert!(plain(&[on_loopback], endpoint, url).is_ok(), "{endpoint} {url}");
                assert!(plain(&[metadata("http://127.0.0.1:9/m")], endpoint, url).is_ok());
            }
            assert!(plain(&[on_loopback], endpoint, "http://idp.example/x").is_err());
        }
        // What is configured is the operator's word.
        let configured = [("ACME_TOKEN_URL", "http://127.0.0.1:9/t")];
        assert!(plain(&configured, "token_endpoint", "http://127.0.0.1:8/x").is_ok());
    }

    #[test]
    fn metadata_is_where_configuration_says() {
        let url = |more: &[(&str, &str)]| {
            let provider = provider(more);
            metadata_url(&provider, provider.issuer.as_ref().unwrap())
        };
        assert_eq!(url(&[]), "https://idp.example/a/.well-known/openid-configuration");
        let slash = [("ACME_ISSUER", "https://idp.example/a/")];
        assert_eq!(
            url(&slash),
            "https://idp.example/a/.well-known/openid-configuration"
        );
        let elsewhere = "https://b2c.example/t/.well-known/openid-configuration?p=sign_in";
        assert_eq!(url(&[("ACME_METADATA_URL", elsewhere)]), elsewhere);
        // The issuer in it is compared all the same, and both are named.
        let provider = provider(&[("ACME_METADATA_URL", elsewhere)]);
        let error = discovered(&provider, json!({ "issuer": "https://b2c.example/t" })).unwrap_err();
        assert!(
            error.contains("\"https://b2c.example/t\"") && error.contains("\"https://idp.example/a\""),
            "{error}"
        );
        let listed = json!({ "id_token_signing_alg_values_supported": ["HS256", "ES512"] });
        let error = discovered(&provider, listed).unwrap_err();
        assert!(
            error.contains("HS256, ES512") && error.contains("ES384, EdDSA"),
            "{error}"
        );
    }

    // wing:microsoft
    #[test]
    fn a_key_of_microsofts_signs_for_its_own_issuer() {
        let pairs = [("MICROSOFT_CLIENT_ID", "c"), ("MICROSOFT_CLIENT_SECRET", "s")];
        let provider = from_vars(&pairs.into_iter().collect(), &mut Vec::new()).remove(0);
        let at = |tenant: &str| format!("https://login.microsoftonline.com/{tenant}/v2.0");
        let (tid, other) = (
            "8eaef023-2b34-4da1-9baa-8bc8c9d6a490",
            "7c1d2b3a-0001-4da1-9baa-8bc8c9d6a490",
        );
        let template = json!({
            "issuer": at("{tenantid}"), "authorization_endpoint": "https://idp.example/authorize",
            "token_endpoint": "https://idp.example/token",
        });
        let template = serde_json::from_value(template).unwrap();
        let endpoints = Endpoints::discovered(&provider, &at("common"), template).unwrap();
        let claims = json!({ "tid": tid });
        let issuer = |key: Option<&str>| endpoints.issuer_of(&provider, claims.as_object().unwrap(), key);
        for good in [None, Some(at("{tenantid}")), Some(at(tid))] {
            assert_eq!(issuer(good.as_deref()).unwrap(), at(tid), "{good:?}");
        }
        for bad in [
            at(other),
            at("common"),
            "https://login.other.example/{tenantid}/v2.0".to_owned(),
        ] {
            let error = issuer(Some(&bad)).unwrap_err();
            assert!(error.contains(&bad) && error.contains(tid), "{error}");
        }
    }
    // end wing:microsoft

    /// Elsewhere than with tenants the member means nothing (RFC 7517 §4).
    #[test]
    fn whose_a_key_says_it_is_means_nothing_without_tenants() {
        let acme = provider(&[]);
        let endpoints = discovered(&acme, json!({})).unwrap();
        let issuer = endpoints.issuer_of(&acme, &Object::new(), Some("x"));
        assert_eq!(issuer.unwrap(), "https://idp.example/a");
    }
}
