//! Bodies: read as far as their sender may send one, and never made into more than they are.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use axum::body::{Body, Bytes, HttpBody};
use http::Request;
use hyper::body::Frame;
use tower::ServiceExt;

use crate::support::{ORIGIN, TestApp, all_at_once};

const ADA: &str = "ada@example.com";

/// A body without a declared length that counts how much of it is read.
struct Watched {
    left: usize,
    read: Arc<AtomicUsize>,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let chunk = self.left.min(4096);
        self.left -= chunk;
        self.read.fetch_add(chunk, Ordering::Relaxed);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(vec![b'x'; chunk])))))
    }
}

/// Posts so many bytes with these cookies; the status, and how many bytes were read.
async fn post(app: &TestApp, function: &str, cookies: &str, bytes: usize) -> (u16, usize) {
    let read = Arc::new(AtomicUsize::new(0));
    let body = Watched {
        left: bytes,
        read: Arc::clone(&read),
    };
    let request = Request::post(format!("/api/{function}"))
        .header("host", "app.example")
        .header("origin", ORIGIN)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("cookie", cookies)
        .body(Body::new(body))
        .unwrap();
    let response = app.router.clone().oneshot(request).await.unwrap();
    (response.status().as_u16(), read.load(Ordering::Relaxed))
}

#[tokio::test]
async fn a_large_body_is_read_only_of_somebody_signed_in() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let (id, snapshot) = ada.session_cookies();
    let own = format!("__Host-id={id}; __Host-auth={snapshot}");
    for function in ["update_public_data", "update_private_data"] {
        let (status, read) = post(&app, function, &own, 290_000).await;
        assert_eq!((status, read), (200, 290_000), "an unknown field is passed over");
        let (status, read) = post(&app, function, &own, 400_000).await;
        assert_eq!(status, 413);
        assert!(read < 320_000, "{read}");
        // Nobody, by whatever cookies.
        for cookies in [
            "",
            "__Host-id=AAAAAAAAAAAAAAAAAAAAAA",
            &format!("__Host-auth={snapshot}"),
        ] {
            let (status, read) = post(&app, function, cookies, 290_000).await;
            assert_eq!(status, 401, "{cookies}");
            assert!(read < 80_000, "{read}");
        }
    }
    for function in ["login", "register"] {
        let (status, read) = post(&app, function, "", 290_000).await;
        assert_eq!(status, 413);
        assert!(read < 16_000, "{read}");
    }
    // Nothing at all, if it says by itself that it is too much for who sends it.
    let stranger = app.browser();
    let call = || {
        stranger
            .post("/api/update_public_data", &[("bio", "x")])
            .body(vec![b'x'; 290_000])
    };
    call().send().await.refused(401, "unauthenticated");
    let page = call()
        .header("accept", "text/html")
        .send()
        .await
        .leads_to("/settings/public");
    assert!(page.cookies().is_empty());
    // Without asking whose it is, if it says by itself that it is too much.
    let declared = ada
        .copy()
        .post("/api/update_public_data", &[])
        .body(vec![b'x'; 400_000]);
    declared.send().await.refused(413, "too_large");
}

#[tokio::test]
async fn a_form_has_no_more_fields_than_a_form_has() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let form = |pairs: usize| {
        let body = (0..pairs)
            .map(|at| format!("a{at}"))
            .collect::<Vec<_>>()
            .join("&");
        let call = ada.post("/api/update_public_data", &[("bio", "x")]);
        call.body(format!("{body}&bio=many")).send()
    };
    form(63).await.expect(200);
    form(64).await.refused(413, "too_large");
    form(40_000).await.refused(413, "too_large");
    let data = ada.call("get_public_data", &[]).await.json();
    assert_eq!(data["bio"], "many");
}

#[tokio::test]
async fn what_strangers_send_takes_no_room_from_anybody_else() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    // Bodies of strangers that never end, until there is no room for another.
    let mut stalled = Vec::new();
    for _ in 0..300 {
        let (sender, receiver) = tokio::sync::mpsc::channel::<Bytes>(1);
        sender.send(Bytes::from(vec![b'x'; 64 * 1024])).await.unwrap();
        let request = Request::post("/api/update_public_data")
            .header("host", "app.example")
            .header("origin", ORIGIN)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::new(Stalled(receiver)))
            .unwrap();
        let router = app.router.clone();
        let task = tokio::spawn(async move { router.oneshot(request).await.unwrap().status().as_u16() });
        stalled.push((sender, task));
    }
    let mut refused = 0;
    for _ in 0..1000 {
        tokio::task::yield_now().await;
        refused = stalled.iter().filter(|(_, task)| task.is_finished()).count();
        if refused == 300 - 256 {
            break;
        }
    }
    assert_eq!(refused, 300 - 256, "16 MiB of 64 KiB each");
    let stranger = app.browser();
    let answer = stranger.call("update_public_data", &[("bio", "x")]).await;
    answer.refused(503, "unavailable");
    stranger.login(ADA, crate::support::PASSWORD).await.expect(200);
    ada.call("update_public_data", &[("bio", "x")]).await.expect(200);
    // Once they end, there is room again.
    let mut statuses = Vec::new();
    for (sender, task) in stalled {
        drop(sender);
        statuses.push(task.await.unwrap());
    }
    assert_eq!(
        statuses.iter().filter(|status| **status == 503).count(),
        300 - 256
    );
    let calls = (0..8).map(|_| {
        let browser = app.browser();
        async move { browser.call("update_public_data", &[("bio", "x")]).await.status }
    });
    assert_eq!(all_at_once(calls).await, [401; 8]);
}

/// A body that waits for more.
struct Stalled(tokio::sync::mpsc::Receiver<Bytes>);

impl HttpBody for Stalled {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.0
            .poll_recv(context)
            .map(|chunk| chunk.map(|chunk| Ok(Frame::data(chunk))))
    }
}
