//! What came back, and what must hold for everything that ever comes back.

use axum::{body::Bytes, response::Response};
use http::HeaderMap;
use http_body_util::BodyExt;
use serde_json::Value;

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// A `Set-Cookie`, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetCookie {
    pub name: String,
    pub value: String,
    pub max_age: Option<i64>,
    pub secure: bool,
    /// The whole text.
    pub text: String,
}

impl SetCookie {
    pub fn parse(text: &str) -> Self {
        let mut parts = text.split("; ");
        let (name, value) = parts.next().unwrap().split_once('=').unwrap();
        let attributes: Vec<&str> = parts.collect();
        Self {
            name: name.to_owned(),
            value: value.to_owned(),
            max_age: attributes
                .iter()
                .find_map(|attribute| attribute.strip_prefix("Max-Age="))
                .map(|age| age.parse().unwrap()),
            secure: attributes.contains(&"Secure"),
            text: text.to_owned(),
        }
    }

    pub fn removes(&self) -> bool {
        self.max_age == Some(0)
    }
}

impl Answer {
    pub async fn read(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        Self {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: body.collect().await.unwrap().to_bytes(),
        }
    }

    /// Asserts the status, and shows what came instead.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.shown());
        self
    }

    /// Asserts a refusal with this status and code, as JSON.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Self {
        let answer = self.expect(status);
        assert_eq!(answer.json()["error"], code, "{}", answer.shown());
        assert!(answer.json()["message"].is_string(), "{}", answer.shown());
        answer
    }

    /// Asserts a redirect that is complete before anything is rendered.
    #[track_caller]
    pub fn leads_to(self, location: &str) -> Self {
        assert!(matches!(self.status, 302 | 303), "{}", self.shown());
        assert_eq!(self.header("location"), Some(location), "{}", self.shown());
        assert!(self.body.is_empty(), "{}", self.shown());
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.shown()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub fn shows(&self, text: &str) -> bool {
        self.text().contains(text)
    }

    /// A header's one value.
    #[track_caller]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next().map(|value| value.to_str().unwrap());
        assert!(values.next().is_none(), "{name} is there twice");
        value
    }

    /// Where it leads, if anywhere.
    pub fn location(&self) -> &str {
        self.header("location").unwrap_or_default()
    }

    /// How many seconds to wait before the next try.
    #[track_caller]
    pub fn wait(&self) -> i64 {
        self.header("retry-after").unwrap().parse().unwrap()
    }

    pub fn cookies(&self) -> Vec<SetCookie> {
        self.headers
            .get_all("set-cookie")
            .iter()
            .map(|value| SetCookie::parse(value.to_str().unwrap()))
            .collect()
    }

    pub fn cookie(&self, name: &str) -> Option<SetCookie> {
        self.cookies().into_iter().find(|cookie| cookie.name == name)
    }

    /// Whether both session cookies are set anew.
    pub fn renews(&self) -> bool {
        ["__Host-id", "__Host-auth"]
            .iter()
            .all(|name| self.cookie(name).is_some_and(|cookie| !cookie.removes()))
    }

    /// Whether both session cookies are removed.
    pub fn clears(&self) -> bool {
        ["__Host-id", "__Host-auth"]
            .iter()
            .all(|name| self.cookie(name).is_some_and(|cookie| cookie.removes()))
    }

    /// Everything a client could compare, but for what differs between any two answers.
    pub fn comparable(&self) -> (u16, Vec<(String, String)>, Bytes) {
        let mut headers: Vec<_> = self
            .headers
            .iter()
            .filter(|(name, _)| !["x-request-id", "date"].contains(&name.as_str()))
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        headers.sort();
        (self.status, headers, self.body.clone())
    }

    /// The answer as one text, to search it for what must not be in it.
    pub fn everything(&self) -> String {
        // Not by Debug, which leaves out what is marked as a secret.
        let headers: String = self
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes())))
            .collect();
        format!("{headers}\n{}", self.text())
    }

    fn shown(&self) -> String {
        let text: String = self.text().chars().take(600).collect();
        format!("{} {:#?}\n{text}", self.status, self.headers)
    }

    /// What must hold for every answer, whatever it answers.
    #[track_caller]
    pub fn check_invariants(&self, secure: bool) {
        assert_ne!(self.status, 500, "{}", self.shown());
        for name in [
            "x-request-id",
            "x-content-type-options",
            "x-frame-options",
            "referrer-policy",
            "content-security-policy",
            "permissions-policy",
            "cross-origin-opener-policy",
            "cross-origin-resource-policy",
            "cross-origin-embedder-policy",
        ] {
            assert!(self.header(name).is_some(), "{name} is missing: {}", self.shown());
        }
        assert_eq!(self.header("strict-transport-security").is_some(), secure);
        for name in [
            "access-control-allow-origin",
            "access-control-allow-credentials",
            "server",
            "x-powered-by",
        ] {
            assert_eq!(self.header(name), None);
        }
        for cookie in self.cookies() {
            let text = &cookie.text;
            assert!(text.len() <= 4096, "{text}");
            assert_eq!(cookie.name.starts_with("__Host-"), secure, "{text}");
            assert_eq!(cookie.secure, secure, "{text}");
            for attribute in ["; HttpOnly", "; SameSite=Lax", "; Path=/"] {
                assert!(text.contains(attribute), "{attribute} is missing: {text}");
            }
            for attribute in ["Domain", "Expires", "Partitioned"] {
                assert!(!text.contains(attribute), "{text}");
            }
        }
        if self.headers.contains_key("set-cookie") {
            let caching = self.header("cache-control").unwrap_or("");
            let caching = caching.strip_suffix(", no-transform").unwrap_or(caching);
            assert!(
                ["no-store", "private, no-cache"].contains(&caching),
                "{}",
                self.shown()
            );
        }
        if self.status >= 400
            && self
                .header("content-type")
                .is_some_and(|kind| kind.starts_with("text/html"))
        {
            for word in ["panicked", "sqlx", "RUST_BACKTRACE", "server function"] {
                assert!(!self.shows(word), "{}", self.shown());
            }
        }
        if self.status == 405 {
            assert!(
                self.header("allow").is_some(),
                "405 without Allow: {}",
                self.shown()
            );
        }
        if matches!(self.status, 429 | 503) {
            let wait = self
                .header("retry-after")
                .and_then(|text| text.parse::<u32>().ok());
            assert!(
                wait.is_some_and(|seconds| seconds > 0),
                "no Retry-After: {}",
                self.shown()
            );
        }
    }
}
