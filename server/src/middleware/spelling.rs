//! The single spelling of each address.
//!
//! The code that looks at a path (routes, guards) and the code that renders it (Leptos, which parses it as browsers
//! do) must see the same path. To Leptos, `/./profile`, `/x/../profile`, `/%2e/profile`, `/profile\` and even
//! `//x/profile` are all the profile. So a path that a browser's parser would change goes no further.

use axum::{
    extract::Request,
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, Method, Uri, header::LOCATION};
use url::Url;

/// The response to a path that is not in its normal form: a read is redirected to the normal form, any other request
/// gets "not found". `None` for all other paths.
pub(super) fn of_another_address(method: &Method, uri: &Uri) -> Option<Response> {
    let normal = normal_form(uri.path())?;
    Some(if is_reading(method) {
        moved(&normal, uri.query())
    } else {
        StatusCode::NOT_FOUND.into_response()
    })
}

/// Redirects `/profile/` to `/profile`, if nothing has the longer spelling.
pub(crate) async fn trailing_slash(request: Request, next: Next) -> Response {
    let uri = request.uri();
    match uri.path().strip_suffix('/') {
        Some(plain) if is_reading(request.method()) && !plain.is_empty() => moved(plain, uri.query()),
        _ => next.run(request).await,
    }
}

fn is_reading(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

fn moved(path: &str, query: Option<&str>) -> Response {
    let query = query.map_or_else(String::new, |query| format!("?{query}"));
    match HeaderValue::try_from(format!("{path}{query}")) {
        Ok(location) => (StatusCode::PERMANENT_REDIRECT, [(LOCATION, location)]).into_response(),
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

/// The normal form of a path. `None` if the path already has it.
fn normal_form(path: &str) -> Option<String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_');
    let is_doubled = path.contains("//");
    // `OPTIONS *` has no path.
    if (path.bytes().all(is_plain) && !is_doubled) || path == "*" {
        return None;
    }
    // Slashes first: the parser would read a path that begins with two of them as a host.
    let mut slashes = String::with_capacity(path.len());
    for char in path.chars() {
        match char {
            '/' | '\\' if slashes.ends_with('/') => {}
            '/' | '\\' => slashes.push('/'),
            char => slashes.push(char),
        }
    }
    let parsed = Url::parse(&format!("http://path.invalid{slashes}")).ok()?;
    (parsed.path() != path).then(|| parsed.path().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_browser_would_resolve_is_resolved() {
        for (path, normal) in [
            ("/./profile", "/profile"),
            ("/x/../profile", "/profile"),
            ("/../profile", "/profile"),
            ("/%2e/profile", "/profile"),
            ("/x/%2E%2e/profile", "/profile"),
            ("/x/.%2e/profile", "/profile"),
            ("/profile/.", "/profile/"),
            ("/profile/x/..", "/profile/"),
            ("/profile\\", "/profile/"),
            ("\\profile", "/profile"),
            ("/x\\..\\profile", "/profile"),
            ("//profile", "/profile"),
            ("//x/profile", "/x/profile"),
            ("/\\x/profile", "/x/profile"),
            ("///", "/"),
            ("/settings//public", "/settings/public"),
            ("/\u{e9}", "/%C3%A9"),
            ("/a\"b", "/a%22b"),
        ] {
            assert_eq!(normal_form(path).as_deref(), Some(normal), "{path}");
            assert_eq!(normal_form(normal), None, "{normal}");
        }
    }

    #[test]
    fn what_is_plain_stays() {
        for path in [
            "/",
            "*",
            "/profile",
            "/profile/",
            "/profile%2Fx",
            "/a%5Cb",
            "/x.y/..z/...",
            "/a;b,c=d@e:f!$&'()*+~",
            "/%FF",
        ] {
            assert_eq!(normal_form(path), None, "{path}");
        }
    }
}
