//! A provider as configured: its preset, with a client id, a secret and the overridden values.

use std::{fmt::Debug, sync::Arc};

use secrecy::SecretString;
use url::{
    Origin, // wing:pictures
    Url,
};

use crate::oauth::{
    protocol::id_token::Algorithm,
    providers::{
        development::DEVELOPMENT, // wing:dev-provider
        preset::{Known, Preset},
    },
};
use crate::public_url::is_loopback; // wing:pictures

/// A provider that users can sign in with. Created by [`super::from_vars`].
#[derive(Clone, Debug)]
pub struct Provider {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) preset: &'static Preset,
    /// The issuer, byte for byte. `None` for a plain OAuth 2.0 provider.
    pub(crate) issuer: Option<String>,
    /// The address of the metadata, if it cannot be derived from the issuer.
    pub(crate) metadata: Option<String>,
    pub(crate) authorize: Option<String>,
    pub(crate) token: Option<String>,
    pub(crate) userinfo: Option<String>,
    /// The values of the preset's additional variables, by their suffixes.
    #[allow(dead_code, reason = "for the presets that need it")]
    pub(crate) urls: Vec<(&'static str, String)>,
    pub(crate) scopes: Vec<String>,
    /// Whether a refresh token is requested.
    pub(crate) offline: bool,
    /// If set, the only accepted algorithms, whatever the metadata lists.
    pub(crate) algorithms: Option<Vec<Algorithm>>,
    /// Other accepted members of an ID token's audience.
    pub(crate) audiences: Vec<String>,
    /// Additional parameters for the authorization request.
    pub(crate) params: Vec<(String, String)>,
    pub(crate) client_id: String,
    pub(crate) secret: ClientSecret,
}

/// What proves that this server is the client.
#[derive(Clone, Debug)]
pub(crate) enum ClientSecret {
    Text(SecretString),
    /// Signs a secret for each call.
    Signed(Arc<dyn Signer>),
}

/// Signs client secrets. Its `Debug` must not show a key.
pub(crate) trait Signer: Debug + Send + Sync {
    /// A secret for this client.
    fn client_secret(&self, client_id: &str, now: i64) -> String;
}

impl Provider {
    /// The id, as in `/auth/login/{id}`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The name that users know it by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it speaks OpenID Connect, which means that there is an ID token, and that it is verified.
    pub(crate) fn is_oidc(&self) -> bool {
        !matches!(self.preset.endpoints, Known::Endpoints { .. })
    }

    /// The issuer that vouches for an identity. It is stored with each account and compared, since a subject means
    /// nothing without it. A change of the configuration, or of a row, must not give one user's account to another.
    ///
    /// Where tenants are issuers only the origin: the tenant is part of the subject, and may be configured more
    /// narrowly later. None for the development provider, which is ourselves wherever we listen. <!-- wing:dev-provider -->
    pub(crate) fn vouching(&self) -> Option<String> {
        let origin = |url: &str| Some(Url::parse(url).ok()?.origin().ascii_serialization());
        match self.preset.endpoints {
            _ if self.id == DEVELOPMENT => None, // wing:dev-provider
            Known::Issuer(_) => self.issuer.clone(),
            Known::Tenants(_) => self.issuer.as_deref().and_then(origin),
            Known::Endpoints { userinfo, .. } => origin(self.userinfo.as_deref().unwrap_or(userinfo)),
        }
    }

    /// Whether an account of this issuer may sign in with this provider.
    pub(crate) fn lets_in(&self, issuer: Option<&str>) -> bool {
        match (issuer, self.vouching()) {
            (Some(known), Some(found)) => known == found,
            _ => true,
        }
    }

    // wing:pictures
    /// Where the provider is, if it is on this machine, as in development.
    pub(crate) fn at_home(&self) -> Option<Origin> {
        let address = self.issuer.as_deref().or(self.userinfo.as_deref())?;
        let url = Url::parse(address).ok()?;
        is_loopback(&url).then(|| url.origin())
    }
    // end wing:pictures

    /// Adds the configured parameters to an authorization request. Parameters that the request already has, for
    /// example to make the user sign in again, stay as they are.
    pub(crate) fn add_params(&self, authorize: &mut Url) {
        for (name, value) in &self.params {
            if !authorize.query_pairs().any(|(said, _)| said == name.as_str()) {
                authorize.query_pairs_mut().append_pair(name, value);
            }
        }
    }

    /// The address in an additional variable of the preset.
    #[allow(dead_code, reason = "for the presets that need it")]
    pub(crate) fn url(&self, suffix: &str) -> Option<String> {
        let found = self.urls.iter().find(|(known, _)| *known == suffix);
        found.map(|(_, url)| url.clone())
    }

    /// The path that the provider redirects users back to. Each provider has its own, so that one provider's response
    /// can never be taken for another's (RFC 9700 §4.4.2).
    pub(crate) fn callback_path(&self) -> String {
        format!("/auth/callback/{}", self.id)
    }
}

// wing:microsoft+x
#[cfg(test)]
mod tests {
    use crate::oauth::from_vars;

    fn vouching(vars: &[(&str, &str)]) -> Option<String> {
        let mut problems = Vec::new();
        let usual = [("X_CLIENT_ID", "id"), ("X_CLIENT_SECRET", "secret")];
        let vars = usual.iter().chain(vars).copied().collect();
        let providers = from_vars(&vars, &mut problems);
        assert!(problems.is_empty(), "{problems:?}");
        let provider = providers
            .iter()
            .find(|one| one.id != "x" || providers.len() == 1)?;
        let vouching = provider.vouching();
        assert!(provider.lets_in(None) && provider.lets_in(vouching.as_deref()));
        assert_eq!(provider.lets_in(Some("https://evil.example")), vouching.is_none());
        vouching
    }

    #[test]
    fn an_account_stores_the_issuer_or_the_host_of_userinfo() {
        assert_eq!(vouching(&[]).as_deref(), Some("https://api.x.com"));
        let own = [("X_USERINFO_URL", "https://x.acme.example/2/users/me")];
        assert_eq!(vouching(&own).as_deref(), Some("https://x.acme.example"));
        let microsoft = [
            ("MICROSOFT_CLIENT_ID", "id"),
            ("MICROSOFT_CLIENT_SECRET", "secret"),
        ];
        for tenant in ["common", "8eaef023-2b34-4da1-9baa-8bc8c9d6a490"] {
            let vars = [&microsoft[..], &[("MICROSOFT_TENANT", tenant)]].concat();
            assert_eq!(
                vouching(&vars).as_deref(),
                Some("https://login.microsoftonline.com")
            );
        }
        let acme = [
            ("AUTH_PROVIDERS", "acme"),
            ("ACME_CLIENT_ID", "id"),
            ("ACME_CLIENT_SECRET", "secret"),
            ("ACME_ISSUER", "https://login.acme.example/realms/a"),
        ];
        assert_eq!(
            vouching(&acme).as_deref(),
            Some("https://login.acme.example/realms/a")
        );
    }
}
// end wing:microsoft+x
