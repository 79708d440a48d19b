//! `GET /api/session`: the REST twin of `get_auth_session`, for scripts that poll.

use auth::{Auth, RequestAuth};
use axum::{
    Extension,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use http::{
    HeaderMap,
    header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH},
};

/// The session as JSON or `null`, with a strong validator. A dead session gets 200 with `null`, never 304: its body
/// is not the one that the validator stands for.
pub(crate) async fn get(
    State(auth): State<Auth>,
    Extension(request): Extension<RequestAuth>,
    headers: HeaderMap,
) -> Response {
    let Ok(body) = serde_json::to_vec(&request.session()) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let etag = auth.keys.etag(&body);
    let caching = (CACHE_CONTROL, "private, no-cache".to_owned());
    let anonymous = request.session().is_none();
    if !anonymous && matches(&headers, &etag) {
        return (StatusCode::NOT_MODIFIED, [caching, (ETAG, etag)]).into_response();
    }
    (
        [
            caching,
            (ETAG, etag),
            (CONTENT_TYPE, "application/json".to_owned()),
        ],
        body,
    )
        .into_response()
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
