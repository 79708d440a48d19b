//! What only Facebook does: an access token counts only with a proof that its bearer knows the secret.

use hmac::{Hmac, Mac};
use sha2::Sha256;

/// `appsecret_proof`: a token stolen from here is worth nothing elsewhere.
pub(super) fn appsecret_proof(secret: &str, access_token: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes any key length");
    mac.update(access_token.as_bytes());
    mac.finalize()
        .into_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proof_is_hmac_sha_256_in_hex() {
        // RFC 4231 §4.3.
        let proof = appsecret_proof("Jefe", "what do ya want for nothing?");
        assert_eq!(
            proof,
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
