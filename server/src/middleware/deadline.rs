//! The time limit for a request. A form has more of it, for its body to arrive: how much, [`bodies`](super::bodies) says.

use std::time::Duration;

use axum::{
    extract::{Request, State},
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse, Response},
};
use tokio::time::timeout;

use super::forms;

/// The time that a request has without a form.
pub(crate) const TIME: Duration = Duration::from_secs(30);

/// The layer, with the time for a request without a form.
pub(crate) async fn layer(State(time): State<Duration>, request: Request, next: Next) -> Response {
    let time = time + forms::time_to_arrive(&request);
    let answered = timeout(time, next.run(request)).await;
    answered.unwrap_or_else(|_| StatusCode::SERVICE_UNAVAILABLE.into_response())
}

#[cfg(test)]
mod tests {
    use app::pages::settings::picture::UPLOAD_PICTURE; // wing:pictures
    use axum::{Router, body::Body, middleware::from_fn_with_state};
    use bytes::Bytes;
    use futures_util::stream;
    use tokio::sync::oneshot;
    use tower::ServiceExt;

    use super::*;

    /// Posts a body that arrives when `arrives` is sent to.
    async fn post(path: &str, arrives: oneshot::Receiver<&'static str>) -> StatusCode {
        let reads = |body: Bytes| async move { assert_eq!(body, "a=b") };
        let router = Router::new()
            .fallback(reads)
            .layer(from_fn_with_state(Duration::from_millis(50), layer));
        let request = Request::post(path)
            .body(Body::from_stream(stream::once(arrives)))
            .unwrap();
        router.oneshot(request).await.unwrap().status()
    }

    #[tokio::test]
    async fn a_large_form_has_time_to_arrive() {
        let large = ["/api/update_public_data"];
        let large = large.into_iter().chain([UPLOAD_PICTURE]); // wing:pictures
        for path in large {
            let (late, arrives) = oneshot::channel();
            let posted = tokio::spawn(async move { post(path, arrives).await });
            // The time of another request passes meanwhile.
            let (_never, arrives) = oneshot::channel();
            assert_eq!(post("/", arrives).await, StatusCode::SERVICE_UNAVAILABLE);
            late.send("a=b").unwrap();
            assert_eq!(posted.await.unwrap(), StatusCode::OK, "{path}");
        }
    }
}
