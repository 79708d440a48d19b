//! How clients prove who they are (RFC 6749 §2.3).

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderMap, header::AUTHORIZATION};
use secrecy::{ExposeSecret, SecretString};
use url::form_urlencoded;

use super::{
    Clients,
    formats::Kind,
    parameters::Parameters,
    refusal::{Outcome, Refusal},
    registry::{self, Registration},
};
use crate::{
    client::Client,
    limits::{Action, Subject},
};

/// What a request says of its client.
struct Credentials {
    id: String,
    secret: Option<SecretString>,
}

impl Credentials {
    fn of(headers: &HeaderMap, parameters: &Parameters) -> Outcome<Self> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let (in_body, secret) = (
            parameters.optional("client_id"),
            parameters.optional("client_secret"),
        );
        match (values.next(), values.next()) {
            (None, _) => Ok(Self {
                id: in_body.ok_or(Refusal::InvalidClient)?.to_owned(),
                secret: secret.map(SecretString::from),
            }),
            (Some(_), None) if secret.is_some() => Err(Refusal::InvalidRequest(
                "The client authenticates in two ways at once.",
            )),
            (Some(value), None) => {
                let basic = value
                    .to_str()
                    .ok()
                    .and_then(Self::basic)
                    .ok_or(Refusal::InvalidClient)?;
                // Many libraries send the id in the body as well.
                if in_body.is_some_and(|id| id != basic.id) {
                    return Err(Refusal::InvalidRequest("`client_id` names another client."));
                }
                Ok(basic)
            }
            (Some(_), Some(_)) => Err(Refusal::InvalidRequest(
                "The header Authorization occurs more than once.",
            )),
        }
    }

    /// HTTP Basic, in which both parts are encoded as in forms (RFC 6749 §2.3.1).
    fn basic(header: &str) -> Option<Self> {
        let (scheme, encoded) = header.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let decoded = String::from_utf8(BASE64_STANDARD.decode(encoded.trim()).ok()?).ok()?;
        let (id, secret) = decoded.split_once(':')?;
        // With neither `=` nor `&` in it, a text is the name of one field.
        let decode = |text: &str| {
            let plain = !text.contains(['=', '&']);
            let (name, _) = form_urlencoded::parse(text.as_bytes()).next().unwrap_or_default();
            plain.then(|| name.into_owned())
        };
        let (id, secret) = (decode(id)?, decode(secret)?);
        (!id.is_empty()).then(|| Self {
            id,
            secret: Some(secret.into()),
        })
    }
}

impl Clients {
    /// The client that sent a request to one of the endpoints for clients.
    ///
    /// A right secret, and a public client that says only its id, are never refused for others' failures: an id is no
    /// secret, and strangers could otherwise keep a client's users out.
    ///
    /// # Errors
    /// [`Refusal::InvalidClient`], the same for an unknown client, a revoked one, a wrong secret, and a client that proves
    /// itself in another way than it must; [`Refusal::InvalidRequest`]; [`Refusal::TooMany`] for failures only.
    pub async fn authenticate(
        &self,
        headers: &HeaderMap,
        parameters: &Parameters,
        client: &Client,
    ) -> Outcome<Registration> {
        let credentials = match Credentials::of(headers, parameters) {
            Ok(credentials) => credentials,
            Err(Refusal::InvalidClient) => return Err(self.not_authenticated(None, client)),
            Err(refusal) => return Err(refusal),
        };
        let Credentials { id, secret } = &credentials;
        let hash = match secret {
            None => None,
            Some(secret) => match Kind::Secret.hash(secret.expose_secret()) {
                Some(hash) => Some(hash),
                None => return Err(self.not_authenticated(Some(id), client)),
            },
        };
        let found = if self.may_exist(id) {
            registry::with_proof(&self.0.db, id, hash, self.0.clock.now()).await?
        } else {
            None
        };
        match found {
            Some((registration, true)) if registration.confidential => Ok(registration),
            Some((registration, _)) if !registration.confidential && secret.is_none() => Ok(registration),
            _ => Err(self.not_authenticated(Some(id), client)),
        }
    }

    /// Counts a failure to authenticate.
    fn not_authenticated(&self, id: Option<&str>, client: &Client) -> Refusal {
        let limits = &self.0.limits;
        let by_address = limits.take(
            Action::ClientFailedAddress,
            Subject::address(client.limited_address()),
        );
        let by_client = match id {
            Some(id) => limits.take(Action::ClientFailed, Subject::Client(id.to_owned())),
            None => Ok(()),
        };
        match by_address.and(by_client) {
            Ok(()) => Refusal::InvalidClient,
            Err(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn credentials(header: &str, body: &str) -> Outcome<(String, Option<String>)> {
        let mut headers = HeaderMap::new();
        for value in header.split('|').filter(|value| !value.is_empty()) {
            let value = match value.strip_prefix("basic:") {
                Some(pair) => format!("Basic {}", BASE64_STANDARD.encode(pair)),
                None => value.to_owned(),
            };
            headers.append(AUTHORIZATION, HeaderValue::try_from(value).unwrap());
        }
        Credentials::of(&headers, &Parameters::parse(body.as_bytes()).unwrap()).map(|found| {
            let secret = found.secret.map(|secret| secret.expose_secret().to_owned());
            (found.id, secret)
        })
    }

    #[test]
    fn a_client_says_who_it_is_in_one_way() {
        let both = Ok(("a".to_owned(), Some("s".to_owned())));
        assert_eq!(credentials("basic:a:s", ""), both);
        assert_eq!(credentials("basic:a:s", "client_id=a"), both);
        assert_eq!(credentials("", "client_id=a&client_secret=s"), both);
        assert_eq!(credentials("", "client_id=a"), Ok(("a".to_owned(), None)));
        // An empty secret is a wrong one: a client without a secret does not authenticate by Basic.
        assert_eq!(
            credentials("basic:a:", ""),
            Ok(("a".to_owned(), Some(String::new())))
        );
        assert_eq!(
            credentials("basic:a%3Ab:s%2B+x", ""),
            Ok(("a:b".to_owned(), Some("s+ x".to_owned())))
        );
        for (header, body) in [
            ("basic:a:s", "client_secret=s"),
            ("basic:a:s", "client_id=b"),
            ("basic:a:s|basic:a:s", ""),
        ] {
            assert!(
                matches!(credentials(header, body), Err(Refusal::InvalidRequest(_))),
                "{header} {body}"
            );
        }
        for (header, body) in [
            ("", ""),
            ("", "client_secret=s"),
            ("Bearer x", "client_id=a"),
            ("Basic", ""),
            ("Basic !", ""),
            ("basic:a", ""),
            ("basic::s", ""),
            ("basic:a=b:s", ""),
        ] {
            assert_eq!(
                credentials(header, body),
                Err(Refusal::InvalidClient),
                "{header} {body}"
            );
        }
    }
}
