//! What the tests of this module sign with. The keys were made for them and open nothing.

use std::fmt;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use openidconnect::{
    JsonWebKey, JsonWebKeyId, PrivateSigningKey,
    core::{CoreEdDsaPrivateSigningKey, CoreJsonWebKey, CoreJwsSigningAlgorithm, CoreRsaPrivateSigningKey},
};
use p256::{
    ecdsa::{Signature, SigningKey, signature::Signer as _},
    pkcs8::DecodePrivateKey,
};
use serde_json::{Value, json};
use sha2::Sha256;

pub(super) const P256_PEM: &str = include_str!("testdata/p256.pem");
const OTHER_P256_PEM: &str = include_str!("testdata/p256_other.pem");
const RSA_PEM: &str = include_str!("testdata/rsa_2048.pem");
const ED25519_PEM: &str = include_str!("testdata/ed25519.pem");

type Sign = Box<dyn Fn(&[u8]) -> Vec<u8> + Send + Sync>;

/// A provider's signing key.
pub(super) struct Signer {
    alg: &'static str,
    algorithm: CoreJwsSigningAlgorithm,
    public: CoreJsonWebKey,
    sign: Sign,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.alg)
    }
}

pub(super) fn encode(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

impl Signer {
    /// One of each algorithm that may be accepted, in the order of [`super::id_token::Algorithm`].
    pub(super) fn all(kid: &str) -> Vec<Self> {
        use CoreJwsSigningAlgorithm as Core;
        let mut all: Vec<Self> = [
            ("RS256", Core::RsaSsaPkcs1V15Sha256),
            ("RS384", Core::RsaSsaPkcs1V15Sha384),
            ("RS512", Core::RsaSsaPkcs1V15Sha512),
            ("PS256", Core::RsaSsaPssSha256),
            ("PS384", Core::RsaSsaPssSha384),
            ("PS512", Core::RsaSsaPssSha512),
        ]
        .map(|(name, algorithm)| Self::rsa(name, algorithm, kid))
        .into();
        all.extend([Self::es256(kid), Self::es384(kid), Self::eddsa(kid)]);
        all
    }

    pub(super) fn rs256(kid: &str) -> Self {
        Self::rsa("RS256", CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256, kid)
    }

    pub(super) fn ps256(kid: &str) -> Self {
        Self::rsa("PS256", CoreJwsSigningAlgorithm::RsaSsaPssSha256, kid)
    }

    fn rsa(alg: &'static str, algorithm: CoreJwsSigningAlgorithm, kid: &str) -> Self {
        let key =
            CoreRsaPrivateSigningKey::from_pem(RSA_PEM, Some(JsonWebKeyId::new(kid.to_owned()))).unwrap();
        let (public, with) = (key.as_verification_key(), algorithm.clone());
        Self {
            alg,
            algorithm,
            public,
            sign: Box::new(move |text| key.sign(&with, text).unwrap()),
        }
    }

    pub(super) fn eddsa(kid: &str) -> Self {
        let id = Some(JsonWebKeyId::new(kid.to_owned()));
        let key = CoreEdDsaPrivateSigningKey::from_ed25519_pem(ED25519_PEM, id).unwrap();
        let public = key.as_verification_key();
        let sign: Sign = Box::new(move |text| key.sign(&CoreJwsSigningAlgorithm::EdDsa, text).unwrap());
        Self {
            alg: "EdDSA",
            algorithm: CoreJwsSigningAlgorithm::EdDsa,
            public,
            sign,
        }
    }

    /// Ids from `b` on have a key of their own.
    pub(super) fn es256(kid: &str) -> Self {
        let pem = if kid < "b" { P256_PEM } else { OTHER_P256_PEM };
        Self::p256(kid, SigningKey::from_pkcs8_pem(pem).unwrap())
    }

    /// With a key whose point has an x that begins with a zero.
    pub(super) fn es256_with_short_coordinate(kid: &str) -> Self {
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
        let public = json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "kid": kid,
            "x": encode(point.x().unwrap()), "y": encode(point.y().unwrap()),
        });
        let sign: Sign = Box::new(move |text| {
            let signature: Signature = key.sign(text);
            signature.to_bytes().to_vec()
        });
        Self {
            alg: "ES256",
            algorithm: CoreJwsSigningAlgorithm::EcdsaP256Sha256,
            public: serde_json::from_value(public).unwrap(),
            sign,
        }
    }

    pub(super) fn es384(kid: &str) -> Self {
        use p384::ecdsa::signature::Signer as _;
        let key = p384::ecdsa::SigningKey::from_slice(&[7; 48]).unwrap();
        let point = key.verifying_key().to_sec1_point(false);
        let public = json!({
            "kty": "EC", "crv": "P-384", "use": "sig", "kid": kid,
            "x": encode(point.x().unwrap()), "y": encode(point.y().unwrap()),
        });
        let sign: Sign = Box::new(move |text| {
            let signature: p384::ecdsa::Signature = key.sign(text);
            signature.to_bytes().to_vec()
        });
        Self {
            alg: "ES384",
            algorithm: CoreJwsSigningAlgorithm::EcdsaP384Sha384,
            public: serde_json::from_value(public).unwrap(),
            sign,
        }
    }

    /// A token nobody should take: signed with a shared secret.
    pub(super) fn hs256(secret: &str, claims: Value) -> String {
        let signed = format!(
            "{}.{}",
            encode(br#"{"alg":"HS256","kid":"a"}"#),
            encode(claims.to_string().as_bytes())
        );
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(signed.as_bytes());
        format!("{signed}.{}", encode(&mac.finalize().into_bytes()))
    }

    pub(super) fn jwks(signers: &[&Self]) -> Value {
        json!({ "keys": signers.iter().map(|signer| &signer.public).collect::<Vec<_>>() })
    }

    pub(super) fn token(&self, claims: Value) -> String {
        self.token_with(
            json!({ "alg": self.alg, "kid": self.public.key_id().unwrap().as_str() }),
            claims,
        )
    }

    pub(super) fn token_with(&self, header: Value, claims: Value) -> String {
        self.sign_text(&header.to_string(), &claims.to_string())
    }

    pub(super) fn sign_text(&self, header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", encode(header.as_bytes()), encode(claims.as_bytes()));
        let signature = (self.sign)(signed.as_bytes());
        format!("{signed}.{}", encode(&signature))
    }

    pub(super) fn at_hash(&self, access_token: &str) -> String {
        let hash = self
            .public
            .hash_bytes(access_token.as_bytes(), &self.algorithm)
            .unwrap();
        encode(&hash[..hash.len() / 2])
    }
}
