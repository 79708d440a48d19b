//! Where browsers report what the Content-Security-Policy stopped.

use auth::{
    Auth, Client,
    limits::{Action, Subject},
};
use axum::{
    body::{Body, to_bytes},
    extract::State,
    http::StatusCode,
};
use http::request::Parts;

/// The most a report may weigh.
const MAX_BYTES: usize = 8 * 1024;
/// The most of a report that goes into the log.
const LOGGED: usize = 1000;

/// Logs a report, escaped and cut: anybody can send one.
pub(crate) async fn post(State(auth): State<Auth>, parts: Parts, body: Body) -> StatusCode {
    let address = Client::of(&parts).limited_address();
    if auth
        .limits
        .take(Action::CspReport, Subject::address(address))
        .is_err()
    {
        return StatusCode::TOO_MANY_REQUESTS;
    }
    match to_bytes(body, MAX_BYTES).await {
        Ok(report) => {
            let text: String = String::from_utf8_lossy(&report).chars().take(LOGGED).collect();
            tracing::warn!(report = ?text, "a Content-Security-Policy violation was reported");
            StatusCode::NO_CONTENT
        }
        Err(_) => StatusCode::PAYLOAD_TOO_LARGE,
    }
}
