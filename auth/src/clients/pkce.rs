//! Proof that the client that exchanges a code is the one that asked for it (RFC 7636), by the method S256.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Whether a text can be a PKCE verifier (RFC 7636 §4.1).
pub(super) fn is_verifier(text: &str) -> bool {
    let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    (43..=128).contains(&text.len()) && text.bytes().all(is_unreserved)
}

/// Whether a challenge was made from this verifier, by the method S256.
pub(super) fn is_challenge_of(challenge: &str, verifier: &str) -> bool {
    let computed = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
    computed.as_bytes().ct_eq(challenge.as_bytes()).into()
}

/// Whether a text can be a challenge of the method S256: 32 bytes in base64url.
pub(super) fn is_challenge(text: &str) -> bool {
    BASE64_URL_SAFE_NO_PAD
        .decode(text)
        .is_ok_and(|bytes| bytes.len() == 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_its_verifiers_hash() {
        // RFC 7636, appendix B.
        let (verifier, challenge) = (
            "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        );
        assert!(is_verifier(verifier) && is_challenge(challenge));
        assert!(is_challenge_of(challenge, verifier));
        assert!(!is_challenge_of(challenge, challenge));
        // The method `plain` is not supported.
        assert!(!is_challenge_of(verifier, verifier));
        for bad in [
            "",
            &verifier[1..],
            &"a".repeat(129),
            &format!("{} ", &verifier[1..]),
        ] {
            assert!(!is_verifier(bad), "{bad}");
        }
        for bad in ["", &challenge[1..], &format!("{challenge}="), &"a".repeat(44)] {
            assert!(!is_challenge(bad), "{bad}");
        }
    }
}
