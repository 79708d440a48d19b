//! `GET /api/events`: whoever listens is told of changes and of the end, and only then.

use std::{
    io::{BufRead, BufReader, Write},
    time::{Duration, Instant},
};

use axum::body::Body;
use http::Method;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use server::{
    config::TrustedProxies,
    connections::{Connections, Limits},
    serve,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::support::{Answer, Browser, Folder, PASSWORD, Server, TestApp};

const ADA: &str = "ada@example.com";
const EVENTS: &str = "/api/events";
/// The most a test waits for what has to come.
const PATIENCE: Duration = Duration::from_secs(20);
const COMMENT: &str = ":\n\n";

/// A stream that was opened.
struct Stream(Body);

impl Stream {
    /// What comes next: a whole event, or a comment. `None` at the end.
    async fn text(&mut self) -> Option<String> {
        let frame = timeout(PATIENCE, self.0.frame())
            .await
            .expect("something comes")?;
        let text = frame.unwrap().into_data().unwrap();
        Some(String::from_utf8(text.to_vec()).unwrap())
    }

    /// The next event, with its data.
    async fn event(&mut self) -> Option<(String, Value)> {
        loop {
            let text = self.text().await?;
            if text != COMMENT {
                let (name, data) = text
                    .strip_prefix("event: ")
                    .unwrap()
                    .split_once("\ndata: ")
                    .unwrap();
                let data = data.strip_suffix("\n\n").unwrap();
                return Some((name.to_owned(), serde_json::from_str(data).unwrap()));
            }
        }
    }

    /// The stream says why, and is over.
    async fn ends(mut self, reason: &str) {
        let end = Some(("end".to_owned(), json!({ "reason": reason })));
        assert_eq!(self.event().await, end);
        assert_eq!(self.text().await, None);
    }

    /// The stream is over, and nothing was said.
    async fn closes(mut self) {
        assert_eq!(self.event().await, None);
    }
}

async fn open(browser: &Browser) -> (Answer, Stream) {
    let (answer, body) = browser.request(Method::GET, EVENTS).open().await;
    (answer, Stream(body))
}

/// A stream that has shown the browser's session.
async fn listening(browser: &Browser) -> Stream {
    let (answer, mut stream) = open(browser).await;
    answer.expect(200);
    let (name, session) = stream.event().await.unwrap();
    assert_eq!((name.as_str(), session), ("session", browser.session().await));
    stream
}

/// What a change of a user by other code does.
async fn change(app: &TestApp, statement: &str) {
    let user_id = app.id_of(ADA).await;
    let mut tx = app.auth.db.begin().await.unwrap();
    sqlx::query(statement).execute(&mut *tx).await.unwrap();
    app.auth
        .sessions
        .refresh_snapshots(&mut tx, user_id)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn the_session_comes_first_and_the_answer_is_a_stream() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let call = ada.request(Method::GET, EVENTS);
    let (answer, body) = call.header("accept-encoding", "gzip, br").open().await;
    let answer = answer.expect(200);
    assert_eq!(answer.header("content-type"), Some("text/event-stream"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("content-encoding"), None);
    assert_eq!(answer.header("x-accel-buffering"), Some("no"));
    assert!(answer.cookies().is_empty());
    let (name, session) = Stream(body).event().await.unwrap();
    assert_eq!(name, "session");
    assert_eq!(session, ada.session().await);
    assert_eq!(session["email"], ADA);
}

#[tokio::test]
async fn without_a_session_there_is_nothing_to_listen_to() {
    let app = TestApp::new().await;
    let anonymous = app.browser().request(Method::GET, EVENTS).send().await;
    anonymous.refused(401, "unauthenticated");
    let (ada, other) = (app.registered(ADA).await, app.signed_in(ADA).await);
    ada.call("revoke_other_sessions", &[]).await.expect(200);
    let dead = other.request(Method::GET, EVENTS).send().await;
    assert!(dead.refused(401, "unauthenticated").clears());
    for method in ["POST", "PUT", "DELETE", "PATCH"] {
        let call = ada.request(method.parse().unwrap(), EVENTS);
        let answer = call.header("sec-fetch-site", "same-origin").send().await;
        answer.refused(405, "method_not_allowed");
    }
}

#[tokio::test]
async fn without_the_authority_there_is_nothing_to_listen_to() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    app.lose_database().await;
    let answer = ada.request(Method::GET, EVENTS).send().await;
    let answer = answer.refused(503, "unavailable");
    assert!(answer.cookies().is_empty());
}

#[tokio::test]
async fn changes_of_the_session_are_told_and_nothing_else() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let mut stream = listening(&ada).await;
    // The version is raised, and what the session shows stays.
    change(&app, "UPDATE users SET name = 'Countess'").await;
    change(&app, "UPDATE users SET role = 'admin'").await;
    let (name, session) = stream.event().await.unwrap();
    assert_eq!((name.as_str(), &session["role"]), ("session", &json!("admin")));
}

#[tokio::test]
async fn a_changed_address_is_told() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let mut stream = listening(&ada).await;
    change(&app, "UPDATE users SET email = 'countess@example.com'").await;
    let (name, session) = stream.event().await.unwrap();
    assert_eq!(name, "session");
    assert_eq!(session["email"], "countess@example.com");
    assert_eq!(session, ada.session().await);
}

#[tokio::test]
async fn a_revoked_session_ends_within_a_second_and_others_go_on() {
    let app = TestApp::new().await;
    let (ada, lost) = (app.registered(ADA).await, app.signed_in(ADA).await);
    let (mut kept, ends) = (listening(&ada).await, listening(&lost).await);
    let session_id = lost.session_id().await;
    ada.call("revoke_session", &[("session_id", &session_id)])
        .await
        .expect(200);
    let start = Instant::now();
    ends.ends("revoked").await;
    assert!(start.elapsed() < Duration::from_secs(1));
    app.advance(15);
    assert_eq!(kept.text().await.as_deref(), Some(COMMENT));
}

#[tokio::test]
async fn an_instance_beside_the_one_that_revokes_tells_it_as_well() {
    let app = TestApp::new().await;
    let (ada, lost) = (app.registered(ADA).await, app.signed_in(ADA).await);
    let other = app.restarted(&[]).await;
    let ends = listening(&lost.before(&other)).await;
    ada.call("revoke_other_sessions", &[]).await.expect(200);
    let start = Instant::now();
    ends.ends("revoked").await;
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn signing_out_and_signing_in_anew_end_a_session() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let ends = listening(&ada).await;
    ada.call("logout", &[]).await.expect(200);
    ends.ends("revoked").await;

    ada.login(ADA, PASSWORD).await.expect(200);
    let ends = listening(&ada).await;
    ada.login(ADA, PASSWORD).await.expect(200);
    ends.ends("revoked").await;
    listening(&ada).await;
}

#[tokio::test]
async fn a_user_who_is_disabled_is_told() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let ends = listening(&ada).await;
    change(&app, "UPDATE users SET disabled_at = updated_at").await;
    ends.ends("revoked").await;
}

/// Whoever copied the former cookie must not go on listening.
#[tokio::test]
async fn with_a_new_id_the_session_goes_on_and_the_stream_does_not() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let copy = ada.copy();
    let closes = listening(&ada).await;
    ada.call("confirm_identity", &[("password", PASSWORD)])
        .await
        .expect(200);
    closes.closes().await;
    listening(&ada).await;
    let late = copy.request(Method::GET, EVENTS).send().await;
    let late = late.refused(401, "unauthenticated");
    assert!(
        late.cookies().is_empty(),
        "the browser may have its new ones by now"
    );
}

#[tokio::test]
async fn a_session_expires_at_its_idle_end_which_a_stream_does_not_move() {
    let app = TestApp::with(&[("SESSION_IDLE", "600")]).await;
    let ada = app.registered(ADA).await;
    let ends_at = "SELECT CAST(idle_expires_at AS text) FROM sessions";
    let before = app.text(ends_at).await;
    let first = listening(&ada).await;
    // By now the snapshot has expired, so any other request would move the end.
    app.advance(400);
    let (answer, mut second) = open(&ada).await;
    assert!(answer.expect(200).cookies().is_empty());
    assert!(second.event().await.is_some());
    assert_eq!(app.text(ends_at).await, before);
    app.advance(200);
    first.ends("expired").await;
    second.ends("expired").await;
}

#[tokio::test]
async fn a_session_in_use_lives_to_its_absolute_end() {
    let app = TestApp::with(&[("SESSION_IDLE", "600"), ("SESSION_ABSOLUTE", "900")]).await;
    let ada = app.registered(ADA).await;
    let mut stream = listening(&ada).await;
    app.advance(500);
    assert!(ada.get("/profile").await.expect(200).renews());
    app.advance(100);
    // It was to end now, by what the stream knew.
    assert_eq!(stream.text().await.as_deref(), Some(COMMENT));
    app.advance(15);
    assert_eq!(stream.text().await.as_deref(), Some(COMMENT));
    app.advance(285);
    stream.ends("expired").await;
}

#[tokio::test]
async fn a_stream_whose_authority_is_gone_closes() {
    let app = TestApp::with(&[("SESSION_IDLE", "600")]).await;
    let ada = app.registered(ADA).await;
    let closes = listening(&ada).await;
    app.lose_database().await;
    app.advance(600);
    closes.closes().await;
}

#[tokio::test]
async fn a_comment_comes_every_fifteen_seconds_and_the_stream_closes_after_half_an_hour() {
    let app = TestApp::with(&[("SESSION_IDLE", "7200")]).await;
    let ada = app.registered(ADA).await;
    let mut stream = listening(&ada).await;
    for _ in 0..119 {
        app.advance(15);
        assert_eq!(stream.text().await.as_deref(), Some(COMMENT));
    }
    app.advance(15);
    assert_eq!(stream.text().await, None);
    assert!(ada.is_signed_in().await);
}

#[tokio::test]
async fn a_session_has_ten_streams() {
    let app = TestApp::new().await;
    let (ada, other) = (app.registered(ADA).await, app.signed_in(ADA).await);
    let mut streams = Vec::new();
    for _ in 0..10 {
        streams.push(listening(&ada).await);
    }
    let refused = ada.request(Method::GET, EVENTS).send().await;
    assert_eq!(refused.refused(429, "too_many_attempts").wait(), 15);
    listening(&other).await;
    streams.pop();
    listening(&ada).await;
}

#[tokio::test]
async fn a_server_that_stops_closes_its_streams() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let before = listening(&ada).await;
    app.auth.sessions.end_watches();
    before.closes().await;
    listening(&ada).await.closes().await;
}

/// Not at the end of the half minute that running requests have.
#[test]
fn an_open_stream_does_not_hold_up_the_end_of_the_process() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[("PUBLIC_URL", "http://127.0.0.1:3000")]);
    let answer = server.post("/api/register", "", &[("email", ADA), ("password", PASSWORD)]);
    let set = answer
        .lines()
        .filter_map(|line| line.strip_prefix("set-cookie: "));
    let cookies: Vec<_> = set.map(|cookie| cookie.split(';').next().unwrap()).collect();
    let mut connection = server.connect();
    let request = format!(
        "GET {EVENTS} HTTP/1.1\r\nhost: 127.0.0.1:3000\r\ncookie: {}\r\n\r\n",
        cookies.join("; ")
    );
    connection.write_all(request.as_bytes()).unwrap();
    let mut lines = BufReader::new(connection).lines().map(Result::unwrap);
    assert!(lines.any(|line| line == "event: session"));
    server.signal("TERM");
    // Whole, with the last chunk: clients see that it was not cut.
    assert_eq!(lines.last().as_deref(), Some(""));
    let start = Instant::now();
    let (code, log) = server.finish();
    assert_eq!(code, Some(0), "{log}");
    assert!(start.elapsed() < Duration::from_secs(10), "{log}");
    assert!(!log.contains("did not finish in time"), "{log}");
}

/// The application behind a socket.
struct Listening {
    listener: std::net::SocketAddr,
    _stop: DropGuard,
}

impl Listening {
    async fn new(app: &TestApp, limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (stop, router) = (CancellationToken::new(), app.router.clone());
        tokio::spawn({
            let (connections, stop) = (Connections::new(limits, TrustedProxies::default()), stop.clone());
            async move { serve::accept(listener, router, &connections, &stop).await }
        });
        Self {
            listener: addr,
            _stop: stop.drop_guard(),
        }
    }

    /// Opens a stream. Returns the connection, and the status.
    async fn listen(&self, browser: &Browser) -> (TcpStream, String) {
        let mut connection = TcpStream::connect(self.listener).await.unwrap();
        let cookies = browser.cookie_header().unwrap();
        let request = format!("GET {EVENTS} HTTP/1.1\r\nhost: app.example\r\ncookie: {cookies}\r\n\r\n");
        connection.write_all(request.as_bytes()).await.unwrap();
        let head = until(&mut connection, "\r\n\r\n").await;
        let status = head.split(' ').nth(1).unwrap().to_owned();
        if status == "200" {
            until(&mut connection, "\n\n\r\n").await;
        }
        (connection, status)
    }
}

/// Reads byte by byte up to a text.
async fn until(connection: &mut TcpStream, text: &str) -> String {
    let mut read = String::new();
    while !read.ends_with(text) {
        let byte = timeout(PATIENCE, connection.read_u8())
            .await
            .expect("something comes");
        read.push(char::from(byte.unwrap()));
    }
    read
}

fn limits(short: Duration) -> Limits {
    Limits {
        head: short,
        keep_alive: short,
        write: short,
        total: 100,
        per_network: 100,
    }
}

#[tokio::test]
async fn a_silent_stream_outlives_the_times_for_silent_connections() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let short = Duration::from_millis(150);
    let server = Listening::new(&app, limits(short)).await;
    let (mut stream, status) = server.listen(&ada).await;
    assert_eq!(status, "200");
    let silent = timeout(short * 4, stream.read_u8()).await;
    assert!(silent.is_err(), "{silent:?}");
    app.advance(15);
    // Its length in hexadecimal, and the comment.
    assert_eq!(until(&mut stream, "\n\n\r\n").await, "3\r\n:\n\n\r\n");
}

#[tokio::test]
async fn a_stream_whose_client_has_left_makes_room() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let server = Listening::new(&app, limits(PATIENCE)).await;
    let mut streams = Vec::new();
    for _ in 0..10 {
        streams.push(server.listen(&ada).await);
    }
    assert!(streams.iter().all(|(_, status)| status == "200"));
    assert_eq!(server.listen(&ada).await.1, "429");
    drop(streams);
    let start = Instant::now();
    while server.listen(&ada).await.1 == "429" {
        assert!(start.elapsed() < PATIENCE);
    }
}

/// A stream that a client has opened with a token.
async fn listening_with(app: &TestApp, token: &str) -> Stream {
    let call = super::support::with_token(app, Method::GET, EVENTS, token);
    let (answer, body) = call.open().await;
    assert_eq!(answer.status, 200);
    let mut stream = Stream(body);
    assert_eq!(stream.event().await.unwrap().0, "session");
    stream
}

#[tokio::test]
async fn a_client_listens_for_as_long_as_its_session_lasts() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let client = super::support::Client::public(&app, "cli").await;
    let tokens = client.tokens(&ada).await;
    let mut stream = listening_with(&app, &tokens.access).await;
    // The access token is void from here on, and the session is not.
    app.promote(ADA).await;
    let mut tx = app.auth.db.begin().await.unwrap();
    let id = app.id_of(ADA).await;
    app.auth.sessions.refresh_snapshots(&mut tx, id).await.unwrap();
    tx.commit().await.unwrap();
    let (name, session) = stream.event().await.unwrap();
    assert_eq!((name.as_str(), &session["role"]), ("session", &json!("admin")));
    ada.call("revoke_other_sessions", &[]).await.expect(200);
    stream.ends("revoked").await;

    let call = super::support::with_token(&app, Method::GET, EVENTS, &tokens.access);
    let answer = call.send().await;
    assert_eq!(
        answer.header("www-authenticate"),
        Some("Bearer error=\"invalid_token\"")
    );
    answer.refused(401, "unauthenticated");
}
