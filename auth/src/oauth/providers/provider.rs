//! A provider as configured: its preset, with a client id, a secret and whatever was overridden.

use std::{fmt::Debug, sync::Arc};

use secrecy::SecretString;
use url::Url;

use crate::oauth::{
    protocol::id_token::Algorithm,
    providers::{
        development::DEVELOPMENT, // wing:dev-provider
        preset::{Known, Preset},
    },
};

/// A provider somebody can sign in with. Created by [`super::from_vars`].
#[derive(Clone, Debug)]
pub struct Provider {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) preset: &'static Preset,
    /// The issuer, byte for byte; a plain OAuth 2.0 provider has none.
    pub(crate) issuer: Option<String>,
    /// Where the metadata is, if not where the issuer's name says.
    pub(crate) metadata: Option<String>,
    pub(crate) authorize: Option<String>,
    pub(crate) token: Option<String>,
    pub(crate) userinfo: Option<String>,
    /// What the preset's further variables say, by their suffixes.
    #[allow(dead_code, reason = "for the presets that need it")]
    pub(crate) urls: Vec<(&'static str, String)>,
    pub(crate) scopes: Vec<String>,
    /// Whether people are asked for a refresh token.
    pub(crate) offline: bool,
    /// The only algorithms accepted, whatever the metadata lists.
    pub(crate) algorithms: Option<Vec<Algorithm>>,
    /// Who else may be in an ID token's audience.
    pub(crate) audiences: Vec<String>,
    /// More parameters for the authorization request.
    pub(crate) params: Vec<(String, String)>,
    pub(crate) client_id: String,
    pub(crate) secret: ClientSecret,
}

/// What proves that we are the client.
#[derive(Clone, Debug)]
pub(crate) enum ClientSecret {
    Text(SecretString),
    /// What signs a secret for each call.
    Signed(Arc<dyn Signer>),
}

/// Signs client secrets. Its Debug shows no key.
pub(crate) trait Signer: Debug + Send + Sync {
    /// A secret for this client.
    fn client_secret(&self, client_id: &str, now: i64) -> String;
}

impl Provider {
    /// The id, as in `/auth/login/{id}`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The name, as people know it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it speaks OpenID Connect: then there is an ID token, and it is verified.
    pub(crate) fn is_oidc(&self) -> bool {
        !matches!(self.preset.endpoints, Known::Endpoints { .. })
    }

    /// Who says who somebody is: stored with each account and compared, since a subject means nothing without.
    /// A change of the configuration, or of a row, must not hand one person's account to another.
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

    /// Whether an account of this issuer lets its person in with this provider.
    pub(crate) fn lets_in(&self, issuer: Option<&str>) -> bool {
        match (issuer, self.vouching()) {
            (Some(known), Some(found)) => known == found,
            _ => true,
        }
    }

    /// Adds the configured parameters to an authorization request. What the request says already, for example
    /// to make the person sign in anew, stays as it is.
    pub(crate) fn add_params(&self, authorize: &mut Url) {
        for (name, value) in &self.params {
            if !authorize.query_pairs().any(|(said, _)| said == name.as_str()) {
                authorize.query_pairs_mut().append_pair(name, value);
            }
        }
    }

    /// The address that a further variable of the preset holds.
    #[allow(dead_code, reason = "for the presets that need it")]
    pub(crate) fn url(&self, suffix: &str) -> Option<String> {
        let found = self.urls.iter().find(|(known, _)| *known == suffix);
        found.map(|(_, url)| url.clone())
    }

    /// The path the provider sends people back to: one per provider, so that an answer of one can never
    /// be taken for another's (RFC 9700 §4.4.2).
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
    fn who_vouches_is_the_issuer_or_whoever_answers_for_userinfo() {
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
