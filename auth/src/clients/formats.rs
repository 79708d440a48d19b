//! The texts of secrets: personal keys, client secrets, codes.
//!
//! Each is a prefix, 32 random bytes in hexadecimal, and four bytes of a SHA-256 of all that comes before. The prefix lets
//! scanners of repositories and logs find a secret, and the sum tells mistyped text from a secret without a query. It is no
//! proof: anyone can compute it. The database holds the SHA-256 of the whole text.

use rand::{RngCore, rngs::OsRng};
use secrecy::SecretString;
use sha2::{Digest, Sha256};

use crate::session::IdHash;

const SECRET: usize = 32;
const SUM: usize = 4;

/// What a text is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A user's personal key.
    Key,
    /// A client's secret.
    Secret,
    /// An authorization code.
    Code,
    /// A device code.
    Device,
}

impl Kind {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Key => "sak_",
            Self::Secret => "sas_",
            Self::Code => "sac_",
            Self::Device => "sad_",
        }
    }

    /// A new text, and its hash.
    pub(crate) fn mint(self) -> (SecretString, IdHash) {
        let mut text = format!("{}{}", self.prefix(), hex::encode(random::<SECRET>()));
        text += &hex::encode(sum(&text));
        let hash = IdHash::of_text(&text);
        (text.into(), hash)
    }

    /// Whether a text claims to be of this kind.
    pub(crate) fn is_claimed_by(self, text: &str) -> bool {
        text.starts_with(self.prefix())
    }

    /// The hash of a text of this kind. `None` if it cannot be one: its form or its sum is wrong.
    pub(crate) fn hash(self, text: &str) -> Option<IdHash> {
        let is_lower = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let digits = text.strip_prefix(self.prefix())?;
        let is_whole = digits.len() == 2 * (SECRET + SUM) && digits.as_bytes().iter().all(is_lower);
        let (before, end) = text.split_at_checked(text.len().checked_sub(2 * SUM)?)?;
        (is_whole && hex::encode(sum(before)) == end).then(|| IdHash::of_text(text))
    }
}

fn sum(text: &str) -> [u8; SUM] {
    let digest: [u8; 32] = Sha256::digest(text).into();
    let mut sum = [0; SUM];
    sum.copy_from_slice(&digest[..SUM]);
    sum
}

/// Bytes that nobody can guess.
pub(super) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    OsRng.fill_bytes(&mut bytes);
    bytes
}

/// The letters of user codes: no vowels, so that no word comes out, and none that is mistaken for another (RFC 8628 §6.1).
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const USER_CODE: usize = 8;

/// A new user code, in the form in which it is stored. 20^8 is some 34 bits.
pub(super) fn user_code() -> String {
    let mut code = String::with_capacity(USER_CODE);
    while code.len() < USER_CODE {
        let [byte] = random::<1>();
        // 240 is the largest multiple of 20 that a byte holds: beyond it, some letters would be more frequent.
        if byte < 240 {
            code.push(char::from(LETTERS[usize::from(byte) % LETTERS.len()]));
        }
    }
    code
}

/// A user code as it was typed, in the form in which it is stored. `None` if it cannot be one.
pub(super) fn typed_user_code(typed: &str) -> Option<String> {
    let code: String = typed
        .chars()
        .filter(|letter| !letter.is_whitespace() && *letter != '-')
        .map(|letter| letter.to_ascii_uppercase())
        .collect();
    (code.len() == USER_CODE && code.bytes().all(|letter| LETTERS.contains(&letter))).then_some(code)
}

/// A stored user code as it is shown.
pub(super) fn shown_user_code(code: &str) -> String {
    let (first, second) = code.split_at(USER_CODE / 2);
    format!("{first}-{second}")
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_text_is_of_its_own_kind_and_no_letter_of_it_can_be_changed() {
        let (text, hash) = Kind::Key.mint();
        let text = text.expose_secret();
        assert_eq!((text.len(), Kind::Key.hash(text)), (4 + 72, Some(hash)));
        for kind in [Kind::Secret, Kind::Code, Kind::Device] {
            assert_eq!(kind.hash(text), None);
        }
        for place in 4..text.len() {
            let mut bytes = text.as_bytes().to_vec();
            bytes[place] = if bytes[place] == b'0' { b'1' } else { b'0' };
            assert_eq!(
                Kind::Key.hash(&String::from_utf8(bytes).unwrap()),
                None,
                "{place}"
            );
        }
        for other in [
            "",
            "sak_",
            &text[1..],
            &text[..text.len() - 1],
            &format!("{text}0"),
            &text.to_uppercase(),
            "sak_\u{e9}",
        ] {
            assert_eq!(Kind::Key.hash(other), None, "{other}");
        }
    }

    #[test]
    fn a_user_code_may_be_typed_in_many_ways() {
        let code = user_code();
        let shown = shown_user_code(&code);
        let spaced = format!(" {} {} ", &code[..4], &code[4..]);
        for typed in [&code, &shown, &spaced, &shown.to_lowercase()] {
            assert_eq!(typed_user_code(typed).as_deref(), Some(code.as_str()), "{typed}");
        }
        for wrong in [
            "",
            "BCDF-GHJ",
            "BCDF-GHJKL",
            "BCDF-GHJA",
            "BCDF-GHJ1",
            "BCDFGHJ\u{c9}",
        ] {
            assert_eq!(typed_user_code(wrong), None, "{wrong}");
        }
    }
}
