//! Access tokens for other resource servers: JWTs (RFC 9068), signed with ES256.
//!
//! The signing keys are derived from the entries of `SESSION_SECRET`, so that all instances agree on them and none has to be
//! stored. The first entry signs; the keys of all of them are published.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use p256::{
    SecretKey,
    ecdsa::{
        Signature, SigningKey,
        signature::{Signer, Verifier},
    },
    elliptic_curve::sec1::ToEncodedPoint,
};
use secrecy::{SecretSlice, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::keys::signing_seed;

/// The life of such a token, in seconds. Where it is verified, it cannot be taken back before.
pub(super) const LIFE: i64 = 300;

struct Key {
    /// The key's thumbprint (RFC 7638).
    id: String,
    x: String,
    y: String,
    key: SigningKey,
}

/// The signing keys, the one that signs first.
pub(super) struct SigningKeys(Vec<Key>);

impl std::fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ids: Vec<_> = self.0.iter().map(|key| &key.id).collect();
        f.debug_tuple("SigningKeys").field(&ids).finish()
    }
}

/// What such a token says.
#[derive(Serialize)]
pub(super) struct Claims<'a> {
    pub(super) iss: &'a str,
    /// The user's id, or the client's for its own tokens.
    pub(super) sub: &'a str,
    pub(super) aud: &'a str,
    pub(super) client_id: &'a str,
    pub(super) scope: &'a str,
    pub(super) iat: i64,
    pub(super) exp: i64,
    pub(super) jti: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sid: Option<&'a str>,
}

impl SigningKeys {
    /// The keys of these secrets, newest first.
    pub(super) fn derive(secrets: &[SecretSlice<u8>]) -> Self {
        Self(secrets.iter().map(Key::derive).collect())
    }

    /// The id of the key that signs.
    pub(super) fn current(&self) -> &str {
        &self.0[0].id
    }

    /// A signed token.
    pub(super) fn sign(&self, claims: &Claims<'_>) -> SecretString {
        let key = &self.0[0];
        let part = |text: String| BASE64_URL_SAFE_NO_PAD.encode(text);
        let header = json!({ "alg": "ES256", "typ": "at+jwt", "kid": key.id });
        let claims = serde_json::to_string(claims).expect("plain fields are JSON");
        let signed = format!("{}.{}", part(header.to_string()), part(claims));
        let signature: Signature = key.key.sign(signed.as_bytes());
        format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature.to_bytes())).into()
    }

    /// The public keys (RFC 7517).
    pub(super) fn published(&self) -> Value {
        let keys: Vec<Value> = self
            .0
            .iter()
            .map(|key| {
                json!({
                    "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": key.id, "x": key.x, "y": key.y,
                })
            })
            .collect();
        json!({ "keys": keys })
    }
}

/// What one of our own tokens says, once its signature is verified. It may have expired.
#[derive(Deserialize)]
pub(super) struct Verified {
    iss: String,
    pub(super) aud: String,
    pub(super) client_id: String,
    pub(super) scope: String,
    pub(super) iat: i64,
    pub(super) exp: i64,
    sid: Option<Uuid>,
    jti: String,
}

impl Verified {
    /// What the client was when it got a token for itself: what stale marks name, and the version.
    pub(super) fn own_version(&self) -> Option<(Uuid, i64)> {
        let mut parts = self.jti.split('.');
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    }

    /// The session it was issued to; `None` if a client acts for itself.
    pub(super) fn session_id(&self) -> Option<Uuid> {
        self.sid
    }
}

impl SigningKeys {
    /// Reads a token that one of these keys has signed for this issuer.
    pub(super) fn verify(&self, token: &str, issuer: &str) -> Option<Verified> {
        #[derive(Deserialize)]
        struct Header {
            kid: String,
            alg: String,
        }
        let decode = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).ok();
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let header: Header = serde_json::from_slice(&decode(header)?).ok()?;
        let key = self.0.iter().find(|key| key.id == header.kid)?;
        let signature = Signature::from_slice(&decode(signature)?).ok()?;
        key.key
            .verifying_key()
            .verify(signed.as_bytes(), &signature)
            .ok()?;
        let verified: Verified = serde_json::from_slice(&decode(claims)?).ok()?;
        (header.alg == "ES256" && verified.iss == issuer).then_some(verified)
    }
}

impl Key {
    fn derive(secret: &SecretSlice<u8>) -> Self {
        let key = (0..=u8::MAX)
            .find_map(|counter| SecretKey::from_slice(&signing_seed(secret, counter)).ok())
            .expect("of 256 random numbers one is a scalar of P-256");
        let point = key.public_key().to_encoded_point(false);
        let encoded = |part: Option<&p256::FieldBytes>| {
            BASE64_URL_SAFE_NO_PAD.encode(part.expect("an uncompressed point has both coordinates"))
        };
        let (x, y) = (encoded(point.x()), encoded(point.y()));
        // The required members in the order of their names, without white space (RFC 7638 §3).
        let thumbprint = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        Self {
            id: BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(thumbprint)),
            x,
            y,
            key: SigningKey::from(key),
        }
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn secret(byte: u8) -> SecretSlice<u8> {
        (0..32).map(|i| byte.wrapping_add(i)).collect::<Vec<u8>>().into()
    }

    #[test]
    fn every_instance_derives_the_same_keys_and_the_first_one_signs() {
        let (one, two) = (
            SigningKeys::derive(&[secret(1), secret(2)]),
            SigningKeys::derive(&[secret(2), secret(1)]),
        );
        assert_eq!(one.current(), two.0[1].id);
        assert_ne!(one.current(), two.current());
        let ids = |keys: &SigningKeys| {
            let keys = keys.published();
            let keys = keys["keys"].as_array().unwrap().clone();
            keys.into_iter().map(|key| key["kid"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(ids(&one), ids(&two).into_iter().rev().collect::<Vec<_>>());

        let token = one.sign(&Claims {
            iss: "https://app.example",
            sub: "1",
            aud: "https://api.example",
            client_id: "c",
            scope: "profile",
            iat: 1,
            exp: 301,
            jti: "j",
            sid: None,
        });
        let (signed, signature) = token.expose_secret().rsplit_once('.').unwrap();
        let signature = Signature::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
        let verifies = |key: &Key| {
            key.key
                .verifying_key()
                .verify(signed.as_bytes(), &signature)
                .is_ok()
        };
        assert_eq!([&one.0[0], &one.0[1]].map(verifies), [true, false]);
        let (header, claims) = signed.split_once('.').unwrap();
        let json = |part: &str| -> Value {
            serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
        };
        assert_eq!(
            json(header),
            json!({ "alg": "ES256", "typ": "at+jwt", "kid": one.current() })
        );
        assert!(json(claims).get("sid").is_none());
    }

    #[test]
    fn nothing_published_is_secret() {
        let keys = SigningKeys::derive(&[secret(1)]);
        for key in keys.published()["keys"].as_array().unwrap() {
            let mut names: Vec<_> = key.as_object().unwrap().keys().cloned().collect();
            names.sort();
            assert_eq!(names, ["alg", "crv", "kid", "kty", "use", "x", "y"]);
        }
    }
}
