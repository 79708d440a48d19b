//! Where browsers report what the Content-Security-Policy stopped.

use auth::{
    Client, Error,
    limits::{Action, Subject},
};
use axum::{
    body::Body,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use http::{header::RETRY_AFTER, request::Parts};

use crate::{middleware::bodies::Sender, router::AppState};

/// The most a report may weigh.
const MAX_BYTES: usize = 8 * 1024;
/// The most of a report that goes into the log.
const LOGGED: usize = 1000;

/// Logs a report, escaped and cut. Anybody can send one: besides each address's part of it, the log has so
/// much room for all of them, and what is beyond it is taken and forgotten.
pub(crate) async fn post(State(state): State<AppState>, parts: Parts, body: Body) -> Response {
    let address = Client::of(&parts).limited_address();
    if let Err(Error::TooManyAttempts { retry_after }) = state
        .auth
        .limits
        .take(Action::CspReport, Subject::address(address))
    {
        let wait = retry_after.max(1).to_string();
        return (StatusCode::TOO_MANY_REQUESTS, [(RETRY_AFTER, wait)]).into_response();
    }
    match state
        .bodies
        .read(body, MAX_BYTES, Sender::Stranger, address)
        .await
    {
        Ok(report) => {
            match state
                .auth
                .limits
                .attempt(Action::CspReportLog, &Subject::Everybody)
            {
                Ok(room) => room.counts(),
                Err(refused) => {
                    if refused.is_first {
                        let seconds = refused.retry_after;
                        tracing::warn!(seconds, "too many reports: no more of them are logged for now");
                    }
                    return StatusCode::NO_CONTENT.into_response();
                }
            }
            let text = String::from_utf8_lossy(&report.bytes);
            let text: String = text.chars().take(LOGGED).collect();
            tracing::warn!(report = ?text, "a Content-Security-Policy violation was reported");
            StatusCode::NO_CONTENT.into_response()
        }
        Err(problem) => problem.status().into_response(),
    }
}
