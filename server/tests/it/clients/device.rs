//! The page for the code that a device shows, and the decision about it.

use auth::{Scope, clients::Refusal};
use http::Method;
use secrecy::ExposeSecret;

use super::registered::{add, device, native, poll, registry, tv};
use crate::support::{Answer, Browser, Log, PASSWORD, TestApp};

const ADA: &str = "ada@example.com";
const EVE: &str = "eve@example.com";
const WRONG: &str = "No device is waiting with this code.";
const DECIDED: &str = "Your decision has been sent. You can go back to your device.";

fn page(code: &str) -> String {
    format!("/device?user_code={code}")
}

async fn decide(browser: &Browser, code: &str, decision: &str) -> Answer {
    let fields = [("user_code", code), ("decision", decision)];
    browser.call("decide_device", &fields).await
}

async fn submit(browser: &Browser, code: &str, decision: &str) -> Answer {
    let fields = [("user_code", code), ("decision", decision)];
    browser.submit(&page(code), "decide_device", &fields).await
}

async fn state(app: &TestApp) -> String {
    app.text("SELECT state FROM device_grants").await
}

#[tokio::test]
async fn the_page_needs_a_session_and_asks_for_a_code() {
    let app = TestApp::new().await;
    let stranger = app.browser();
    stranger
        .get("/device?user_code=BCDF-GHJK")
        .await
        .leads_to("/login?return_to=%2Fdevice%3Fuser_code%3DBCDF-GHJK");
    let ada = app.registered(ADA).await;
    for empty in ["/device", "/device?user_code=", "/device?user_code=%20"] {
        let answer = ada.get(empty).await.expect(200);
        assert!(answer.shows("name=\"user_code\"") && answer.shows("method=\"get\""));
        assert!(!answer.shows("role=\"alert\""), "{empty}");
        assert_eq!(answer.header("cache-control"), Some("no-store, no-transform"));
    }
    let head = ada.request(Method::HEAD, "/device").send().await.expect(200);
    assert!(head.body.is_empty());
}

#[tokio::test]
async fn it_shows_who_asks_for_what_and_since_when_and_changes_nothing() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let client = add(&app, tv()).await;
    let waiting = device(&app, &client, "profile").await;
    let code = waiting.user_code.as_str();
    app.advance(130);
    let letters = code.replace('-', "");
    for typed in [
        code.to_owned(),
        letters.to_lowercase(),
        format!("+{}+-{}+", &letters[..3], &letters[3..]),
    ] {
        let answer = ada.get(&page(&typed)).await.expect(200);
        for shown in [
            "Television",
            "It is not one of our applications.",
            Scope::Profile.words(),
            "198.51.100.20",
            "tv/1.0 &lt;b&gt;",
            "2 minutes ago",
            code,
            "Only allow this if you started it yourself",
            "value=\"allow\"",
            "value=\"deny\"",
        ] {
            assert!(answer.shows(shown), "{typed}: {shown}: {}", answer.text());
        }
        assert!(!answer.shows(Scope::Data.words()) && !answer.shows("role=\"alert\""));
        let json = ada
            .call("get_device", &[("user_code", &typed.replace('+', " "))])
            .await
            .expect(200)
            .json();
        assert_eq!(json["device"]["user_code"], code);
        assert_eq!(json["minutes"], 2);
    }
    assert_eq!(state(&app).await, "pending");
    assert_eq!(
        poll(&app, &client, &waiting).await.err(),
        Some(Refusal::AuthorizationPending)
    );
}

#[tokio::test]
async fn a_decision_is_made_once() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let client = add(&app, tv()).await;
    for (decision, letters) in [("allow", true), ("deny", false)] {
        let waiting = device(&app, &client, "profile data").await;
        let code = if letters {
            waiting.user_code.replace('-', " ").to_lowercase()
        } else {
            waiting.user_code.clone()
        };
        for other in ["", "Allow", "yes"] {
            decide(&ada, &code, other).await.refused(422, "invalid_input");
        }
        ada.call("decide_device", &[("user_code", &code)])
            .await
            .refused(422, "invalid_input");
        let answer = decide(&ada, &code, decision).await.expect(200);
        assert_eq!(answer.text(), "null");
        for again in ["allow", "deny"] {
            decide(&ada, &code, again).await.refused(404, "not_found");
        }
        assert!(ada.get(&page(&waiting.user_code)).await.expect(200).shows(WRONG));
        app.advance(300);
        let polled = poll(&app, &client, &waiting).await;
        match decision {
            "allow" => assert_eq!(polled.unwrap().scope.to_string(), "profile data"),
            _ => assert_eq!(polled.err(), Some(Refusal::AccessDenied)),
        }
    }
    assert_eq!(
        app.number("SELECT count(*) FROM sessions WHERE kind = 'api'")
            .await,
        1
    );
}

#[tokio::test]
async fn unknown_and_expired_codes_and_those_of_revoked_clients_are_not_found() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let (client, gone) = (add(&app, tv()).await, add(&app, tv()).await);
    let late = device(&app, &client, "profile").await;
    let revoked = device(&app, &gone, "profile").await;
    registry(&app).await.revoke(&gone).await.unwrap();
    app.advance(600);
    for code in [&late.user_code, &revoked.user_code, "BCDF-GHJK", "nonsense", ""] {
        decide(&ada, code, "allow").await.refused(404, "not_found");
        app.advance(300);
        if !code.is_empty() {
            let answer = ada.get(&page(code)).await.expect(200);
            assert!(answer.shows(WRONG) && answer.shows("role=\"alert\""), "{code}");
            assert!(
                answer.shows(&format!("value=\"{code}\"")),
                "it is there to be corrected"
            );
        }
    }
    assert_eq!(
        app.number("SELECT count(*) FROM device_grants WHERE state <> 'pending'")
            .await,
        0
    );
}

#[tokio::test]
async fn wrong_codes_are_limited_wherever_they_are_tried() {
    let app = TestApp::new().await;
    let (ada, eve) = (app.registered(ADA).await, app.registered(EVE).await);
    let client = add(&app, tv()).await;
    let waiting = device(&app, &client, "profile").await;
    let code = waiting.user_code.as_str();
    // Right ones do not count.
    for _ in 0..10 {
        ada.get(&page(code)).await.expect(200);
        ada.call("get_device", &[("user_code", code)]).await.expect(200);
    }
    ada.get(&page("BCDF-GHJK")).await.expect(200);
    ada.call("get_device", &[("user_code", "BCDF-GHJL")])
        .await
        .refused(404, "not_found");
    decide(&ada, "BCDF-GHJM", "allow").await.refused(404, "not_found");
    decide(&ada, "BCDF-GHJN", "deny").await.refused(404, "not_found");
    submit(&ada, "BCDF-GHJP", "allow").await.expect(303);
    assert!(ada.get("/device").await.expect(200).shows(WRONG));
    // After five, right ones are refused as well.
    let answer = ada.get(&page(code)).await.expect(429);
    assert!(answer.wait() <= 300 && answer.shows("role=\"alert\""));
    assert!(!answer.shows("Television"));
    ada.call("get_device", &[("user_code", code)])
        .await
        .refused(429, "too_many_attempts");
    decide(&ada, code, "allow")
        .await
        .refused(429, "too_many_attempts");
    assert_eq!(state(&app).await, "pending");
    // By user: another one at the same address is not in the way.
    eve.get(&page(code)).await.expect(200);
    app.advance(300);
    decide(&ada, code, "allow").await.expect(200);
}

#[tokio::test]
async fn wrong_codes_are_limited_by_address_too() {
    let app = TestApp::new().await;
    let mut users = Vec::new();
    for place in 0..5 {
        users.push(app.registered(&format!("ada-{place}@example.com")).await);
    }
    for user in &users[..4] {
        for _ in 0..5 {
            user.get(&page("BCDF-GHJK")).await.expect(200);
        }
    }
    users[4].get(&page("BCDF-GHJK")).await.expect(429);
    let elsewhere = users[4].at("192.0.2.1");
    elsewhere.get(&page("BCDF-GHJK")).await.expect(200);
}

#[tokio::test]
async fn without_javascript_the_page_says_what_happened() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let client = add(&app, tv()).await;
    for decision in ["allow", "deny"] {
        let waiting = device(&app, &client, "profile").await;
        let code = waiting.user_code.as_str();
        let there = page(code);
        submit(&ada, code, decision).await.leads_to(&there);
        let answer = ada.get(&there).await.expect(200);
        assert!(answer.shows(DECIDED) && answer.shows("role=\"status\""));
        assert!(!answer.shows(WRONG) && !answer.shows("Television"));
        // A second press finds nothing to decide.
        submit(&ada, code, decision).await.leads_to(&there);
        let answer = ada.get(&there).await.expect(200);
        assert!(answer.shows(WRONG) && !answer.shows(DECIDED));
        assert_eq!(answer.text().matches("role=\"alert\"").count(), 1);
    }
    assert_eq!(app.count("form_texts").await, 0, "no code waits for its page");
    // Only the second presses have counted as wrong codes.
    for _ in 0..3 {
        decide(&ada, "BCDF-GHJK", "allow").await.refused(404, "not_found");
    }
    decide(&ada, "BCDF-GHJK", "allow")
        .await
        .refused(429, "too_many_attempts");
}

#[tokio::test]
async fn what_is_worth_as_much_as_a_key_needs_a_recent_session() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let client = add(&app, native()).await;
    app.advance(600);
    let (small, all) = (
        device(&app, &client, "profile").await,
        device(&app, &client, "app").await,
    );
    let denied = device(&app, &client, "app").await;
    decide(&ada, &small.user_code, "allow").await.expect(200);
    decide(&ada, &denied.user_code, "deny").await.expect(200);
    let code = all.user_code.as_str();
    assert!(ada.get(&page(code)).await.expect(200).shows(Scope::App.words()));
    decide(&ada, code, "allow").await.refused(403, "reauth_required");
    let confirm = format!("/settings/security?return_to=%2Fdevice%3Fuser_code%3D{code}");
    submit(&ada, code, "allow").await.leads_to(&confirm);
    assert_eq!(
        poll(&app, &client, &all).await.err(),
        Some(Refusal::AuthorizationPending)
    );
    let fields = [("password", PASSWORD), ("return_to", &page(code))];
    ada.submit(&confirm, "confirm_identity", &fields)
        .await
        .leads_to(&page(code));
    ada.get(&page(code)).await.expect(200);
    decide(&ada, code, "allow").await.expect(200);
    app.advance(5);
    assert_eq!(poll(&app, &client, &all).await.unwrap().scope.to_string(), "app");
}

#[tokio::test]
async fn a_token_decides_nothing() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let client = add(&app, tv()).await;
    let waiting = device(&app, &client, "profile").await;
    let fields = [("name", "Script"), ("scope", "app")];
    let created = ada.call("create_key", &fields).await.expect(200).json();
    let key = created["key"].as_str().unwrap();
    for header in [
        format!("Bearer {key}"),
        "Bearer x".to_owned(),
        "Basic eDp5".to_owned(),
    ] {
        for decision in ["allow", "deny", "other"] {
            let fields = [("user_code", waiting.user_code.as_str()), ("decision", decision)];
            ada.post("/api/decide_device", &fields)
                .header("authorization", &header)
                .send()
                .await
                .refused(403, "not_by_token");
        }
    }
    assert_eq!(state(&app).await, "pending");
    decide(&ada, &waiting.user_code, "allow").await.expect(200);
}

#[tokio::test]
async fn codes_are_not_logged() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let client = add(&app, tv()).await;
    let (log, _guard) = Log::capture();
    let waiting = device(&app, &client, "profile").await;
    let code = waiting.user_code.as_str();
    app.browser().get(&page(code)).await.expect(303);
    ada.get(&page(code)).await.expect(200);
    ada.call("get_device", &[("user_code", code)]).await.expect(200);
    submit(&ada, code, "other").await.expect(303);
    submit(&ada, code, "allow").await.expect(303);
    submit(&ada, code, "allow").await.expect(303);
    poll(&app, &client, &waiting).await.unwrap();
    let text = log.text();
    assert!(text.contains("answered"), "{text}");
    let letters = code.replace('-', "");
    for secret in [code, letters.as_str(), waiting.device_code.expose_secret()] {
        assert!(!text.contains(secret), "{text}");
    }
}
