//! Bodies: read as far as their sender may send one, and never made into more than they are.

use std::{
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::ConnectInfo,
};
use http::Request;
use hyper::body::Frame;
use tower::ServiceExt;

use crate::support::{Browser, ORIGIN, TestApp};

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
async fn a_large_body_is_read_only_from_a_signed_in_user() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let (id, snapshot) = ada.session_cookies();
    let own = format!("__Host-id={id}; __Host-auth={snapshot}");
    for function in [
        "update_public_data",
        "update_private_data", // wing:private-data
    ] {
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

/// A request whose body does not end.
struct Stall {
    _sender: tokio::sync::mpsc::Sender<Bytes>,
    task: tokio::task::JoinHandle<u16>,
}

/// Begins so many requests with so many bytes each, which have not ended; how many of them were refused with 503.
async fn stall(
    app: &TestApp,
    (path, cookies, ip): (&str, &str, &str),
    bytes: usize,
    many: usize,
    stalled: &mut Vec<Stall>,
) -> usize {
    let first = stalled.len();
    for _ in 0..many {
        let (sender, receiver) = tokio::sync::mpsc::channel::<Bytes>(1);
        sender.send(Bytes::from(vec![b'x'; bytes])).await.unwrap();
        let address = SocketAddr::new(ip.parse().unwrap(), 40_000);
        let request = Request::post(path)
            .extension(ConnectInfo(address))
            .header("host", "app.example")
            .header("origin", ORIGIN)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("cookie", cookies)
            .body(Body::new(Stalled(receiver)))
            .unwrap();
        let router = app.router.clone();
        let task = tokio::spawn(async move { router.oneshot(request).await.unwrap().status().as_u16() });
        stalled.push(Stall {
            _sender: sender,
            task,
        });
    }
    // Each has sent what it sends once nothing changes any more.
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
    let (refused, waiting): (Vec<_>, Vec<_>) =
        stalled.drain(first..).partition(|stall| stall.task.is_finished());
    stalled.extend(waiting);
    let count = refused.len();
    for stall in refused {
        assert_eq!(stall.task.await.unwrap(), 503);
    }
    count
}

/// Posts a form with so many bytes in a field that nothing reads.
async fn padded(browser: &Browser, function: &str, fields: &[(&str, &str)], bytes: usize) -> u16 {
    let padding = "x".repeat(bytes);
    let fields = [fields, &[("padding", &*padding)]].concat();
    browser.call(function, &fields).await.status
}

/// More than needs no room, and more than is left where bodies of 64 or 250 KiB fill a part.
const MUCH: usize = 30_000;

#[tokio::test]
async fn a_client_that_fills_its_own_share_of_the_room_leaves_the_others_theirs() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let own_part = 1024 * 1024;
    let mut stalled = Vec::new();
    let strangers = ("/api/update_public_data", "", "192.0.2.1");
    let refused = stall(&app, strangers, 64 * 1024, 40, &mut stalled).await;
    assert_eq!(40 - refused, own_part / (63 * 1024));
    // Another address of the same network, and one of another.
    for (ip, status) in [("192.0.2.200", 503), ("198.51.100.1", 401)] {
        let there = app.browser().at(ip);
        assert_eq!(padded(&there, "update_public_data", &[], MUCH).await, status);
        let small = there.call("update_public_data", &[("bio", "x")]).await;
        small.refused(401, "unauthenticated");
        there
            .copy()
            .login(ADA, crate::support::PASSWORD)
            .await
            .expect(200);
    }
    assert_eq!(padded(&ada, "update_public_data", &[], MUCH).await, 200);
    // Once they end, there is room again.
    for stall in stalled.drain(..) {
        drop(stall._sender);
        drop(stall.task.await);
    }
    let there = app.browser().at("192.0.2.1");
    assert_eq!(padded(&there, "update_public_data", &[], MUCH).await, 401);
}

#[tokio::test]
async fn sign_in_forms_that_never_end_do_not_prevent_other_sign_ins() {
    let app = TestApp::new().await;
    app.registered(ADA).await;
    let mut stalled = Vec::new();
    for ip in ["192.0.2.1", "198.51.100.1"] {
        let refused = stall(&app, ("/api/login", "", ip), 8191, 300, &mut stalled).await;
        assert!(refused > 0);
    }
    for ip in ["192.0.2.1", "203.0.113.9"] {
        let there = app.browser().at(ip);
        there.login(ADA, crate::support::PASSWORD).await.expect(200);
        // What is larger needs room, which one of the two has left to nobody in its network.
        let form = [("email", ADA), ("password", "x")];
        let status = padded(&app.browser().at(ip), "login", &form, 4000).await;
        assert_eq!(status, if ip == "192.0.2.1" { 503 } else { 401 });
    }
}

#[tokio::test]
async fn one_account_and_one_network_of_accounts_leave_room_for_the_others() {
    let app = TestApp::new().await;
    let (ada, bob) = (app.registered(ADA).await, app.registered("bob@example.com").await);
    let (id, snapshot) = ada.session_cookies();
    let cookies = format!("__Host-id={id}; __Host-auth={snapshot}");
    let path = "/api/update_public_data";
    let mut stalled = Vec::new();
    for ip in ["192.0.2.1", "198.51.100.1"] {
        let refused = stall(&app, (path, &cookies, ip), 250 * 1024, 20, &mut stalled).await;
        assert_eq!(20 - refused, if ip == "192.0.2.1" { 4 } else { 0 });
    }
    let there = bob.at("192.0.2.1");
    assert_eq!(padded(&there, "update_public_data", &[], MUCH).await, 200);
    assert_eq!(padded(&ada, "update_public_data", &[], MUCH).await, 503);
    ada.call("update_public_data", &[("bio", "x")]).await.expect(200);
    ada.call("logout", &[]).await.expect(200);
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
