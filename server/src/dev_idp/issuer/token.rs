//! ID tokens, signed with a key that lives as long as the process (RFC 7515, ES256).

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use p256::ecdsa::{Signature, SigningKey, signature::Signer as _};
use serde_json::{Value, json};

const KEY_ID: &str = "dev";

pub(super) struct Signer(SigningKey);

impl Signer {
    pub(super) fn generate() -> Self {
        Self(SigningKey::random(&mut rand::rngs::OsRng))
    }

    pub(super) fn public_jwk(&self) -> Value {
        let point = self.0.verifying_key().to_encoded_point(false);
        let coordinate =
            |bytes: Option<&_>| bytes.map(|bytes: &p256::FieldBytes| BASE64_URL_SAFE_NO_PAD.encode(bytes));
        json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": KEY_ID,
            "x": coordinate(point.x()), "y": coordinate(point.y()),
        })
    }

    pub(super) fn sign(&self, claims: &Value) -> String {
        let header = json!({ "alg": "ES256", "typ": "JWT", "kid": KEY_ID });
        let encode = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(&header), encode(claims));
        let signature: Signature = self.0.sign(signed.as_bytes());
        format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }
}
