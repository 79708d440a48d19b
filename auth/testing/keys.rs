//! What providers sign with in tests: of this crate, and of the server, whose tests take this file by its path. The
//! keys were made for tests and open nothing.

#![allow(
    clippy::unwrap_used,
    dead_code,
    reason = "what is unexpected ends a test, and not every test uses all of it"
)]

use std::fmt;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use openidconnect::{
    JsonWebKeyId, PrivateSigningKey,
    core::{CoreEdDsaPrivateSigningKey, CoreJwsSigningAlgorithm, CoreRsaPrivateSigningKey},
};
use p256::ecdsa::{Signature, SigningKey, signature::Signer as _};
use serde_json::{Value, json};
use sha2::{Digest, Sha256, Sha384, Sha512};

pub const P256_PEM: &str = include_str!("../src/oauth/testdata/p256.pem");
pub const RSA_PEM: &str = include_str!("../src/oauth/testdata/rsa_2048.pem");
const WEAK_RSA_PEM: &str = include_str!("../src/oauth/testdata/rsa_1024.pem");
const ED25519_PEM: &str = include_str!("../src/oauth/testdata/ed25519.pem");

type Sign = Box<dyn Fn(&[u8]) -> Vec<u8> + Send + Sync>;

/// A signing key with its public half as a JWK.
pub struct Signer {
    pub alg: &'static str,
    pub kid: String,
    pub jwk: Value,
    sign: Sign,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.alg)
    }
}

pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

impl Signer {
    /// A fresh P-256 key.
    pub fn es256(kid: &str) -> Self {
        Self::p256(kid, SigningKey::random(&mut rand::rngs::OsRng))
    }

    /// A P-256 key whose point has an x that begins with a zero.
    pub fn es256_with_short_coordinate(kid: &str) -> Self {
        let mut keys = (1..=u16::MAX).map(|number| {
            let mut scalar = [0; 32];
            scalar[30..].copy_from_slice(&number.to_be_bytes());
            SigningKey::from_slice(&scalar).unwrap()
        });
        let begins_with_zero =
            |key: &SigningKey| key.verifying_key().to_encoded_point(false).x().unwrap()[0] == 0;
        Self::p256(kid, keys.find(begins_with_zero).unwrap())
    }

    fn p256(kid: &str, key: SigningKey) -> Self {
        let point = key.verifying_key().to_encoded_point(false);
        let jwk = json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": kid,
            "x": encode(point.x().unwrap()), "y": encode(point.y().unwrap()),
        });
        let sign: Sign = Box::new(move |text| {
            let signature: Signature = key.sign(text);
            signature.to_bytes().to_vec()
        });
        Self {
            alg: "ES256",
            kid: kid.to_owned(),
            jwk,
            sign,
        }
    }

    /// A P-384 key, the same each time.
    pub fn es384(kid: &str) -> Self {
        use p384::ecdsa::signature::Signer as _;
        let key = p384::ecdsa::SigningKey::from_slice(&[7; 48]).unwrap();
        let point = key.verifying_key().to_sec1_point(false);
        let jwk = json!({
            "kty": "EC", "crv": "P-384", "use": "sig", "alg": "ES384", "kid": kid,
            "x": encode(point.x().unwrap()), "y": encode(point.y().unwrap()),
        });
        let sign: Sign = Box::new(move |text| {
            let signature: p384::ecdsa::Signature = key.sign(text);
            signature.to_bytes().to_vec()
        });
        Self {
            alg: "ES384",
            kid: kid.to_owned(),
            jwk,
            sign,
        }
    }

    pub fn rs256(kid: &str) -> Self {
        Self::of("RS256", kid)
    }

    pub fn ps256(kid: &str) -> Self {
        Self::of("PS256", kid)
    }

    /// The algorithms that may be accepted.
    pub const ALGORITHMS: [&str; 9] = [
        "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA",
    ];

    /// A key for one of them.
    pub fn of(alg: &'static str, kid: &str) -> Self {
        use CoreJwsSigningAlgorithm as Core;
        let rsa = |algorithm| Self::rsa(alg, algorithm, RSA_PEM, kid);
        match alg {
            "RS256" => rsa(Core::RsaSsaPkcs1V15Sha256),
            "RS384" => rsa(Core::RsaSsaPkcs1V15Sha384),
            "RS512" => rsa(Core::RsaSsaPkcs1V15Sha512),
            "PS256" => rsa(Core::RsaSsaPssSha256),
            "PS384" => rsa(Core::RsaSsaPssSha384),
            "PS512" => rsa(Core::RsaSsaPssSha512),
            "ES256" => Self::es256(kid),
            "ES384" => Self::es384(kid),
            "EdDSA" => Self::eddsa(kid),
            other => panic!("there is no key for {other}"),
        }
    }

    /// One for each of them.
    pub fn all(kid: &str) -> Vec<Self> {
        Self::ALGORITHMS.map(|alg| Self::of(alg, kid)).into()
    }

    /// 1024 bits: signs well, and is too weak to be believed.
    pub fn weak_rs256(kid: &str) -> Self {
        Self::rsa(
            "RS256",
            CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
            WEAK_RSA_PEM,
            kid,
        )
    }

    fn rsa(alg: &'static str, algorithm: CoreJwsSigningAlgorithm, pem: &str, kid: &str) -> Self {
        let id = Some(JsonWebKeyId::new(kid.to_owned()));
        let key = CoreRsaPrivateSigningKey::from_pem(pem, id).unwrap();
        let jwk = serde_json::to_value(key.as_verification_key()).unwrap();
        Self {
            alg,
            kid: kid.to_owned(),
            jwk,
            sign: Box::new(move |text| key.sign(&algorithm, text).unwrap()),
        }
    }

    pub fn eddsa(kid: &str) -> Self {
        let id = Some(JsonWebKeyId::new(kid.to_owned()));
        let key = CoreEdDsaPrivateSigningKey::from_ed25519_pem(ED25519_PEM, id).unwrap();
        let jwk = serde_json::to_value(key.as_verification_key()).unwrap();
        Self {
            alg: "EdDSA",
            kid: kid.to_owned(),
            jwk,
            sign: Box::new(move |text| key.sign(&CoreJwsSigningAlgorithm::EdDsa, text).unwrap()),
        }
    }

    /// The JWK with some members replaced; null removes one.
    pub fn jwk_with(&self, changes: &Value) -> Value {
        let mut jwk = self.jwk.clone();
        patch(&mut jwk, changes);
        jwk
    }

    pub fn signature(&self, text: &str) -> Vec<u8> {
        (self.sign)(text.as_bytes())
    }

    /// A token of exactly these texts, whatever they are.
    pub fn token_of(&self, header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
        let signed = format!("{}.{}", encode(header), encode(payload));
        let signature = encode(self.signature(&signed));
        format!("{signed}.{signature}")
    }

    /// A token with the usual header.
    pub fn token(&self, claims: &Value) -> String {
        self.token_with(&json!({ "alg": self.alg, "kid": self.kid }), claims)
    }

    pub fn token_with(&self, header: &Value, claims: &Value) -> String {
        self.token_of(header.to_string(), claims.to_string())
    }

    /// OpenID Connect Core §3.1.3.6.
    pub fn at_hash(&self, access_token: &str) -> String {
        match self.alg {
            "EdDSA" | "RS512" | "PS512" => encode(&Sha512::digest(access_token)[..32]),
            "RS384" | "PS384" | "ES384" => encode(&Sha384::digest(access_token)[..24]),
            _ => encode(&Sha256::digest(access_token)[..16]),
        }
    }
}

/// The key set of a provider with these keys.
pub fn jwks(keys: &[&Signer]) -> Value {
    json!({ "keys": keys.iter().map(|key| &key.jwk).collect::<Vec<_>>() })
}

/// An HMAC token: what everybody who knows `secret` can make.
pub fn hs256(secret: &[u8], header: &Value, claims: &Value) -> String {
    let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
    mac.update(signed.as_bytes());
    format!("{signed}.{}", encode(mac.finalize().into_bytes()))
}

/// Replaces members of an object; null removes one.
pub fn patch(object: &mut Value, changes: &Value) {
    let object = object.as_object_mut().unwrap();
    for (name, value) in changes.as_object().into_iter().flatten() {
        match value {
            Value::Null => object.remove(name),
            value => object.insert(name.clone(), value.clone()),
        };
    }
}
