//! The development provider: an OpenID provider like any other, which debug builds of the server contain.

use secrecy::SecretString;

use super::{
    generic::GENERIC,
    provider::{ClientSecret, Provider},
};
use crate::public_url::PublicUrl;

/// The id of the development provider, which no other provider may have.
pub const DEVELOPMENT: &str = "dev";
/// The id, with the error for another provider that has it.
pub(super) const RESERVED: (&str, &str) = (
    DEVELOPMENT,
    "must not contain dev, the id of the development provider",
);

/// The development provider of the server at this address.
pub fn development(public_url: &PublicUrl, client_secret: SecretString) -> Provider {
    Provider {
        id: DEVELOPMENT.to_owned(),
        name: "Development".to_owned(),
        preset: &GENERIC,
        issuer: Some(public_url.join("/dev/idp")),
        metadata: None,
        authorize: None,
        token: None,
        userinfo: None,
        urls: Vec::new(),
        scopes: GENERIC.scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        offline: false,
        algorithms: None,
        audiences: Vec::new(),
        params: Vec::new(),
        client_id: DEVELOPMENT.to_owned(),
        secret: ClientSecret::Text(client_secret),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_development_provider_is_an_ordinary_one() {
        let url = PublicUrl::parse("http://127.0.0.1:3000").unwrap();
        let dev = development(&url, "hush".into());
        assert_eq!(
            (dev.id(), dev.issuer.as_deref()),
            ("dev", Some("http://127.0.0.1:3000/dev/idp"))
        );
        assert!(!format!("{dev:?}").contains("hush"));
    }

    /// Its address changes with every change of the port.
    #[test]
    fn the_development_provider_needs_no_issuer() {
        let url = PublicUrl::parse("http://127.0.0.1:3000").unwrap();
        let provider = development(&url, "secret".into());
        assert_eq!(provider.vouching(), None);
        assert!(provider.lets_in(Some("http://127.0.0.1:3001/dev/idp")));
    }
}
