//! `server clients`: the real program, beside a running server over the same database.

use std::process::Output;

use crate::support::{Folder, Server, command};

const SITE: (&str, &str) = ("PUBLIC_URL", "http://127.0.0.1:3000");

/// Runs a command: what it printed, or why it failed.
fn run(folder: &Folder, arguments: &[&str]) -> Result<String, String> {
    let Output {
        status,
        stdout,
        stderr,
    } = command(folder, &[]).args(arguments).output().unwrap();
    if status.success() {
        Ok(String::from_utf8(stdout).unwrap())
    } else {
        Err(String::from_utf8(stderr).unwrap())
    }
}

/// The status of an answer of the token endpoint.
fn token(server: &Server, fields: &[(&str, &str)]) -> (u16, String) {
    let answer = server.post("/oauth/token", "", fields);
    (answer[9..12].parse().unwrap(), answer)
}

#[test]
fn clients_are_registered_rotated_revoked_and_removed_while_the_server_runs() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[SITE]);
    let added = run(
        &folder,
        &[
            "clients",
            "add",
            "--name",
            "Robot",
            "--id",
            "robot",
            "--confidential",
            "--introspect",
            "--grant",
            "client_credentials",
        ],
    )
    .unwrap();
    assert_eq!(added.lines().count(), 1, "{added}");
    let added: serde_json::Value = serde_json::from_str(&added).unwrap();
    let secret = added["client_secret"].as_str().unwrap();
    assert_eq!(added["client_id"], "robot");
    let with = |secret: &str| {
        let fields = [
            ("grant_type", "client_credentials"),
            ("client_id", "robot"),
            ("client_secret", secret),
        ];
        token(&server, &fields).0
    };
    assert_eq!(with(secret), 200);
    let rotated = run(&folder, &["clients", "rotate", "robot", "--now"]).unwrap();
    let rotated: serde_json::Value = serde_json::from_str(&rotated).unwrap();
    let newer = rotated["client_secret"].as_str().unwrap();
    assert_eq!((with(secret), with(newer)), (401, 200));

    let public = run(
        &folder,
        &[
            "clients",
            "add",
            "--name",
            "An \u{1b}[31mapp",
            "--redirect",
            "com.example.app:/cb",
        ],
    );
    // A name that would control a terminal is not shown as it is.
    let public = public.unwrap();
    assert!(public.ends_with("\"client_secret\":null}\n"), "{public}");
    let listed = run(&folder, &["clients", "list"]).unwrap();
    assert!(listed.contains("robot  Robot  confidential  grants client_credentials  scopes profile"));
    assert!(listed.contains("dev-app  Development client  public"), "{listed}");
    assert!(!listed.contains('\u{1b}') && !listed.contains(newer), "{listed}");

    run(&folder, &["clients", "revoke", "robot"]).unwrap();
    assert_eq!(with(newer), 401);
    assert!(
        run(&folder, &["clients", "list"])
            .unwrap()
            .contains("may introspect  revoked")
    );
    run(&folder, &["clients", "remove", "robot"]).unwrap();
    assert!(!run(&folder, &["clients", "list"]).unwrap().contains("robot"));
    for (arguments, why) in [
        (&["clients", "revoke", "robot"][..], "there is no client robot"),
        (&["clients", "rotate", "dev-app"], "public client"),
        (
            &[
                "clients",
                "add",
                "--name",
                "X",
                "--redirect",
                "http://app.example/cb",
            ],
            "must be https",
        ),
        (
            &["clients", "add", "--name", "X", "--id", "dev-app"],
            "dev-app is taken",
        ),
        (
            &["clients", "add", "--name", "X", "--grant", "password"],
            "invalid value",
        ),
        (
            &["clients", "add", "--name", "X", "--scope", "admin"],
            "invalid value",
        ),
    ] {
        let error = run(&folder, arguments).unwrap_err();
        assert!(error.contains(why), "{arguments:?}: {error}");
    }
}

#[test]
fn the_development_client_exists_on_loopback_only() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[SITE]);
    let fields = [
        ("grant_type", "refresh_token"),
        ("refresh_token", "x"),
        ("client_id", "dev-app"),
    ];
    assert_eq!(token(&server, &fields).0, 400);
    drop(server);
    let elsewhere = Server::start(
        &folder,
        &[
            ("PUBLIC_URL", "https://app.example"),
            ("SESSION_SECRET", crate::support::SECRET),
        ],
    );
    let (status, answer) = token(&elsewhere, &fields);
    assert_eq!(status, 401, "{answer}");
}
