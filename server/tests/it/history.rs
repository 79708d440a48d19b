//! What a person and a log learn of attempts on an account: all of it, with the address, and no more rows than
//! the limits allow.

use serde_json::Value;
use time::{Duration, format_description::well_known::Rfc3339};

use crate::support::{Browser, Log, OTHER_PASSWORD, PASSWORD, RANDOM_ID, TestApp};

const ADA: &str = "ada@example.com";

/// Waits until what is written beside the answers is there.
async fn until(app: &TestApp, query: &str, number: i64) {
    for _ in 0..20_000 {
        if app.number(query).await == number {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("{query} stays {}, not {number}", app.number(query).await);
}

async fn own(browser: &Browser) -> Vec<Value> {
    let events = browser.call("list_own_events", &[]).await.expect(200).json();
    events.as_array().unwrap().clone()
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events
        .iter()
        .map(|event| event["kind"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn wrong_passwords_are_in_the_history_with_the_address_wherever_they_were_tried() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    app.browser()
        .at("198.51.100.4")
        .login(ADA, "wrong")
        .await
        .expect(401);
    until(
        &app,
        "SELECT count(*) FROM audit_events WHERE kind LIKE '%failed'",
        1,
    )
    .await;
    ada.at("198.51.100.5")
        .call("confirm_identity", &[("password", "wrong")])
        .await
        .expect(401);
    until(
        &app,
        "SELECT count(*) FROM audit_events WHERE kind LIKE '%failed'",
        2,
    )
    .await;
    let change = [("current_password", "wrong"), ("new_password", OTHER_PASSWORD)];
    ada.at("198.51.100.6")
        .call("change_password", &change)
        .await
        .expect(401);
    until(
        &app,
        "SELECT count(*) FROM audit_events WHERE kind LIKE '%failed'",
        3,
    )
    .await;
    let events = own(&ada).await;
    let failed: Vec<_> = events
        .iter()
        .filter(|event| event["kind"].as_str().unwrap().ends_with("_failed"))
        .map(|event| (event["kind"].as_str().unwrap(), event["ip"].as_str().unwrap()))
        .collect();
    assert_eq!(
        failed,
        [
            ("change_password_failed", "198.51.100.6"),
            ("confirm_failed", "198.51.100.5"),
            ("sign_in_failed", "198.51.100.4"),
        ]
    );
    // People read words.
    let page = ada.get("/settings/security").await.expect(200);
    assert!(page.shows("Sign-in attempt with a wrong password"));
}

#[tokio::test]
async fn a_refusal_is_written_once_a_window_and_only_for_accounts_that_exist() {
    let app = TestApp::new().await;
    app.registered(ADA).await;
    for email in [ADA, "nobody@example.com"] {
        for place in 0..40 {
            let stranger = app.browser().at(&format!("198.51.100.{place}"));
            let status = stranger.login(email, "wrong").await.status;
            assert_eq!(status, if place < 5 { 401 } else { 429 });
        }
    }
    until(
        &app,
        "SELECT count(*) FROM audit_events WHERE kind = 'sign_in_failed'",
        5,
    )
    .await;
    until(
        &app,
        "SELECT count(*) FROM audit_events WHERE kind = 'too_many_attempts'",
        1,
    )
    .await;
    assert_eq!(
        app.number("SELECT count(*) FROM audit_events WHERE user_id IS NULL")
            .await,
        0
    );
    // A flood of refusals has not filled a table: registration, sign-in, five failures, one refusal.
    assert_eq!(app.number("SELECT count(*) FROM audit_events").await, 8);
}

#[tokio::test]
async fn a_refusal_of_a_signed_in_user_is_written_as_well() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    for _ in 0..15 {
        ada.call("confirm_identity", &[("password", PASSWORD)]).await;
    }
    let refusals = "SELECT count(*) FROM audit_events WHERE kind = 'too_many_attempts'";
    until(&app, refusals, 1).await;
    assert!(kinds(&own(&ada).await).contains(&"too_many_attempts"));
}

#[tokio::test]
async fn many_events_of_one_kind_do_not_hide_the_others() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let change = [("current_password", PASSWORD), ("new_password", OTHER_PASSWORD)];
    ada.call("change_password", &change).await.expect(200);
    for _ in 0..25 {
        app.browser().login(ADA, OTHER_PASSWORD).await.expect(200);
        app.advance(3);
    }
    let ada = app.browser();
    ada.login(ADA, OTHER_PASSWORD).await.expect(200);
    let eve = app.registered("eve@example.com").await;
    let events = own(&ada).await;
    assert_eq!(events.len(), 20);
    let found = kinds(&events);
    for kind in ["register", "change_password", "sign_in"] {
        assert!(found.contains(&kind), "{found:?}");
    }
    // The newest first, and of each kind the newest.
    let ids: Vec<_> = events.iter().map(|event| event["id"].as_str().unwrap()).collect();
    assert!(ids.is_sorted_by(|a, b| a > b), "{ids:?}");
    assert_eq!(found[0], "sign_in");
    assert_eq!(kinds(&own(&eve).await), ["sign_in", "register"]);
}

#[tokio::test]
async fn events_are_kept_for_four_hundred_days() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let event = async |age: Duration, kind: &str| {
        let at = (app.clock.now() - age).format(&Rfc3339).unwrap();
        app.sql(&format!(
            "INSERT INTO audit_events (id, at, user_id, kind) SELECT {RANDOM_ID}, '{at}', id, '{kind}' FROM users"
        ))
        .await;
    };
    for _ in 0..3 {
        event(Duration::days(400), "old").await;
        event(Duration::days(400) - Duration::SECOND, "young").await;
    }
    app.auth.sweep().await.unwrap();
    assert_eq!(
        app.number("SELECT count(*) FROM audit_events WHERE kind = 'old'")
            .await,
        0
    );
    assert_eq!(
        app.number("SELECT count(*) FROM audit_events WHERE kind = 'young'")
            .await,
        3
    );
    assert!(kinds(&own(&ada).await).contains(&"register"));
}

/// The lines with this message.
fn lines(log: &Log, message: &str) -> Vec<Value> {
    log.text()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|line| line["message"] == message)
        .collect()
}

#[tokio::test]
async fn sign_ins_failures_and_refusals_are_logged_with_the_clients_address() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let app = TestApp::new().await;
    app.browser().at("192.0.2.1").register(ADA).await;
    for place in 0..9 {
        let stranger = app.browser().at(&format!("198.51.100.{place}"));
        stranger.login(ADA, "wrong").await;
    }
    let signed_in = lines(&log, "signed in");
    assert_eq!(signed_in[0]["ip"], "192.0.2.1");
    let wrong = lines(&log, "a sign-in with a password failed");
    assert_eq!(wrong.len(), 5);
    assert_eq!(wrong[4]["ip"], "198.51.100.4");
    let refused = lines(&log, "too many attempts at an account");
    assert_eq!(refused.len(), 1, "a flood of refusals is no flood of lines");
    assert_eq!(refused[0]["ip"], "198.51.100.5");
    for _ in 0..25 {
        app.browser()
            .at("192.0.2.9")
            .post("/csp-report", &[])
            .body("{}")
            .send()
            .await;
    }
    let refused = lines(&log, "too many attempts from an address");
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0]["ip"], "192.0.2.9");
    let callback = app
        .browser()
        .at("192.0.2.10")
        .get("/auth/callback/acme?code=x&state=y")
        .await;
    callback.expect(303);
    assert_eq!(
        lines(&log, "a sign-in with a provider failed")[0]["ip"],
        "192.0.2.10"
    );
    let foreign = app.browser().at("192.0.2.11");
    let foreign = foreign
        .post("/api/logout", &[])
        .header("origin", "https://evil.example");
    foreign.send().await.refused(403, "cross_origin");
    let refused = lines(&log, "refused: the request came from another origin");
    assert_eq!(refused[0]["ip"], "192.0.2.11");
    // Reports have so many lines among them, whoever sends them.
    for place in 0..200 {
        let call = app
            .browser()
            .at(&format!("198.51.100.{place}"))
            .post("/csp-report", &[])
            .body("{}");
        call.send().await.expect(204);
    }
    assert_eq!(
        lines(&log, "a Content-Security-Policy violation was reported").len(),
        60
    );
    assert_eq!(
        lines(&log, "too many reports: logging of reports is paused").len(),
        1
    );
}
