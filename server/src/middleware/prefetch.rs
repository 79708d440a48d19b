//! Prevents browsers from prefetching addresses that can be used only once.

use axum::{
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header::CACHE_CONTROL};

/// The headers with which a browser marks a prefetch: the Fetch standard's, and the earlier ones.
const SAYINGS: [&str; 3] = ["sec-purpose", "purpose", "x-moz"];

/// For addresses that use something up. A prefetch gets a "try again later" before anything is looked at, including
/// the session, and no cookie is set. If the person then opens the address, the browser sends a new request.
pub(crate) async fn layer(request: Request, next: Next) -> Response {
    if !loads_ahead(request.headers()) {
        return next.run(request).await;
    }
    tracing::debug!("refused a prefetch of a page that works only once");
    (StatusCode::SERVICE_UNAVAILABLE, [(CACHE_CONTROL, "no-store")]).into_response()
}

fn loads_ahead(headers: &HeaderMap) -> bool {
    SAYINGS.iter().any(|name| {
        headers.get_all(*name).iter().any(|value| {
            let said = value.as_bytes().to_ascii_lowercase();
            [&b"prefetch"[..], b"preview"]
                .iter()
                .any(|word| said.windows(word.len()).any(|part| part == *word))
        })
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn every_way_to_say_it_is_understood_and_nothing_else() {
        let says = |name: &'static str, value: &'static [u8]| {
            let value = HeaderValue::from_bytes(value).unwrap();
            loads_ahead(
                &[(http::HeaderName::from_static(name), value)]
                    .into_iter()
                    .collect(),
            )
        };
        assert!(says("sec-purpose", b"prefetch"));
        assert!(says("sec-purpose", b"prefetch;prerender;anonymous-client-ip"));
        assert!(says("purpose", b"Prefetch") && says("purpose", b"preview"));
        assert!(says("x-moz", b"prefetch") && says("x-moz", b"\xff, prefetch"));
        assert!(!says("sec-purpose", b"") && !says("purpose", b"navigate"));
        assert!(!says("sec-fetch-dest", b"prefetch") && !loads_ahead(&HeaderMap::new()));
    }
}
