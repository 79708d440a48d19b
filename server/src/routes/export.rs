//! `POST /api/export_data`: everything that is kept about the signed-in user, as a file.
//!
//! It is not a server function, which would hold the whole answer in memory.

use auth::{Auth, RequestAuth, chain, data_rights::Export};
use axum::{
    Extension,
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use futures_util::TryStreamExt;
use http::{
    HeaderValue,
    header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE},
};

use crate::middleware::forms;

/// The download.
pub(crate) async fn post(State(auth): State<Auth>, Extension(request): Extension<RequestAuth>) -> Response {
    let export = match begun(&auth, &request).await {
        Ok(export) => export,
        Err(error) => return forms::refused_like_a_function(&error),
    };
    // The answer has begun by then, so all that can be done is to cut it off.
    let pieces = export
        .pieces()
        .inspect_err(|error| tracing::error!(error = %chain(error), "an export was cut off"));
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (
            CONTENT_DISPOSITION,
            HeaderValue::from_static("attachment; filename=\"data.json\""),
        ),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, Body::from_stream(pieces)).into_response()
}

async fn begun(auth: &Auth, request: &RequestAuth) -> auth::Result<Export> {
    let recent = request.require_recent().await?;
    auth.export_data(request, &recent).await
}
