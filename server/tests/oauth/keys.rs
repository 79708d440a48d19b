//! What the mock provider signs with. The keys were made for tests and open nothing.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use openidconnect::{
    JsonWebKeyId, PrivateSigningKey,
    core::{CoreEdDsaPrivateSigningKey, CoreJwsSigningAlgorithm, CoreRsaPrivateSigningKey},
};
use p256::ecdsa::{Signature, SigningKey, signature::Signer as _};
use serde_json::{Value, json};
use sha2::{Digest, Sha256, Sha384, Sha512};

pub const RSA_PEM: &str = include_str!("../../../auth/src/oauth/testdata/rsa_2048.pem");
const WEAK_RSA_PEM: &str = include_str!("testdata/rsa_1024.pem");
const ED25519_PEM: &str = include_str!("../../../auth/src/oauth/testdata/ed25519.pem");

type Sign = Box<dyn Fn(&[u8]) -> Vec<u8> + Send + Sync>;

/// A signing key with its public half as a JWK.
pub struct Key {
    pub alg: &'static str,
    pub kid: String,
    pub jwk: Value,
    sign: Sign,
}

pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

impl Key {
    /// A fresh P-256 key.
    pub fn es256(kid: &str) -> Self {
        let key = SigningKey::random(&mut rand::rngs::OsRng);
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

    /// OpenID Connect Core §3.1.3.6.
    pub fn at_hash(&self, access_token: &str) -> String {
        match self.alg {
            "EdDSA" | "RS512" | "PS512" => encode(&Sha512::digest(access_token)[..32]),
            "RS384" | "PS384" | "ES384" => encode(&Sha384::digest(access_token)[..24]),
            _ => encode(&Sha256::digest(access_token)[..16]),
        }
    }
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
