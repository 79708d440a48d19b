//! One normal form for e-mail addresses. Addresses that are equal in it are the same.

use std::str::FromStr;

use email_address::{EmailAddress, Options};

use crate::{
    error::{Error, Result},
    password::opaque::is_invisible,
};

/// The longest address (RFC 5321 §4.5.3.1.3, less the angle brackets).
const MAX_BYTES: usize = 254;

/// The `@` of a Japanese or Chinese keyboard.
const FULLWIDTH_AT: &str = "\u{ff20}";

/// Removes what a paste adds at the ends: white space and invisible characters.
pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || is_invisible(c))
}

/// One e-mail address in normal form: trimmed, the domain as ASCII (IDNA), ASCII letters in lower case.
///
/// Letters beyond ASCII before the `@` stay as they are: folding them would merge addresses that belong to
/// different people (CVE-2019-19844).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// The normal form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the `@`.
    pub fn local_part(&self) -> &str {
        self.0.rsplit_once('@').map_or(&self.0, |(local, _)| local)
    }
}

impl FromStr for Email {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let text = trim(text);
        // The length first, before the text is processed.
        if text.len() > MAX_BYTES {
            return Err(Error::InvalidEmail);
        }
        let text = &text.replace(FULLWIDTH_AT, "@");
        if text.contains(['"', '(', ')', '<', '>', ',', ';', '\\']) {
            return Err(Error::InvalidEmail);
        }
        let options = Options::default().without_display_text().without_domain_literal();
        let parsed = EmailAddress::parse_with_options(text, options).map_err(|_| Error::InvalidEmail)?;
        let domain = idna::domain_to_ascii_strict(parsed.domain()).map_err(|_| Error::InvalidEmail)?;
        let normal = format!("{}@{domain}", parsed.local_part().to_ascii_lowercase());
        if normal.len() <= MAX_BYTES && !domain.is_empty() {
            Ok(Self(normal))
        } else {
            Err(Error::InvalidEmail)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(text: &str) -> Option<String> {
        text.parse::<Email>().ok().map(|email| email.0)
    }

    #[test]
    fn one_normal_form() {
        assert_eq!(normal(" Ada@Example.COM ").as_deref(), Some("ada@example.com"));
        assert_eq!(
            normal("ada@b\u{fc}cher.example").as_deref(),
            Some("ada@xn--bcher-kva.example")
        );
        assert_eq!(
            normal("ada+tag@example.com").as_deref(),
            Some("ada+tag@example.com")
        );
    }

    #[test]
    fn look_alikes_stay_apart() {
        assert_ne!(normal("m\u{131}ke@example.com"), normal("mike@example.com"));
        assert_ne!(normal("\u{ff4d}ike@example.com"), normal("mike@example.com"));
    }

    #[test]
    fn what_a_paste_or_a_keyboard_brings_along_is_taken_off() {
        for text in [
            "\u{200b}ada@example.com\u{feff}",
            "\u{a0}\u{3000}ada@example.com\r\n",
            "\u{202a}ada@example.com\u{202c}",
            "\u{ad} \u{2060}ada@example.com \u{200d} ",
            "ada\u{ff20}example.com",
        ] {
            assert_eq!(normal(text).as_deref(), Some("ada@example.com"), "{text:?}");
        }
        for bad in [
            "ada\u{ff20}b@example.com",
            "ada@\u{ff20}example.com",
            "\u{200b}",
            "\u{ff20}",
        ] {
            assert_eq!(normal(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn one_address_only() {
        for bad in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "a@b@c",
            "ada@example.com,eve@example.com",
            "ada@exa mple.com",
            "Ada <ada@example.com>",
            "\"a b\"@example.com",
            "ada@[127.0.0.1]",
            "ada\0@example.com",
            "ada@example.com\r\nbcc: eve@example.com",
            "ada;eve@example.com",
            "ada@-example.com",
            "ada@example..com",
        ] {
            assert_eq!(normal(bad), None, "{bad:?}");
        }
        assert_eq!(normal(&format!("{}@example.com", "a".repeat(65))), None);
        assert_eq!(normal(&format!("a@{}.com", "b.".repeat(130))), None);
    }
}
