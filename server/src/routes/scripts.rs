//! Addresses for scripts: they sign in and out, and ask who they are, without a redirect in between.

use auth::{Auth, RequestAuth, Scope, clients::ClientSession};
use axum::{
    Extension, Json, Router,
    extract::{Request, State},
    middleware::from_fn_with_state,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::{HeaderMap, StatusCode, header::CACHE_CONTROL};
use secrecy::SecretString;
use serde::Deserialize;

use super::refuse;
use crate::{
    middleware::{
        bodies::Sender,
        forms::{is_form, media_type},
        origin,
    },
    router::AppState,
};
use app::pages::paths::LOGIN;
use auth::{client::limited_address, session_layer};

/// The largest body, in bytes.
const MAX_BODY: usize = 8 * 1024;

/// Signs out.
pub(crate) const LOGOUT: &str = "/logout";
/// Answers only with a live session.
pub(crate) const PROTECTED: &str = "/protected";

/// What a script sends to sign in.
#[derive(Deserialize)]
struct SignIn {
    #[serde(alias = "username")]
    email: String,
    password: SecretString,
    #[serde(default)]
    remember: bool,
}

/// The routes, with the layers that they need.
pub(crate) fn router(state: &AppState) -> Router<AppState> {
    Router::new()
        .route(LOGIN, post(login))
        .route(LOGOUT, post(logout))
        .route(PROTECTED, get(protected))
        .layer(from_fn_with_state(state.auth.sessions.clone(), session_layer))
        .layer(from_fn_with_state(state.clone(), origin::layer))
}

/// `POST /login`: JSON or a form. The session, or the reason why not.
async fn login(State(state): State<AppState>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Some(auth) = parts.extensions.get::<RequestAuth>().cloned() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let from = limited_address(&parts.extensions);
    let held = match state.bodies.read(body, MAX_BODY, Sender::SigningIn, from).await {
        Ok(held) => held,
        Err(problem) => return problem.status().into_response(),
    };
    let sign_in = match understood(&parts.headers, &held.bytes) {
        Ok(sign_in) => sign_in,
        Err(status) => return status.into_response(),
    };
    drop(held);
    let service = state.auth.clone();
    let work = async move {
        let SignIn {
            email,
            password,
            remember,
        } = sign_in;
        service
            .sign_in_with_password(&auth, &email, password, remember)
            .await
    };
    match state.auth.detached.run(work).await {
        Ok(session) => unstored(Json(session)),
        Err(error) => refuse(&error),
    }
}

fn understood(headers: &HeaderMap, bytes: &[u8]) -> Result<SignIn, StatusCode> {
    if media_type(headers)?.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json")) {
        // serde would take a list for the fields in their order.
        if bytes.trim_ascii_start().first() == Some(&b'[') {
            return Err(StatusCode::UNPROCESSABLE_ENTITY);
        }
        return serde_json::from_slice(bytes).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => StatusCode::UNPROCESSABLE_ENTITY,
            _ => StatusCode::BAD_REQUEST,
        });
    }
    if is_form(headers)? {
        let text = std::str::from_utf8(bytes).map_err(|_| StatusCode::BAD_REQUEST)?;
        return serde_urlencoded::from_str(text).map_err(|_| StatusCode::UNPROCESSABLE_ENTITY);
    }
    Err(StatusCode::UNSUPPORTED_MEDIA_TYPE)
}

/// `POST /logout`: ends the session of the cookie, or of the token. Without one it does nothing, and the answer is the same.
async fn logout(State(auth): State<Auth>, Extension(request): Extension<RequestAuth>) -> Response {
    let service = auth.clone();
    let work = async move { service.sign_out(&request).await };
    match auth.detached.run(work).await {
        Ok(_) => unstored(Json(())),
        Err(error) => refuse(&error),
    }
}

/// `GET /protected`: who this is, by the authority.
async fn protected(
    State(auth): State<Auth>,
    own: Option<Extension<ClientSession>>,
    Extension(request): Extension<RequestAuth>,
) -> Response {
    if let Some(Extension(own)) = own {
        return match auth.clients.require_client(&own, Scope::Profile).await {
            Ok(()) => unstored(Json(own)),
            Err(error) => refuse(&error),
        };
    }
    match request.require_for(Scope::Profile).await {
        Ok(live) => unstored(Json(auth::AuthSession::from(&live))),
        Err(error) => refuse(&error),
    }
}

fn unstored(body: impl IntoResponse) -> Response {
    ([(CACHE_CONTROL, "no-store")], body).into_response()
}
