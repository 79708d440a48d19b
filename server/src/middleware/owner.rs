//! A reactive owner for each request.

use axum::{extract::Request, middleware::Next, response::Response};
use leptos::{prelude::Owner, reactive::computed::ScopedFuture};

/// Runs whatever leptos answers below an owner of its own.
///
/// leptos_axum makes the owner of a server function a child of the one that its thread had last, which may be that of a
/// page for somebody else. The function would find that page's contexts where it has none of its own, such as the nonce;
/// and if the page ended while it was looking, reactive_graph would wait for a lock that it holds itself, and with it
/// the thread for ever.
pub(crate) async fn layer(request: Request, next: Next) -> Response {
    let owner = Owner::new_root(None);
    let answer = owner.with(|| ScopedFuture::new(next.run(request)));
    // From here on it is the thread's only while the answer is being worked on.
    owner.unset();
    answer.await
}
