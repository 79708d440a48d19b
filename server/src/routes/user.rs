//! `GET /api/user`: the REST twin of `get_user`.

use auth::{Auth, Error, RequestAuth};
use axum::{Extension, extract::State, response::Response};
use http::{
    HeaderMap, HeaderValue,
    header::{CACHE_CONTROL, VARY},
};

use super::{refuse, validated};

/// The user from SQL, with a strong validator.
pub(crate) async fn get(
    State(auth): State<Auth>,
    Extension(request): Extension<RequestAuth>,
    headers: HeaderMap,
) -> Response {
    let user = match auth.user(&request).await {
        Ok(Some(user)) => user,
        Ok(None) => return refuse(&Error::NotSignedIn),
        Err(error) => return refuse(&error),
    };
    let mut response = validated(&auth, &headers, &user);
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(VARY, HeaderValue::from_static("Authorization, Cookie"));
    response
}
