//! The flow cookie: what binds to one browser whatever takes it more than one request to complete.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use rand::{RngCore, rngs::OsRng};
use sha2::{Digest, Sha256};

/// 256 random bits as 43 characters.
pub(crate) fn random() -> String {
    let mut bytes = [0; 32];
    OsRng.fill_bytes(&mut bytes);
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn hash(secret: impl AsRef<[u8]>) -> [u8; 32] {
    Sha256::digest(secret).into()
}

/// The value of a browser's flow cookie. It opens nothing by itself; without it, a stolen state and code are worth
/// nothing.
#[derive(Clone)]
pub(crate) struct Browser(String);

impl Browser {
    /// The browser with this cookie, if it is one of ours.
    pub(crate) fn of(cookie: Option<&str>) -> Option<Self> {
        let cookie = cookie?;
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(cookie).ok()?;
        (bytes.len() == 32).then(|| Self(cookie.to_owned()))
    }

    /// The browser with this cookie, and a new one if it is not one of ours.
    pub(crate) fn of_or_new(cookie: Option<&str>) -> Self {
        Self::of(cookie).unwrap_or_else(Self::new)
    }

    /// A browser that has not been here before.
    pub(crate) fn new() -> Self {
        Self(random())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn hash(&self) -> [u8; 32] {
        hash(&self.0)
    }

    /// Names one callback of this browser: two with the same key are one that was sent twice.
    pub(crate) fn key_of(&self, provider: &str, query: &str) -> [u8; 32] {
        let mut digest = Sha256::new();
        // The lengths keep apart what follows one another.
        for part in [&self.0, provider, query] {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        digest.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_kept_only_in_the_form_it_was_given() {
        let known = Browser::new();
        assert_eq!(known.as_str().len(), 43);
        assert_eq!(
            Browser::of(Some(known.as_str())).unwrap().as_str(),
            known.as_str()
        );
        let short = &known.as_str()[1..];
        for bad in [
            "",
            "x",
            short,
            &format!("{}=", known.as_str()),
            &"+".repeat(43),
            &format!("{}A", known.as_str()),
        ] {
            assert!(Browser::of(Some(bad)).is_none(), "{bad}");
        }
        assert!(Browser::of(None).is_none());
    }
}
