//! Operation: the real program, as its operator meets it.

#[cfg(not(feature = "postgres"))] // wing:postgres
use std::os::unix::fs::PermissionsExt;
use std::{io::Write, net::TcpStream};

use crate::support::{Folder, PASSWORD, SECRET, Server, TestApp, acme, command, contains, read_to_end};

const ADA: &str = "ada@example.com";
const SITE: (&str, &str) = ("PUBLIC_URL", "http://127.0.0.1:3000");

/// The cookies an answer sets, as the next request sends them.
fn cookies(answer: &str) -> String {
    let set = answer
        .lines()
        .filter_map(|line| line.strip_prefix("set-cookie: "));
    set.map(|cookie| cookie.split(';').next().unwrap())
        .collect::<Vec<_>>()
        .join("; ")
}

fn register(server: &Server, email: &str) -> String {
    let answer = server.post("/api/register", "", &[("email", email), ("password", PASSWORD)]);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    cookies(&answer)
}

#[cfg(target_os = "linux")]
#[test]
fn requests_are_answered_when_the_log_cannot_be_written() {
    let folder = Folder::new();
    let server = Server::start_unheard(&folder, &[SITE, ("SESSION_SECRET", SECRET)]);
    let session = register(&server, ADA);
    let wrong = [("email", ADA), ("password", "wrong wrong wrong")];
    assert!(server.post("/api/login", "", &wrong).starts_with("HTTP/1.1 401"));
    let answer = server.post("/api/logout", &session, &[]);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[test]
fn a_wrong_configuration_ends_the_program_and_names_every_wrong_variable() {
    let folder = Folder::new();
    let wrong = [
        ("PUBLIC_URL", "ftp://canary"),
        ("DATABASE_URL", "mysql://canary:canary@db/x"),
        ("SESSION_SECRET", "canary-secret"),
        ("SESSION_IDLE", "canary"),
        ("TRUSTED_PROXIES", "canary"),
        ("PASSWORD_MIN_LENGTH", "1"),
        ("RUST_LOG", "canary=[[["),
        ("LEPTOS_SITE_ROOT", "/nonexistent/canary"),
        ("AUTH_PROVIDERS", "acme"),
        ("ACME_CLIENT_ID", "canary-half-of-a-pair"),
    ];
    let output = command(&folder, &wrong).output().unwrap();
    assert!(!output.status.success());
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    for (variable, _) in &wrong[..8] {
        assert!(said.contains(variable), "{variable}: {said}");
    }
    assert!(said.contains("ACME_CLIENT_SECRET"), "{said}");
    assert!(!said.contains("canary"), "{said}");
    assert!(!folder.0.join("app.db").exists(), "nothing was begun");
    // wing:admin
    // What the commands of administration need is less.
    let mut list = command(&folder, &[("RUST_LOG", "canary=[[[")]);
    let output = list.args(["admin", "list"]).output().unwrap();
    assert!(!output.status.success());
    assert!(contains(&output.stderr, "RUST_LOG") && !contains(&output.stderr, "canary"));
    // end wing:admin
}

/// A file that is none would take every write, and be empty after a restart.
#[cfg(not(feature = "postgres"))] // wing:postgres
#[test]
fn a_database_with_parameters_is_a_wrong_configuration_like_any_other() {
    let folder = Folder::new();
    for query in [
        "mode=memory&cache=shared",
        "mode=canary",
        "vfs=canary",
        "immutable=1",
    ] {
        let url = format!("{}?{query}", folder.database_url());
        let wrong = [("DATABASE_URL", url.as_str()), ("SESSION_IDLE", "soon")];
        let output = command(&folder, &wrong).output().unwrap();
        assert!(!output.status.success());
        assert!(contains(&output.stderr, "DATABASE_URL") && contains(&output.stderr, "SESSION_IDLE"));
        assert!(!contains(&output.stderr, "canary"), "{query}");
    }
}

/// Starts a server with odd variables and hears what it says of one of them.
fn is_doubted(odd: &[(&str, &str)], variable: &str) {
    let folder = Folder::new();
    let server = Server::start(&folder, odd);
    let said = |line: &str| line.contains("\"level\":\"WARN\"") && line.contains(variable);
    assert!(server.log().lines().any(said), "{variable}: {}", server.log());
}

#[test]
fn what_is_doubtful_is_said_at_the_start() {
    let url = ("PUBLIC_URL", "https://app.example");
    is_doubted(&[url, ("SNAPSHOT_TTL", "301")], "SNAPSHOT_TTL");
    is_doubted(&[url, ("DEV_IDP", "1")], "DEV_IDP"); // wing:dev-provider
    let usual = Folder::new();
    let server = Server::start(
        &usual,
        &[
            SITE,
            ("SNAPSHOT_TTL", "300"),
            ("DEV_IDP", "1"), // wing:dev-provider
        ],
    );
    assert!(!server.log().contains("WARN"), "{}", server.log());
}

#[cfg(not(feature = "postgres"))] // wing:postgres
#[test]
fn it_runs_alone_makes_its_database_and_keeps_a_secret_only_its_owner_reads() {
    let folder = Folder::new();
    let url = format!("sqlite:{}", folder.0.join("deep/er/x.db").display());
    let vars = [SITE, ("DATABASE_URL", url.as_str())];
    let server = Server::start(&folder, &vars);
    let session = register(&server, ADA);
    let page = server.exchange(b"GET /hello.txt HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    assert!(page.ends_with("hello, static file"), "{page}");
    let mode = std::fs::metadata(folder.0.join("deep/er/x.secret"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);

    // What was acknowledged survives the hardest end there is, and nobody is signed out by it.
    server.signal("KILL");
    assert_eq!(server.finish().0, None);
    let server = Server::start(&folder, &vars);
    let user = server.post("/api/get_user", &session, &[]);
    assert!(user.contains(ADA), "{user}");
}

#[test]
fn a_stop_finishes_the_running_request_and_exits_with_success() {
    for signal in ["TERM", "INT"] {
        let folder = Folder::new();
        let server = Server::start(&folder, &[SITE]);
        let session = register(&server, ADA);
        let body = "display_name=written+while+stopping";
        let mut running = server.connect();
        let head = format!(
            "POST /api/update_public_data HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\nsec-fetch-site: same-origin\r\n\
             accept: application/json\r\ncontent-type: application/x-www-form-urlencoded\r\ncookie: {session}\r\n\
             content-length: {}\r\n\r\n",
            body.len()
        );
        running.write_all(head.as_bytes()).unwrap();
        let mut go_on = [0; 25];
        std::io::Read::read_exact(&mut running, &mut go_on).unwrap();
        assert!(go_on.starts_with(b"HTTP/1.1 100"));

        server.signal(signal);
        server.wait_for("stopping");
        assert!(TcpStream::connect(server.addr).is_err(), "nobody new is let in");
        running.write_all(body.as_bytes()).unwrap();
        let answer = read_to_end(&mut running);
        assert!(
            answer.starts_with("HTTP/1.1 200") && answer.contains("written while stopping"),
            "{answer}"
        );
        let (code, log) = server.finish();
        assert_eq!(code, Some(0), "{signal}: {log}");
        assert!(log.contains("\"message\":\"stopped\""));
    }
}

#[test]
fn the_log_holds_what_happened_and_no_secret_even_at_its_chattiest() {
    let folder = Folder::new();
    let vars = [SITE, ("RUST_LOG", "trace"), ("SESSION_SECRET", SECRET)];
    let vars: Vec<_> = vars.into_iter().chain(acme()).collect();
    let server = Server::start(&folder, &vars);
    let session = register(&server, ADA);
    let wrong = [("email", ADA), ("password", "canary-wrong-password")];
    let refused = server.post("/api/login", &session, &wrong);
    assert!(refused.starts_with("HTTP/1.1 401"), "{refused}");
    // wing:private-data
    let secrets = [
        ("api_token", "canary-api-token-1234"),
        ("webhook_secret", "canary-hook"),
    ];
    server.post("/api/update_private_data", &session, &secrets);
    let private = server.post("/api/describe_private_data", &session, &[]);
    assert!(private.starts_with("HTTP/1.1 200"), "{private}");
    // end wing:private-data
    let change = [
        ("current_password", PASSWORD),
        ("new_password", "canary of the new password"),
    ];
    let changed = server.post("/api/change_password", &session, &change);
    assert!(changed.starts_with("HTTP/1.1 200"), "{changed}");
    let start = server.post("/auth/login/acme", &cookies(&changed), &[]);
    assert!(start.starts_with("HTTP/1.1 200"), "{start}");
    for path in [
        "/auth/callback/acme?code=canary-code&state=canary-state",
        "/login?return_to=%2Fcanary-return",
        "/nowhere%0a%7B%22level%22:%22ERROR%22,%22message%22:%22forged%22%7D",
        "/nowhere%0d%0aforged-line",
    ] {
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer canary-bearer\r\nconnection: close\r\n\r\n"
        );
        server.exchange(request.as_bytes());
    }
    let violation = r#"[{"type":"csp-violation","url":"http://x/?code=canary-reported","body":{"blockedURL":"first\nsecond",
        "documentURL":"http://x/auth/callback/acme?code=canary-reported","effectiveDirective":"img-src"}}]"#;
    for text in ["first\nsecond\x1b", "canary-unreadable"] {
        let length = text.len();
        let head =
            format!("POST /csp-report HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}");
        server.exchange(format!("{head}\r\n\r\n{text}").as_bytes());
    }
    let length = violation.len();
    let head =
        format!("POST /csp-report HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}");
    let report = server.exchange(format!("{head}\r\n\r\n{violation}").as_bytes());
    let request_id = report
        .lines()
        .find_map(|line| line.strip_prefix("x-request-id: "))
        .unwrap()
        .to_owned();
    let issued: Vec<String> = [&session, &cookies(&changed), &cookies(&start)]
        .iter()
        .flat_map(|cookies| cookies.split("; ").filter_map(|pair| pair.split_once('=')))
        .map(|(_, value)| value.to_owned())
        .filter(|value| value.len() > 16)
        .collect();
    assert!(issued.len() >= 5, "{issued:?}");
    server.signal("TERM");
    let (_, log) = server.finish();

    for told in [
        "\"message\":\"signed in\"",
        "a sign-in with a password failed",
        &request_id,
        "\"path\":\"/login\"",
    ] {
        assert!(log.contains(told), "{told} is missing");
    }
    for line in log.lines() {
        let event: serde_json::Value =
            serde_json::from_str(line).unwrap_or_else(|_| panic!("not one event: {line}"));
        assert!(event["timestamp"].as_str().unwrap().ends_with('Z'));
    }
    for secret in issued.iter().map(String::as_str).chain([
        PASSWORD,
        SECRET,
        "canary-wrong",
        "canary-api",
        "canary-hook",
        "canary of",
        "canary-of",
        "canary-code",
        "canary-state",
        "canary-return",
        "canary-bearer",
        "canary-reported",
        "canary-unreadable",
    ]) {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret}");
    }
    assert!(!log.contains('\u{1b}'));
}

#[test]
fn odd_bytes_on_the_wire_are_refused_and_the_next_request_is_served() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[SITE]);
    let healthy = || {
        let answer = server.exchange(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    };
    healthy();
    let close = "connection: close\r\n";
    for (request, statuses) in [
        (
            format!(
                "GET / HTTP/1.1\r\nhost: x\r\ncookie: {}\r\n{close}\r\n",
                "a=b; ".repeat(13_000)
            ),
            &["431", "400"][..],
        ),
        (
            format!(
                "GET / HTTP/1.1\r\nhost: x\r\n{}{close}\r\n",
                "x: y\r\n".repeat(120)
            ),
            &["431"],
        ),
        (
            format!("GET /{} HTTP/1.1\r\nhost: x\r\n{close}\r\n", "a".repeat(40_000)),
            &["414", "431"],
        ),
        (
            "GET / HTTP/1.1\r\nhost: x\r\nbad header\r\n\r\n".to_owned(),
            &["400"],
        ),
        ("nonsense\r\n\r\n".to_owned(), &["400"]),
        ("GET / HTTP/9.9\r\n\r\n".to_owned(), &["400"]),
        (
            "POST /api/login HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab"
                .to_owned(),
            &["400"],
        ),
        (
            "POST /api/login HTTP/1.1\r\nhost: x\r\ncontent-length: x\r\n\r\nab".to_owned(),
            &["400"],
        ),
        (
            format!("POST /api/login HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n{close}\r\nzz\r\n"),
            &["400", "415"],
        ),
        (format!("TRACE / HTTP/1.1\r\nhost: x\r\n{close}\r\n"), &["405"]),
        (
            format!("CONNECT evil.example:443 HTTP/1.1\r\nhost: x\r\n{close}\r\n"),
            &["400", "404", "405"],
        ),
        (
            format!("OPTIONS * HTTP/1.1\r\nhost: x\r\n{close}\r\n"),
            &["200", "204", "400", "404", "405"],
        ),
        (
            format!("GET http://evil.example/profile HTTP/1.1\r\nhost: evil.example\r\n{close}\r\n"),
            &["303"],
        ),
    ] {
        let answer = server.exchange(request.as_bytes());
        let start: String = request.chars().take(60).collect();
        let status = answer.get(9..12).unwrap_or("");
        assert!(statuses.contains(&status), "{start:?}: {answer}");
        assert!(!answer.contains("evil.example"), "{answer}");
        healthy();
    }
    assert!(!server.log().contains("panicked"));
}

#[test]
fn subcommands_migrate_and_check_and_an_unknown_one_fails() {
    let folder = Folder::new();
    let run = |argument: &str| {
        let mut command = command(
            &folder,
            &[
                SITE,
                ("SESSION_SECRET", SECRET),
                ("LEPTOS_SITE_ADDR", "127.0.0.1:0"),
                ("KEEP_ALIFE", "a-value"),
            ],
        );
        command.arg(argument).output().unwrap()
    };
    assert!(run("migrate").status.success());
    // sqlx notes each migration by its name.
    assert!(contains(&folder.1.stored(), "auth"));
    assert!(run("migrate").status.success(), "there is nothing left to do");
    let doctor = run("doctor");
    let said = [doctor.stdout, doctor.stderr].concat();
    assert!(!contains(&said, SECRET));
    let misspelt = "warn  configuration: KEEP_ALIFE is not a setting: did you mean KEEP_ALIVE?";
    assert!(contains(&said, misspelt) && !contains(&said, "a-value"));
    assert!(!run("nonsense").status.success());
}

/// As many as somebody may start at once.
#[cfg(feature = "postgres")] // wing:postgres
const PROCESSES: usize = 8; // wing:postgres
#[cfg(not(feature = "postgres"))] // wing:postgres
const PROCESSES: usize = 4;

#[test]
fn processes_that_start_at_once_on_an_empty_database_all_serve_it() {
    let folder = Folder::new();
    let vars = [SITE, ("SESSION_SECRET", SECRET)];
    let servers: Vec<Server> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..PROCESSES)
            .map(|_| scope.spawn(|| Server::start(&folder, &vars)))
            .collect();
        starts.into_iter().map(|start| start.join().unwrap()).collect()
    });
    // One cookie of one of them is good for all.
    let session = register(&servers[0], ADA);
    for server in &servers {
        let ready = server.exchange(b"GET /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        assert!(ready.starts_with("HTTP/1.1 200"), "{ready}\n{}", server.log());
        let user = server.post("/api/get_user", &session, &[]);
        assert!(user.contains(ADA), "{user}");
    }
    let changed = servers[1].post("/api/update_public_data", &session, &[("bio", "x")]);
    assert!(changed.starts_with("HTTP/1.1 200"), "{changed}");
    for server in servers {
        assert!(!server.log().contains("ERROR"), "{}", server.log());
        server.signal("TERM");
        assert_eq!(server.finish().0, Some(0));
    }
}

#[test]
fn an_address_that_is_taken_ends_the_program() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[SITE]);
    let addr = server.addr.to_string();
    let output = command(&folder, &[SITE, ("LEPTOS_SITE_ADDR", &addr)])
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(contains(&output.stderr, &addr));
}

/// Whatever is wrong with one table, or one row, what has expired in the others goes.
#[tokio::test]
async fn each_table_is_swept_whatever_is_wrong_with_another() {
    let app = TestApp::new().await;
    app.registered(ADA).await;
    app.browser()
        .post("/auth/login/acme", &[])
        .send()
        .await
        .expect(200);
    app.sql("ALTER TABLE form_texts RENAME TO elsewhere").await;
    // A hash that is none: its session has no record.
    #[cfg(not(feature = "postgres"))] // wing:postgres
    app.sql("UPDATE sessions SET key_hash = x'01'").await;
    app.advance(40 * 86_400);
    assert!(app.auth.sweep().await.is_err());
    for table in ["sessions", "tower_sessions", "sign_in_flows", "sign_in_networks"] {
        let left = app.number(&format!("SELECT count(*) FROM {table}")).await;
        assert_eq!(left, 0, "{table}");
    }
    app.sql("ALTER TABLE elsewhere RENAME TO form_texts").await;
    app.auth.sweep().await.unwrap();
}

/// On PostgreSQL nobody holds up everybody: there it is a lost connection (see `postgres.rs`).
#[cfg(not(feature = "postgres"))] // wing:postgres
#[tokio::test]
async fn the_sweep_survives_a_database_that_is_busy() {
    let folder = Folder::new();
    let options: sqlx::sqlite::SqliteConnectOptions = folder.database_url().parse().unwrap();
    let migrated = command(&folder, &[SITE]).arg("migrate").output().unwrap();
    assert!(migrated.status.success());
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    let mark = "INSERT INTO stale_sessions (session_id, min_version, forget_at)
                VALUES (randomblob(16), 1, '2000-01-01T00:00:00Z')";
    sqlx::query(mark).execute(&pool).await.unwrap();
    let mut lock = pool.acquire().await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut *lock).await.unwrap();

    let server = Server::start(&folder, &[SITE, ("RUST_LOG", "info,server=trace")]);
    server.wait_for("a sweep failed");
    sqlx::query("ROLLBACK").execute(&mut *lock).await.unwrap();
    let count = async || -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM stale_sessions")
            .fetch_one(&pool)
            .await
            .unwrap()
    };
    let patience = std::time::Instant::now();
    while count().await > 0 {
        assert!(patience.elapsed().as_secs() < 20, "{}", server.log());
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    server.signal("TERM");
    assert_eq!(server.finish().0, Some(0));
}
