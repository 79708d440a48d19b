//! An authenticator in software: it makes keys and signs with them, rightly or as a test wants it. The server's tests and
//! its benchmark take this file by its path.

#![allow(
    clippy::unwrap_used,
    dead_code,
    reason = "what is unexpected ends a test, and the benchmark never lies"
)]

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use p256::ecdsa::{Signature, SigningKey, signature::Signer};
use serde_cbor_2::Value as Cbor;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// User present, user verified, attested data.
const PRESENT: u8 = 0b1;
const VERIFIED: u8 = 0b100;
const ATTESTED: u8 = 0b100_0000;

/// One key, and what the authenticator says beside its signature. A test changes what is public to lie.
#[derive(Clone)]
pub struct Authenticator {
    key: SigningKey,
    pub id: Vec<u8>,
    pub user_handle: Vec<u8>,
    pub counter: u32,
    pub origin: String,
    pub host: String,
    pub kind: Option<&'static str>,
    pub cross_origin: bool,
    pub verifies: bool,
    pub aaguid: [u8; 16],
}

impl Authenticator {
    /// For the site at this origin.
    pub fn at(origin: &str) -> Self {
        let authority = origin.split_once("://").unwrap().1;
        let host = authority.split_once(':').map_or(authority, |(host, _)| host);
        Self {
            key: SigningKey::random(&mut rand::rngs::OsRng),
            id: Uuid::now_v7().as_bytes().to_vec(),
            user_handle: Vec::new(),
            counter: 0,
            origin: origin.to_owned(),
            host: host.to_owned(),
            kind: None,
            cross_origin: false,
            verifies: true,
            aaguid: [7; 16],
        }
    }

    /// Answers a challenge for a new key.
    pub fn make(&mut self, options: &Value) -> String {
        self.user_handle = BASE64.decode(options["user"]["id"].as_str().unwrap()).unwrap();
        let mut data = self.data(ATTESTED);
        data.extend(self.aaguid);
        data.extend(u16::try_from(self.id.len()).unwrap().to_be_bytes());
        data.extend(&self.id);
        data.extend(serde_cbor_2::to_vec(&self.public_key()).unwrap());
        let attestation = Cbor::Map(BTreeMap::from([
            (text("fmt"), text("none")),
            (text("attStmt"), Cbor::Map(BTreeMap::new())),
            (text("authData"), Cbor::Bytes(data)),
        ]));
        let client_data = self.client_data(options, "webauthn.create");
        let id = BASE64.encode(&self.id);
        json!({
            "id": id, "rawId": id, "type": "public-key", "clientExtensionResults": {},
            "response": {
                "clientDataJSON": BASE64.encode(client_data),
                "attestationObject": BASE64.encode(serde_cbor_2::to_vec(&attestation).unwrap()),
                "transports": ["internal"],
            },
        })
        .to_string()
    }

    /// Answers a challenge with its key.
    pub fn answer(&self, options: &Value) -> String {
        let data = self.data(0);
        let client_data = self.client_data(options, "webauthn.get");
        let signed = [data.as_slice(), &Sha256::digest(&client_data)].concat();
        let signature: Signature = self.key.sign(&signed);
        let id = BASE64.encode(&self.id);
        json!({
            "id": id, "rawId": id, "type": "public-key", "clientExtensionResults": {},
            "response": {
                "clientDataJSON": BASE64.encode(client_data),
                "authenticatorData": BASE64.encode(data),
                "signature": BASE64.encode(signature.to_der().as_bytes()),
                "userHandle": BASE64.encode(&self.user_handle),
            },
        })
        .to_string()
    }

    fn data(&self, flags: u8) -> Vec<u8> {
        let verified = if self.verifies { VERIFIED } else { 0 };
        let mut data = Sha256::digest(&self.host).to_vec();
        data.push(PRESENT | verified | flags);
        data.extend(self.counter.to_be_bytes());
        data
    }

    fn client_data(&self, options: &Value, kind: &str) -> Vec<u8> {
        json!({
            "type": self.kind.unwrap_or(kind),
            "challenge": options["challenge"],
            "origin": self.origin,
            "crossOrigin": self.cross_origin,
        })
        .to_string()
        .into_bytes()
    }

    /// The key as COSE writes it (RFC 9053 §7.1.1): of P-256, for ES256.
    fn public_key(&self) -> Cbor {
        let point = self.key.verifying_key().to_encoded_point(false);
        let integers =
            [(1, 2), (3, -7), (-1, 1)].map(|(at, value)| (Cbor::Integer(at), Cbor::Integer(value)));
        let coordinates = [(-2, point.x()), (-3, point.y())]
            .map(|(at, value)| (Cbor::Integer(at), Cbor::Bytes(value.unwrap().to_vec())));
        Cbor::Map(integers.into_iter().chain(coordinates).collect())
    }
}

fn text(text: &str) -> Cbor {
    Cbor::Text(text.to_owned())
}
