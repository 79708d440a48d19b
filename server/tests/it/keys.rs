//! Keys: rotated without signing anyone out, refused when they are none, never shown.

use auth::Vars;
use server::config::ServerConfig;

use crate::{
    database::TestDatabase,
    support::{NEW_SECRET, SECRET, TestApp},
};

const ADA: &str = "ada@example.com";

#[tokio::test]
async fn keys_rotate_without_signing_anyone_out() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let both = app
        .restarted(&[("SESSION_SECRET", &format!("{NEW_SECRET}, {}", SECRET))])
        .await;
    let (_, old_snapshot) = ada.session_cookies();
    let ada = ada.before(&both);
    assert!(
        !ada.get("/").await.expect(200).renews(),
        "the old key still opens"
    );
    app.advance(300);
    assert!(ada.get("/").await.expect(200).renews());
    let (_, new_snapshot) = ada.session_cookies();
    assert_ne!(
        key_name(&old_snapshot),
        key_name(&new_snapshot),
        "the new key seals"
    );

    let new = app.restarted(&[("SESSION_SECRET", NEW_SECRET)]).await;
    assert!(!ada.before(&new).get("/").await.expect(200).renews());
    let late = ada.copy().before(&new);
    late.set_cookie("auth", Some(&old_snapshot));
    assert!(
        late.get("/").await.expect(200).renews(),
        "a snapshot of a key that is gone is absent: the id decides"
    );
    assert_eq!(late.user().await["email"], ADA);
}

#[tokio::test]
async fn a_lost_key_signs_no_user_out_but_voids_its_snapshots() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let other = app.restarted(&[("SESSION_SECRET", NEW_SECRET)]).await;
    let (id, snapshot) = ada.session_cookies();
    let browser = ada.copy().before(&other);
    assert!(browser.is_signed_in().await);
    other.lose_database().await;
    let ask = ada
        .before(&other)
        .post("/api/get_auth_session", &[])
        .cookies(&format!("__Host-id={id}; __Host-auth={snapshot}"));
    ask.send().await.expect(503);
}

#[test]
fn a_release_refuses_every_wrong_variable_by_name_and_repeats_no_value() {
    let pairs = [
        ("PUBLIC_URL", "http://app.example/canary-url"),
        ("DATABASE_URL", "mysql://canary-user:canary-password@db/x"),
        ("SESSION_SECRET", "Y2FuYXJ5LXNlY3JldA==,canary-secret!"),
        ("SNAPSHOT_TTL", "canary-ttl"),
        ("SESSION_IDLE", "-1"),
        ("SESSION_ABSOLUTE", "0"),
        ("SESSION_REMEMBER_IDLE", "1e9"),
        ("SESSION_REMEMBER_ABSOLUTE", "99999999999999999999"),
        ("PASSWORD_MIN_LENGTH", "7"),
        ("TRUSTED_PROXIES", "10.0.0.0/8, canary-proxy"),
        ("LEPTOS_SITE_ADDR", "canary-addr"),
        ("DEV_IDP", "canary-idp"), // wing:dev-provider
        ("RUST_LOG", "canary=[[["),
        ("LEPTOS_SITE_ROOT", "/nonexistent/canary"),
    ];
    let problems = ServerConfig::from_vars(&pairs.into_iter().collect(), true).unwrap_err();
    let text = format!(
        "{problems:?} {}",
        problems.iter().map(ToString::to_string).collect::<String>()
    );
    for (variable, _) in pairs {
        assert!(
            problems.iter().any(|problem| problem.variable == variable),
            "{variable}"
        );
    }
    assert!(!text.contains("canary") && !text.contains("Y2FuYXJ5"), "{text}");
}

#[test]
fn a_release_needs_a_secret_of_its_own_and_https() {
    let uniform = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let database_url = TestDatabase::new().url();
    let good = [
        ("SESSION_SECRET", SECRET),
        ("PUBLIC_URL", "https://app.example"),
        ("DATABASE_URL", &database_url),
    ];
    let refused = |extra: &[(&str, &str)]| -> Vec<String> {
        let vars: Vars = good.into_iter().chain(extra.iter().copied()).collect();
        let problems = ServerConfig::from_vars(&vars, true).err().unwrap_or_default();
        problems.into_iter().map(|problem| problem.variable).collect()
    };
    assert!(refused(&[]).is_empty());
    for secret in [
        "",
        "c2hvcnQ=",
        "not base64!",
        uniform,
        "ZXhhbXBsZS1zZWNyZXQtZXhhbXBsZS1zZWNyZXQtMDE=",
        &format!("{SECRET},c2hvcnQ="),
        &format!("{SECRET},"),
    ] {
        assert_eq!(
            refused(&[("SESSION_SECRET", secret)]),
            ["SESSION_SECRET"],
            "{secret}"
        );
    }
    assert!(refused(&[("SESSION_SECRET", &format!("{SECRET} , {NEW_SECRET}"))]).is_empty());
    for url in [
        "http://app.example",
        "http://0.0.0.0:3000",
        "http://127.0.0.1.evil.example",
    ] {
        assert_eq!(refused(&[("PUBLIC_URL", url)]), ["PUBLIC_URL"], "{url}");
    }
    for url in [
        "http://127.0.0.1:3000",
        "http://127.9.9.9",
        "http://[::1]:3000",
        "http://localhost:3000",
    ] {
        assert!(refused(&[("PUBLIC_URL", url)]).is_empty(), "{url}");
    }
    let config = ServerConfig::from_vars(&good.into_iter().collect(), true).unwrap();
    assert!(
        config.auth.providers.is_empty(),
        "no development provider in a release"
    );
    assert!(!format!("{config:?}").contains(SECRET));
}

#[test]
fn the_examples_secret_is_refused_with_its_padding_or_without() {
    let example = "ZXhhbXBsZS1zZWNyZXQtZXhhbXBsZS1zZWNyZXQtMDE=";
    let database_url = TestDatabase::new().url();
    let refused = |secret: &str| {
        let vars = [("SESSION_SECRET", secret), ("DATABASE_URL", &database_url)];
        let problems = ServerConfig::from_vars(&vars.into_iter().collect(), true).unwrap_err();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(problems[0].variable, "SESSION_SECRET");
    };
    for spelling in [example, example.trim_end_matches('='), &format!(" {example} ")] {
        refused(spelling);
    }
    let env_example =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../.env.example")).unwrap();
    for line in env_example.lines() {
        let line = line.trim_start_matches(['#', ' ']);
        if let Some(secret) = line
            .strip_prefix("SESSION_SECRET=")
            .filter(|secret| !secret.is_empty())
        {
            refused(secret);
        }
    }
}

#[tokio::test]
async fn development_keeps_a_secret_of_its_own_over_restarts() {
    let app = TestApp::with(&[("SESSION_SECRET", "")]).await;
    let ada = app.registered(ADA).await;
    let next = app.restarted(&[("SESSION_SECRET", "")]).await;
    next.lose_database().await;
    ada.before(&next).get("/").await.expect(200);
    let third = app.restarted(&[]).await;
    third.lose_database().await;
    ada.before(&third).get("/").await.expect(503);
}

/// A PASETO's footer, which names the key.
fn key_name(snapshot: &str) -> &str {
    snapshot.rsplit('.').next().unwrap()
}
