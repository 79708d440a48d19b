//! `Host`: whether a request has a valid one, and whether it is ours. Nothing is ever built from it.

use std::net::IpAddr;

use auth::PublicUrl;
use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{
    HeaderMap, HeaderValue, Method, StatusCode, Version,
    header::{CACHE_CONTROL, HOST, LOCATION},
    uri::Authority,
};

use crate::router::AppState;

/// Whether a request lacks a `Host`, or has two or a malformed one. Such a request is refused (RFC 9112 §3.2).
/// HTTP/1.0 has no `Host`, and some health checks still use that version.
pub(super) fn is_wrong(request: &Request) -> bool {
    let mut hosts = request.headers().get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) => request.version() > Version::HTTP_10,
        (Some(host), None) => Host::parse(host.as_bytes()).is_none(),
        (Some(_), Some(_)) => true,
    }
}

/// In development, redirects a page requested under another name of this machine to `PUBLIC_URL`: under any other
/// name, browsers neither keep our cookies nor send our forms.
pub(crate) async fn layer(State(state): State<AppState>, request: Request, next: Next) -> Response {
    match elsewhere(&request, &state.auth.public_url) {
        Some(location) => (
            StatusCode::TEMPORARY_REDIRECT,
            [
                (LOCATION, location),
                (CACHE_CONTROL, HeaderValue::from_static("no-store")),
            ],
        )
            .into_response(),
        None => next.run(request).await,
    }
}

/// The address of a page that was requested under another loopback name. Another port does not count as another name:
/// it means that a proxy stands in between, which uses a different name for us than the browser does.
fn elsewhere(request: &Request, public_url: &PublicUrl) -> Option<HeaderValue> {
    let uri = request.uri();
    let is_page = matches!(*request.method(), Method::GET | Method::HEAD)
        && !uri.path().starts_with("/api/")
        && !uri.path().starts_with("/auth/");
    if !cfg!(debug_assertions) || !public_url.loopback() || !is_page {
        return None;
    }
    let asked = Host::of(request.headers())?;
    let own = Host::parse(public_url.authority().as_bytes())?;
    let another = asked.is_loopback() && asked.name != own.name;
    let directly = asked.port.is_none() || asked.port == own.port;
    if !another || !directly {
        return None;
    }
    let here = uri.path_and_query().map_or(uri.path(), |here| here.as_str());
    HeaderValue::try_from(public_url.join(here)).ok()
}

// wing:dev-provider,mail
/// A layer for pages of development. For any host other than the application's own they do not exist: a tunnel, or a name
/// that an attacker points here (DNS rebinding), gives access to neither identities nor mails.
#[cfg(debug_assertions)]
pub(crate) async fn only_ours(State(public_url): State<PublicUrl>, request: Request, next: Next) -> Response {
    if is_ours(request.headers(), &public_url) {
        next.run(request).await
    } else {
        StatusCode::NOT_FOUND.into_response()
    }
}

/// Whether a request was sent to exactly the host of `PUBLIC_URL`.
#[cfg(debug_assertions)]
fn is_ours(headers: &HeaderMap, public_url: &PublicUrl) -> bool {
    let default = Some(if public_url.secure() { 443 } else { 80 });
    let (asked, own) = (Host::of(headers), Host::parse(public_url.authority().as_bytes()));
    asked
        .zip(own)
        .is_some_and(|(asked, own)| asked.name == own.name && asked.port.or(default) == own.port.or(default))
}
// end wing:dev-provider,mail

/// A `Host`: a name and an optional port.
struct Host {
    name: String,
    port: Option<u16>,
}

impl Host {
    fn of(headers: &HeaderMap) -> Option<Self> {
        Self::parse(headers.get(HOST)?.as_bytes())
    }

    fn parse(text: &[u8]) -> Option<Self> {
        let authority = Authority::try_from(text).ok()?;
        let name = authority.host();
        let rest = authority.as_str().strip_prefix(name)?;
        let port = match rest.strip_prefix(':') {
            None if rest.is_empty() => None,
            // The grammar allows a colon without a number (RFC 3986 §3.2.3).
            Some("") => None,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => Some(digits.parse().ok()?),
            _ => return None,
        };
        (!name.is_empty()).then(|| Self {
            name: name.to_ascii_lowercase(),
            port,
        })
    }

    fn is_loopback(&self) -> bool {
        let ip = self.name.trim_start_matches('[').trim_end_matches(']');
        self.name == "localhost" || ip.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn a_host_is_a_name_and_perhaps_a_port() {
        for (text, name, port) in [
            ("app.example", "app.example", None),
            ("APP.example:8080", "app.example", Some(8080)),
            ("127.0.0.1:3000", "127.0.0.1", Some(3000)),
            ("[::1]:3000", "[::1]", Some(3000)),
            ("[::1]", "[::1]", None),
            ("app.example:", "app.example", None),
        ] {
            let host = Host::parse(text.as_bytes()).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((host.name.as_str(), host.port), (name, port));
        }
        for bad in [
            &b""[..],
            b":80",
            b"a b",
            b"user@app.example",
            b"app.example:x",
            b"app.example:99999",
            b"app.example:80:80",
            b"app.example/path",
            b"http://app.example",
            b"[::1",
            b"::1",
            b"\xff",
            "\u{e9}.example".as_bytes(),
        ] {
            assert!(Host::parse(bad).is_none(), "{}", String::from_utf8_lossy(bad));
        }
    }

    fn led(method: Method, path: &str, host: &str, public_url: &str) -> Option<String> {
        let request = Request::builder().method(method).uri(path).header(HOST, host);
        let location = elsewhere(
            &request.body(Body::empty()).unwrap(),
            &PublicUrl::parse(public_url).unwrap(),
        );
        location.map(|location| location.to_str().unwrap().to_owned())
    }

    #[test]
    fn only_another_name_of_this_machine_leads_elsewhere() {
        let own = "http://127.0.0.1:3000";
        for host in [
            "localhost:3000",
            "LOCALHOST:3000",
            "[::1]:3000",
            "127.0.0.2:3000",
            "localhost",
        ] {
            for method in [Method::GET, Method::HEAD] {
                assert_eq!(
                    led(method, "/login?a=%2F", host, own).as_deref(),
                    Some("http://127.0.0.1:3000/login?a=%2F"),
                    "{host}"
                );
            }
        }
        for host in [
            "127.0.0.1:3000",
            "127.0.0.1",
            "127.0.0.1:8080",
            "localhost:8080",
            "app.example:3000",
            "localhost.evil.example:3000",
            "192.0.2.1:3000",
        ] {
            assert_eq!(led(Method::GET, "/login", host, own), None, "{host}");
        }
        assert_eq!(led(Method::POST, "/login", "localhost:3000", own), None);
        assert_eq!(led(Method::GET, "/api/session", "localhost:3000", own), None);
        assert_eq!(led(Method::GET, "/auth/callback/x", "localhost:3000", own), None);
        assert_eq!(
            led(Method::GET, "/login", "localhost", "https://app.example"),
            None
        );
    }
}
