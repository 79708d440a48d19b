//! The endpoints that clients call: forms in, JSON out.

use std::sync::Arc;

use auth::{
    Auth, Client,
    client::limited_address,
    clients::{Issued, Parameters, Refusal},
};
use axum::{
    Extension,
    body::Body,
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::{Method, request::Parts};
use secrecy::ExposeSecret;
use serde::Serialize;

use super::answers::{answer, unread};
use crate::{
    middleware::{bodies::Sender, forms::is_form},
    router::AppState,
};

/// The largest body, in bytes.
const MAX_BODY: usize = 8 * 1024;

/// Reads a client's form, and puts its parameters into the request's extensions.
pub(super) async fn read(State(state): State<AppState>, request: Request, next: Next) -> Response {
    if *request.method() != Method::POST {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    let from = limited_address(&parts.extensions);
    let held = match state.bodies.read(body, MAX_BODY, Sender::SigningIn, from).await {
        Ok(held) => held,
        Err(problem) => return unread(problem.status()),
    };
    if !is_form(&parts.headers).unwrap_or(false) {
        let refusal = Refusal::InvalidRequest("The body must be a form: application/x-www-form-urlencoded.");
        return answer(Err::<(), _>(refusal));
    }
    match Parameters::parse(&held.bytes) {
        Ok(parameters) => parts.extensions.insert(Arc::new(parameters)),
        Err(refusal) => return answer(Err::<(), _>(refusal)),
    };
    drop(held);
    next.run(Request::from_parts(parts, Body::empty())).await
}

/// What RFC 6749 §5.1 calls a successful response.
#[derive(Serialize)]
struct Tokens {
    access_token: String,
    token_type: &'static str,
    expires_in: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    scope: String,
}

impl From<Issued> for Tokens {
    fn from(issued: Issued) -> Self {
        let exposed = |secret: &secrecy::SecretString| secret.expose_secret().to_owned();
        Self {
            access_token: exposed(&issued.access_token),
            token_type: "Bearer",
            expires_in: issued.expires_in,
            refresh_token: issued.refresh_token.as_ref().map(exposed),
            scope: issued.scope.to_string(),
        }
    }
}

/// What RFC 8628 §3.2 calls a device authorization response.
#[derive(Serialize)]
struct Device {
    device_code: String,
    user_code: String,
    verification_uri: String,
    verification_uri_complete: String,
    expires_in: i64,
    interval: i64,
}

/// `POST /oauth/token`
pub(super) async fn token(
    State(auth): State<Auth>,
    Extension(parameters): Extension<Arc<Parameters>>,
    parts: Parts,
) -> Response {
    let issued = auth
        .clients
        .token(&parts.headers, &parameters, &sender(&parts))
        .await;
    answer(issued.map(Tokens::from))
}

/// `POST /oauth/device_authorization`
pub(super) async fn device_authorization(
    State(auth): State<Auth>,
    Extension(parameters): Extension<Arc<Parameters>>,
    parts: Parts,
) -> Response {
    let started = auth
        .clients
        .start_device(&parts.headers, &parameters, &sender(&parts))
        .await;
    answer(started.map(|started| {
        let page = format!("{}{}", auth.clients.issuer(), app::pages::paths::DEVICE);
        Device {
            device_code: started.device_code.expose_secret().to_owned(),
            verification_uri_complete: format!("{page}?user_code={}", started.user_code),
            verification_uri: page,
            user_code: started.user_code,
            expires_in: started.expires_in,
            interval: started.interval,
        }
    }))
}

/// `POST /oauth/revoke`
pub(super) async fn revoke(
    State(auth): State<Auth>,
    Extension(parameters): Extension<Arc<Parameters>>,
    parts: Parts,
) -> Response {
    match auth
        .clients
        .revoke(&parts.headers, &parameters, &sender(&parts))
        .await
    {
        Ok(()) => {
            let mut response = answer(Ok(()));
            *response.body_mut() = Body::empty();
            response.headers_mut().remove(http::header::CONTENT_TYPE);
            response
        }
        Err(refusal) => answer(Err::<(), _>(refusal)),
    }
}

/// `POST /oauth/introspect`
pub(super) async fn introspect(
    State(auth): State<Auth>,
    Extension(parameters): Extension<Arc<Parameters>>,
    parts: Parts,
) -> Response {
    answer(
        auth.clients
            .introspect(&parts.headers, &parameters, &sender(&parts))
            .await,
    )
}

fn sender(parts: &Parts) -> Client {
    Client::of(&parts.headers, &parts.extensions)
}
