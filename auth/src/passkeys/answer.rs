//! What a browser sends: the JSON text of a credential, as its `toJSON()` writes it.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, de::DeserializeOwned};
use serde_cbor_2::Value;
use uuid::Uuid;
use webauthn_rs_proto::{PublicKeyCredential, RegisterPublicKeyCredential};

use crate::browser::hash;

/// The longest answer, in bytes. Those of authenticators are much shorter, even with a certificate that nobody asked for.
const MAX_BYTES: usize = 16 * 1024;

/// Where the flags are in the authenticator's data (WebAuthn §6.1), and the one that says that the key is kept elsewhere,
/// too.
const FLAGS: usize = 32;
const BACKED_UP: u8 = 0b1_0000;
/// Where the model of the authenticator is.
const AAGUID: std::ops::Range<usize> = 37..53;

/// An answer to a challenge.
pub(super) struct Answer<T> {
    /// The hash of the challenge, as its ceremony has it.
    pub(super) challenge: [u8; 32],
    pub(super) credential: T,
}

/// What the browser has signed, beside the rest.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData {
    challenge: String,
    #[serde(default)]
    cross_origin: bool,
}

/// A credential that carries what the browser has signed.
pub(super) trait Credential: DeserializeOwned {
    fn client_data(&self) -> &[u8];
}

impl Credential for RegisterPublicKeyCredential {
    fn client_data(&self) -> &[u8] {
        &self.response.client_data_json
    }
}

impl Credential for PublicKeyCredential {
    fn client_data(&self) -> &[u8] {
        &self.response.client_data_json
    }
}

impl<T: Credential> Answer<T> {
    /// Reads an answer; `None` if it is none, or was made in a frame of another site: the library refuses that of new keys
    /// only.
    pub(super) fn read(text: &str) -> Option<Self> {
        if text.len() > MAX_BYTES {
            return None;
        }
        let credential: T = serde_json::from_str(text).ok()?;
        let signed: ClientData = serde_json::from_slice(credential.client_data()).ok()?;
        if signed.cross_origin {
            return None;
        }
        let challenge = BASE64_URL_SAFE_NO_PAD.decode(signed.challenge).ok()?;
        Some(Self {
            challenge: hash(&challenge),
            credential,
        })
    }
}

/// What the data of an authenticator says about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct About {
    /// The model; `None` if it keeps that to itself.
    pub(super) aaguid: Option<Uuid>,
    /// Whether the key is kept in more than one place.
    pub(super) synced: bool,
}

impl About {
    /// Of a new key, whose answer was checked.
    pub(super) fn of(new: &RegisterPublicKeyCredential) -> Self {
        Self::in_attestation(&new.response.attestation_object).unwrap_or_default()
    }

    fn in_attestation(object: &[u8]) -> Option<Self> {
        let Value::Map(members) = serde_cbor_2::from_slice(object).ok()? else {
            return None;
        };
        let Value::Bytes(data) = members.get(&Value::Text("authData".to_owned()))? else {
            return None;
        };
        let aaguid = Uuid::from_slice(data.get(AAGUID)?).ok()?;
        Some(Self {
            aaguid: (!aaguid.is_nil()).then_some(aaguid),
            synced: data.get(FLAGS)? & BACKED_UP != 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn attestation(data: Vec<u8>) -> Vec<u8> {
        let members = BTreeMap::from([(Value::Text("authData".to_owned()), Value::Bytes(data))]);
        serde_cbor_2::to_vec(&Value::Map(members)).unwrap()
    }

    #[test]
    fn an_authenticator_says_what_it_is_or_does_not() {
        let mut data = vec![0; 55];
        assert_eq!(
            About::in_attestation(&attestation(data.clone())),
            Some(About::default())
        );
        data[FLAGS] = BACKED_UP;
        data[AAGUID].copy_from_slice(&[7; 16]);
        assert_eq!(
            About::in_attestation(&attestation(data.clone())),
            Some(About {
                aaguid: Some(Uuid::from_bytes([7; 16])),
                synced: true
            })
        );
        data.truncate(50);
        assert_eq!(About::in_attestation(&attestation(data)), None);
        assert_eq!(About::in_attestation(b"x"), None);
    }

    #[test]
    fn what_is_no_answer_is_none() {
        for text in ["", "{}", "null", "[1]", &"[".repeat(MAX_BYTES + 1)] {
            assert!(Answer::<PublicKeyCredential>::read(text).is_none(), "{text:.9}");
            assert!(
                Answer::<RegisterPublicKeyCredential>::read(text).is_none(),
                "{text:.9}"
            );
        }
    }
}
