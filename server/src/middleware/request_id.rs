//! A request id for every answer, and the one log line of every request.

use std::time::Instant;

use axum::{extract::Request, middleware::Next, response::Response};
use http::{HeaderName, HeaderValue};
use tracing::Instrument;
use uuid::Uuid;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Makes the id (a client's own is not believed), runs the request in its span, logs how it ended.
/// Paths go into the log without their query, which may hold codes and states.
pub(crate) async fn layer(request: Request, next: Next) -> Response {
    let id = Uuid::now_v7();
    let span = tracing::info_span!("request", %id, method = %request.method(), path = request.uri().path());
    let started = Instant::now();
    async {
        let mut response = next.run(request).await;
        if let Ok(value) = HeaderValue::try_from(id.to_string()) {
            response.headers_mut().insert(REQUEST_ID, value);
        }
        let status = response.status().as_u16();
        tracing::info!(status, ms = started.elapsed().as_secs_f64() * 1000.0, "answered");
        response
    }
    .instrument(span)
    .await
}
