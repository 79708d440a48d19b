//! The two buckets: merges, conditions, limits, and nobody else's data.

use serde_json::{Value, json};

use crate::support::{Browser, PASSWORD, SOME_ID, TestApp, all_at_once};

const ADA: &str = "ada@example.com";
const EVE: &str = "eve@example.com";

async fn update(browser: &Browser, fields: &[(&str, &str)]) -> Value {
    browser
        .call("update_public_data", fields)
        .await
        .expect(200)
        .json()
}

async fn public(browser: &Browser) -> Value {
    browser.call("get_public_data", &[]).await.expect(200).json()
}

#[tokio::test]
async fn an_absent_field_stays_an_empty_one_goes_and_an_unknown_one_is_ignored() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    // A fork may have other fields, too.
    let nothing = public(&ada).await;
    let fields = nothing.as_object().unwrap();
    assert!(fields.values().all(Value::is_null), "{nothing}");
    let mut expected = nothing.clone();
    let all = [
        ("display_name", " Ada L. "),
        ("bio", "Engines\nand <b>numbers</b>"),
        ("website", "https://ada.example/?a=b"),
        ("theme", "dark"),
    ];
    expected["display_name"] = json!("Ada L.");
    for (field, value) in &all[1..] {
        expected[field] = json!(value);
    }
    assert_eq!(update(&ada, &all).await, expected);
    let odd = [
        ("bio", "new"),
        ("role", "admin"),
        ("user_id", SOME_ID),
        ("api_token", "sneaked"),
        ("__proto__", "x"),
        ("../private", "x"),
        ("version", "99"),
    ];
    let after = update(&ada, &odd).await;
    assert_eq!(after["bio"], "new");
    assert_eq!(after["website"], expected["website"]);
    assert!(after.as_object().unwrap().keys().eq(fields.keys()), "{after}");
    let after = update(&ada, &[("website", ""), ("theme", "")]).await;
    assert_eq!(after["website"], Value::Null);
    assert_eq!(after["theme"], Value::Null);
    assert_eq!(after["display_name"], "Ada L.");
    assert_eq!(public(&ada).await, after);
    assert_eq!(ada.user().await["role"], "user");
    // wing:private-data
    let private = ada.call("describe_private_data", &[]).await.expect(200).json();
    assert_eq!(private, json!([]), "nothing crossed into the other bucket");
    // end wing:private-data

    assert_eq!(
        ada.call("clear_public_data", &[]).await.expect(200).json(),
        nothing
    );
    assert_eq!(public(&ada).await, nothing);
}

#[tokio::test]
async fn values_that_do_not_fit_are_422_and_change_nothing() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let before = update(&ada, &[("bio", "kept"), ("website", "https://ada.example")]).await;
    for (field, value) in [
        ("display_name", "x".repeat(101)),
        ("bio", "x".repeat(2001)),
        ("website", format!("https://{}.example", "x".repeat(1020))),
        ("website", "javascript:alert(1)".to_owned()),
        ("website", "javascript://%0aalert(1)".to_owned()),
        ("website", "data:text/html,x".to_owned()),
        ("website", "ada.example".to_owned()),
        ("website", "https://".to_owned()),
        ("website", "https://a b".to_owned()),
        ("theme", "blue".to_owned()),
        ("display_name", "a\0b".to_owned()),
    ] {
        let fields = [("bio", "lost?"), (field, value.as_str())];
        let fields = if field == "bio" { &fields[1..] } else { &fields[..] };
        ada.call("update_public_data", fields)
            .await
            .refused(422, "invalid_input");
    }
    assert_eq!(public(&ada).await, before);
    let most = [
        ("display_name", "\u{1f5dd}".repeat(100)),
        ("bio", "\u{e9}".repeat(2000)),
    ];
    let fields: Vec<_> = most.iter().map(|(name, value)| (*name, value.as_str())).collect();
    update(&ada, &fields).await;
}

#[tokio::test]
async fn a_name_turns_and_hides_nothing_that_stands_beside_it() {
    let app = TestApp::new().await;
    let ada = app.browser();
    let form = [
        ("email", ADA),
        ("password", crate::support::PASSWORD),
        ("name", "\u{202e}adA\u{2066}\u{200b}"),
    ];
    ada.call("register", &form).await.expect(200);
    assert_eq!(ada.call("get_user", &[]).await.json()["name"], "adA");
    update(&ada, &[("display_name", "\u{202d}A\u{feff}da \u{2069}")]).await;
    assert_eq!(public(&ada).await["display_name"], "Ada");
    // What nobody can see is no name.
    update(&ada, &[("display_name", "\u{200b}\u{200b}")]).await;
    assert_eq!(public(&ada).await["display_name"], serde_json::Value::Null);
    let bob = app.browser();
    let form = [
        ("email", "bob@example.com"),
        ("password", crate::support::PASSWORD),
        ("name", "\u{200d}\u{fe0f} "),
    ];
    bob.call("register", &form).await.expect(200);
    assert_eq!(
        bob.call("get_user", &[]).await.json()["name"],
        serde_json::Value::Null
    );
}

#[tokio::test]
async fn bodies_have_their_limits_chunked_or_not() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    for (function, limit) in [
        ("login", 8 * 1024),
        ("register", 8 * 1024),
        ("update_public_data", 300 * 1024),
        ("update_private_data", 300 * 1024), // wing:private-data
        ("get_user", 64 * 1024),
        ("change_password", 64 * 1024),
        ("revoke_session", 64 * 1024),
    ] {
        let path = format!("/api/{function}");
        let body = |length: usize| format!("x={}", "a".repeat(length - 2));
        let form = |length| {
            let call = ada.post(&path, &[]);
            (
                call.body(body(length)),
                ada.post(&path, &[]).chunked(body(length)),
            )
        };
        let (plain, chunked) = form(limit + 1);
        plain.send().await.refused(413, "too_large");
        chunked.send().await.refused(413, "too_large");
        let (plain, chunked) = form(limit);
        assert_ne!(plain.send().await.status, 413, "{function}");
        assert_ne!(chunked.send().await.status, 413, "{function}");
        // What is declared counts by itself, before anything is read.
        let liar = ada
            .post(&path, &[])
            .body("x=y")
            .header("content-length", "99999999");
        liar.send().await.refused(413, "too_large");
    }
    let start = ada.post("/auth/login/acme", &[]).body("x".repeat(8 * 1024 + 1));
    start.send().await.refused(413, "too_large");
}

#[tokio::test]
async fn an_etag_names_the_version_and_if_match_asks_for_it() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let etag = |answer: &crate::support::Answer| answer.header("etag").unwrap().to_owned();
    let unwritten = ada.call("get_public_data", &[]).await.expect(200);
    let first = ada.call("update_public_data", &[("bio", "1")]).await.expect(200);
    assert_ne!(etag(&unwritten), etag(&first));
    assert_eq!(etag(&ada.call("get_public_data", &[]).await), etag(&first));

    for (function, fields, describe) in [
        ("update_public_data", &[("bio", "2")][..], "get_public_data"),
        ("clear_public_data", &[], "get_public_data"),
        // wing:private-data
        (
            "update_private_data",
            &[("api_token", "t")],
            "describe_private_data",
        ),
        ("clear_private_data", &[], "describe_private_data"),
        // end wing:private-data
    ] {
        let path = format!("/api/{function}");
        let current = etag(&ada.call(describe, &[]).await.expect(200));
        for wrong in [
            "\"99\"",
            &current.replace('"', ""),
            &format!("W/{current}"),
            "\"\"",
            "x",
            "\"98\", \"99\"",
        ] {
            let answer = ada.post(&path, fields).header("if-match", wrong).send().await;
            answer.refused(412, "version_mismatch");
            assert_eq!(
                etag(&ada.call(describe, &[]).await),
                current,
                "{function} {wrong}"
            );
        }
        let list = format!("\"98\", {current}");
        for right in [current.as_str(), "*", &list] {
            let condition = match right {
                "*" => right.to_owned(),
                _ => right.replace(&current, &etag(&ada.call(describe, &[]).await)),
            };
            let answer = ada
                .post(&path, fields)
                .header("if-match", &condition)
                .send()
                .await;
            let written = etag(&answer.expect(200));
            assert_eq!(etag(&ada.call(describe, &[]).await), written);
        }
        let two = ada
            .post(&path, fields)
            .header("if-match", "\"98\"")
            .another("if-match", &etag(&ada.call(describe, &[]).await));
        two.send().await.expect(200);
    }
}

// wing:private-data
#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_parallel_updates_of_different_fields_lose_nothing() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let updates = (0..100).map(|place| {
        let ada = ada.clone();
        let value = format!("value {place}");
        async move {
            let (function, field) = match place % 4 {
                0 => ("update_public_data", "display_name"),
                1 => ("update_public_data", "bio"),
                2 => ("update_private_data", "api_token"),
                _ => ("update_private_data", "webhook_secret"),
            };
            ada.call(function, &[(field, &value)]).await.expect(200);
        }
    });
    all_at_once(updates).await;
    let data = public(&ada).await;
    assert!(data["display_name"].is_string() && data["bio"].is_string());
    let keys = ada.call("describe_private_data", &[]).await.expect(200).json();
    assert_eq!(keys.as_array().unwrap().len(), 2);
    let versions = "SELECT CAST(sum(version) AS BIGINT) FROM user_data";
    assert_eq!(
        app.number(versions).await,
        100,
        "every acknowledged write counted"
    );
}
// end wing:private-data

#[tokio::test(flavor = "multi_thread")]
async fn parallel_conditional_updates_lose_none_of_each_other() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    update(&ada, &[("bio", "0")]).await;
    let counters = (0..8).map(|_| {
        let ada = ada.clone();
        async move {
            loop {
                let read = ada.call("get_public_data", &[]).await.expect(200);
                let next = read.json()["bio"].as_str().unwrap().parse::<i32>().unwrap() + 1;
                let write = ada
                    .post("/api/update_public_data", &[("bio", &next.to_string())])
                    .header("if-match", read.header("etag").unwrap());
                match write.send().await.status {
                    200 => return,
                    status => assert_eq!(status, 412),
                }
            }
        }
    });
    all_at_once(counters).await;
    assert_eq!(public(&ada).await["bio"], "8");
}

#[tokio::test]
async fn keys_of_another_version_of_the_application_survive() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    update(&ada, &[("bio", "x")]).await;
    app.sql(r#"UPDATE user_data SET data = '{"bio":"x","shoe_size":44,"nested":{"a":[1]}}'"#)
        .await;
    assert_eq!(update(&ada, &[("bio", "y")]).await["bio"], "y");
    let stored = app.text("SELECT CAST(data AS TEXT) FROM user_data").await;
    let stored: Value = serde_json::from_str(&stored).unwrap();
    assert_eq!(stored, json!({"bio": "y", "shoe_size": 44, "nested": {"a": [1]}}));
}

#[tokio::test]
async fn a_nul_is_refused_whatever_the_engine_would_say_to_it() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    update(&ada, &[("bio", "x")]).await;
    for (function, field) in [
        ("update_public_data", "display_name"),
        ("update_public_data", "bio"),
        ("update_public_data", "website"),
        ("update_public_data", "theme"),
        ("update_private_data", "api_token"),      // wing:private-data
        ("update_private_data", "webhook_secret"), // wing:private-data
    ] {
        for value in ["\0", "https://a.example/\0b", "before\0after"] {
            ada.call(function, &[(field, value)])
                .await
                .refused(422, "invalid_input");
        }
    }
    assert_eq!(public(&ada).await["bio"], "x");
    assert_eq!(app.number("SELECT count(*) FROM user_data").await, 1);
}

#[tokio::test]
async fn no_user_reads_or_changes_the_data_of_another() {
    let app = TestApp::new().await;
    let (ada, eve) = (app.registered(ADA).await, app.registered(EVE).await);
    update(&ada, &[("bio", "ada-canary")]).await;
    let ada_id = ada.session().await["user_id"].as_str().unwrap().to_owned();
    for (function, extra) in [
        ("get_public_data", &[][..]),
        ("update_public_data", &[("bio", "eve was here")]),
        ("clear_public_data", &[]),
        ("get_user", &[]),
        ("list_sessions", &[]),
        ("list_accounts", &[]),
        ("describe_private_data", &[]), // wing:private-data
    ] {
        let mut fields = vec![
            ("user_id", ada_id.as_str()),
            ("id", ada_id.as_str()),
            ("email", ADA),
        ];
        fields.extend_from_slice(extra);
        let answer = eve.call(function, &fields).await.expect(200);
        assert!(!answer.shows("ada-canary") && !answer.shows(ADA), "{function}");
    }
    assert_eq!(public(&ada).await["bio"], "ada-canary");
}

#[tokio::test]
async fn hostile_text_is_text_wherever_it_is_shown() {
    let app = TestApp::new().await;
    let ada = app.browser();
    let attack = "</title></textarea></script><script>alert(1)</script><img src=x onerror=alert(2)>\"'`&{{}}";
    let short: String = attack.chars().take(95).collect();
    let fields = [("email", ADA), ("password", PASSWORD), ("name", &short)];
    ada.call("register", &fields).await.expect(200);
    let website = "https://x.example/\"><script>alert(3)</script>".replace(' ', "");
    update(
        &ada,
        &[("display_name", &short), ("bio", attack), ("website", &website)],
    )
    .await;
    for page in [
        "/",
        "/profile",
        "/settings/public",
        "/settings/sessions",
        "/settings/accounts",
    ] {
        let text = ada.get(page).await.expect(200).text();
        for dangerous in [
            "<script>alert",
            "<img src=x",
            "</textarea></script>",
            "\"><script>",
        ] {
            assert!(!text.contains(dangerous), "{page}: {dangerous}");
        }
    }
    assert!(
        ada.get("/profile").await.shows("&lt;script&gt;alert(1)"),
        "it is shown, escaped"
    );
    let agent = app.browser();
    let call = agent
        .post("/api/login", &[("email", ADA), ("password", PASSWORD)])
        .header("user-agent", "<script>alert(4)</script>");
    call.send().await.expect(200);
    assert!(
        !agent
            .get("/settings/sessions")
            .await
            .expect(200)
            .shows("<script>alert(4)")
    );
}

#[tokio::test]
async fn a_link_that_was_stored_by_other_means_is_not_followed() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    update(&ada, &[("website", "https://ada.example/x")]).await;
    assert!(ada.get("/profile").await.shows("href=\"https://ada.example/x\""));
    app.sql(r#"UPDATE user_data SET data = '{"website":"javascript:alert(1)"}'"#)
        .await;
    let page = ada.get("/profile").await.expect(200);
    assert!(!page.shows("href=\"javascript:"));
}
