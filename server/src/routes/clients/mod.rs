//! The authorization server, as clients see it.

mod answers;
mod metadata;
mod tokens;

use axum::{
    Router,
    middleware::from_fn_with_state,
    routing::{get, post},
};

use crate::{middleware::detached, router::AppState};

/// The endpoints for clients. They read no cookie and set none, so neither the session layer nor the origin rule is needed.
pub(crate) fn router(state: &AppState) -> Router<AppState> {
    // A body is read before the work begins, and what the work has begun goes on to its end.
    let endpoints = Router::new()
        .route(metadata::TOKEN, post(tokens::token))
        .route(metadata::DEVICE_AUTHORIZATION, post(tokens::device_authorization))
        .route(metadata::REVOKE, post(tokens::revoke))
        .route(metadata::INTROSPECT, post(tokens::introspect))
        .method_not_allowed_fallback(answers::another_method)
        .layer(from_fn_with_state(state.clone(), detached::layer))
        .layer(from_fn_with_state(state.clone(), tokens::read));
    Router::new()
        .merge(endpoints)
        .route("/.well-known/oauth-authorization-server", get(metadata::metadata))
        .route(metadata::JWKS, get(metadata::jwks))
}
