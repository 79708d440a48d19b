//! Facebook's own behaviour: an access token is accepted only with a proof that its bearer knows the secret.

use super::{
    generic::PLAIN,
    preset::{Avatar, Known, Preset, Quirks, TokenAuth, Verified},
};
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// Facebook's preset.
pub(crate) const PRESET: Preset = Preset {
    id: "facebook",
    name: "Facebook",
    // Without a version of the Graph API: a pinned version stops working two years after its release, and these
    // fields have been the same in all versions.
    endpoints: Known::Endpoints {
        authorize: "https://www.facebook.com/dialog/oauth",
        token: "https://graph.facebook.com/oauth/access_token",
        userinfo: "https://graph.facebook.com/me",
    },
    scopes: &["email", "public_profile"],
    token_auth: TokenAuth::Post,
    userinfo_params: &[("fields", "id,name,email,picture")],
    quirks: Quirks {
        proof: Some(appsecret_proof),
        ..Quirks::NONE
    },
    verified: Verified::Never,
    names: &["/name"],
    avatar: Avatar::Claim(&["/picture/data/url"]),
    fresh: &[("auth_type", "reauthenticate")],
    ..PLAIN
};

/// `appsecret_proof`: a token stolen from this server is worthless elsewhere.
fn appsecret_proof(secret: &str, access_token: &str) -> (&'static str, String) {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes any key length");
    mac.update(access_token.as_bytes());
    let proof = mac.finalize().into_bytes();
    let proof = proof.iter().map(|byte| format!("{byte:02x}")).collect();
    ("appsecret_proof", proof)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::oauth::account::profile::testing::{ADA, NAME, PICTURE, assert_reads};

    #[test]
    fn the_proof_is_hmac_sha_256_in_hex() {
        // RFC 4231 §4.3.
        let (_, proof) = appsecret_proof("Jefe", "what do ya want for nothing?");
        assert_eq!(
            proof,
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn a_profile_is_read_by_its_row() {
        assert_reads(
            &PRESET,
            json!({ "id": "10", "name": "Ada", "email": "ada@example.com", "picture": { "data": { "url": "https://img.example/a.png" } } }),
            ("10", ADA, false, NAME, PICTURE),
        );
    }
}
