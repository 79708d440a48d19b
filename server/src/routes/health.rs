//! For whoever watches over the process: outside the session layer, without cookies.

use std::time::Duration;

use auth::Auth;
use axum::{extract::State, http::StatusCode, response::IntoResponse};
use http::header::CACHE_CONTROL;
use tokio::time::timeout;

/// A probe's patience.
const WAIT: Duration = Duration::from_secs(4);

/// The process is alive; nothing else is asked.
pub(crate) async fn healthz() -> impl IntoResponse {
    ([(CACHE_CONTROL, "no-store")], "ok\n")
}

/// The database answers and its schema is this program's.
pub(crate) async fn readyz(State(auth): State<Auth>) -> impl IntoResponse {
    let (status, text) = match timeout(WAIT, auth.db.ready()).await {
        Ok(Ok(())) => (StatusCode::OK, "ok\n"),
        Ok(Err(error)) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "the database is not ready\n")
        }
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n"),
    };
    (status, [(CACHE_CONTROL, "no-store")], text)
}
