//! The outermost layer: what holds for every request and every answer, whatever lies between.

use std::time::Instant;

use axum::{
    extract::{Request, State},
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderName, HeaderValue};
use tracing::Instrument;
use uuid::Uuid;

use super::{address, headers, refusals::Refusals};
use crate::router::AppState;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest path and query, in bytes.
const MAX_URI: usize = 8 * 1024;

/// Makes the request's id (a client's own is not believed) and its span, finds out the client's address,
/// gives refusals their words, adds the headers of every answer, and logs how it ended: one line, the path
/// without its query, which may hold codes and states.
///
/// One layer for all of this, rather than one each: a layer clones whatever is inside it for every request.
pub(crate) async fn layer(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let id = Uuid::now_v7();
    let span = tracing::info_span!("request", %id, method = %request.method(), path = request.uri().path());
    let started = Instant::now();
    address::note(&mut request, &state.trusted_proxies);
    let refusals = Refusals::of(&request);
    async {
        let length = request
            .uri()
            .path_and_query()
            .map_or(0, |text| text.as_str().len());
        let mut response = match length > MAX_URI {
            true => StatusCode::URI_TOO_LONG.into_response(),
            false => next.run(request).await,
        };
        refusals.explain(&mut response);
        headers::add(response.headers_mut(), state.auth.public_url.secure());
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
