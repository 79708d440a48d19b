//! Private values: written by the browser, never read back by it.

use auth::data::SecretAccess;
use secrecy::ExposeSecret;

use crate::support::{Browser, FUNCTIONS, NEW_SECRET, PASSWORD, PROTECTED, SECRET, TestApp, contains};
#[cfg(not(feature = "postgres"))] // wing:postgres
use crate::support::{Folder, Server, command};

const ADA: &str = "ada@example.com";
const EVE: &str = "eve@example.com";
const TOKEN: &str = "canary-token-8f3a6c1e-tail";
const SHORT: &str = "canary-15-chars";

#[tokio::test]
async fn a_private_value_is_in_no_response_to_any_user() {
    let app = TestApp::new().await;
    let (ada, eve) = (app.registered(ADA).await, app.registered("eve@example.com").await);
    let set = [("api_token", TOKEN), ("webhook_secret", SHORT)];
    let mut answers = vec![
        ada.call("update_private_data", &set).await.expect(200),
        ada.submit("/settings/private", "update_private_data", &set)
            .await
            .expect(303),
        // Refused forms give back what was typed, but for secrets.
        ada.submit(
            "/settings/private",
            "update_private_data",
            &[("api_token", &TOKEN.repeat(300))],
        )
        .await
        .expect(303),
    ];
    for browser in [&ada, &eve, &app.browser()] {
        for page in
            PROTECTED
                .iter()
                .copied()
                .chain(["/", "/login", "/nowhere", "/api/session", "/api/nowhere"])
        {
            answers.push(browser.get(page).await);
        }
        for &(function, fields) in FUNCTIONS {
            if ![
                "logout",
                "clear_private_data",
                "login",
                "register",
                "update_private_data",
            ]
            .contains(&function)
            {
                answers.push(browser.call(function, fields).await);
            }
        }
    }
    assert_eq!(answers[0].json().as_array().unwrap().len(), 2);
    for answer in &answers {
        let everything = answer.everything();
        for secret in [TOKEN, SHORT, "canary"] {
            assert!(!everything.contains(secret), "{everything}");
        }
    }
    assert!(!contains(&app.disk(), "canary"), "it is sealed");
    let secret = ada.cookie("flash").map(|flash| flash.contains("canary"));
    assert_ne!(secret, Some(true));
}

#[tokio::test]
async fn it_is_described_by_key_time_and_a_masked_hint_that_tells_no_length() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    for (value, hint) in [
        ("123456789012345", None),
        ("1234567890123456", Some("3456")),
        (&"x".repeat(4096), Some("xxxx")),
        ("\u{1f511}\u{1f40e}\u{1f50b}\u{1f4ce}", None),
        ("a", None),
    ] {
        let answer = ada
            .call("update_private_data", &[("api_token", value)])
            .await
            .expect(200);
        let keys = answer.json();
        assert_eq!(keys[0]["key"], "api_token");
        assert_eq!(keys[0].as_object().unwrap().len(), 3);
        assert!(keys[0]["updated_at"].as_str().unwrap().ends_with('Z'));
        match hint {
            None => assert!(keys[0]["hint"].is_null(), "{value}"),
            Some(tail) => {
                let hint = keys[0]["hint"].as_str().unwrap();
                assert!(hint.ends_with(tail) && hint.chars().count() == 8, "{hint}");
            }
        }
    }
    ada.call("update_private_data", &[("api_token", &"x".repeat(4097))])
        .await
        .refused(422, "invalid_input");
}

#[tokio::test]
async fn it_is_replaced_removed_and_cleared_and_other_keys_stay() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let keys = |value: serde_json::Value| -> Vec<String> {
        let keys = value
            .as_array()
            .unwrap()
            .iter()
            .map(|info| info["key"].as_str().unwrap().to_owned());
        keys.collect()
    };
    let set = [("api_token", TOKEN), ("webhook_secret", SHORT)];
    let both = ada.call("update_private_data", &set).await.expect(200).json();
    assert_eq!(keys(both.clone()), ["api_token", "webhook_secret"]);
    app.advance(100);
    let replaced = ada
        .call("update_private_data", &[("api_token", "another-token-of-it")])
        .await;
    let replaced = replaced.expect(200).json();
    assert!(replaced[0]["updated_at"].as_str() > both[0]["updated_at"].as_str());
    assert_eq!(replaced[1]["updated_at"], both[1]["updated_at"]);
    let removed = ada
        .call("update_private_data", &[("api_token", "")])
        .await
        .expect(200);
    assert_eq!(keys(removed.json()), ["webhook_secret"]);
    assert!(!contains(&stored(&app).await, "another-token"));
    ada.call("clear_private_data", &[]).await.expect(200);
    let none = ada.call("describe_private_data", &[]).await.expect(200).json();
    assert_eq!(none, serde_json::json!([]));
    assert!(!contains(&stored(&app).await, SHORT));
}

#[tokio::test]
async fn server_code_reads_it_and_only_its_owners() {
    let app = TestApp::new().await;
    let (ada, eve) = (app.registered(ADA).await, app.registered("eve@example.com").await);
    ada.call("update_private_data", &[("api_token", TOKEN)])
        .await
        .expect(200);
    let access = SecretAccess::for_server_code("a test of what server code reads");
    for (browser, expected) in [(&ada, Some(TOKEN)), (&eve, None)] {
        let user_id = browser.session().await["user_id"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
        let data: app::pages::settings::private::PrivateData =
            app.auth.buckets.private(user_id, &access).await.unwrap();
        let token = data.api_token.as_ref().map(|token| token.expose_secret());
        assert_eq!(token, expected);
        assert!(!format!("{data:?}").contains(TOKEN));
    }
}

#[tokio::test]
async fn the_page_shows_which_are_set_and_has_no_value_in_it() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    assert!(ada.get("/settings/private").await.expect(200).shows("Not set."));
    ada.call("update_private_data", &[("api_token", TOKEN)])
        .await
        .expect(200);
    let page = ada.get("/settings/private").await.expect(200);
    assert!(page.shows("It ends in") && page.shows("\u{2022}tail<"));
    assert!(!page.shows(TOKEN) && !page.shows("canary"));
    assert_eq!(page.header("cache-control"), Some("no-store, no-transform"));
}

#[tokio::test]
async fn a_guessed_password_of_another_user_yields_no_private_data_in_an_error() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    ada.call("update_private_data", &[("api_token", TOKEN)])
        .await
        .expect(200);
    app.sql("UPDATE user_data SET data = '{\"api_token\": {\"canary\": 1}}'")
        .await;
    // What is stored cannot be read: the answer does not say what it found.
    let answer = ada.call("describe_private_data", &[]).await.expect(200);
    assert!(!answer.shows("canary"));
    ada.login(ADA, PASSWORD).await.expect(200);
}

#[tokio::test]
async fn it_is_sealed_at_rest_for_its_owner_alone() {
    let app = TestApp::new().await;
    let (ada, eve) = (app.registered(ADA).await, app.registered(EVE).await);
    for browser in [&ada, &eve] {
        let set = [("api_token", TOKEN), ("webhook_secret", SHORT)];
        browser.call("update_private_data", &set).await.expect(200);
    }
    let at_rest = stored(&app).await;
    for telling in ["canary", "api_token", "webhook_secret", "$set_at"] {
        assert!(!contains(&at_rest, telling), "{telling}");
    }
    assert_eq!(token(&app, &ada).await.as_deref(), Some(TOKEN));
    // Public data is not.
    ada.call("update_public_data", &[("bio", "a public word")])
        .await
        .expect(200);
    assert!(contains(&stored(&app).await, "a public word"));

    // Ada's row, put in the place of Eve's: it opens for nobody, and is told to nobody.
    app.sql(
        "UPDATE user_data SET data = (
             SELECT d.data FROM user_data d JOIN users u ON u.id = d.user_id
             WHERE u.email = 'ada@example.com' AND d.bucket = 'private')
         WHERE user_id = (SELECT id FROM users WHERE email = 'eve@example.com')",
    )
    .await;
    let refused = eve
        .call("describe_private_data", &[])
        .await
        .refused(503, "unavailable");
    assert!(!refused.shows("tail") && !refused.shows("SESSION_SECRET"));
    eve.call("update_private_data", &[("api_token", "x")])
        .await
        .refused(503, "unavailable");
    assert_eq!(token(&app, &ada).await.as_deref(), Some(TOKEN));
    // It can be done away with.
    eve.call("clear_private_data", &[]).await.expect(200);
    eve.call("update_private_data", &[("api_token", "x")])
        .await
        .expect(200);
    assert_eq!(token(&app, &eve).await.as_deref(), Some("x"));
}

/// A row from before anything was sealed.
#[tokio::test]
async fn what_lies_there_in_clear_is_read_and_sealed_when_it_is_written() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    ada.call("update_private_data", &[("webhook_secret", SHORT)])
        .await
        .expect(200);
    app.sql(&format!(
        "UPDATE user_data SET data = '{{\"api_token\": \"{TOKEN}\", \"$set_at\": {{\"api_token\": \"2026-01-01T00:00:00Z\"}}}}'"
    ))
    .await;
    let told = ada.call("describe_private_data", &[]).await.expect(200);
    assert_eq!(told.json()[0]["updated_at"], "2026-01-01T00:00:00Z");
    assert!(told.json()[0]["hint"].as_str().unwrap().ends_with("tail"));
    assert_eq!(token(&app, &ada).await.as_deref(), Some(TOKEN));
    assert!(contains(&stored(&app).await, TOKEN));

    ada.call("update_private_data", &[("webhook_secret", SHORT)])
        .await
        .expect(200);
    assert!(!contains(&stored(&app).await, "canary"));
    assert_eq!(token(&app, &ada).await.as_deref(), Some(TOKEN));
}

async fn two_with_a_token(app: &TestApp) -> (Browser, Browser) {
    let both = (app.registered(ADA).await, app.registered(EVE).await);
    for browser in [&both.0, &both.1] {
        browser
            .call("update_private_data", &[("api_token", TOKEN)])
            .await
            .expect(200);
    }
    both
}

/// So that an old key may leave the list: private data is not renewed by signing in, as all else is.
#[tokio::test]
async fn a_new_key_seals_it_anew_and_the_old_one_may_go() {
    let app = TestApp::new().await;
    let (ada, eve) = two_with_a_token(&app).await;
    app.sql(&format!(
        "UPDATE user_data SET data = '{{\"api_token\": \"{TOKEN}\"}}'
         WHERE user_id = (SELECT id FROM users WHERE email = 'eve@example.com')"
    ))
    .await;
    app.registered("alan@example.com")
        .await
        .call("clear_private_data", &[])
        .await
        .expect(200);
    let version = ada.call("describe_private_data", &[]).await;
    let version = version.header("etag").unwrap().to_owned();
    let both = format!("{NEW_SECRET},{SECRET}");
    let rotated = app.restarted(&[("SESSION_SECRET", &both)]).await;
    assert_eq!(rotated.auth.buckets.reseal().await.unwrap(), 2);
    assert_eq!(rotated.auth.buckets.reseal().await.unwrap(), 0);
    assert!(!contains(&stored(&app).await, "canary"));
    let new = app.restarted(&[("SESSION_SECRET", NEW_SECRET)]).await;
    for browser in [&ada, &eve] {
        assert_eq!(token(&new, &browser.before(&new)).await.as_deref(), Some(TOKEN));
    }
    // For its reader nothing has changed.
    let same = ada.before(&new).call("describe_private_data", &[]).await;
    assert_eq!(same.header("etag"), Some(version.as_str()));

    // With a key that is gone nothing is opened, and nothing destroyed by accident.
    let lost = app.restarted(&[("SESSION_SECRET", SECRET)]).await;
    let ada_there = ada.before(&lost);
    assert_eq!(lost.auth.buckets.reseal().await.unwrap(), 0);
    ada_there
        .call("describe_private_data", &[])
        .await
        .refused(503, "unavailable");
    ada_there
        .call("update_private_data", &[("api_token", "x")])
        .await
        .refused(503, "unavailable");
    assert_eq!(token(&new, &ada.before(&new)).await.as_deref(), Some(TOKEN));
}

/// A row that is damaged is nobody's but its user's trouble: others are sealed anew, and what they had is swept.
#[tokio::test]
async fn a_row_that_cannot_be_read_holds_up_no_other() {
    let app = TestApp::new().await;
    let (_, eve) = two_with_a_token(&app).await;
    app.sql(
        "UPDATE user_data SET data = '[1]' WHERE user_id = (SELECT id FROM users WHERE email = 'ada@example.com')",
    )
    .await;
    let both = format!("{NEW_SECRET},{SECRET}");
    let rotated = app.restarted(&[("SESSION_SECRET", &both)]).await;
    assert_eq!(rotated.auth.buckets.reseal().await.unwrap(), 1);
    let new = app.restarted(&[("SESSION_SECRET", NEW_SECRET)]).await;
    assert_eq!(token(&new, &eve.before(&new)).await.as_deref(), Some(TOKEN));
    let left = app.number("SELECT count(*) FROM user_data WHERE CAST(data AS TEXT) = '[1]'");
    assert_eq!(left.await, 1, "it is left as it is");
}

/// The token as server code reads it.
async fn token(app: &TestApp, browser: &Browser) -> Option<String> {
    let access = SecretAccess::for_server_code("a test of what server code reads");
    let user_id = browser.session().await["user_id"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let data: app::pages::settings::private::PrivateData =
        app.auth.buckets.private(user_id, &access).await.unwrap();
    data.api_token.map(|token| token.expose_secret().to_owned())
}

async fn stored(app: &TestApp) -> Vec<u8> {
    app.text("SELECT string_agg(CAST(data AS TEXT), ',') FROM user_data")
        .await
        .into_bytes()
}

/// The sweep goes on beside private data that cannot be sealed anew.
#[cfg(not(feature = "postgres"))] // wing:postgres
#[tokio::test]
async fn private_data_that_is_not_sealed_anew_holds_up_no_sweep() {
    let folder = Folder::new();
    let migrated = command(&folder, &[("PUBLIC_URL", "http://127.0.0.1:3000")])
        .arg("migrate")
        .output()
        .unwrap();
    assert!(migrated.status.success());
    let options: sqlx::sqlite::SqliteConnectOptions = folder.database_url().parse().unwrap();
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    for statement in [
        "INSERT INTO stale_sessions (session_id, min_version, forget_at)
         VALUES (randomblob(16), 1, '2000-01-01T00:00:00Z')",
        "ALTER TABLE user_data RENAME TO elsewhere",
    ] {
        sqlx::query(statement).execute(&pool).await.unwrap();
    }
    let server = Server::start(&folder, &[("PUBLIC_URL", "http://127.0.0.1:3000")]);
    server.wait_for("private data could not be resealed");
    let patience = std::time::Instant::now();
    let marks = async || -> i64 {
        let marks = sqlx::query_scalar("SELECT count(*) FROM stale_sessions");
        marks.fetch_one(&pool).await.unwrap()
    };
    while marks().await > 0 {
        assert!(patience.elapsed().as_secs() < 10, "{}", server.log());
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}
