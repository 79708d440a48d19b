//! The cookies, by one rule: names and attributes follow from `PUBLIC_URL`, and no call chooses its own.

use http::{HeaderMap, HeaderValue, header::COOKIE};
use strum::VariantArray;

/// The cookies this application knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, VariantArray)]
pub enum CookieName {
    /// The session id: the secret.
    Id,
    /// The snapshot.
    Auth,
    /// Binds a provider flow to this browser.
    Flow,
    /// What a form without JavaScript shows after its redirect.
    Flash,
    /// Marks a browser in which a user needs no second factor.
    Device, // wing:second-factors
    /// The visitor's theme: not a secret, and right on first paint.
    Theme,
}

impl CookieName {
    /// Its name without the prefix.
    pub const fn plain(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Auth => "auth",
            Self::Flow => "flow",
            Self::Flash => "flash",
            Self::Device => "device", // wing:second-factors
            Self::Theme => "theme",
        }
    }
}

/// How long a browser keeps a cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Until the browser ends: neither Max-Age nor Expires.
    BrowserSession,
    /// For this many seconds.
    Seconds(i64),
}

/// Writes and reads cookies for one public URL.
#[derive(Clone, Copy, Debug)]
pub struct Cookies {
    /// Whether the public URL is https. If so, cookies get `Secure` and the `__Host-` prefix (RFC 6265bis §4.1.3).
    secure: bool,
}

impl Cookies {
    /// Cookies for a public URL that is https, or is not.
    pub const fn new(secure: bool) -> Self {
        Self { secure }
    }

    /// The cookie's full name.
    pub fn name(self, name: CookieName) -> String {
        let prefix = if self.secure { "__Host-" } else { "" };
        format!("{prefix}{}", name.plain())
    }

    /// A `Set-Cookie` value.
    pub fn set(self, name: CookieName, value: &str, keep: Keep) -> HeaderValue {
        let age = match keep {
            Keep::BrowserSession => String::new(),
            Keep::Seconds(seconds) => format!("; Max-Age={}", seconds.max(0)),
        };
        let secure = if self.secure { "; Secure" } else { "" };
        let text = format!(
            "{}={value}; HttpOnly; SameSite=Lax; Path=/{secure}{age}",
            self.name(name)
        );
        let mut value = HeaderValue::try_from(text).expect("our cookie values are ASCII without controls");
        // Then its Debug shows nothing, and HTTP/2 keeps it out of its tables (RFC 7541 §7.1.3).
        value.set_sensitive(true);
        value
    }

    /// A `Set-Cookie` value that removes the cookie, with the attributes it was set with: browsers refuse a
    /// `__Host-` deletion that lacks `Secure`.
    pub fn clear(self, name: CookieName) -> HeaderValue {
        self.set(name, "", Keep::Seconds(0))
    }

    /// Reads the cookies of a request in one pass.
    pub fn read(self, headers: &HeaderMap) -> RequestCookies<'_> {
        let mut found = RequestCookies::default();
        // Bytes, not text: a sibling domain may have set anything, and such cookies are ignored.
        let pairs = headers
            .get_all(COOKIE)
            .iter()
            .flat_map(|header| header.as_bytes().split(|byte| *byte == b';'));
        for pair in pairs {
            let pair = without_spaces(pair);
            let Some(equals) = pair.iter().position(|byte| *byte == b'=') else {
                continue;
            };
            let (name, value) = (&pair[..equals], &pair[equals + 1..]);
            let name = match (self.secure, name.strip_prefix(b"__Host-")) {
                (true, Some(plain)) => plain,
                (false, None) => name,
                _ => continue,
            };
            for known in CookieName::VARIANTS.iter().copied() {
                if name == known.plain().as_bytes() {
                    found.0[known as usize].see(value);
                }
            }
        }
        found
    }
}

/// Removes spaces at the ends, the only white space that browsers put between cookies.
fn without_spaces(mut pair: &[u8]) -> &[u8] {
    while let [b' ', rest @ ..] | [rest @ .., b' '] = pair {
        pair = rest;
    }
    pair
}

/// Our cookies in one request.
#[derive(Clone, Copy, Default)]
pub struct RequestCookies<'a>([Seen<'a>; CookieName::VARIANTS.len()]);

/// Shows which cookies are present; their values are secrets.
impl std::fmt::Debug for RequestCookies<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let carried = CookieName::VARIANTS
            .iter()
            .copied()
            .filter(|name| self.has(*name));
        f.debug_set().entries(carried).finish()
    }
}

#[derive(Clone, Copy, Default)]
enum Seen<'a> {
    #[default]
    No,
    Once(&'a [u8]),
    /// A name that occurs twice counts as absent, all copies: one of them may be an attacker's, set from a sibling
    /// domain, and they cannot be told apart.
    Twice,
}

impl<'a> Seen<'a> {
    fn see(&mut self, value: &'a [u8]) {
        *self = match self {
            Self::No => Self::Once(value),
            Self::Once(_) | Self::Twice => Self::Twice,
        };
    }
}

impl<'a> RequestCookies<'a> {
    /// The value of a cookie that occurs exactly once. A value that is not text is returned as the empty text: it
    /// is not ours, but it is present, so it is cleared like any other value that was never valid.
    pub fn get(&self, name: CookieName) -> Option<&'a str> {
        match self.0[name as usize] {
            Seen::Once(value) => Some(std::str::from_utf8(value).unwrap_or_default()),
            Seen::No | Seen::Twice => None,
        }
    }

    /// Whether the request carries the cookie at all, even more than once.
    pub fn has(&self, name: CookieName) -> bool {
        !matches!(self.0[name as usize], Seen::No)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        values
            .iter()
            .map(|value| (COOKIE, HeaderValue::try_from(*value).unwrap()))
            .collect()
    }

    #[test]
    fn a_name_that_occurs_twice_counts_as_absent() {
        let cookies = Cookies::new(false);
        assert_eq!(
            cookies.read(&headers(&["a=1; id=x"])).get(CookieName::Id),
            Some("x")
        );
        for doubled in [
            &["id=x; id=x"][..],
            &["id=x", "id=y"],
            &["id=x; auth=1; id=z; id=x"],
        ] {
            let map = headers(doubled);
            let read = cookies.read(&map);
            assert_eq!(read.get(CookieName::Id), None);
            assert!(read.has(CookieName::Id));
        }
    }

    #[test]
    fn only_the_exact_name_counts() {
        let map = headers(&["__host-id=a; $id=b; =__Host-id=c; id=d; __Host-id =e; \t__Host-id=f"]);
        assert_eq!(Cookies::new(true).read(&map).get(CookieName::Id), None);
        assert_eq!(
            Cookies::new(true)
                .read(&headers(&["__Host-id=g"]))
                .get(CookieName::Id),
            Some("g")
        );
        assert_eq!(
            Cookies::new(false)
                .read(&headers(&["__Host-id=g"]))
                .get(CookieName::Id),
            None
        );
    }

    /// A header as it may arrive on the wire.
    fn bytes(value: &[u8]) -> HeaderMap {
        HeaderMap::from_iter([(COOKIE, HeaderValue::from_bytes(value).unwrap())])
    }

    #[test]
    fn cookies_of_others_may_hold_any_byte() {
        for foreign in [
            "name=José".as_bytes(),
            b"name=Jos\xe9",
            b"\xff=\xfe",
            b"\x80",
            b"a=b=c",
            b"=",
            b"",
            "id\u{301}=x".as_bytes(),
        ] {
            for header in [
                [foreign, b"; id=x; auth=y"].concat(),
                [b"id=x; ", foreign, b"; auth=y"].concat(),
                [b"id=x; auth=y;", foreign].concat(),
            ] {
                let map = bytes(&header);
                let read = Cookies::new(false).read(&map);
                assert_eq!(read.get(CookieName::Id), Some("x"), "{header:?}");
                assert_eq!(read.get(CookieName::Auth), Some("y"), "{header:?}");
            }
        }
    }

    #[test]
    fn our_own_cookie_that_is_not_text_is_there_and_worth_nothing() {
        let map = bytes(b"id=x; auth=\xff; theme=dark");
        let read = Cookies::new(false).read(&map);
        assert_eq!(read.get(CookieName::Id), Some("x"));
        assert_eq!(read.get(CookieName::Auth), Some(""));
        assert_eq!(read.get(CookieName::Theme), Some("dark"));
        let map = bytes(b"id=x; id=\xff");
        let read = Cookies::new(false).read(&map);
        assert_eq!((read.get(CookieName::Id), read.has(CookieName::Id)), (None, true));
    }

    #[test]
    fn attributes_follow_from_the_scheme() {
        let secure = Cookies::new(true).set(CookieName::Id, "v", Keep::Seconds(5));
        assert_eq!(
            secure,
            "__Host-id=v; HttpOnly; SameSite=Lax; Path=/; Secure; Max-Age=5"
        );
        let plain = Cookies::new(false).set(CookieName::Id, "v", Keep::BrowserSession);
        assert_eq!(plain, "id=v; HttpOnly; SameSite=Lax; Path=/");
        assert_eq!(
            Cookies::new(true).clear(CookieName::Auth),
            "__Host-auth=; HttpOnly; SameSite=Lax; Path=/; Secure; Max-Age=0"
        );
    }
}
