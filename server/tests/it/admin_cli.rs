//! `server admin` and `server sessions`: the real program, beside a running server over the same database.

use std::process::Output;

use crate::support::{Folder, PASSWORD, SOME_ID, Server, command};

const ADA: &str = "ada@example.com";
const EVE: &str = "eve@example.com";
const SITE: (&str, &str) = ("PUBLIC_URL", "http://127.0.0.1:3000");

/// What a command said, and whether it succeeded.
struct Said {
    success: bool,
    code: Option<i32>,
    out: String,
    err: String,
}

fn run(folder: &Folder, arguments: &[&str]) -> Said {
    run_with(folder, &[], arguments)
}

fn run_with(folder: &Folder, vars: &[(&str, &str)], arguments: &[&str]) -> Said {
    let Output {
        status,
        stdout,
        stderr,
    } = command(folder, vars).args(arguments).output().unwrap();
    Said {
        success: status.success(),
        code: status.code(),
        out: String::from_utf8(stdout).unwrap(),
        err: String::from_utf8(stderr).unwrap(),
    }
}

/// Runs a command that must succeed; what it printed.
#[track_caller]
fn done(folder: &Folder, arguments: &[&str]) -> String {
    let said = run(folder, arguments);
    assert!(said.success, "{arguments:?}: {}{}", said.out, said.err);
    said.out
}

/// Runs a command that must fail, saying this.
#[track_caller]
fn fails(folder: &Folder, arguments: &[&str], reason: &str) {
    let said = run(folder, arguments);
    assert!(!said.success, "{arguments:?}: {}", said.out);
    assert!(said.err.contains(reason), "{arguments:?}: {}", said.err);
}

/// The cookies an answer sets, as the next request sends them.
fn register(server: &Server, email: &str) -> String {
    let answer = server.post("/api/register", "", &[("email", email), ("password", PASSWORD)]);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let set = answer
        .lines()
        .filter_map(|line| line.strip_prefix("set-cookie: "));
    set.map(|cookie| cookie.split(';').next().unwrap())
        .collect::<Vec<_>>()
        .join("; ")
}

/// The status of an answer of the authority.
fn status(server: &Server, function: &str, cookies: &str) -> u16 {
    let answer = server.post(&format!("/api/{function}"), cookies, &[]);
    answer[9..12].parse().unwrap()
}

#[test]
fn a_role_is_given_and_taken_while_the_server_runs() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[SITE]);
    let (ada, eve) = (register(&server, ADA), register(&server, EVE));
    assert_eq!(status(&server, "admin/list_people", &ada), 404);
    assert_eq!(done(&folder, &["admin", "list"]), "");

    let (ada_id, eve_id) = (id_of(&server, &ada), id_of(&server, &eve));
    assert_eq!(
        done(&folder, &["admin", "grant", &ada_id]),
        format!("{ada_id} now has the role admin\n")
    );
    assert_eq!(status(&server, "admin/list_people", &ada), 200);
    assert_eq!(status(&server, "admin/list_people", &eve), 404);
    assert!(done(&folder, &["admin", "grant", &ada_id]).contains("already"));
    let list = done(&folder, &["admin", "list"]);
    assert!(list.contains(ADA) && !list.contains(EVE), "{list}");

    fails(
        &folder,
        &["admin", "revoke", ADA],
        "the last administrator cannot be removed",
    );
    fails(
        &folder,
        &["admin", "grant", &ada_id, "--role", "user"],
        "the last administrator",
    );
    fails(
        &folder,
        &["admin", "revoke", EVE],
        "only the role that everyone has",
    );
    assert_eq!(status(&server, "admin/list_people", &ada), 200);
    done(&folder, &["admin", "grant", &eve_id]);
    assert!(done(&folder, &["admin", "revoke", " Ada@Example.com "]).contains("now has the role user"));
    assert_eq!(status(&server, "admin/list_people", &ada), 404);
    assert_eq!(status(&server, "admin/list_people", &eve), 200);
    // A lesser role is listed, and taken away, as well.
    done(&folder, &["admin", "grant", &ada_id, "--role", "support"]);
    let list = done(&folder, &["admin", "list"]);
    let roles = [format!("{ada_id}  support  "), format!("{eve_id}  admin  ")];
    assert!(roles.iter().all(|role| list.contains(role)), "{list}");
    assert!(done(&folder, &["admin", "revoke", &ada_id]).contains("now has the role user"));
    assert!(!done(&folder, &["admin", "list"]).contains(&ada_id));
    assert_eq!(
        status(&server, "list_sessions", &ada),
        200,
        "the session lives on"
    );
}

#[test]
fn sessions_are_shown_and_ended_while_the_server_runs() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[SITE]);
    let (ada, eve) = (register(&server, ADA), register(&server, EVE));
    let id_of = |line: &str| line.split("  ").next().unwrap().to_owned();
    let list = done(&folder, &["sessions", "list", ADA]);
    assert_eq!(list.lines().count(), 1, "{list}");
    assert!(
        list.contains("with password") && list.contains("127.0.0.1"),
        "{list}"
    );
    let id = id_of(&list);
    assert!(done(&folder, &["sessions", "revoke", &id]).contains(&id));
    assert_eq!(status(&server, "list_sessions", &ada), 401);
    assert_eq!(status(&server, "list_sessions", &eve), 200);
    fails(&folder, &["sessions", "revoke", &id], "there is no session");
    assert_eq!(done(&folder, &["sessions", "list", ADA]), "");

    assert!(done(&folder, &["sessions", "revoke", "--user", EVE]).contains("ended 1 session of"));
    assert_eq!(status(&server, "list_sessions", &eve), 401);
    let login = [("email", ADA), ("password", PASSWORD)];
    for _ in 0..3 {
        server.post("/api/login", "", &login);
    }
    assert_eq!(
        done(&folder, &["sessions", "revoke", "--all"]),
        "ended 3 sessions\n"
    );
    assert_eq!(done(&folder, &["sessions", "list", ADA]), "");
    let own = {
        let cookies = server.post("/api/login", "", &login);
        let cookies: Vec<_> = cookies
            .lines()
            .filter_map(|line| line.strip_prefix("set-cookie: "))
            .map(|cookie| cookie.split(';').next().unwrap())
            .collect();
        server.post("/api/list_own_events", &cookies.join("; "), &[])
    };
    assert_eq!(own.matches("\"command_line\"").count(), 4, "{own}");
    server.signal("TERM");
    let (code, log) = server.finish();
    assert_eq!(code, Some(0));
    assert!(!log.contains("\"level\":\"ERROR\""), "{log}");
}

/// What the session check says, which asks nobody while the snapshot is live.
fn checked(server: &Server, cookies: &str) -> serde_json::Value {
    let request =
        format!("GET /api/session HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncookie: {cookies}\r\n\r\n");
    let answer = server.exchange(request.as_bytes());
    serde_json::from_str(answer.split("\r\n\r\n").last().unwrap()).unwrap()
}

/// Whose cookies these are.
fn id_of(server: &Server, cookies: &str) -> String {
    checked(server, cookies)["user_id"].as_str().unwrap().to_owned()
}

/// The feed's bound, and what a busy machine may add to it.
fn within_the_bound(mut so: impl FnMut() -> bool) {
    let started = std::time::Instant::now();
    while !so() {
        assert!(started.elapsed().as_millis() < 2500, "later than the bound");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn a_running_server_trusts_no_snapshot_the_command_line_has_made_void() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[SITE]);
    let (ada, eve) = (register(&server, ADA), register(&server, EVE));
    assert_eq!(checked(&server, &ada)["role"], "user");
    done(&folder, &["admin", "grant", &id_of(&server, &ada)]);
    within_the_bound(|| checked(&server, &ada)["role"] == "admin");
    done(&folder, &["sessions", "revoke", "--user", ADA]);
    within_the_bound(|| checked(&server, &ada).is_null());
    assert_eq!(checked(&server, &eve)["email"], EVE);
}

#[test]
fn what_cannot_be_done_is_said_and_is_a_failure() {
    let folder = Folder::new();
    fails(&folder, &["admin", "grant", ADA], "server migrate");
    done(&folder, &["migrate"]);
    fails(
        &folder,
        &["admin", "grant", ADA],
        "no user has the address ada@example.com",
    );
    fails(&folder, &["admin", "grant", "x"], "no user has the address x");
    for command in [&["admin", "grant", SOME_ID][..], &["sessions", "list", SOME_ID]] {
        fails(&folder, command, &format!("no user has the id {SOME_ID}"));
    }
    fails(&folder, &["sessions", "list", ADA], "no user has the address");
    fails(
        &folder,
        &["sessions", "revoke", "--user", ADA],
        "no user has the address",
    );
    fails(&folder, &["sessions", "revoke", SOME_ID], "there is no session");
    for usage in [
        &["admin"][..],
        &["admin", "grant"],
        &["admin", "grant", ADA, "--role", "owner"],
        &["sessions", "revoke"],
        &["sessions", "revoke", "x"],
        &["sessions", "revoke", SOME_ID, "--all"],
        &["sessions", "revoke", "--all", "--user", ADA],
    ] {
        let said = run(&folder, usage);
        assert_eq!(said.code, Some(2), "{usage:?}: {}{}", said.out, said.err);
    }
}

/// Somebody registers the address of the one who is to be administrator, and waits.
#[test]
fn a_role_is_given_by_id_or_by_a_verified_address() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[SITE]);
    let ada = register(&server, ADA);
    let id = id_of(&server, &ada);
    for role in ["admin", "user"] {
        let said = run(&folder, &["admin", "grant", " Ada@Example.com ", "--role", role]);
        assert_eq!((said.success, said.out.as_str()), (false, ""), "{}", said.err);
        for text in [
            " Ada@Example.com  is not verified, and anyone can register with it",
            &format!("  {id}  since 20"),
            "Z  signs in with password  ada@example.com (not verified)\n",
            "server admin grant ID",
        ] {
            assert!(said.err.contains(text), "{text}: {}", said.err);
        }
    }
    assert_eq!(status(&server, "admin/list_people", &ada), 404);
    assert_eq!(done(&folder, &["admin", "list"]), "");
    // To look, or to take away, an address is enough.
    assert_eq!(done(&folder, &["sessions", "list", ADA]).lines().count(), 1);
    done(&folder, &["admin", "grant", &id.to_uppercase()]);
    assert!(done(&folder, &["admin", "list"]).contains("ada@example.com (not verified)"));
}

#[test]
fn they_need_the_database_and_nothing_else_of_the_configuration() {
    let folder = Folder::new();
    done(&folder, &["migrate"]);
    let secret = folder.0.join("app.secret");
    drop(std::fs::remove_file(&secret));
    let odd = [
        ("SESSION_SECRET", "canary"),
        ("PUBLIC_URL", "ftp://x"),
        ("LEPTOS_SITE_ADDR", "x"),
    ];
    let said = run_with(&folder, &odd, &["admin", "list"]);
    assert!(said.success, "{}", said.err);
    assert!(!secret.exists(), "no secret is made");
    for wrong in [("DATABASE_URL", "mysql://canary"), ("SNAPSHOT_TTL", "canary")] {
        let said = run_with(&folder, &[wrong], &["admin", "list"]);
        assert!(!said.success && said.err.contains(wrong.0), "{}", said.err);
        assert!(!said.err.contains("canary"));
    }
}
