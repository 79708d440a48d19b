//! Where a provider's endpoints and keys are: asked for when first needed, kept for an hour.
//!
//! Nothing is asked at start, so a provider that is down never keeps the application from starting; and
//! a failure is not kept, so the next sign-in tries again.

use std::sync::{Arc, Mutex, PoisonError};

use oauth2::{AuthUrl, TokenUrl};
use serde::Deserialize;
use url::Url;

use super::{
    http::{Http, is_safe},
    id_token::{Algorithm, Keys},
    microsoft,
    preset::Known,
    provider::Provider,
};

/// How long metadata and keys are kept, in seconds.
const KEEP: i64 = 3600;
/// How long after a key was looked for in vain nobody looks again.
const REFETCH_AFTER: i64 = 300;

/// All that a sign-in needs to know about where a provider is.
#[derive(Debug)]
pub(super) struct Endpoints {
    pub(super) authorize: AuthUrl,
    pub(super) token: TokenUrl,
    pub(super) userinfo: Option<String>,
    /// The issuer as the metadata names it: at Microsoft it may be a template.
    pub(super) issuer: Option<String>,
    /// Whether every callback must name the issuer (RFC 9207 §2.4).
    pub(super) iss_required: bool,
    /// What ID tokens may be signed with.
    pub(super) algorithms: Vec<Algorithm>,
    /// Whether the token endpoint takes the client secret in the body only.
    pub(super) post_only: bool,
    jwks: Option<String>,
}

/// What we read of OpenID Provider Metadata (OpenID Connect Discovery §3).
///
/// `openidconnect` has a type for it that reads all of it, and fails on the first malformed address of a
/// page nobody asks for.
#[derive(Debug, Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: Option<String>,
    token_endpoint: Option<String>,
    userinfo_endpoint: Option<String>,
    jwks_uri: Option<String>,
    id_token_signing_alg_values_supported: Option<Vec<String>>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

/// What is known about one provider at the moment.
#[derive(Debug, Default)]
pub(super) struct Discovery {
    endpoints: Cache<Endpoints>,
    keys: Cache<Keys>,
    /// When a key was last looked for in vain. Held over the fetch: of many sign-ins after a change of
    /// keys one asks, and the others use its answer.
    refetched: tokio::sync::Mutex<Option<i64>>,
}

#[derive(Debug)]
struct Cache<T>(Mutex<Option<(Arc<T>, i64)>>);

impl<T> Default for Cache<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Cache<T> {
    fn get(&self, now: i64) -> Option<Arc<T>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref()
            .filter(|(_, at)| now < at.saturating_add(KEEP))
            .map(|(value, _)| Arc::clone(value))
    }

    fn put(&self, value: T, now: i64) -> Arc<T> {
        let value = Arc::new(value);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((Arc::clone(&value), now));
        value
    }
}

impl Discovery {
    /// The provider's endpoints.
    pub(super) async fn endpoints(
        &self,
        provider: &Provider,
        http: &Http,
        now: i64,
    ) -> Result<Arc<Endpoints>, String> {
        if let Some(known) = self.endpoints.get(now) {
            return Ok(known);
        }
        let endpoints = match &provider.issuer {
            Some(issuer) if provider.is_oidc() => {
                // A slash at the end goes first (OpenID Connect Discovery §4).
                let url = format!(
                    "{}/.well-known/openid-configuration",
                    issuer.trim_end_matches('/')
                );
                let text = http
                    .get_again(&url)
                    .await
                    .map_err(|error| format!("metadata: {error}"))?;
                let metadata =
                    serde_json::from_slice(&text).map_err(|_| "metadata: not what the standard asks for")?;
                Endpoints::discovered(provider, issuer, metadata)?
            }
            _ => Endpoints::fixed(provider)?,
        };
        Ok(self.endpoints.put(endpoints, now))
    }

    /// The provider's keys, and whether they were fetched for this call.
    pub(super) async fn keys(
        &self,
        endpoints: &Endpoints,
        http: &Http,
        now: i64,
    ) -> Result<(Arc<Keys>, bool), String> {
        match self.keys.get(now) {
            Some(keys) => Ok((keys, false)),
            None => Ok((self.fetch_keys(endpoints, http, now).await?, true)),
        }
    }

    /// Keys newer than `seen`, which lack a token's key; none if they were looked for a moment ago.
    pub(super) async fn newer_keys(
        &self,
        seen: &Arc<Keys>,
        endpoints: &Endpoints,
        http: &Http,
        now: i64,
    ) -> Result<Option<Arc<Keys>>, String> {
        let mut refetched = self.refetched.lock().await;
        if let Some(keys) = self.keys.get(now).filter(|keys| !Arc::ptr_eq(keys, seen)) {
            return Ok(Some(keys));
        }
        if refetched.is_some_and(|at| now < at.saturating_add(REFETCH_AFTER)) {
            return Ok(None);
        }
        let keys = self.fetch_keys(endpoints, http, now).await?;
        *refetched = Some(now);
        Ok(Some(keys))
    }

    async fn fetch_keys(&self, endpoints: &Endpoints, http: &Http, now: i64) -> Result<Arc<Keys>, String> {
        let url = endpoints
            .jwks
            .as_deref()
            .ok_or("key set: the metadata names none")?;
        let text = http
            .get_again(url)
            .await
            .map_err(|error| format!("key set: {error}"))?;
        let keys = Keys::parse(&text).map_err(|cause| format!("key set: {cause}"))?;
        Ok(self.keys.put(keys, now))
    }
}

impl Endpoints {
    fn discovered(provider: &Provider, issuer: &str, metadata: Metadata) -> Result<Self, String> {
        // Byte for byte: whoever could make us take another issuer's metadata could sign for anybody here
        // (OpenID Connect Discovery §4.3).
        let is_same = metadata.issuer == issuer
            || (provider.preset.endpoints == Known::MicrosoftTenant
                && microsoft::is_issuer_of(issuer, &metadata.issuer));
        if !is_same {
            return Err("metadata: it is another issuer's".to_owned());
        }
        let listed = metadata.id_token_signing_alg_values_supported;
        let algorithms: Vec<Algorithm> = match (&provider.algorithms, listed) {
            (Some(fixed), _) => fixed.clone(),
            (None, Some(listed)) => listed.iter().filter_map(|name| name.parse().ok()).collect(),
            // Every provider must have it (OpenID Connect Core §15.1).
            (None, None) => vec![Algorithm::Rs256],
        };
        if algorithms.is_empty() {
            return Err("metadata: it lists no signature algorithm we accept".to_owned());
        }
        let methods = metadata.token_endpoint_auth_methods_supported.unwrap_or_default();
        let takes = |method: &str| methods.iter().any(|one| one == method);
        Ok(Self {
            post_only: takes("client_secret_post") && !takes("client_secret_basic"),
            algorithms,
            iss_required: metadata.authorization_response_iss_parameter_supported,
            jwks: metadata.jwks_uri.map(|url| safe("jwks_uri", url)).transpose()?,
            ..Self::of(
                provider,
                metadata.authorization_endpoint,
                metadata.token_endpoint,
                metadata.userinfo_endpoint,
                Some(metadata.issuer),
            )?
        })
    }

    fn fixed(provider: &Provider) -> Result<Self, String> {
        let (authorize, token, userinfo) = match provider.preset.endpoints {
            Known::Endpoints {
                authorize,
                token,
                userinfo,
            } => (Some(authorize), Some(token), Some(userinfo)),
            Known::Issuer(_) | Known::MicrosoftTenant => (None, None, None),
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
            jwks: None,
        })
    }
}

/// An address we may send people and secrets to.
fn safe(what: &str, url: String) -> Result<String, String> {
    match Url::parse(&url).is_ok_and(|url| is_safe(&url)) {
        true => Ok(url),
        false => Err(format!("{what} is not an https address")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::oauth::from_vars;

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
            [Algorithm::Rs256, Algorithm::Es256]
        );
    }
}
