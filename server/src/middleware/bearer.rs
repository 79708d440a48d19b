//! Requests with the header `Authorization`: a user's, by an access token or a personal key, or a client's own.
//!
//! The header counts at the addresses for programs. There, with it, cookies count as absent, whatever the header holds, and
//! none is set: a request has one sender. Pages do not look at it.

use app::pages::paths::LOGIN;
use app::pages::settings::picture::UPLOAD_PICTURE; // wing:pictures
use app::pages::settings::your_data::EXPORT_DATA; // wing:data-rights
use auth::{Error, Scope, clients::Bearing};
use axum::{
    extract::{Request, State},
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{
    HeaderValue, Method,
    header::{AUTHORIZATION, COOKIE, HeaderName, SET_COOKIE, WWW_AUTHENTICATE},
};

use leptos::server_fn::axum::server_fn_paths;

use super::guard::is_below;
use crate::{
    router::AppState,
    routes::{
        refuse,
        scripts::{LOGOUT, PROTECTED},
    },
};

/// What needs less than the scope `app`. A server function that is not listed needs `app`.
const PROFILE: &[&str] = &[
    "/api/session",
    "/api/user",
    "/api/events",
    "/api/get_auth_session",
    "/api/get_user",
    PROTECTED,
];
/// What gives cookies. A client that sends a token has no use for them, so it has made a mistake.
const GIVES_COOKIES: &[&str] = &[
    "/api/login",
    "/api/second_factor", // wing:second-factors
    // wing:passkeys
    "/api/start_passkey_sign_in",
    "/api/passkey_sign_in",
    // end wing:passkeys
    // wing:mail
    "/api/send_sign_in_code",
    "/api/sign_in_with_code",
    "/api/finish_registration",
    "/api/claim_address",
    // end wing:mail
    "/api/register",
    "/api/confirm_identity",
    LOGIN,
];
/// Decisions that would outlive the token.
const FOR_BROWSERS: &[&str] = &["/api/decide_device"];
/// What clients may call for themselves.
const FOR_CLIENTS: &[&str] = &[PROTECTED];

/// What stands beside the server functions and is none.
const LIKE_FUNCTIONS: &[&str] = &[
    EXPORT_DATA,    // wing:data-rights
    UPLOAD_PICTURE, // wing:pictures
];

const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");

/// Recognises the sender by the header, or refuses the request.
pub(crate) async fn layer(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let path = request.uri().path();
    // The page of the same address is for browsers.
    let is_page = path == LOGIN && *request.method() != Method::POST;
    let is_for_programs = is_below("/api", path) || [LOGIN, LOGOUT, PROTECTED].contains(&path);
    if !is_for_programs || is_page {
        return next.run(request).await;
    }
    let gives_cookies = GIVES_COOKIES.contains(&path);
    if !request.headers().contains_key(AUTHORIZATION) {
        let mut response = next.run(request).await;
        if response.status() == StatusCode::UNAUTHORIZED && !gives_cookies {
            challenge(&mut response, "Bearer");
        }
        return response;
    }
    request.headers_mut().remove(COOKIE);
    let mut response = recognised(&state, request, next, gives_cookies).await;
    let headers = response.headers_mut();
    headers.remove(SET_COOKIE);
    headers.remove(CLEAR_SITE_DATA);
    if response.status() == StatusCode::UNAUTHORIZED {
        challenge(&mut response, "Bearer error=\"invalid_token\"");
    }
    response
}

async fn recognised(state: &AppState, mut request: Request, next: Next, gives_cookies: bool) -> Response {
    let path = request.uri().path();
    if gives_cookies {
        return StatusCode::BAD_REQUEST.into_response();
    }
    if FOR_BROWSERS.contains(&path) {
        return refuse(&Error::NotByToken);
    }
    // wing:admin
    // Administration does not exist for programs.
    if is_below(app::pages::paths::ADMIN_API, path) {
        return next.run(request).await;
    }
    // end wing:admin
    let scope = needed(path);
    let bearing = state
        .auth
        .clients
        .bearing(request.headers(), request.extensions())
        .await;
    match bearing {
        Ok(Bearing::User(auth)) => {
            if let Some(scope) = scope
                && auth.allow(scope).is_err()
            {
                if scope == Scope::App && !is_function(path) {
                    return StatusCode::NOT_FOUND.into_response();
                }
                return insufficient(scope);
            }
            request.extensions_mut().insert(auth);
        }
        Ok(Bearing::Itself(own, auth)) if FOR_CLIENTS.contains(&path) => {
            request.extensions_mut().insert(own);
            request.extensions_mut().insert(auth);
        }
        Ok(Bearing::Itself(..)) => return refuse(&Error::NotSignedIn),
        Err(error) => return refuse(&error),
    }
    next.run(request).await
}

/// The scope that a request needs. Any token may end itself.
fn needed(path: &str) -> Option<Scope> {
    match path {
        LOGOUT => None,
        _ if PROFILE.contains(&path) => Some(Scope::Profile),
        _ => Some(Scope::App),
    }
}

/// Whether there is a server function at this address. Only the refusal depends on it: what is not listed stays closed.
fn is_function(path: &str) -> bool {
    server_fn_paths().any(|(known, _)| known == path) || LIKE_FUNCTIONS.contains(&path)
}

/// A refusal that names the missing scope.
pub(crate) fn insufficient(scope: Scope) -> Response {
    let mut response = refuse(&Error::InsufficientScope(scope));
    let value = format!("Bearer error=\"insufficient_scope\", scope=\"{}\"", scope.name());
    challenge(&mut response, &value);
    response
}

/// States how to authenticate (RFC 6750 §3).
pub(crate) fn challenge(response: &mut Response, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(WWW_AUTHENTICATE, value);
    }
}
