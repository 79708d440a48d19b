//! The outermost layer: what applies to every request and every response.

use std::time::Instant;

use auth::db::patiently;
use axum::{
    extract::{Request, State},
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderName, HeaderValue};
use tracing::Instrument;
use uuid::Uuid;

use super::{address, headers, host, refusals::Refusals, spelling};
use crate::{connections::OnlyHealth, router::AppState, routes::health};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest path with query, in bytes.
const MAX_URI: usize = 8 * 1024;
/// The longest path, and the longest name in it. File systems allow 4096 and 255, which must also hold the prefix of
/// the path and the suffix of a compressed twin.
const MAX_PATH: usize = 3 * 1024;
const MAX_NAME: usize = 250;

/// Creates the request's id (an id from the client is not used) and its span, determines the client's address, gives
/// refusals their texts, adds the headers of every response, and logs the outcome in one line. The logged path has no
/// query, since a query may hold codes and states.
///
/// All of this is a single layer, because each layer clones whatever is inside it for every request.
pub(crate) async fn layer(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let id = Uuid::now_v7();
    let span = tracing::info_span!("request", %id, method = %request.method(), path = request.uri().path());
    let started = Instant::now();
    address::note(&mut request, &state.trusted_proxies);
    let refusals = Refusals::of(&request);
    async {
        let elsewhere = refused(&request)
            .map(IntoResponse::into_response)
            .or_else(|| spelling::of_another_address(request.method(), request.uri()));
        let mut response = match elsewhere {
            Some(response) => response,
            None => patiently(next.run(request)).await,
        };
        refusals.explain(&mut response);
        headers::add(&mut response, state.auth.public_url.secure());
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

/// Refuses requests without a proper host, and addresses that cannot exist, some of which would be an error for the
/// file system. On a connection beyond the limit, refuses everything except health checks.
fn refused(request: &Request) -> Option<StatusCode> {
    let uri = request.uri();
    let path = uri.path();
    let length = path.len() + uri.query().map_or(0, |query| query.len() + 1);
    let is_name = |name: &str| name.len() <= MAX_NAME && !name.contains("%00");
    if host::is_wrong(request) {
        Some(StatusCode::BAD_REQUEST)
    } else if request.extensions().get::<OnlyHealth>().is_some() && !health::PATHS.contains(&path) {
        Some(StatusCode::SERVICE_UNAVAILABLE)
    } else if length > MAX_URI {
        Some(StatusCode::URI_TOO_LONG)
    } else if !path.starts_with('/') && path != "*" {
        // CONNECT gives a host instead of a path.
        Some(StatusCode::BAD_REQUEST)
    } else if path.len() > MAX_PATH || !path.split('/').all(is_name) {
        Some(StatusCode::NOT_FOUND)
    } else {
        None
    }
}
