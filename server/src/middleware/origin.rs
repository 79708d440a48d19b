//! The origin rule: another site cannot cause a change of state (CSRF).
//!
//! The checks and their order are Go's, with two differences: an `Origin` that is present must be ours even if
//! `Sec-Fetch-Site` is acceptable, and a request that has neither header but carries a session is refused.

use app::error::AppError;
use auth::{
    ClientAddress,
    cookies::{CookieName, Cookies},
};
use axum::{
    extract::{Request, State},
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, Method, header::ORIGIN};

use super::refusals::accepts_html;
use crate::{bare_page, router::AppState};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Refuses with 403, before the body is read.
pub(crate) async fn layer(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let allowed = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS)
        || is_same_origin(
            request.headers(),
            state.auth.public_url.origin(),
            state.auth.cookies,
        );
    if allowed {
        next.run(request).await
    } else {
        let ip = request.extensions().get::<ClientAddress>();
        let ip = ip.map(|ClientAddress(ip)| tracing::field::display(ip));
        tracing::warn!(ip, "refused: the request came from another origin");
        if accepts_html(request.headers()) {
            explained(state.auth.public_url.origin())
        } else {
            StatusCode::FORBIDDEN.into_response()
        }
    }
}

/// The refusal as a page. Most people who see it have done nothing wrong: they opened the application under another
/// name, and its forms do not work there.
fn explained(origin: &str) -> Response {
    let origin = bare_page::escape(origin);
    let way_out = format!(
        "<p>This application is at <a href=\"{origin}/\">{origin}</a>. If you opened it under another address, \
         please go there and try again.</p>"
    );
    let page = bare_page::respond(AppError::CrossOrigin.message(), "", &way_out);
    (StatusCode::FORBIDDEN, page).into_response()
}

/// The single value of one header.
enum Single<'a> {
    Absent,
    One(&'a str),
    /// Several values, joined or unreadable. No browser sends this.
    Odd,
}

fn single(headers: &HeaderMap, name: HeaderName) -> Single<'_> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Single::Absent,
        (Some(value), None) => value
            .to_str()
            .ok()
            .filter(|v| !v.contains([',', ' ']))
            .map_or(Single::Odd, Single::One),
        (Some(_), Some(_)) => Single::Odd,
    }
}

fn is_same_origin(headers: &HeaderMap, own: &str, cookies: Cookies) -> bool {
    match (single(headers, SEC_FETCH_SITE), single(headers, ORIGIN)) {
        (Single::Odd, _) | (_, Single::Odd) => false,
        (Single::One(site), origin) => {
            let foreign = matches!(origin, Single::One(origin) if origin != "null" && origin != own);
            matches!(site, "same-origin" | "none") && !foreign
        }
        (Single::Absent, Single::One(origin)) => origin == own,
        (Single::Absent, Single::Absent) => {
            let carried = cookies.read(headers);
            !carried.has(CookieName::Id) && !carried.has(CookieName::Auth)
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const OWN: &str = "https://app.example";

    fn allows(pairs: &[(&'static str, &str)]) -> bool {
        let headers = pairs
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::try_from(*value).unwrap(),
                )
            })
            .collect();
        is_same_origin(&headers, OWN, Cookies::new(true))
    }

    #[test]
    fn sec_fetch_site_decides_when_present() {
        for (site, allowed) in [
            ("same-origin", true),
            ("none", true),
            ("cross-site", false),
            ("same-site", false),
            ("x", false),
            ("", false),
        ] {
            assert_eq!(allows(&[("sec-fetch-site", site)]), allowed, "{site}");
        }
        assert!(allows(&[("sec-fetch-site", "same-origin"), ("origin", "null")]));
        assert!(!allows(&[
            ("sec-fetch-site", "same-origin"),
            ("origin", "https://evil.example")
        ]));
        assert!(!allows(&[
            ("sec-fetch-site", "same-origin"),
            ("sec-fetch-site", "same-origin")
        ]));
        assert!(!allows(&[("sec-fetch-site", "same-origin, cross-site")]));
    }

    #[test]
    fn else_origin_must_be_ours_to_the_letter() {
        assert!(allows(&[("origin", OWN)]));
        for other in [
            "https://evil.example",
            "null",
            "https://app.example:444",
            "http://app.example",
            "https://app.example.",
            "https://APP.example",
            "https://app.example/",
            "https://\u{0430}pp.example",
            "",
        ] {
            let value = HeaderValue::from_bytes(other.as_bytes()).unwrap();
            let headers = [(ORIGIN, value)].into_iter().collect();
            assert!(!is_same_origin(&headers, OWN, Cookies::new(true)), "{other}");
        }
        assert!(!allows(&[("origin", OWN), ("origin", OWN)]));
    }

    #[test]
    fn with_neither_header_a_session_is_refused() {
        assert!(allows(&[]));
        assert!(allows(&[("cookie", "other=1")]));
        assert!(!allows(&[("cookie", "__Host-id=x")]));
        assert!(!allows(&[("cookie", "__Host-auth=x")]));
        assert!(!allows(&[("cookie", "__Host-id=x; __Host-id=y")]));
    }
}
