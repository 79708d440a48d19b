//! Routes for monitoring the process: outside the session layer, without cookies.

use std::time::Duration;

use auth::mail::MailStatus; // wing:mail
use auth::{Auth, SessionsStatus, chain};
use axum::{Extension, Router, extract::State, http::StatusCode, response::IntoResponse, routing::get};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use tokio::time::timeout;

/// How long a probe waits.
const WAIT: Duration = Duration::from_secs(4);

/// The paths of the probes.
pub(crate) const PATHS: [&str; 2] = ["/healthz", "/readyz"];

/// Marks a request to a server that is about to stop.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leaving;

/// The process is alive. Nothing else is checked.
pub(crate) async fn healthz() -> impl IntoResponse {
    ([(CACHE_CONTROL, "no-store")], "ok\n")
}

/// The database answers, its schema is this program's, and the server is not about to stop. The state of
/// the stale feed is reported too, but does not affect the result: without the feed, every request asks the authority,
/// and is served.
pub(crate) async fn readyz(
    State(auth): State<Auth>,
    leaving: Option<Extension<Leaving>>,
) -> impl IntoResponse {
    const NOT_READY: StatusCode = StatusCode::SERVICE_UNAVAILABLE;
    let (status, state) = if leaving.is_some() {
        (NOT_READY, "the server is stopping")
    } else {
        match timeout(WAIT, auth.db.ready()).await {
            Ok(Ok(())) => (StatusCode::OK, "ok"),
            Ok(Err(error)) => {
                tracing::warn!(error = %chain(&error), "not ready");
                (NOT_READY, "the database is not ready")
            }
            Err(_) => (NOT_READY, "the database does not answer"),
        }
    };
    let text = format!("{state}\nstale feed: {}\n", feed(auth.sessions.status()));
    (status, [(CACHE_CONTROL, "no-store")], text)
}

fn feed(status: SessionsStatus) -> String {
    let state = if status.feed_is_current {
        "current"
    } else {
        "silent, so every request asks the authority"
    };
    match status.feed_age {
        Some(age) => format!("{state}, proven {} ms ago", age.as_millis()),
        None => format!("{state}, not proven yet"),
    }
}

/// What `METRICS_ADDR` serves.
pub(crate) fn metrics(auth: Auth) -> Router {
    let answer = async |State(auth): State<Auth>| {
        let content_type = "text/plain; version=0.0.4; charset=utf-8";
        let text = exposition(auth.sessions.status());
        let text = text + &mail_exposition(auth.mail.status().await); // wing:mail
        ([(CONTENT_TYPE, content_type)], text)
    };
    Router::new().route("/metrics", get(answer)).with_state(auth)
}

/// The metrics in Prometheus' text format.
fn exposition(status: SessionsStatus) -> String {
    let age = status.feed_age.map_or(f64::INFINITY, |age| age.as_secs_f64());
    let mut text = String::new();
    for (name, kind, help, value) in [
        (
            "auth_stale_feed_current",
            "gauge",
            "Whether snapshots are trusted (1), or every request asks the authority (0).",
            f64::from(u8::from(status.feed_is_current)),
        ),
        (
            "auth_stale_feed_age_seconds",
            "gauge",
            "Time since it was last proven that no stale mark is missing.",
            age,
        ),
        (
            "auth_stale_marks",
            "gauge",
            "Stale marks in memory.",
            status.marks as f64,
        ),
        (
            "auth_authority_reads_total",
            "counter",
            "Session checks that asked the authority, since the start.",
            status.authority_reads as f64,
        ),
    ] {
        text += &metric(name, kind, help, value);
    }
    text
}

fn metric(name: &str, kind: &str, help: &str, value: f64) -> String {
    let value = if value.is_infinite() {
        "+Inf".to_owned()
    } else {
        value.to_string()
    };
    format!("# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n")
}

// wing:mail
/// The metrics of mail. Without mail, and while the database does not answer, there are none.
fn mail_exposition(status: auth::Result<Option<MailStatus>>) -> String {
    match status {
        Ok(Some(MailStatus { pending, failed })) => {
            let waiting = "Mails that wait to be sent, on all instances.";
            let given_up = "Mails that this instance has given up, since the start.";
            metric("auth_mail_pending", "gauge", waiting, pending as f64)
                + &metric("auth_mail_failed_total", "counter", given_up, failed as f64)
        }
        Ok(None) => String::new(),
        Err(error) => {
            tracing::warn!(error = %chain(&error), "the waiting mails could not be counted");
            String::new()
        }
    }
}
// end wing:mail

#[cfg(test)]
mod tests {
    use super::*;

    // wing:mail
    #[test]
    fn mail_is_counted_if_there_is_any() {
        let text = mail_exposition(Ok(Some(MailStatus {
            pending: 2,
            failed: 3,
        })));
        for line in [
            "# TYPE auth_mail_pending gauge",
            "auth_mail_pending 2",
            "# TYPE auth_mail_failed_total counter",
            "auth_mail_failed_total 3",
        ] {
            assert!(text.lines().any(|other| other == line), "{line} in {text}");
        }
        assert_eq!(mail_exposition(Ok(None)), "");
        assert_eq!(mail_exposition(Err(auth::Error::NotFound)), "");
    }
    // end wing:mail

    #[test]
    fn a_feed_that_was_never_heard_is_infinitely_old() {
        let mut status = SessionsStatus {
            feed_is_current: false,
            feed_age: None,
            marks: 2,
            authority_reads: 3,
        };
        let text = exposition(status);
        for line in [
            "auth_stale_feed_current 0",
            "auth_stale_feed_age_seconds +Inf",
            "auth_stale_marks 2",
            "auth_authority_reads_total 3",
        ] {
            assert!(text.lines().any(|other| other == line), "{line} in {text}");
        }
        assert_eq!(
            feed(status),
            "silent, so every request asks the authority, not proven yet"
        );
        (status.feed_is_current, status.feed_age) = (true, Some(Duration::from_millis(120)));
        assert_eq!(feed(status), "current, proven 120 ms ago");
    }
}
