//! Where to go after signing in: one of our paths, or nothing.

use url::Url;
use wire::{RETURN_TO_MAX_BYTES, is_plain_address};

use crate::keys::{KeyRing, Place, Purpose};

/// Destinations that are never returned to: they are not pages, or lead back to signing in.
const REFUSED: [&str; 4] = ["/api", "/auth", "/login", "/register"];

/// A path of this origin, with its query, kept byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnTo(String);

impl ReturnTo {
    /// The longest path, in bytes.
    pub const MAX_BYTES: usize = RETURN_TO_MAX_BYTES;

    /// Where the `return_to` of a form or an address leads: to `/profile` if absent or empty, to `/` if not
    /// trusted.
    pub fn or_default(text: Option<&str>) -> Self {
        match text {
            None | Some("") => Self("/profile".to_owned()),
            Some(text) => Self::parse(text).unwrap_or_else(|| Self("/".to_owned())),
        }
    }

    /// The path, if it is one of ours in its plainest spelling. Nothing is repaired: browsers would interpret a
    /// text that needs interpretation in different ways.
    pub fn parse(text: &str) -> Option<Self> {
        let path = text.split(['?', '#']).next().unwrap_or(text);
        let plain = is_plain_address(text) && text.starts_with('/') && !path.contains("//");
        let base = Url::parse("http://origin.invalid").ok()?;
        let resolved = plain.then(|| base.join(text).ok()).flatten()?;
        let unchanged = resolved.origin() == base.origin() && resolved.path() == path;
        let refused = REFUSED.iter().any(|prefix| {
            path.strip_prefix(prefix)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        (unchanged && !refused).then(|| Self(text.to_owned()))
    }

    /// The path as it is stored in this place: the query may hold a link's token, which is a secret.
    pub(crate) fn seal(&self, keys: &KeyRing, place: &Place) -> String {
        keys.seal_at(Purpose::ReturnTo, place, &self.0)
    }

    /// Opens what [`Self::seal`] made. `None` for anything else.
    pub(crate) fn open(keys: &KeyRing, place: &Place, sealed: &str) -> Option<Self> {
        Self::parse(&keys.open_at(Purpose::ReturnTo, place, sealed)?)
    }

    /// The path and query.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_ours_are_kept_byte_for_byte() {
        for good in [
            "/",
            "/profile",
            "/settings/public?tab=1&x=%2F%2fy",
            "/a%20b",
            "/apiary",
            "/loginx",
            "/a?u=//x",
        ] {
            assert_eq!(ReturnTo::parse(good).unwrap().as_str(), good);
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for bad in [
            "",
            "profile",
            "//evil.example",
            "/\\evil.example",
            "/\t/evil.example",
            "/a\\b",
            "/a//b",
            "https://evil.example",
            "http://origin.invalid/",
            "/..//evil",
            "/a/../b",
            "/a/./b",
            "/%2e%2e/b",
            "/a/..",
            "/api/login",
            "/api",
            "/auth/callback/x",
            "/login",
            "/login?return_to=/x",
            "/register",
            "/\u{e9}",
            "/a b",
            "/a\r\nb",
            "/a\0",
            "javascript:alert(1)",
            " /profile",
            "/login#x",
            "/@evil.example\n",
        ] {
            assert_eq!(ReturnTo::parse(bad), None, "{bad:?}");
        }
        assert_eq!(ReturnTo::parse(&format!("/{}", "a".repeat(2048))), None);
        assert!(ReturnTo::parse(&format!("/{}", "a".repeat(2047))).is_some());
    }

    #[test]
    fn defaults() {
        assert_eq!(ReturnTo::or_default(None).as_str(), "/profile");
        assert_eq!(ReturnTo::or_default(Some("")).as_str(), "/profile");
        assert_eq!(ReturnTo::or_default(Some("//evil")).as_str(), "/");
        assert_eq!(ReturnTo::or_default(Some("/a")).as_str(), "/a");
    }
}
