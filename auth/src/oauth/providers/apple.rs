//! Apple's own behaviour: the client secret is a JWT signed for each call, and the user's name is sent only once,
//! unsigned, in a form field.

use std::sync::Arc;

use super::{
    env::Reader,
    generic::GENERIC,
    preset::{AuthTime, Avatar, Known, Offline, Preset, Quirks, Secret, TokenAuth, Userinfo, Verified},
    provider::Signer,
};
use crate::config::problem::Problem;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use p256::{
    ecdsa::{Signature, SigningKey, signature::Signer as _},
    pkcs8::DecodePrivateKey,
};
use serde_json::{Value, json};

/// Apple's preset.
pub(crate) const PRESET: Preset = Preset {
    id: "apple",
    name: "Apple",
    endpoints: Known::Issuer("https://appleid.apple.com"),
    scopes: &["name", "email"],
    token_auth: TokenAuth::Post,
    secret: Secret::Signed(key),
    // Apple requires this if name or address is requested.
    form_post: true,
    authorize_params: &[("response_mode", "form_post")],
    offline: Offline::UNASKED,
    userinfo: Userinfo::Never,
    quirks: Quirks {
        name_in_form: Some(name_in),
        ..Quirks::NONE
    },
    verified: Verified::TrueOrText("/email_verified"),
    avatar: Avatar::None,
    // Apple asks the user to sign in every time.
    fresh: &[],
    auth_time: AuthTime::IfSent,
    ..GENERIC
};

/// The audience of the secret.
const AUDIENCE: &str = "https://appleid.apple.com";
/// Apple would accept six months. The secret is created for each call, so it need not outlive the call.
const SECONDS: i64 = 300;

/// The key that signs client secrets, with the ids that Apple knows it by.
#[derive(Clone)]
struct AppleKey {
    team_id: String,
    key_id: String,
    key: Arc<SigningKey>,
}

impl std::fmt::Debug for AppleKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AppleKey")
            .field("team_id", &self.team_id)
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

impl AppleKey {
    /// Reads the key as Apple issues it: PKCS #8 in PEM, in which line ends may be written as `\n`.
    fn parse(pem: &str) -> Result<Self, String> {
        let key = SigningKey::from_pkcs8_pem(&pem.replace("\\n", "\n"))
            .map_err(|_| "is not a P-256 private key in PEM (PKCS #8)".to_owned())?;
        Ok(Self {
            team_id: String::new(),
            key_id: String::new(),
            key: Arc::new(key),
        })
    }

    /// The key with its ids.
    fn named(self, team_id: &str, key_id: &str) -> Self {
        Self {
            team_id: team_id.to_owned(),
            key_id: key_id.to_owned(),
            ..self
        }
    }
}

impl Signer for AppleKey {
    /// A secret that is valid for five minutes.
    fn client_secret(&self, client_id: &str, now: i64) -> String {
        let part = |value: Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let header = part(json!({ "alg": "ES256", "kid": self.key_id }));
        let claims = part(json!({
            "iss": self.team_id, "iat": now, "exp": now + SECONDS, "aud": AUDIENCE, "sub": client_id,
        }));
        let signed = format!("{header}.{claims}");
        let signature: Signature = self.key.sign(signed.as_bytes());
        format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }
}

/// Reads the key's variables.
fn key(reader: &Reader<'_>, problems: &mut Vec<Problem>) -> Option<Arc<dyn Signer>> {
    let team_id = reader.required("TEAM_ID", problems);
    let key_id = reader.required("KEY_ID", problems);
    reader.required("PRIVATE_KEY", problems)?;
    let key = reader.parsed("PRIVATE_KEY", problems, AppleKey::parse)?;
    Some(Arc::new(key.named(team_id?, key_id?)))
}

/// The name in the form field `user`. It is not signed, so it may be displayed but not trusted.
fn name_in(user: &str) -> Option<String> {
    let user = crate::oauth::protocol::json::object(user.as_bytes()).ok()?;
    let name = user.get("name")?;
    let parts = ["firstName", "lastName"]
        .map(|part| name.get(part).and_then(Value::as_str).unwrap_or_default().trim());
    let name = parts.join(" ").trim().to_owned();
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use p256::ecdsa::{VerifyingKey, signature::Verifier};

    use super::*;
    use crate::oauth::account::profile::testing::{ADA, assert_reads};
    use crate::oauth::testing::P256_PEM;

    #[test]
    fn the_secret_is_a_jwt_apple_can_verify() {
        let escaped = P256_PEM.replace('\n', "\\n");
        let key = AppleKey::parse(&escaped).unwrap().named("TEAM", "KEY");
        let secret = key.client_secret("app.example", 1_800_000_000);
        let [header, claims, signature] = secret.split('.').collect::<Vec<_>>()[..] else {
            panic!("{secret}")
        };
        let read = |part: &str| -> Value {
            serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
        };
        assert_eq!(read(header), json!({ "alg": "ES256", "kid": "KEY" }));
        assert_eq!(
            read(claims),
            json!({ "iss": "TEAM", "iat": 1_800_000_000, "exp": 1_800_000_300, "aud": AUDIENCE, "sub": "app.example" })
        );
        let signature = Signature::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
        let verifier = VerifyingKey::from(&*key.key);
        assert!(
            verifier
                .verify(format!("{header}.{claims}").as_bytes(), &signature)
                .is_ok()
        );
        assert!(!format!("{key:?}").contains("PRIVATE"));
        assert!(AppleKey::parse("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----").is_err());
    }

    #[test]
    fn the_name_is_taken_if_it_is_there() {
        let name = |user| name_in(user);
        assert_eq!(
            name(r#"{"name":{"firstName":"Ada","lastName":"Lovelace"},"email":"x"}"#).as_deref(),
            Some("Ada Lovelace")
        );
        assert_eq!(name(r#"{"name":{"firstName":"Ada"}}"#).as_deref(), Some("Ada"));
        for none in ["", "x", "{}", r#"{"name":"Ada"}"#, r#"{"name":{"firstName":1}}"#] {
            assert_eq!(name(none), None, "{none}");
        }
    }

    #[test]
    fn a_profile_is_read_by_its_row() {
        assert_reads(
            &PRESET,
            json!({ "sub": "000.a.1", "email": "ada@example.com", "email_verified": "true", "is_private_email": "true" }),
            ("000.a.1", ADA, true, None, None),
        );
    }
}
