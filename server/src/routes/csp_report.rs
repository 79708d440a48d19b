//! Where browsers report violations of the Content-Security-Policy.

use auth::{
    Error,
    client::limited_address,
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

/// The largest report, in bytes.
const MAX_BYTES: usize = 8 * 1024;
/// How much of an address is logged, in characters.
const LOGGED: usize = 300;

/// A report as browsers send it (Reporting API §4, Content Security Policy 3 §5.3), in a list.
#[derive(Default, serde::Deserialize)]
struct Report {
    #[serde(default)]
    body: Violation,
}

/// What is logged of a violation: what was blocked, and where.
#[derive(Default, serde::Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Violation {
    #[serde(rename = "documentURL")]
    document: String,
    #[serde(rename = "blockedURL")]
    blocked: String,
    effective_directive: String,
    source_file: Option<String>,
    line_number: Option<u64>,
}

/// An address as it is logged: without its query, which may hold codes and states.
fn shown(address: &str) -> String {
    let end = address.find(['?', '#']).unwrap_or(address.len());
    address[..end].chars().take(LOGGED).collect()
}

/// Logs a report, escaped and truncated, without the queries of its addresses. Anyone can send one. In addition to
/// the limit for each client address, there is a limit on the log lines of all of them; reports beyond it are
/// accepted and dropped.
pub(crate) async fn post(State(state): State<AppState>, parts: Parts, body: Body) -> Response {
    let address = limited_address(&parts.extensions);
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
                        tracing::warn!(seconds, "too many reports: logging of reports is paused");
                    }
                    return StatusCode::NO_CONTENT.into_response();
                }
            }
            // A sender of anything else is counted too.
            let reports: Vec<Report> = serde_json::from_slice(&report.bytes).unwrap_or_default();
            let violation = reports.into_iter().next().unwrap_or_default().body;
            tracing::warn!(
                document = ?shown(&violation.document),
                blocked = ?shown(&violation.blocked),
                directive = ?shown(&violation.effective_directive),
                source = ?violation.source_file.as_deref().map(shown),
                line = violation.line_number,
                "a Content-Security-Policy violation was reported"
            );
            StatusCode::NO_CONTENT.into_response()
        }
        Err(problem) => problem.status().into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read_as_browsers_write_it_and_shown_without_queries() {
        let text = r#"[{"age":1,"type":"csp-violation","url":"https://x.example/?code=a","user_agent":"u","body":{
            "documentURL":"https://x.example/auth/callback/a?code=secret&state=s","blockedURL":"inline",
            "effectiveDirective":"script-src-elem","sourceFile":"https://x.example/p#at","lineNumber":3,
            "originalPolicy":"default-src 'self'","disposition":"enforce","sample":"","statusCode":200,"referrer":""}}]"#;
        let reports: Vec<Report> = serde_json::from_str(text).unwrap();
        let violation = &reports[0].body;
        assert_eq!(shown(&violation.document), "https://x.example/auth/callback/a");
        assert_eq!(shown(&violation.blocked), "inline");
        assert_eq!(violation.effective_directive, "script-src-elem");
        assert_eq!(
            violation.source_file.as_deref().map(shown).as_deref(),
            Some("https://x.example/p")
        );
        assert_eq!(violation.line_number, Some(3));
        assert_eq!(shown(&"\u{e4}".repeat(400)).chars().count(), LOGGED);
    }
}
