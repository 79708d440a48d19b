//! The routes that are neither pages nor server functions.

pub(crate) mod clients; // wing:clients
pub(crate) mod consent; // wing:clients
pub(crate) mod csp_report;
pub(crate) mod events; // wing:clients
pub(crate) mod export; // wing:data-rights
pub(crate) mod health;
pub(crate) mod pictures; // wing:pictures
pub(crate) mod provider;
pub(crate) mod scripts; // wing:clients
pub(crate) mod security_txt;
pub(crate) mod session;
pub(crate) mod user; // wing:clients
pub(crate) mod user_endpoint; // wing:clients

use app::error::AppError;
use auth::{Auth, Error};
use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use http::{
    HeaderMap, HeaderValue,
    header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH, RETRY_AFTER},
};
use serde::Serialize;

/// A refusal, with its true status and when to try again. The cause is logged, if it is not the client's fault.
pub(crate) fn refuse(error: &Error) -> Response {
    let wait = match error {
        Error::TooManyAttempts { retry_after } => Some(*retry_after.max(&1)),
        _ => None,
    };
    let error = AppError::from(error);
    let mut response = StatusCode::from_u16(error.status())
        .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
        .into_response();
    if let Some(wait) = wait {
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(wait));
    }
    response.extensions_mut().insert(error);
    response
}

/// A value as JSON with a strong validator: 304 if the client has it already.
pub(crate) fn validated(auth: &Auth, headers: &HeaderMap, value: &impl Serialize) -> Response {
    let Ok(body) = serde_json::to_vec(value) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let etag = auth.keys.etag(&body);
    if matches(headers, &etag) {
        return (StatusCode::NOT_MODIFIED, [(ETAG, etag)]).into_response();
    }
    let headers = [(ETAG, etag), (CONTENT_TYPE, "application/json".to_owned())];
    (headers, body).into_response()
}

/// `If-None-Match` compares weakly (RFC 9110 §13.1.2).
fn matches(headers: &HeaderMap, etag: &str) -> bool {
    headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|list| list.split(','))
        .map(str::trim)
        .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}
