//! An authenticator in software.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use p256::ecdsa::{Signature, SigningKey, signature::Signer};
use serde_cbor_2::Value as Cbor;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::Outcome;

/// User present and verified.
const OWNER: u8 = 0b101;
const ATTESTED: u8 = 0b100_0000;

pub(super) struct Passkey {
    key: SigningKey,
    id: [u8; 16],
    user: String,
}

impl Passkey {
    pub(super) fn new() -> Self {
        Self {
            key: SigningKey::random(&mut rand::rngs::OsRng),
            id: *Uuid::new_v4().as_bytes(),
            user: String::new(),
        }
    }

    /// The answer to a challenge for a new key, as the field of a form.
    pub(super) fn made(&mut self, options: &Value) -> Outcome<String> {
        self.user = options["user"]["id"].as_str().ok_or("no user")?.to_owned();
        let mut data = data(OWNER | ATTESTED);
        data.extend([0; 16]);
        data.extend([0, 16]);
        data.extend(self.id);
        data.extend(serde_cbor_2::to_vec(&self.public_key()?)?);
        let text = |text: &str| Cbor::Text(text.to_owned());
        let attestation = Cbor::Map(BTreeMap::from([
            (text("fmt"), text("none")),
            (text("attStmt"), Cbor::Map(BTreeMap::new())),
            (text("authData"), Cbor::Bytes(data)),
        ]));
        let response = json!({
            "clientDataJSON": BASE64.encode(client_data(options, "webauthn.create")),
            "attestationObject": BASE64.encode(serde_cbor_2::to_vec(&attestation)?),
        });
        Ok(self.credential(&response))
    }

    /// The answer to a challenge for this key, as the field of a form.
    pub(super) fn answer(&self, options: &Value) -> Outcome<String> {
        let (data, client_data) = (data(OWNER), client_data(options, "webauthn.get"));
        let signed = [data.as_slice(), &Sha256::digest(&client_data)].concat();
        let signature: Signature = self.key.try_sign(&signed)?;
        let response = json!({
            "clientDataJSON": BASE64.encode(client_data),
            "authenticatorData": BASE64.encode(data),
            "signature": BASE64.encode(signature.to_der().as_bytes()),
            "userHandle": self.user,
        });
        Ok(self.credential(&response))
    }

    fn credential(&self, response: &Value) -> String {
        let id = BASE64.encode(self.id);
        let credential = json!({
            "id": id, "rawId": id, "type": "public-key", "clientExtensionResults": {}, "response": response,
        });
        // Base64url and JSON: nothing else of it means anything in a form.
        credential.to_string().replace('+', "%2B")
    }

    /// For ES256, as COSE writes it (RFC 9053 §7.1.1).
    fn public_key(&self) -> Outcome<Cbor> {
        let point = self.key.verifying_key().to_encoded_point(false);
        let coordinate = |value: Option<&p256::FieldBytes>| -> Outcome<Cbor> {
            Ok(Cbor::Bytes(value.ok_or("no such coordinate")?.to_vec()))
        };
        Ok(Cbor::Map(BTreeMap::from([
            (Cbor::Integer(1), Cbor::Integer(2)),
            (Cbor::Integer(3), Cbor::Integer(-7)),
            (Cbor::Integer(-1), Cbor::Integer(1)),
            (Cbor::Integer(-2), coordinate(point.x())?),
            (Cbor::Integer(-3), coordinate(point.y())?),
        ])))
    }
}

fn data(flags: u8) -> Vec<u8> {
    let mut data = Sha256::digest("localhost").to_vec();
    data.push(flags);
    data.extend([0; 4]);
    data
}

fn client_data(options: &Value, kind: &str) -> Vec<u8> {
    let client_data = json!({
        "type": kind,
        "challenge": options["challenge"],
        "origin": "http://localhost:3000",
        "crossOrigin": false,
    });
    client_data.to_string().into_bytes()
}
