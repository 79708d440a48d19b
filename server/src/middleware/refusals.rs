//! Adds the texts to refusals. Whichever layer answered with a bare status, the client reads the same closed set of
//! texts, as JSON or as a small page.

use app::error::AppError;
use axum::{
    Json,
    body::{Body, HttpBody},
    extract::Request,
    response::{IntoResponse, Response},
};
use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{ACCEPT, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER},
};

use crate::bare_page;

/// When to try again after a failure that may pass, in seconds.
const RETRY_SECONDS: &str = "5";

/// The format of a request's refusal.
#[derive(Clone, Copy)]
pub(super) struct Refusals {
    html: bool,
    head: bool,
}

impl Refusals {
    /// The format that the request asks for.
    pub(super) fn of(request: &Request) -> Self {
        Self {
            html: accepts_html(request.headers()),
            head: *request.method() == Method::HEAD,
        }
    }

    /// Writes the body of an error that has none, and states when to try again. Details beyond the status are in the
    /// response's extensions, as an [`AppError`].
    pub(super) fn explain(self, response: &mut Response) {
        let status = response.status();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            let headers = response.headers_mut();
            headers
                .entry(RETRY_AFTER)
                .or_insert(HeaderValue::from_static(RETRY_SECONDS));
        }
        let refused = status.is_client_error() || status.is_server_error();
        // The response to HEAD has lost its body, but its headers are still those of the page.
        let is_empty = !self.head && response.body().size_hint().exact() == Some(0);
        let bare = refused && (is_empty || !response.headers().contains_key(CONTENT_TYPE));
        if !bare {
            return;
        }
        let wait = response.headers().get(RETRY_AFTER);
        let error = response
            .extensions()
            .get::<AppError>()
            .copied()
            .unwrap_or(AppError::from_status(status.as_u16()))
            .with_wait(wait.and_then(|wait| wait.to_str().ok()));
        let worded = if self.html {
            bare_page::respond(
                &error.advice(),
                "",
                "<p><a href=\"/\">Go to the start page</a></p>",
            )
        } else {
            ([(CACHE_CONTROL, "no-store")], Json(error)).into_response()
        };
        let (parts, body) = worded.into_parts();
        let headers = response.headers_mut();
        headers.remove(CONTENT_LENGTH);
        headers.extend(parts.headers);
        if !self.head {
            *response.body_mut() = body;
            return;
        }
        // The length that GET would send is announced (RFC 9110 §9.3.2), but no body is sent.
        if let Some(length) = body.size_hint().exact() {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        *response.body_mut() = Body::empty();
    }
}

/// Whether the client is a browser that shows a page, rather than a script.
pub(crate) fn accepts_html(headers: &HeaderMap) -> bool {
    headers
        .get_all(ACCEPT)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .any(|range| {
            let mut parts = range.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
            parts
                .next()
                .is_some_and(|kind| kind.eq_ignore_ascii_case(b"text/html"))
                && !parts.any(is_refusal)
        })
}

/// Whether the parameter excludes its media range: a weight of zero (RFC 9110 §12.4.2).
fn is_refusal(parameter: &[u8]) -> bool {
    let weight = parameter
        .strip_prefix(b"q=")
        .or_else(|| parameter.strip_prefix(b"Q="));
    weight.is_some_and(|weight| {
        weight.first() == Some(&b'0') && weight.iter().all(|byte| matches!(byte, b'0' | b'.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(accept: &[&[u8]]) -> bool {
        let values = accept
            .iter()
            .map(|value| (ACCEPT, HeaderValue::from_bytes(value).unwrap()));
        accepts_html(&values.collect())
    }

    #[test]
    fn html_is_accepted_by_its_name_whatever_its_case_and_unless_it_is_refused() {
        for accept in [
            &b"text/html"[..],
            b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            b"Text/HTML",
            b"application/json, TEXT/html ; q=0.001",
            b"text/html;level=1",
            b"x=\xff, text/html",
        ] {
            assert!(html(&[accept]), "{}", String::from_utf8_lossy(accept));
        }
        assert!(html(&[b"application/json", b"text/html"]));
        for accept in [
            &b""[..],
            b"*/*",
            b"application/json",
            b"text/html;q=0",
            b"text/html; Q=0.000, */*",
            b"text/html-sandboxed",
            b"application/x;of=text/html",
        ] {
            assert!(!html(&[accept]), "{}", String::from_utf8_lossy(accept));
        }
        assert!(!html(&[]));
    }
}
