//! Connections: who is let in, who has to go, and when.

use std::{
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes, HttpBody},
    routing::get,
};
use hyper::body::Frame;
use server::{
    config::TrustedProxies,
    connections::{Connections, Limits},
    serve,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::timeout,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::support::TestApp;

const LONG: Duration = Duration::from_secs(3600);
const SHORT: Duration = Duration::from_millis(150);
/// The most a test waits for what has to come.
const PATIENCE: Duration = Duration::from_secs(20);

fn limits() -> Limits {
    Limits {
        head: LONG,
        keep_alive: LONG,
        write: LONG,
        total: 100,
        per_network: 100,
    }
}

struct Listening {
    addr: SocketAddr,
    connections: Connections,
    stop: CancellationToken,
    _stop: DropGuard,
}

impl Listening {
    async fn new(router: Router, limits: Limits) -> Self {
        Self::behind(TrustedProxies::default(), router, limits).await
    }

    async fn behind(proxies: TrustedProxies, router: Router, limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let connections = Connections::new(limits, proxies);
        tokio::spawn({
            let (connections, stop) = (connections.clone(), stop.clone());
            async move { serve::accept(listener, router, &connections, &stop).await }
        });
        Self {
            addr,
            connections,
            stop: stop.clone(),
            _stop: stop.drop_guard(),
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.addr).await.unwrap()
    }
}

/// Sends a request on a connection that goes on, and reads what comes of its answer at once.
async fn ask(stream: &mut TcpStream, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    answer(stream).await
}

/// Reads what comes of an answer at once.
async fn answer(stream: &mut TcpStream) -> String {
    let mut answer = vec![0; 4096];
    let length = timeout(PATIENCE, stream.read(&mut answer))
        .await
        .unwrap()
        .unwrap();
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

/// Waits for the other side to close.
async fn closed(stream: &mut TcpStream) {
    let read = async { while !matches!(stream.read(&mut [0; 4096]).await, Ok(0) | Err(_)) {} };
    timeout(PATIENCE, read).await.expect("the connection is closed");
}

fn ok() -> Router {
    Router::new().route("/", get(async || "ok"))
}

#[tokio::test]
async fn a_slow_head_is_cut_and_an_idle_connection_is_not() {
    let server = Listening::new(
        ok(),
        Limits {
            head: SHORT,
            ..limits()
        },
    )
    .await;
    let mut idle = server.connect().await;
    assert!(ask(&mut idle, "/").await.starts_with("HTTP/1.1 200"));
    let mut fresh = server.connect().await;
    // It sends a byte now and then, each in time and all together too late.
    let mut slow = server.connect().await;
    let trickle = async {
        while slow.write_all(b"G").await.is_ok() {
            if let Ok(Ok(0) | Err(_)) = timeout(SHORT / 10, slow.read(&mut [0; 1])).await {
                break;
            }
        }
    };
    timeout(PATIENCE, trickle).await.expect("the slow one is cut");
    // Both are older, and have been silent for longer than a head may take.
    for silent in [&mut idle, &mut fresh] {
        assert!(ask(silent, "/").await.starts_with("HTTP/1.1 200"));
    }
}

#[tokio::test]
async fn an_idle_connection_is_closed_in_the_end() {
    let server = Listening::new(
        ok(),
        Limits {
            keep_alive: SHORT,
            ..limits()
        },
    )
    .await;
    let mut idle = server.connect().await;
    for _ in 0..3 {
        assert!(ask(&mut idle, "/").await.starts_with("HTTP/1.1 200"));
    }
    closed(&mut idle).await;
    let mut silent = server.connect().await;
    closed(&mut silent).await;
}

/// A body without an end, which says when it is given up.
struct Endless(#[expect(dead_code, reason = "its drop is what counts")] DropGuard);

impl HttpBody for Endless {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[0; 1 << 16])))))
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut() {
    let ended = CancellationToken::new();
    let endless = {
        let ended = ended.clone();
        move || std::future::ready(Body::new(Endless(ended.clone().drop_guard())))
    };
    let router = Router::new().route("/", get(endless));
    let server = Listening::new(
        router,
        Limits {
            write: SHORT,
            ..limits()
        },
    )
    .await;
    let mut greedy = server.connect().await;
    assert!(ask(&mut greedy, "/").await.starts_with("HTTP/1.1 200"));
    timeout(PATIENCE, ended.cancelled())
        .await
        .expect("the answer is given up");
}

#[tokio::test]
async fn silent_connections_make_room_for_those_that_ask() {
    let limits = Limits { total: 8, ..limits() };
    let server = Listening::new(ok(), limits).await;
    let mut silent = Vec::new();
    for _ in 0..50 {
        silent.push(server.connect().await);
    }
    let mut asking = server.connect().await;
    assert!(ask(&mut asking, "/").await.starts_with("HTTP/1.1 200"));
    closed(&mut silent[0]).await;
    // Whoever has asked is not older than those who came later and said nothing.
    assert!(ask(&mut asking, "/").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn when_everything_is_busy_health_checks_are_answered_and_all_else_is_put_off() {
    let app = TestApp::with(&[("PUBLIC_URL", "http://127.0.0.1:3000")]).await;
    let go_on = Arc::new(Semaphore::new(0));
    let begun = Arc::new(Semaphore::new(0));
    let work = {
        let (go_on, begun) = (Arc::clone(&go_on), Arc::clone(&begun));
        async move || {
            begun.add_permits(1);
            go_on.acquire().await.unwrap().forget();
            "done"
        }
    };
    let router = Router::new()
        .route("/work", get(work))
        .fallback_service(app.router.clone());
    let server = Listening::new(router, Limits { total: 2, ..limits() }).await;
    let mut busy = [server.connect().await, server.connect().await];
    for stream in &mut busy {
        let head = b"GET /work HTTP/1.1\r\nhost: x\r\n\r\n";
        stream.write_all(head).await.unwrap();
        timeout(PATIENCE, begun.acquire())
            .await
            .unwrap()
            .unwrap()
            .forget();
    }
    for path in ["/healthz", "/readyz"] {
        let mut check = server.connect().await;
        let answer = ask(&mut check, path).await;
        assert!(
            answer.starts_with("HTTP/1.1 200") && answer.contains("connection: close"),
            "{answer}"
        );
    }
    let mut page = server.connect().await;
    let answer = ask(&mut page, "/login").await;
    assert!(
        answer.starts_with("HTTP/1.1 503") && answer.contains("retry-after: "),
        "{answer}"
    );
    assert!(answer.contains("x-request-id: "), "{answer}");

    // One request has ended: there is room again.
    go_on.add_permits(1);
    let ended = async {
        let (first, second) = busy.split_at_mut(1);
        let mut answer = [0; 12];
        let mut other = [0; 12];
        tokio::select! {
            read = first[0].read_exact(&mut answer) => { read.unwrap(); answer }
            read = second[0].read_exact(&mut other) => { read.unwrap(); other }
        }
    };
    assert_eq!(&timeout(PATIENCE, ended).await.unwrap(), b"HTTP/1.1 200");
    let mut page = server.connect().await;
    assert!(ask(&mut page, "/login").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_connection_whose_body_does_not_come_makes_room_for_another() {
    let app = TestApp::with(&[("PUBLIC_URL", "http://127.0.0.1:3000")]).await;
    let server = Listening::new(app.router.clone(), Limits { total: 2, ..limits() }).await;
    let mut stalled = [server.connect().await, server.connect().await];
    for stream in &mut stalled {
        let head = "POST /api/login HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\nsec-fetch-site: same-origin\r\n\
                    content-type: application/x-www-form-urlencoded\r\ncontent-length: 10\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut go_on = [0; 25];
        timeout(PATIENCE, stream.read_exact(&mut go_on))
            .await
            .unwrap()
            .unwrap();
    }
    let mut page = server.connect().await;
    assert!(ask(&mut page, "/healthz").await.starts_with("HTTP/1.1 200"));
    closed(&mut stalled[0]).await;
    // The other one is served once its body has come, and its connection goes on.
    stalled[1].write_all(b"email=x&p=").await.unwrap();
    let mut answer = [0; 4096];
    let length = timeout(PATIENCE, stalled[1].read(&mut answer))
        .await
        .unwrap()
        .unwrap();
    assert!(answer[..length].starts_with(b"HTTP/1.1 422"));
    assert!(ask(&mut stalled[1], "/healthz").await.starts_with("HTTP/1.1 200"));
    assert!(ask(&mut page, "/healthz").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_server_that_stops_answers_what_a_proxy_still_sends_over_its_idle_connections() {
    let here = TrustedProxies::parse("127.0.0.1").unwrap();
    let server = Listening::behind(here, ok(), limits()).await;
    let mut idle = server.connect().await;
    let first = ask(&mut idle, "/").await;
    assert!(!first.contains("connection: close"), "{first}");
    server.stop.cancel();
    // Nothing new is let in: a proxy goes to another instance.
    while TcpStream::connect(server.addr).await.is_ok() {
        tokio::task::yield_now().await;
    }
    let last = ask(&mut idle, "/").await;
    assert!(last.starts_with("HTTP/1.1 200"), "{last}");
    assert!(last.contains("connection: close"), "{last}");
    closed(&mut idle).await;
}

#[tokio::test]
async fn a_server_that_stops_does_not_wait_for_the_idle_connections_of_others() {
    let server = Listening::new(ok(), limits()).await;
    let mut idle = server.connect().await;
    assert!(ask(&mut idle, "/").await.starts_with("HTTP/1.1 200"));
    server.stop.cancel();
    timeout(Duration::from_secs(4), closed(&mut idle))
        .await
        .expect("it is closed at once");
}

/// Refuses without reading the body, as a limit does.
fn refusing() -> Router {
    Router::new().route(
        "/",
        axum::routing::post(async || http::StatusCode::PAYLOAD_TOO_LARGE),
    )
}

#[tokio::test]
async fn a_body_that_was_not_wanted_is_read_all_the_same_and_the_connection_goes_on() {
    let server = Listening::new(refusing(), limits()).await;
    let mut stream = server.connect().await;
    let body = vec![b'x'; 300 * 1024];
    for _ in 0..3 {
        let head = format!(
            "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        // The body comes when the refusal could have been sent for long.
        for part in body.chunks(16 * 1024) {
            tokio::task::yield_now().await;
            stream.write_all(part).await.expect("nobody closes");
        }
        let answer = answer(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
        assert!(!answer.contains("connection: close"), "{answer}");
    }
}

#[tokio::test]
async fn a_body_that_waits_to_be_asked_for_is_not_asked_for() {
    let server = Listening::new(refusing(), limits()).await;
    let mut stream = server.connect().await;
    let head = "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9000\r\nexpect: 100-continue\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let answer = answer(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

#[tokio::test]
async fn a_body_without_end_is_not_read_for_ever() {
    let server = Listening::new(refusing(), limits()).await;
    let mut stream = server.connect().await;
    let head = "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let flood = async { while stream.write_all(&[b'x'; 16 * 1024]).await.is_ok() {} };
    timeout(PATIENCE, flood).await.expect("it is cut");
}

#[tokio::test]
async fn a_server_that_is_about_to_stop_says_so_to_its_proxy() {
    let app = TestApp::new().await;
    let server = Listening::new(app.router.clone(), limits()).await;
    let mut probe = server.connect().await;
    assert!(ask(&mut probe, "/readyz").await.starts_with("HTTP/1.1 200"));
    server.connections.leave();
    // Everything else is served, over connections that are not used again.
    let mut page = server.connect().await;
    let answer = ask(&mut page, "/healthz").await;
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains("connection: close"),
        "{answer}"
    );
    let answer = ask(&mut probe, "/readyz").await;
    assert!(
        answer.starts_with("HTTP/1.1 503") && answer.contains("the server is stopping"),
        "{answer}"
    );
}
