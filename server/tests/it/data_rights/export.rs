//! The download of everything that is kept about a person.

use auth::data_rights::kept::{Kind, Rows, SECTIONS, TABLES};
use serde_json::{Value, json};

use super::person::PRIVATE; // wing:private-data
use super::{
    ADA,
    person::{EMAIL, IP, Person, TRACES, UNSAVED},
};
use crate::support::{Answer, Browser, Folder, PASSWORD, Server, TestApp, command};

const EVE: &str = "eve@example.com";
const SITE: (&str, &str) = ("PUBLIC_URL", "http://127.0.0.1:3000");

async fn export(browser: &Browser) -> Answer {
    browser.call("export_data", &[]).await
}

#[tokio::test]
async fn it_is_a_file_of_all_rows_about_the_person() {
    let person = Person::new().await;
    let answer = export(&person.browser).await.expect(200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(
        answer.header("content-disposition"),
        Some("attachment; filename=\"data.json\"")
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert!(answer.cookies().is_empty());
    let data = answer.json();
    assert!(
        data["exported_at"]
            .as_str()
            .unwrap()
            .starts_with("2027-01-15T08:00:")
    );
    // Every table that can hold rows of a person holds some of this one.
    for (table, rows) in TABLES {
        let shown = data[table].as_array();
        match rows {
            Rows::Unlinked => assert!(shown.is_none(), "{table}"),
            _ => assert!(!shown.unwrap().is_empty(), "{table}: {data}"),
        }
    }
    for trace in TRACES {
        assert!(answer.shows(trace), "{trace} is missing");
    }
    let user = &data["users"][0];
    assert_eq!(user["id"], json!(person.id));
    assert_eq!((&user["email"], &user["role"]), (&json!(EMAIL), &json!("user")));
    assert_eq!(data["accounts"][0]["provider"], "acme");
    assert_eq!(data["accounts"][0]["profile"]["sub"], "canary-at-acme");
    let last = data["audit_events"].as_array().unwrap();
    assert!(
        last.iter()
            .any(|event| event["kind"] == "export_data" && event["ip"] == IP)
    );
}

#[tokio::test]
async fn no_secret_no_hash_and_nothing_sealed_is_in_it() {
    let person = Person::new().await;
    let answer = export(&person.browser).await.expect(200);
    let data = answer.json();
    let lines = SECTIONS.iter().flat_map(|section| section.lines);
    let mut secrets = 0;
    for (table, columns) in lines.flat_map(|line| line.columns) {
        for column in columns.iter().filter(|column| column.kind == Kind::Secret) {
            secrets += 1;
            for row in data[table].as_array().into_iter().flatten() {
                assert!(row.get(column.name).is_none(), "{table}.{}", column.name);
            }
        }
    }
    assert!(secrets > 20);
    for secret in ["v4.local.", "$argon2", UNSAVED, PASSWORD] {
        assert!(!answer.shows(secret), "{secret}");
    }
    // wing:private-data
    assert!(!answer.shows(PRIVATE));
    let private = data["user_data"].as_array().unwrap();
    let private = private.iter().find(|row| row["bucket"] == "private").unwrap();
    assert_eq!(
        private["data"],
        json!({ "api_token": { "bytes": PRIVATE.len() } })
    );
    // end wing:private-data
    // wing:clients
    assert!(!answer.shows(&person.tokens.access) && !answer.shows(&person.tokens.refresh));
    // end wing:clients
    // Every column that could hold a secret is one: nothing else has such a name.
    let lines = SECTIONS.iter().flat_map(|section| section.lines);
    for (table, columns) in lines.flat_map(|line| line.columns) {
        for column in *columns {
            let sounds_secret = [
                "hash",
                "secret",
                "token",
                "sealed",
                "salt",
                "nonce",
                "verifier",
                "challenge",
                "body",
            ];
            let sounds_secret = sounds_secret.iter().any(|word| column.name.contains(word));
            let is_harmless = column.name == "token_expires_at";
            assert!(
                !sounds_secret || is_harmless || column.kind == Kind::Secret,
                "{table}.{}",
                column.name
            );
        }
    }
}

#[tokio::test]
async fn nothing_of_others_is_in_it() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let eve = app.browser().at("192.0.2.66");
    eve.register(EVE).await;
    eve.call("update_public_data", &[("bio", "canary-of-eve")])
        .await
        .expect(200);
    let data = export(&ada).await.expect(200);
    for trace in [EVE, "canary-of-eve", "192.0.2.66"] {
        assert!(!data.shows(trace), "{trace}");
    }
}

// wing:admin
#[tokio::test]
async fn what_others_did_is_in_it_without_who_and_from_where() {
    let app = TestApp::new().await;
    let (ada, eve) = (app.registered(ADA).await, app.registered(EVE).await);
    let root = app.browser().at("192.0.2.66");
    root.register("root@example.com").await;
    app.promote("root@example.com").await;
    let root_id = app.id_of("root@example.com").await.to_string();
    let ada_id = app.id_of(ADA).await.to_string();
    let eve_id = app.id_of(EVE).await.to_string();
    for id in [&ada_id, &eve_id] {
        let fields = [("user_id", id.as_str()), ("role", "admin")];
        root.call("admin/set_role", &fields).await.expect(200);
    }
    let fields = [("user_id", eve_id.as_str()), ("role", "user")];
    ada.call("admin/set_role", &fields).await.expect(200);
    let answer = export(&ada).await.expect(200);
    let data = answer.json();
    let deeds: Vec<_> = data["audit_events"].as_array().unwrap().iter().collect();
    let deeds: Vec<_> = deeds
        .into_iter()
        .filter(|event| event["kind"] == "set_role")
        .collect();
    let [done_to, done] = deeds[..] else {
        panic!("{deeds:?}")
    };
    assert_eq!(done_to["user_id"], json!(ada_id));
    assert_eq!(done_to["by"], "an administrator");
    assert!(
        done_to["ip"].is_null() && done_to["actor_id"].is_null(),
        "{done_to}"
    );
    assert_eq!(done["actor_id"], json!(ada_id));
    assert_eq!(done["ip"], "203.0.113.7");
    assert!(
        done["user_id"].is_null() && done["session_id"].is_null(),
        "{done}"
    );
    for trace in ["192.0.2.66", "root@example.com", &root_id, EVE, &eve_id] {
        assert!(!answer.shows(trace), "{trace}");
    }
    // The other side is theirs.
    let answer = export(&eve).await.expect(200);
    assert!(!answer.shows(&ada_id) && !answer.shows(&root_id) && !answer.shows("192.0.2.66"));
}
// end wing:admin

#[tokio::test]
async fn it_takes_a_recent_session_and_comes_five_times_an_hour() {
    let app = TestApp::new().await;
    app.browser()
        .call("export_data", &[])
        .await
        .refused(401, "unauthenticated");
    let ada = app.registered(ADA).await;
    app.advance(600);
    export(&ada).await.refused(403, "reauth_required");
    ada.call("confirm_identity", &[("password", PASSWORD)])
        .await
        .expect(200);
    for _ in 0..5 {
        export(&ada).await.expect(200);
    }
    assert!(export(&ada).await.refused(429, "too_many_attempts").wait() <= 3600);
    assert_eq!(app.count("audit_events WHERE kind = 'export_data'").await, 5);
    app.registered(EVE)
        .await
        .call("export_data", &[])
        .await
        .expect(200);
    ada.get("/api/export_data").await.expect(405);
    let elsewhere = ada
        .post("/api/export_data", &[])
        .header("sec-fetch-site", "cross-site");
    elsewhere.send().await.expect(403);
}

#[tokio::test]
async fn a_form_without_javascript_keeps_the_file_or_says_why_not() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let page = ada.get("/settings/security").await.expect(200);
    assert!(page.shows("action=\"/api/export_data\"") && page.shows("Download your data"));
    let answer = ada
        .submit("/settings/security", "export_data", &[])
        .await
        .expect(200);
    assert_eq!(answer.json()["users"][0]["email"], ADA);
    assert!(answer.header("content-disposition").is_some());
    app.advance(600);
    ada.submit("/settings/security", "export_data", &[])
        .await
        .leads_to("/settings/security?return_to=%2Fsettings%2Fsecurity");
    let page = ada
        .get("/settings/security?return_to=%2Fsettings%2Fsecurity")
        .await;
    assert!(page.expect(200).shows("Please confirm your identity"));
}

#[tokio::test]
async fn a_long_history_comes_in_pages_and_whole() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let random = crate::support::RANDOM_ID;
    for _ in 0..10 {
        app.sql(&format!(
            "INSERT INTO audit_events (id, at, user_id, kind) SELECT {random}, at, user_id, kind FROM audit_events"
        ))
        .await;
    }
    let events = app.count("audit_events").await;
    assert!(events > 1500, "{events}");
    let data = export(&ada).await.expect(200).json();
    let shown = data["audit_events"].as_array().unwrap();
    // The export itself is one more.
    assert_eq!(i64::try_from(shown.len()).unwrap(), events + 1);
    let ids: std::collections::BTreeSet<_> = shown.iter().map(|event| event["id"].as_str()).collect();
    assert_eq!(ids.len(), shown.len());
}

// wing:clients
#[tokio::test]
async fn no_token_exports() {
    use crate::clients::support::{Client, call_with};

    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    for (id, scope, status, code) in [
        ("own", auth::Scope::App, 403, "reauth_required"),
        ("other", auth::Scope::Profile, 403, "insufficient_scope"),
    ] {
        let client = Client::registered(&app, id, |new| {
            new.first_party = true;
            new.scopes = vec![scope];
        })
        .await;
        let tokens = client.tokens(&ada).await;
        call_with(&app, &tokens.access, "export_data", &[])
            .await
            .refused(status, code);
    }
}
// end wing:clients

// wing:private-data
#[tokio::test]
async fn private_data_whose_key_is_gone_keeps_nobody_from_the_rest() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    ada.call("update_private_data", &[("api_token", PRIVATE)])
        .await
        .expect(200);
    app.sql("UPDATE user_data SET data = '{\"$sealed\":\"x\"}'").await;
    let data = export(&ada).await.expect(200).json();
    let private = data["user_data"].as_array().unwrap();
    assert!(private.iter().all(|row| row["data"].is_null()), "{private:?}");
    assert_eq!(data["users"][0]["email"], ADA);
}
// end wing:private-data

#[test]
fn an_operator_exports_a_user_at_the_command_line() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[SITE]);
    let fields = [("email", ADA), ("password", PASSWORD)];
    let registered = server.post("/api/register", "", &fields);
    assert!(registered.starts_with("HTTP/1.1 200"), "{registered}");
    // wing:private-data
    let set = registered
        .lines()
        .filter_map(|line| line.strip_prefix("set-cookie: "));
    let cookies: Vec<_> = set.map(|cookie| cookie.split(';').next().unwrap()).collect();
    let cookies = cookies.join("; ");
    server.post("/api/update_private_data", &cookies, &[("api_token", PRIVATE)]);
    // end wing:private-data
    let export = |who: &str| {
        let output = command(&folder, &[SITE])
            .args(["users", "export", who])
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        (
            output.status.success(),
            text,
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (success, text, log) = export(" Ada@Example.com ");
    assert!(success, "{log}");
    let data: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(data["users"][0]["email"], ADA);
    // wing:private-data
    let value = &data["user_data"][0]["data"]["api_token"];
    assert_eq!(*value, json!({ "bytes": PRIVATE.len(), "value": PRIVATE }));
    // end wing:private-data
    let id = data["users"][0]["id"].as_str().unwrap().to_owned();
    let (success, text, _) = export(&id);
    assert!(success);
    // The user sees that it was done.
    let data: Value = serde_json::from_str(&text).unwrap();
    let events = data["audit_events"].as_array().unwrap().iter();
    let deeds: Vec<_> = events.filter(|event| event["kind"] == "export_data").collect();
    assert_eq!(deeds.len(), 2);
    assert_eq!(deeds[0]["detail"]["by"], "command line");
    for nobody in [
        "eve@example.com",
        "0190a8c0-0000-7000-8000-000000000001",
        "nonsense",
    ] {
        let (success, text, log) = export(nobody);
        assert!(!success && text.is_empty(), "{nobody}");
        assert!(log.contains("no user has the id or address"), "{log}");
    }
}
