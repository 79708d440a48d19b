//! What has access to a user's account beside their browsers, and personal keys.

use http::Method;
use secrecy::ExposeSecret;
use serde_json::Value;

use super::registered::{Asking, REDIRECT, add, exchange, registry, web};
use crate::support::{Browser, Log, PASSWORD, TestApp, contains};

const ADA: &str = "ada@example.com";
const EVE: &str = "eve@example.com";
const PAGE: &str = "/settings/access";

async fn create(browser: &Browser, name: &str) -> Value {
    let fields = [("name", name), ("scope", "profile")];
    browser.call("create_key", &fields).await.expect(200).json()
}

async fn list(browser: &Browser) -> Vec<Value> {
    let answer = browser.call("list_access", &[]).await.expect(200).json();
    answer.as_array().unwrap().clone()
}

async fn keys(app: &TestApp) -> i64 {
    app.number("SELECT count(*) FROM sessions WHERE kind = 'api' AND client_id IS NULL")
        .await
}

#[tokio::test]
async fn a_key_is_shown_once_to_a_script_and_listed_without_its_text() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let empty = ada.get(PAGE).await.expect(200);
    assert!(empty.shows("No applications, devices or keys have access"));
    let fields = [("name", "  Backups "), ("scope", "app"), ("days", "366")];
    let created = ada.call("create_key", &fields).await.expect(200).json();
    let members: Vec<_> = created.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["expires_at", "key", "name", "scope", "session_id"]);
    let key = created["key"].as_str().unwrap();
    assert!(key.starts_with("sak_") && key.len() == 76, "{key}");
    assert_eq!(
        (&created["name"], &created["scope"]),
        (&"Backups".into(), &"app".into())
    );
    let listed = list(&ada).await;
    assert_eq!(listed.len(), 1);
    let listed = &listed[0];
    let members: Vec<_> = listed.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "client_id",
        "client_name",
        "created_at",
        "expires_at",
        "ip",
        "kind",
        "last_seen_at",
        "name",
        "scope",
        "session_id",
        "user_agent",
    ];
    assert_eq!(members, expected);
    assert_eq!(
        (&listed["kind"], &listed["name"]),
        (&"key".into(), &"Backups".into())
    );
    assert_eq!(listed["session_id"], created["session_id"]);
    assert_eq!(listed["expires_at"], created["expires_at"]);
    assert!(listed["client_id"].is_null() && listed["client_name"].is_null());
    let page = ada.get(PAGE).await.expect(200);
    assert!(page.shows("Backups") && page.shows("It can do everything"));
    assert!(!page.everything().contains("sak_"));
    // The days are 90 unless a form says otherwise, and browsers stay in their own list.
    let day = |created: &Value| created["expires_at"].as_str().unwrap()[..10].to_owned();
    assert_eq!(day(&created), "2028-01-16");
    assert_eq!(day(&create(&ada, "Usual").await), "2027-04-15");
    let fields = [("name", "Empty"), ("scope", "profile"), ("days", "")];
    let empty = ada.call("create_key", &fields).await.expect(200).json();
    assert_eq!(day(&empty), "2027-04-15");
    let sessions = ada.call("list_sessions", &[]).await.expect(200).json();
    assert_eq!(sessions.as_array().unwrap().len(), 1);
    // Others see nothing of it.
    assert!(list(&app.registered(EVE).await).await.is_empty());
}

#[tokio::test]
async fn without_javascript_a_page_shows_the_key_and_no_cookie_carries_it() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let (log, _guard) = Log::capture();
    // A refused form leaves a flash, which the next attempt makes needless.
    let refused = [("name", "Backups"), ("scope", "profile"), ("days", "0")];
    ada.submit(PAGE, "create_key", &refused).await.leads_to(PAGE);
    assert!(ada.cookie("flash").is_some());
    let fields = [("name", "Backups"), ("scope", "profile"), ("days", "30")];
    let answer = ada.submit(PAGE, "create_key", &fields).await.expect(200);
    assert!(answer.header("content-type").unwrap().starts_with("text/html"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("location"), None);
    let text = answer.text();
    let start = text.find("sak_").unwrap_or_else(|| panic!("{text}"));
    let key = &text[start..start + 76];
    assert_eq!(text.matches("sak_").count(), 1);
    assert!(text.contains(&format!("<code>{key}</code>")));
    assert!(text.contains("It is not shown again.") && text.contains("href=\"/settings/access\""));
    for cookie in answer.cookies() {
        assert!(cookie.removes(), "{}", cookie.text);
    }
    assert!(ada.cookie("flash").is_none());
    for page in [PAGE, "/settings/security", "/"] {
        assert!(
            !ada.get(page).await.expect(200).everything().contains("sak_"),
            "{page}"
        );
    }
    assert!(!contains(&app.disk(), key));
    assert!(!log.text().contains(key), "{}", log.text());
    assert_eq!(keys(&app).await, 1);
}

#[tokio::test]
async fn what_does_not_fit_is_refused_and_what_was_typed_comes_back() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let long = "\u{e9}".repeat(101);
    let bad: [(&str, &str, &str); 14] = [
        ("", "profile", "90"),
        ("   ", "profile", "90"),
        (&long, "profile", "90"),
        ("a\u{202e}b", "profile", "90"),
        ("a\0", "profile", "90"),
        ("Backups", "", "90"),
        ("Backups", "data", "90"),
        ("Backups", "profile app", "90"),
        ("Backups", "Profile", "90"),
        ("Backups", "profile", "0"),
        ("Backups", "profile", "-1"),
        ("Backups", "profile", "367"),
        ("Backups", "profile", "1.5"),
        ("Backups", "profile", "99999999999999999999"),
    ];
    for (name, scope, days) in bad {
        let fields = [("name", name), ("scope", scope), ("days", days)];
        ada.call("create_key", &fields)
            .await
            .refused(422, "invalid_input");
    }
    ada.call("create_key", &[("name", "Backups")])
        .await
        .refused(422, "invalid_input");
    assert_eq!(keys(&app).await, 0);
    let fields = [("name", "My <backups>"), ("scope", "app"), ("days", "367")];
    ada.submit(PAGE, "create_key", &fields).await.leads_to(PAGE);
    let page = ada.get(PAGE).await.expect(200);
    for shown in [
        "role=\"alert\"",
        "value=\"My &lt;backups&gt;\"",
        "value=\"367\"",
        "value=\"app\" selected",
    ] {
        assert!(page.shows(shown), "{shown}: {}", page.text());
    }
    // At the edges it fits.
    let longest = "\u{e9}".repeat(100);
    for days in ["1", "366"] {
        let fields = [("name", longest.as_str()), ("scope", "profile"), ("days", days)];
        ada.call("create_key", &fields).await.expect(200);
    }
}

#[tokio::test]
async fn a_key_needs_a_recent_session_and_the_way_there_leads_back() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    app.advance(600);
    let fields = [("name", "Backups"), ("scope", "app"), ("days", "7")];
    ada.call("create_key", &fields)
        .await
        .refused(403, "reauth_required");
    let confirm = "/settings/security?return_to=%2Fsettings%2Faccess";
    ada.submit(PAGE, "create_key", &fields).await.leads_to(confirm);
    assert_eq!(keys(&app).await, 0);
    let confirming = [("password", PASSWORD), ("return_to", PAGE)];
    ada.submit(confirm, "confirm_identity", &confirming)
        .await
        .leads_to(PAGE);
    let page = ada.get(PAGE).await.expect(200);
    assert!(page.shows("value=\"Backups\"") && page.shows("value=\"7\""));
    create(&ada, "Backups").await;
}

#[tokio::test]
async fn a_user_has_fifty_keys_and_creates_ten_an_hour() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let fields = [("name", "One too many"), ("scope", "profile")];
    for round in 0..5 {
        for place in 0..10 {
            create(&ada, &format!("Key {round}{place}")).await;
        }
        ada.call("create_key", &fields)
            .await
            .refused(429, "too_many_attempts");
        app.advance(3600);
        ada.login(ADA, PASSWORD).await.expect(200);
    }
    ada.call("create_key", &fields).await.refused(409, "too_many");
    ada.submit(PAGE, "create_key", &fields).await.leads_to(PAGE);
    let page = ada.get(PAGE).await.expect(200);
    assert!(page.shows("as many keys as an account can have"));
    assert_eq!(keys(&app).await, 50);
    // Another user has their own, and one less makes room.
    create(&app.registered(EVE).await, "Eve's").await;
    let listed = list(&ada).await;
    let some = listed[7]["session_id"].as_str().unwrap();
    ada.call("revoke_session", &[("session_id", some)])
        .await
        .expect(200);
    create(&ada, "Room").await;
}

#[tokio::test]
async fn clients_and_keys_are_listed_and_revoked_by_their_user_only() {
    let app = TestApp::new().await;
    let (ada, eve) = (app.registered(ADA).await, app.registered(EVE).await);
    let client = add(&app, web()).await;
    let code = Asking::of(&client, REDIRECT).decide(&ada, "allow").await.code();
    exchange(&app, &client, REDIRECT, &code).await.unwrap();
    app.advance(1);
    create(&ada, "Backups").await;
    let listed = list(&ada).await;
    let kinds: Vec<_> = listed.iter().map(|one| one["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["key", "client"]);
    assert_eq!(listed[1]["client_id"], client.as_str());
    assert_eq!(listed[1]["client_name"], "Weather & <More>");
    assert_eq!(listed[1]["scope"], "profile data");
    let page = ada.get(PAGE).await.expect(200);
    assert!(page.shows("Weather &amp; &lt;More&gt;") && page.shows("Backups"));
    for one in &listed {
        let id = one["session_id"].as_str().unwrap();
        eve.call("revoke_session", &[("session_id", id)])
            .await
            .refused(404, "not_found");
        ada.submit(PAGE, "revoke_session", &[("session_id", id)])
            .await
            .leads_to(PAGE);
        let page = ada.get(PAGE).await.expect(200);
        assert!(page.shows("The access has ended.") && !page.shows(id));
    }
    assert!(list(&ada).await.is_empty());
    assert!(ada.is_signed_in().await);
    // The history has words for it all.
    let events = ada.get("/settings/security").await.expect(200);
    for shown in [
        "Weather &amp; &lt;More&gt; was given access to your account",
        "Key “Backups” created",
        "Session ended",
    ] {
        assert!(events.shows(shown), "{shown}");
    }
}

#[tokio::test]
async fn signing_out_everywhere_else_ends_clients_and_keys() {
    let app = TestApp::new().await;
    let (ada, eve) = (app.registered(ADA).await, app.registered(EVE).await);
    create(&ada, "Backups").await;
    create(&eve, "Hers").await;
    ada.call("revoke_other_sessions", &[]).await.expect(200);
    assert!(list(&ada).await.is_empty());
    assert_eq!(list(&eve).await.len(), 1);
    create(&ada, "Backups").await;
    let fields = [
        ("current_password", PASSWORD),
        ("new_password", "seven quiet rivers of tin"),
    ];
    ada.call("change_password", &fields).await.expect(200);
    assert!(list(&ada).await.is_empty());
}

#[tokio::test]
async fn an_expired_key_is_neither_listed_nor_counted() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let fields = [("name", "Short"), ("scope", "profile"), ("days", "1")];
    ada.call("create_key", &fields).await.expect(200);
    app.advance(86_400);
    let again = app.signed_in(ADA).await;
    assert!(list(&again).await.is_empty());
}

#[tokio::test]
async fn the_history_has_words_for_how_access_ends() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let client = add(&app, web()).await;
    let asking = Asking::of(&client, REDIRECT);
    // A code that comes twice was copied.
    let code = asking.decide(&ada, "allow").await.code();
    exchange(&app, &client, REDIRECT, &code).await.unwrap();
    assert!(exchange(&app, &client, REDIRECT, &code).await.is_err());
    // The client gives its token back.
    let code = asking.decide(&ada, "allow").await.code();
    let issued = exchange(&app, &client, REDIRECT, &code).await.unwrap();
    let refresh = issued.refresh_token.unwrap();
    let fields = [("client_id", client.as_str()), ("token", refresh.expose_secret())];
    app.browser()
        .request(Method::POST, "/oauth/revoke")
        .form(&fields)
        .send()
        .await
        .expect(200);
    // The operator revokes the client.
    let code = asking.decide(&ada, "allow").await.code();
    exchange(&app, &client, REDIRECT, &code).await.unwrap();
    registry(&app).await.revoke(&client).await.unwrap();
    assert!(list(&ada).await.is_empty());
    let page = ada.get("/settings/security").await.expect(200);
    for shown in [
        "A copied token of Weather &amp; &lt;More&gt; was used, so its access has ended",
        "Weather &amp; &lt;More&gt; gave up its access to your account",
        "Weather &amp; &lt;More&gt; lost its access to every account",
    ] {
        assert!(page.shows(shown), "{shown}: {}", page.text());
    }
}

#[tokio::test]
async fn a_key_creates_no_key() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let fields = [("name", "Script"), ("scope", "app")];
    let created = ada.call("create_key", &fields).await.expect(200).json();
    let header = format!("Bearer {}", created["key"].as_str().unwrap());
    app.browser()
        .post("/api/create_key", &fields)
        .header("authorization", &header)
        .send()
        .await
        .refused(403, "reauth_required");
    assert_eq!(keys(&app).await, 1);
}
