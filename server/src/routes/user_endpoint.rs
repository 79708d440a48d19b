//! `POST /user-endpoint`: what a client keeps of a user.

use auth::{Error, clients::Parameters, data::IfMatch};
use axum::{
    Json,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use http::{
    HeaderMap, HeaderName, StatusCode,
    header::{CACHE_CONTROL, ETAG},
};

use super::refuse;
use crate::{
    middleware::{
        bearer::{challenge, insufficient},
        bodies::Sender,
        forms::is_form,
    },
    router::AppState,
};

pub(crate) const PATH: &str = "/user-endpoint";

/// The largest body, in bytes: a bucket, and what a form makes of it.
const MAX_BODY: usize = 300 * 1024;
const CLIENT_SECRET: HeaderName = HeaderName::from_static("x-client-secret");

/// It reads no cookie, so the origin rule does not apply to it.
pub(crate) async fn post(State(state): State<AppState>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let secret = single(&parts.headers, &CLIENT_SECRET);
    let clients = &state.auth.clients;
    // Who sends it, before what it is: a stranger learns nothing but that.
    let sender = match clients
        .data_request(&parts.headers, &parts.extensions, secret)
        .await
    {
        Ok(sender) => sender,
        Err(error) => return refused(&error),
    };
    match is_form(&parts.headers) {
        Ok(true) => {}
        Ok(false) => return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response(),
        Err(status) => return status.into_response(),
    }
    let from = auth::client::limited_address(&parts.extensions);
    let room = sender.user_id().map_or(Sender::Stranger, Sender::User);
    let held = match state.bodies.read(body, MAX_BODY, room, from).await {
        Ok(held) => held,
        Err(problem) => return problem.status().into_response(),
    };
    let Ok(parameters) = Parameters::parse(&held.bytes) else {
        return StatusCode::UNPROCESSABLE_ENTITY.into_response();
    };
    drop(held);
    let auth = state.auth.clone();
    let work = async move {
        let if_match = IfMatch::of(&parts.headers);
        auth.clients
            .user_data(&auth.buckets, &sender, &parameters, &if_match)
            .await
    };
    let data = match state.auth.detached.run(work).await {
        Ok(data) => data,
        Err(error) => return refused(&error),
    };
    let etag = format!("\"{}\"", data.version);
    ([(CACHE_CONTROL, "no-store".to_owned()), (ETAG, etag)], Json(data)).into_response()
}

fn refused(error: &Error) -> Response {
    if let Error::InsufficientScope(scope) = error {
        return insufficient(*scope);
    }
    let mut response = refuse(error);
    if matches!(error, Error::InvalidToken) {
        challenge(&mut response, "Bearer");
    }
    response
}

/// The one value of a header.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}
