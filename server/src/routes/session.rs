//! `GET /api/session`: the REST twin of `get_auth_session`, for scripts that poll.

use auth::{Auth, RequestAuth};
use axum::{Extension, extract::State, response::Response};
use http::{
    HeaderMap, HeaderValue,
    header::{CACHE_CONTROL, IF_NONE_MATCH},
};

use super::validated;

/// The session as JSON or `null`, with a strong validator. A dead session gets 200 with `null`, never 304: its body
/// is not the one that the validator stands for.
pub(crate) async fn get(
    State(auth): State<Auth>,
    Extension(request): Extension<RequestAuth>,
    mut headers: HeaderMap,
) -> Response {
    if request.session().is_none() {
        headers.remove(IF_NONE_MATCH);
    }
    let mut response = validated(&auth, &headers, &request.session());
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    response
}
