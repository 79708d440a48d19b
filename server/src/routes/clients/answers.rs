//! Answers to clients (RFC 6749 §5).

use auth::clients::{Outcome, Refusal};
use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use http::{
    HeaderValue,
    header::{CACHE_CONTROL, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE},
};
use serde::Serialize;
use serde_json::json;

/// The answer to a client's request: JSON that must not be stored.
pub(super) fn answer(outcome: Outcome<impl Serialize>) -> Response {
    let mut response = match outcome {
        Ok(body) => Json(body).into_response(),
        Err(refusal) => refused(refusal),
    };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

fn refused(refusal: Refusal) -> Response {
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
    let body = json!({ "error": refusal.code(), "error_description": refusal.description() });
    let mut response = (status, Json(body)).into_response();
    let headers = response.headers_mut();
    // Every 503 says by itself when to try again.
    if let Refusal::TooMany(wait) = refusal {
        headers.insert(RETRY_AFTER, HeaderValue::from(wait));
    }
    if refusal == Refusal::InvalidClient {
        headers.insert(
            WWW_AUTHENTICATE,
            HeaderValue::from_static("Basic realm=\"oauth\""),
        );
    }
    response
}

/// An endpoint asked in another way than by POST.
pub(super) async fn another_method() -> Response {
    let refusal = Refusal::InvalidRequest("This endpoint is for POST only.");
    let mut response = answer(Err::<(), _>(refusal));
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    response
}

/// A body that was not read, with its own status.
pub(super) fn unread(status: StatusCode) -> Response {
    let refusal = match status {
        StatusCode::SERVICE_UNAVAILABLE => Refusal::Unavailable,
        StatusCode::PAYLOAD_TOO_LARGE => Refusal::InvalidRequest("The request is too large."),
        _ => Refusal::InvalidRequest("The request could not be read."),
    };
    let mut response = answer(Err::<(), _>(refusal));
    *response.status_mut() = status;
    response
}
