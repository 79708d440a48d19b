//! What a request has begun, goes on to its end when its client goes away.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};

use crate::router::AppState;

/// Runs everything below on a task of its own. Bodies are read above: a client that sends slowly takes no
/// place from those who have sent all.
pub(crate) async fn layer(State(state): State<AppState>, request: Request, next: Next) -> Response {
    state.auth.detached.run(next.run(request)).await
}
