//! The one spelling of each address.

use axum::{
    extract::Request,
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{Method, header::LOCATION};

/// Sends `/profile/` to `/profile`. Not `//host/`, whose shorter spelling would be another site.
pub(crate) async fn layer(request: Request, next: Next) -> Response {
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
