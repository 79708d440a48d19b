//! What a request has begun, goes on to its end when its client goes away.

use auth::{Detached, RequestAuth};
use axum::{
    extract::{Path, Request, State},
    middleware::Next,
    response::Response,
};

use crate::router::AppState;

/// Runs everything below on a task of its own, and what a handler has changed in its session's data is saved
/// there, too. Bodies are read above: a client that sends slowly takes no place from those who have sent all.
pub(crate) async fn layer(State(state): State<AppState>, request: Request, next: Next) -> Response {
    run(&state.auth.detached, request, next).await
}

/// The same for a provider's callbacks, in the provider's own places: they wait for it. Beyond these, one waits for
/// its turn; its flow is not used up before.
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
            // The session layer tries once more what fails here, and answers for it.
            let _ = auth.save_data().await;
        }
        response
    };
    places.run(work).await
}
