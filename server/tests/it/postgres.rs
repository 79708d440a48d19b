//! What only a server does: it cuts connections, becomes read-only, and holds locks on single tables and rows.
//! Whatever needs the database answers 503 meanwhile, whatever does not goes on, and nobody has to be
//! restarted or to sign in again afterwards.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use sqlx::{ConnectOptions, Connection, Executor, PgConnection, postgres::PgConnectOptions};

use crate::{
    races::expire,
    support::{
        Answer, Browser, FUNCTIONS, Folder, OTHER_PASSWORD, PASSWORD, SECRET, Server, TestApp, all_at_once,
        command,
    },
};

const ADA: &str = "ada@example.com";
const EVE: &str = "eve@example.com";
const SITE: (&str, &str) = ("PUBLIC_URL", "http://127.0.0.1:3000");

/// Who looks after the server, on a connection beside the application's.
pub struct Operator(PgConnection);

impl Operator {
    async fn of(options: &PgConnectOptions) -> Self {
        Self(PgConnection::connect_with(options).await.unwrap())
    }

    pub async fn beside(app: &TestApp) -> Self {
        Self::of(&app.auth.db.connect_options()).await
    }

    pub async fn run(&mut self, statement: &str) {
        self.0.execute(statement).await.unwrap();
    }

    async fn number(&mut self, query: &str) -> i64 {
        sqlx::query_scalar(query).fetch_one(&mut self.0).await.unwrap()
    }

    /// Ends all other connections to the database; how many.
    async fn cut(&mut self) -> i64 {
        self.look_anew().await;
        self.number(
            "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .await
    }

    /// A transaction sees who is there as it was when it looked first.
    async fn look_anew(&mut self) {
        self.run("SELECT pg_stat_clear_snapshot()").await;
    }

    /// Waits until so many wait for a lock.
    pub async fn await_waiting(&mut self, many: i64) {
        self.await_locks(many, "").await;
    }

    /// Waits until somebody waits for a lock, and this is so, too.
    pub async fn await_waiting_for(&mut self, condition: &str) {
        self.await_locks(1, condition).await;
    }

    async fn await_locks(&mut self, many: i64, condition: &str) {
        let start = Instant::now();
        let waiting = format!(
            "SELECT count(*) FROM pg_stat_activity w
             WHERE datname = current_database() AND wait_event_type = 'Lock' {condition}"
        );
        while self.number(&waiting).await < many {
            assert!(start.elapsed().as_secs() < 10, "nobody waits");
            self.look_anew().await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Whether everybody may only read from now on.
    async fn read_only(&mut self, on: bool) {
        let name: String = sqlx::query_scalar("SELECT current_database()")
            .fetch_one(&mut self.0)
            .await
            .unwrap();
        let change = if on {
            format!("ALTER DATABASE {name} SET default_transaction_read_only = on")
        } else {
            format!("ALTER DATABASE {name} RESET default_transaction_read_only")
        };
        self.run(&change).await;
        self.cut().await;
    }
}

/// A pooler in transaction mode, as far as notifications are concerned: it hands them on to who is in the midst
/// of a query, and to nobody else.
struct Pooler {
    url: String,
    /// Whether anybody wanted to listen.
    listened: Arc<AtomicBool>,
}

impl Pooler {
    /// One that passes the options of a connection's start on, or drops them.
    fn start(server: &PgConnectOptions, passes_options: bool) -> Self {
        let listened = Arc::new(AtomicBool::new(false));
        let heard = Arc::clone(&listened);
        let url = stand_before(server, move |mut client, mut server| {
            let start = read_start(&mut client, passes_options).unwrap();
            server.write_all(&start).unwrap();
            let asks = Arc::new(AtomicBool::new(true));
            hand_on(client.try_clone().unwrap(), server.try_clone().unwrap(), {
                let (asks, heard) = (Arc::clone(&asks), Arc::clone(&heard));
                move |question| {
                    asks.store(true, Ordering::SeqCst);
                    heard.fetch_or(listens(question), Ordering::SeqCst);
                }
            });
            thread::spawn(move || drop(hand_answers_on(server, client, &asks)));
        });
        Self { url, listened }
    }
}

/// Hands everything on, but each LISTEN only when the gate is opened.
struct Gate {
    url: String,
    /// Whether a LISTEN has come.
    reached: Arc<AtomicBool>,
    open: Arc<AtomicBool>,
}

impl Gate {
    fn start(server: &PgConnectOptions) -> Self {
        let (reached, open) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let gate = (Arc::clone(&reached), Arc::clone(&open));
        let url = stand_before(server, move |client, server| {
            let (reached, open) = gate.clone();
            hand_on(server.try_clone().unwrap(), client.try_clone().unwrap(), |_| {});
            hand_on(client, server, move |question| {
                if listens(question) {
                    reached.store(true, Ordering::SeqCst);
                    while !open.load(Ordering::SeqCst) {
                        thread::sleep(Duration::from_millis(1));
                    }
                }
            });
        });
        Self { url, reached, open }
    }
}

/// Stands before the server, and serves each connection to it; the address to connect to.
fn stand_before(server: &PgConnectOptions, serve: impl Fn(TcpStream, TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let mut url = server.to_url_lossy();
    url.set_ip_host(addr.ip()).unwrap();
    url.set_port(Some(addr.port())).unwrap();
    url.set_query(Some("sslmode=disable"));
    let server = (server.get_host().to_owned(), server.get_port());
    thread::spawn(move || {
        for client in listener.incoming() {
            serve(client.unwrap(), TcpStream::connect(&server).unwrap());
        }
    });
    url.into()
}

/// Hands on what comes, on a thread of its own, after somebody has looked at it.
fn hand_on(mut from: TcpStream, mut to: TcpStream, look: impl Fn(&[u8]) + Send + 'static) {
    thread::spawn(move || -> io::Result<()> {
        let mut bytes = [0; 8192];
        loop {
            let read = from.read(&mut bytes)?;
            if read == 0 {
                return to.shutdown(Shutdown::Both);
            }
            look(&bytes[..read]);
            to.write_all(&bytes[..read])?;
        }
    });
}

/// Not UNLISTEN, with which every listener ends.
fn listens(question: &[u8]) -> bool {
    question.windows(8).any(|word| word == b"LISTEN \"")
}

/// The first message: its length, the protocol's version, names and values.
fn read_start(client: &mut TcpStream, passes_options: bool) -> io::Result<Vec<u8>> {
    let mut head = [0; 8];
    client.read_exact(&mut head)?;
    let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]);
    let mut body = vec![0; length as usize - 8];
    client.read_exact(&mut body)?;
    if !passes_options {
        let parameters: Vec<&[u8]> = body.split(|byte| *byte == 0).collect();
        let kept = parameters.chunks(2).filter(|pair| pair[0] != b"options");
        body = kept.collect::<Vec<_>>().concat().join(&0);
    }
    let length = u32::try_from(body.len() + 8).unwrap().to_be_bytes();
    Ok([&length[..], &head[4..], &body].concat())
}

fn hand_answers_on(mut server: TcpStream, mut client: TcpStream, asks: &AtomicBool) -> io::Result<()> {
    loop {
        // A letter for the kind, and the length of the rest, itself included.
        let mut head = [0; 5];
        server.read_exact(&mut head)?;
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
        let mut body = vec![0; length as usize - 4];
        server.read_exact(&mut body)?;
        let (notification, ready) = (head[0] == b'A', head[0] == b'Z');
        if notification && !asks.load(Ordering::SeqCst) {
            continue;
        }
        if ready && body == b"I" {
            asks.store(false, Ordering::SeqCst);
        }
        client.write_all(&[&head[..], &body].concat())?;
    }
}

fn assert_unavailable(answer: &Answer) {
    let answer = answer.clone().expect(503);
    assert!(answer.header("retry-after").is_some());
    let removed = answer.cookies().iter().any(|cookie| cookie.removes());
    assert!(!removed, "{}", answer.everything());
}

async fn await_feed(browser: &Browser) {
    let start = Instant::now();
    while !browser.get("/readyz").await.shows("stale feed: current") {
        assert!(start.elapsed().as_secs() < 10, "the feed stays silent");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_pooler_the_authority_is_asked() {
    for passes_options in [true, false] {
        let app = TestApp::new().await;
        let (ada, lost) = (app.registered(ADA).await, app.signed_in(ADA).await);
        let pooler = Pooler::start(&app.auth.db.connect_options(), passes_options);
        let other = app.restarted(&[("DATABASE_URL", &pooler.url)]).await;
        let status = || other.auth.sessions.status();
        assert!(!status().feed_is_current, "nothing is proven by hearing oneself");
        // A pooler that gives itself away is left without a LISTEN on connections of others.
        assert_eq!(pooler.listened.load(Ordering::SeqCst), passes_options);
        let there = lost.before(&other);
        for asked in 0..3 {
            assert_eq!(status().authority_reads, asked);
            assert!(there.is_signed_in().await);
        }
        ada.call("revoke_other_sessions", &[]).await.expect(200);
        assert!(!there.is_signed_in().await);
        assert!(ada.before(&other).is_signed_in().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_just_before_the_listen_is_read() {
    let app = TestApp::new().await;
    let (ada, lost) = (app.registered(ADA).await, app.signed_in(ADA).await);
    let gate = Gate::start(&app.auth.db.connect_options());
    let vars = [("DATABASE_URL", gate.url.as_str())];
    let revoked = async {
        let start = Instant::now();
        while !gate.reached.load(Ordering::SeqCst) {
            assert!(start.elapsed().as_secs() < 10, "nobody listens");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        ada.call("revoke_other_sessions", &[]).await.expect(200);
        gate.open.store(true, Ordering::SeqCst);
    };
    let (other, ()) = tokio::join!(app.restarted(&vars), revoked);
    assert!(other.auth.sessions.status().feed_is_current);
    assert!(!lost.before(&other).is_signed_in().await);
    assert!(ada.before(&other).is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_were_cut_are_replaced_without_an_error() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let mut operator = Operator::beside(&app).await;
    for _ in 0..3 {
        let requests = (0..20).map(|_| {
            let ada = ada.copy();
            async move { ada.call("get_user", &[]).await.expect(200) }
        });
        for answer in all_at_once(requests).await {
            assert_eq!(answer.json()["email"], ADA);
        }
        assert!(operator.cut().await > 2);
    }
    ada.call("update_public_data", &[("bio", "x")]).await.expect(200);
    await_feed(&ada).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_was_cut_has_not_happened() {
    let app = TestApp::new().await;
    let (ada, other) = (app.registered(ADA).await, app.signed_in(ADA).await);
    let mut operator = Operator::beside(&app).await;
    // Each of them writes here last, or nearly.
    operator.run("BEGIN").await;
    operator.run("LOCK TABLE audit_events").await;
    let requests = [
        ("register", &[("email", EVE), ("password", PASSWORD)][..]),
        ("login", &[("email", ADA), ("password", PASSWORD)]),
        (
            "change_password",
            &[("current_password", PASSWORD), ("new_password", OTHER_PASSWORD)],
        ),
        ("confirm_identity", &[("password", PASSWORD)]),
    ];
    for (function, fields) in requests {
        let browser = ada.copy();
        let running = tokio::spawn(async move { browser.call(function, fields).await });
        operator.await_waiting(1).await;
        operator.cut().await;
        assert_unavailable(&running.await.unwrap());
    }
    operator.run("ROLLBACK").await;
    assert_eq!(app.number("SELECT count(*) FROM users").await, 1);
    assert_eq!(app.number("SELECT count(*) FROM sessions").await, 2);
    assert_eq!(app.number("SELECT count(*) FROM tower_sessions").await, 2);
    for browser in [&ada, &other] {
        assert_eq!(browser.user().await["email"], ADA);
    }
    app.browser().login(ADA, PASSWORD).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_is_never_released_is_503_in_time_and_loses_no_connection() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let mut operator = Operator::beside(&app).await;
    operator.run("BEGIN").await;
    operator
        .run("LOCK TABLE users, sessions IN ACCESS EXCLUSIVE MODE")
        .await;
    // More than there are connections: the last ones wait for one in vain.
    for _ in 0..2 {
        let start = Instant::now();
        let requests = (0..15).map(|_| {
            let ada = ada.copy();
            async move { ada.call("get_user", &[]).await }
        });
        for answer in all_at_once(requests).await {
            assert_unavailable(&answer);
        }
        assert!(start.elapsed().as_secs() < 5);
    }
    assert!(ada.get("/").await.expect(200).shows(ADA));
    operator.run("ROLLBACK").await;
    assert_eq!(ada.user().await["email"], ADA);
    app.browser().get("/readyz").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_only_reads_is_503_for_what_writes_and_serves_what_reads() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let mut operator = Operator::beside(&app).await;
    operator.read_only(true).await;
    await_feed(&ada).await;

    let writes = FUNCTIONS.iter().copied().filter(|(function, _)| {
        let reads = ["get_", "describe_", "list_"]
            .iter()
            .any(|prefix| function.starts_with(prefix));
        // Who has a password cannot set one, whatever the database would say.
        let is_refused = *function == "set_password";
        let is_refused = is_refused || *function == "decide_device"; // wing:clients
        // wing:mail
        let is_refused = is_refused
            || [
                "reset_password",
                "confirm_email_change",
                "undo_email_change",
                "finish_registration",
                "claim_address",
            ]
            .contains(function);
        // end wing:mail
        // Nothing waits for a code here.
        let is_refused = is_refused || ["second_factor", "confirm_totp"].contains(function); // wing:second-factors
        // Nor has anybody a passkey, or its answer.
        let of_passkeys = ["start_passkey_confirmation", "finish_passkey", "passkey_sign_in"]; // wing:passkeys
        let is_refused = is_refused || of_passkeys.contains(function); // wing:passkeys
        !reads && !is_refused
    });
    for (function, fields) in writes {
        assert_unavailable(&ada.copy().call(function, fields).await);
    }
    let stranger = app.browser();
    assert_unavailable(&stranger.login(ADA, PASSWORD).await);
    assert_unavailable(&stranger.post("/auth/login/acme", &[]).send().await);
    let page = stranger
        .submit("/login", "login", &[("email", ADA), ("password", PASSWORD)])
        .await;
    assert!(page.status < 500 || page.status == 503, "{}", page.everything());
    let back = stranger.get("/auth/callback/acme?code=a&state=b").await;
    assert!(matches!(back.status, 303 | 503), "{}", back.everything());

    assert!(ada.get("/profile").await.expect(200).shows(ADA));
    // A touch is due that cannot be written: the session is alive all the same.
    app.advance(301);
    assert!(ada.get("/profile").await.expect(200).renews());
    assert_eq!(ada.user().await["email"], ADA);
    assert!(app.auth.sweep().await.is_err());
    app.browser().get("/readyz").await.expect(503);

    operator.read_only(false).await;
    app.browser().get("/readyz").await.expect(200);
    ada.call("update_public_data", &[("bio", "x")]).await.expect(200);
    app.signed_in(ADA).await;
    app.auth.sweep().await.unwrap();
}

#[tokio::test]
async fn a_sweep_takes_batches_and_passes_over_what_another_is_at() {
    let app = TestApp::new().await;
    app.registered(ADA).await;
    expire(&app, 1100).await;
    for statement in [
        "CREATE TABLE statements (gone BIGINT)",
        "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql
         AS 'BEGIN INSERT INTO statements SELECT count(*) FROM gone; RETURN NULL; END'",
        "CREATE TRIGGER note AFTER DELETE ON sessions
         REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION note()",
        "CREATE TRIGGER note AFTER DELETE ON tower_sessions
         REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION note()",
    ] {
        app.sql(statement).await;
    }
    let mut operator = Operator::beside(&app).await;
    operator.run("BEGIN").await;
    operator
        .run("SELECT FROM sessions WHERE idle_expires_at = created_at ORDER BY id LIMIT 1 FOR UPDATE")
        .await;
    app.advance(1);
    app.auth.sweep().await.unwrap();
    assert_eq!(
        app.number("SELECT count(*) FROM sessions").await,
        2,
        "the live one and the held one"
    );
    assert_eq!(app.number("SELECT count(*) FROM tower_sessions").await, 1);
    assert_eq!(app.number("SELECT max(gone) FROM statements").await, 500);

    operator.run("ROLLBACK").await;
    app.auth.sweep().await.unwrap();
    assert_eq!(app.number("SELECT count(*) FROM sessions").await, 1);
}

#[tokio::test]
async fn the_sweep_survives_a_lost_connection() {
    let folder = Folder::new();
    let migrated = command(&folder, &[SITE]).arg("migrate").output().unwrap();
    assert!(migrated.status.success());
    let mut operator = Operator::of(&folder.database_url().parse().unwrap()).await;
    operator
        .run(
            "INSERT INTO stale_sessions (session_id, min_version, forget_at)
             VALUES (gen_random_uuid(), 1, '2000-01-01T00:00:00Z')",
        )
        .await;
    operator.run("BEGIN").await;
    operator.run("LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE").await;
    let vars = [
        SITE,
        ("SESSION_SECRET", SECRET),
        ("RUST_LOG", "info,server=trace"),
    ];
    let server = Server::start(&folder, &vars);
    operator.await_waiting(1).await;
    operator.cut().await;
    server.wait_for("a sweep failed");
    operator.run("ROLLBACK").await;
    let patience = Instant::now();
    while operator.number("SELECT count(*) FROM stale_sessions").await > 0 {
        assert!(patience.elapsed().as_secs() < 20, "{}", server.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    server.signal("TERM");
    assert_eq!(server.finish().0, Some(0));
}
