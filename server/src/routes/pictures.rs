//! People's pictures: `POST /api/upload_picture` takes one, and `GET /pictures/{id}.webp` shows it.

use auth::{Auth, RequestAuth};
use axum::{
    Extension,
    body::Bytes,
    extract::{Path, State, rejection::PathRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use http::{
    HeaderValue,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use uuid::Uuid;

use super::refuse;
use crate::middleware::{forms, multipart::UploadedFile};

/// Where pictures are served.
pub(crate) const PICTURES: &str = "/pictures/{file}";

/// The address of a picture changes with it, so its content never does. Only the browser keeps it: one that is removed
/// should not stay anywhere else.
const CACHING: HeaderValue = HeaderValue::from_static("private, max-age=31536000, immutable");

/// The form with a new picture, of which nothing but the file is left here. It is not a server function, which would be
/// code in the browser.
pub(crate) async fn upload(
    State(auth): State<Auth>,
    Extension(request): Extension<RequestAuth>,
    Extension(UploadedFile(file)): Extension<UploadedFile>,
) -> Response {
    match uploaded(&auth, &request, file).await {
        // As a server function without a value answers.
        Ok(()) => ([(CONTENT_TYPE, "application/json")], "null").into_response(),
        Err(error) => forms::refused_like_a_function(&error),
    }
}

async fn uploaded(auth: &Auth, request: &RequestAuth, file: Bytes) -> auth::Result<()> {
    let live = request.require().await?;
    auth.pictures.upload(&live, file).await
}

/// A picture. Its address is enough to see it: the id cannot be guessed.
pub(crate) async fn get(State(auth): State<Auth>, file: Result<Path<String>, PathRejection>) -> Response {
    let Some(id) = file.ok().and_then(|Path(file)| id_in(&file)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    match auth.pictures.find(id).await {
        Ok(Some(webp)) => {
            let headers = [
                (CONTENT_TYPE, HeaderValue::from_static("image/webp")),
                (CACHE_CONTROL, CACHING),
            ];
            (headers, webp).into_response()
        }
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => refuse(&error),
    }
}

/// The id in the name of a file, in the one spelling that pages use: browsers keep what they get under each.
fn id_in(file: &str) -> Option<Uuid> {
    let text = file.strip_suffix(".webp")?;
    text.parse().ok().filter(|id: &Uuid| id.to_string() == text)
}
