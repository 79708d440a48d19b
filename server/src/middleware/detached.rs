//! Work that a request has started runs to its end even if its client goes away.

use auth::{Detached, RequestAuth};
use axum::{
    extract::{Path, Request, State},
    middleware::Next,
    response::Response,
};

use crate::router::AppState;

/// Runs everything below in a separate task, which also saves the changes that a handler made to its session's data.
/// Bodies are read above this layer, so a client that sends slowly takes no place from requests that have arrived.
pub(crate) async fn layer(State(state): State<AppState>, request: Request, next: Next) -> Response {
    run(&state.auth.detached, request, next).await
}

/// The same for a provider's callbacks, in the provider's own places, since they wait for that provider. A callback
/// beyond these waits for its turn, and its flow is not used up before then.
pub(crate) async fn callback(
    State(state): State<AppState>,
    Path(provider): Path<String>,
    request: Request,
    next: Next,
) -> Response {
    let places = state.auth.oauth.callbacks_of(&provider);
    run(places.unwrap_or(&state.auth.detached), request, next).await
}

async fn run(places: &Detached, request: Request, next: Next) -> Response {
    let auth = request.extensions().get::<RequestAuth>().cloned();
    let work = async move {
        let response = next.run(request).await;
        if let Some(auth) = auth
            && !response.status().is_server_error()
        {
            // If this fails, the session layer tries once more and handles the error.
            let _ = auth.save_data().await;
        }
        response
    };
    places.run(work).await
}
