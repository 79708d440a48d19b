//! Gives refusals their words: whatever layer answered with a bare status, the client reads the same
//! closed set of texts, as JSON or as a small page.

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

/// When to ask again what does not answer now, in seconds.
const RETRY_SECONDS: &str = "5";

/// How a request's refusal is worded.
#[derive(Clone, Copy)]
pub(super) struct Refusals {
    html: bool,
    head: bool,
}

impl Refusals {
    /// As the request asks for it.
    pub(super) fn of(request: &Request) -> Self {
        Self {
            html: accepts_html(request.headers()),
            head: *request.method() == Method::HEAD,
        }
    }

    /// Writes the body of an error that has none, and says when to try again.
    pub(super) fn explain(self, response: &mut Response) {
        let status = response.status();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            let headers = response.headers_mut();
            headers
                .entry(RETRY_AFTER)
                .or_insert(HeaderValue::from_static(RETRY_SECONDS));
        }
        let refused = status.is_client_error() || status.is_server_error();
        // A page asked for with HEAD has lost its body, and its headers are the page's all the same.
        let is_empty = !self.head && response.body().size_hint().exact() == Some(0);
        let bare = refused && (is_empty || !response.headers().contains_key(CONTENT_TYPE));
        if !bare {
            return;
        }
        let wait = response.headers().get(RETRY_AFTER);
        let seconds = wait.and_then(|value| value.to_str().ok()?.parse().ok());
        let error = match (status, seconds) {
            (StatusCode::TOO_MANY_REQUESTS, Some(seconds)) => AppError::too_many_attempts(seconds),
            _ => AppError::from_status(status.as_u16()),
        };
        let text = error.message();
        let worded = match self.html {
            true => bare_page::respond(text, "", "<p><a href=\"/\">Go to the start page</a></p>"),
            false => ([(CACHE_CONTROL, "no-store")], Json(error)).into_response(),
        };
        let (parts, body) = worded.into_parts();
        let headers = response.headers_mut();
        headers.remove(CONTENT_LENGTH);
        headers.extend(parts.headers);
        *response.body_mut() = if self.head { Body::empty() } else { body };
    }
}

/// Whether the client is a browser showing a page, rather than a script.
pub(crate) fn accepts_html(headers: &HeaderMap) -> bool {
    headers
        .get_all(ACCEPT)
        .iter()
        .any(|value| value.to_str().is_ok_and(|types| types.contains("text/html")))
}
