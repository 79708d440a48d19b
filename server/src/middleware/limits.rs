//! Limits on addresses, and the one spelling of each.

use axum::{
    extract::Request,
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{Method, header::LOCATION};

/// The longest path and query, in bytes.
const MAX_URI: usize = 8 * 1024;

/// Refuses addresses that are too long.
pub(crate) async fn uri(request: Request, next: Next) -> Response {
    let length = request
        .uri()
        .path_and_query()
        .map_or(0, |text| text.as_str().len());
    match length > MAX_URI {
        true => StatusCode::URI_TOO_LONG.into_response(),
        false => next.run(request).await,
    }
}

/// Sends `/profile/` to `/profile`. Not `//host/`, whose shorter spelling would be another site.
pub(crate) async fn redirect_trailing_slash(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let readable = matches!(*request.method(), Method::GET | Method::HEAD);
    match path.strip_suffix('/') {
        Some(plain) if readable && !plain.is_empty() && !path.contains("//") && !path.contains('\\') => {
            let query = request
                .uri()
                .query()
                .map_or_else(String::new, |query| format!("?{query}"));
            (
                StatusCode::PERMANENT_REDIRECT,
                [(LOCATION, format!("{plain}{query}"))],
            )
                .into_response()
        }
        _ => next.run(request).await,
    }
}
