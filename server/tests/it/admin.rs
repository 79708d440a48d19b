//! Administration: for administrators, as the authority knows them, and for nobody else.

use auth::{
    RequestAuth, Role,
    admin::{Administration, By},
    session_layer,
};
use axum::{Extension, Router, middleware::from_fn_with_state, routing::get};
use http::Method;
use serde_json::{Value, json};

use crate::support::{
    ADMIN_FUNCTIONS, Answer, Browser, PASSWORD, RANDOM_ID, SOME_ID, TestApp, all_at_once, contains,
};

const ADA: &str = "ada@example.com";
const EVE: &str = "eve@example.com";
const ROOT: &str = "root@example.com";

fn people(app: &TestApp) -> Administration {
    app.auth.administration()
}

/// Gives a registered person a role, as the command line does.
async fn give(app: &TestApp, email: &str, role: Role) {
    let person = people(app).find(email).await.unwrap();
    people(app)
        .set_role(By::CommandLine, person.id, role)
        .await
        .unwrap();
}

/// An administrator who has just signed in.
async fn admin(app: &TestApp) -> Browser {
    let root = app.registered(ROOT).await;
    give(app, ROOT, Role::Admin).await;
    root
}

async fn id_of(app: &TestApp, email: &str) -> String {
    people(app).find(email).await.unwrap().id.to_string()
}

async fn is_disabled(app: &TestApp, email: &str) -> bool {
    people(app).find(email).await.unwrap().disabled_at.is_some()
}

/// A page without what differs between any two answers.
fn without_nonces(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let (status, headers, _) = answer.comparable();
    let policy = answer.header("content-security-policy").unwrap_or("");
    let nonce = policy
        .split("'nonce-")
        .nth(1)
        .and_then(|rest| rest.split('\'').next())
        .unwrap_or("no nonce");
    let headers = headers
        .into_iter()
        // Of a body that HEAD has dropped, compression says so or not by which layer dropped it.
        .filter(|(name, _)| !answer.body.is_empty() || name != "vary")
        .map(|(name, value)| (name, value.replace(nonce, "")))
        .collect();
    (status, headers, answer.text().replace(nonce, ""))
}

#[tokio::test]
async fn other_users_cannot_tell_administration_from_an_unknown_address() {
    let app = TestApp::new().await;
    let (ada, lapsed) = (app.registered(ADA).await, app.registered(EVE).await);
    app.sql("UPDATE users SET disabled_at = created_at WHERE email = 'eve@example.com'")
        .await;
    let person = format!("/admin/people/{}", id_of(&app, ADA).await);
    for browser in [&app.browser(), &ada, &lapsed] {
        for page in ["/admin", "/admin?q=ada", person.as_str(), "/admin/nowhere"] {
            for method in [Method::GET, Method::HEAD] {
                let call = |path: &str| {
                    let call = browser.copy().request(method.clone(), path);
                    call.header("accept", "text/html").send()
                };
                let hidden = call(page).await.expect(404);
                let nowhere = call("/nowhere").await.expect(404);
                if method == Method::GET {
                    assert!(hidden.shows("There is nothing here"), "{page}");
                    assert!(!hidden.shows("href=\"/admin\""), "{page}");
                }
                if !hidden.clears() {
                    assert_eq!(without_nonces(&hidden), without_nonces(&nowhere), "{page}");
                }
            }
        }
        for &(function, fields) in ADMIN_FUNCTIONS {
            let nothing = browser.copy().call("admin/nowhere", fields).await;
            let nothing = nothing.refused(404, "not_found");
            for fields in [fields, &[("user_id", "malformed")], &[]] {
                let answer = browser.copy().call(function, fields).await;
                let answer = answer.refused(404, "not_found");
                if !answer.clears() {
                    assert_eq!(answer.comparable(), nothing.comparable(), "{function}");
                }
            }
            browser.copy().get(&format!("/api/{function}")).await.expect(404);
            for method in [Method::PUT, Method::DELETE, Method::POST] {
                let call = browser.copy().post("/admin", &[]).method(method);
                call.send().await.expect(404);
            }
            let form = browser
                .copy()
                .submit("/admin", function, fields)
                .await
                .expect(404);
            assert!(form.shows("There is nothing here"));
        }
    }
    assert_eq!(people(&app).find(ADA).await.unwrap().role, Role::User);
    assert!(!is_disabled(&app, ADA).await);
    assert!(ada.is_signed_in().await);
}

#[tokio::test]
async fn an_administrator_with_an_old_confirmation_confirms_first() {
    let app = TestApp::new().await;
    let (root, _ada) = (admin(&app).await, app.registered(ADA).await);
    app.advance(601);
    let person = format!("/admin/people/{}", id_of(&app, ADA).await);
    root.get("/admin?q=a%20b&after=x")
        .await
        .leads_to("/settings/security?return_to=%2Fadmin%3Fq%3Da%2520b%26after%3Dx");
    root.get(&person).await.leads_to(&format!(
        "/settings/security?return_to={}",
        person.replace('/', "%2F")
    ));
    for &(function, fields) in ADMIN_FUNCTIONS {
        root.call(function, fields).await.refused(403, "reauth_required");
        let page = person.as_str();
        // wing:mail
        let page = match function {
            "admin/invite" => "/admin",
            _ => page,
        };
        // end wing:mail
        root.submit(page, function, fields).await.leads_to(&format!(
            "/settings/security?return_to={}",
            page.replace('/', "%2F")
        ));
    }
    assert!(!is_disabled(&app, ADA).await);
    let confirm = [("password", PASSWORD), ("return_to", "/admin")];
    root.submit(
        "/settings/security?return_to=/admin",
        "confirm_identity",
        &confirm,
    )
    .await
    .leads_to("/admin");
    assert!(root.get("/admin").await.expect(200).shows(ADA));
    root.call("admin/list_people", &[]).await.expect(200);
}

#[tokio::test]
async fn the_snapshots_role_opens_nothing_and_is_set_right() {
    let app = TestApp::new().await;
    let (root, ada) = (admin(&app).await, app.registered(ADA).await);
    assert_eq!(root.session().await["role"], "admin");
    // Behind the application's back: no mark voids the snapshot, which says "admin" still.
    app.sql("UPDATE users SET role = 'user' WHERE email = 'root@example.com'")
        .await;
    let former = root.copy();
    for &(function, fields) in ADMIN_FUNCTIONS {
        former
            .copy()
            .call(function, fields)
            .await
            .refused(404, "not_found");
    }
    assert_eq!(former.copy().session().await["role"], "admin");
    let page = former.copy().get("/admin").await.expect(404);
    assert!(page.renews());
    assert!(!page.shows("href=\"/admin\"") && !page.shows(ADA));
    root.get("/admin").await.expect(404);
    assert_eq!(root.session().await["role"], "user");
    assert!(!root.get("/").await.expect(200).shows("href=\"/admin\""));

    // The same the other way round.
    app.sql("UPDATE users SET role = 'admin' WHERE email = 'root@example.com'")
        .await;
    let page = root.get("/admin").await.expect(200);
    assert!(page.renews() && page.shows("href=\"/admin\"") && page.shows(ADA));
    assert_eq!(root.session().await["role"], "admin");

    // And a session that is gone is gone.
    give(&app, ADA, Role::Admin).await;
    assert_eq!(ada.session().await["role"], "admin");
    app.sql("DELETE FROM sessions").await;
    ada.copy()
        .call("admin/list_people", &[])
        .await
        .refused(404, "not_found");
    let page = ada.get("/admin").await.expect(404);
    assert!(page.clears() && page.shows("Sign in"));
}

#[tokio::test]
async fn administrators_have_a_link_and_pages_with_everything_in_them() {
    let app = TestApp::new().await;
    let (root, ada) = (admin(&app).await, app.registered(ADA).await);
    assert!(root.get("/profile").await.expect(200).shows("href=\"/admin\""));
    assert!(!ada.get("/profile").await.expect(200).shows("href=\"/admin\""));
    let list = root.get("/admin").await.expect(200);
    assert_eq!(list.header("cache-control"), Some("no-store, no-transform"));
    assert!(list.shows(ADA) && list.shows(ROOT) && !list.shows("One moment"));
    let id = id_of(&app, ADA).await;
    ada.call("update_public_data", &[("bio", "words")])
        .await
        .expect(200);
    let page = root.get(&format!("/admin/people/{id}")).await.expect(200);
    for text in [
        ADA,
        "Account created with a password",
        "Signed in with a password",
        "203.0.113.7",
        "action=\"/api/admin/set_role\"",
        "action=\"/api/admin/disable_user\"",
        "action=\"/api/admin/revoke_session\"",
        "action=\"/api/admin/revoke_all_sessions\"",
        "<option value=\"user\" selected",
        "<option value=\"admin\"",
    ] {
        assert!(page.shows(text), "{text}");
    }
    assert!(!page.shows("One moment"));
    let own = root
        .get(&format!("/admin/people/{}", id_of(&app, ROOT).await))
        .await
        .expect(200);
    assert!(own.shows("This is your own account.") && !own.shows("action=\"/api/admin/set_role\""));
    for nobody in [SOME_ID, "x", "%00", "1%2F2"] {
        let page = root.get(&format!("/admin/people/{nobody}")).await.expect(404);
        assert!(page.shows("There is nothing here"), "{nobody}");
    }
    root.get("/admin?after=x").await.expect(422);
    root.get(&format!("/admin/people/{id}?before=x"))
        .await
        .expect(422);
}

#[tokio::test]
async fn a_person_is_described_and_nothing_private_is_told() {
    const CANARY: &str = "canary-of-a-private-value-1234";
    let app = TestApp::new().await;
    let (root, ada) = (admin(&app).await, app.registered(ADA).await);
    ada.call(
        "update_public_data",
        &[("bio", "canary in public"), ("website", "https://a.example")],
    )
    .await
    .expect(200);
    // wing:private-data
    ada.call("update_private_data", &[("api_token", CANARY)])
        .await
        .expect(200);
    // end wing:private-data
    app.sql(&format!(
        "INSERT INTO accounts (id, user_id, provider, subject, email, access_token, created_at, last_used_at)
         SELECT {RANDOM_ID}, id, 'github', 'canary-subject', 'other@example.com', 'canary-token', created_at, created_at
         FROM users WHERE email = 'ada@example.com'",
    ))
    .await;
    let id = id_of(&app, ADA).await;
    let answer = root
        .call("admin/get_person", &[("user_id", &id)])
        .await
        .expect(200);
    let person = answer.json();
    assert_eq!(person["id"], id.as_str());
    assert_eq!(person["email"], ADA);
    assert_eq!(person["email_verified"], false);
    assert_eq!(person["name"], "Ada");
    assert_eq!(person["role"], "user");
    assert_eq!(person["has_password"], true);
    assert_eq!(person["oneself"], false);
    assert!(person["disabled_at"].is_null());
    assert!(person["created_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(person["accounts"][0]["provider"], "github");
    let session = &person["sessions"][0];
    assert_eq!(session["session_id"], ada.session_id().await.as_str());
    assert_eq!(
        (&session["current"], &session["ip"]),
        (&json!(false), &json!("203.0.113.7"))
    );
    let data = person["data"].as_array().unwrap();
    let stored = "{\"bio\":\"canary in public\",\"website\":\"https://a.example\"}";
    assert_eq!(
        data[0],
        json!({"bucket": "public", "client_id": "", "bytes": stored.len(), "keys": 2, "version": 1,
               "updated_at": data[0]["updated_at"]})
    );
    // wing:private-data
    assert_eq!(data.len(), 2);
    assert_eq!(
        (&data[1]["bucket"], &data[1]["keys"]),
        (&json!("private"), &json!(1))
    );
    // end wing:private-data
    let events = root
        .call("admin/list_events", &[("user_id", &id)])
        .await
        .expect(200);
    let page = root.get(&format!("/admin/people/{id}")).await.expect(200);
    let list = root
        .call("admin/list_people", &[("query", "ada")])
        .await
        .expect(200);
    for answer in [answer, events, page, list] {
        assert!(!answer.everything().contains("canary"), "{}", answer.text());
        assert!(!answer.everything().contains("argon2"));
    }
    assert!(!contains(&app.disk(), CANARY));
}

#[tokio::test]
async fn unknown_is_404_and_malformed_is_422() {
    let app = TestApp::new().await;
    let root = admin(&app).await;
    for &(function, fields) in ADMIN_FUNCTIONS
        .iter()
        .filter(|(name, _)| !["admin/list_people", "admin/invite"].contains(name))
    {
        root.call(function, fields).await.refused(404, "not_found");
        let malformed: Vec<_> = fields
            .iter()
            .map(|(name, value)| (*name, if *name == "role" { *value } else { "' OR 1=1 --" }))
            .collect();
        root.call(function, &malformed)
            .await
            .refused(422, "invalid_input");
        root.call(function, &[]).await.refused(422, "invalid_input");
    }
    let own = id_of(&app, ROOT).await;
    for role in ["", "root", "Admin", "admin "] {
        root.call("admin/set_role", &[("user_id", &own), ("role", role)])
            .await
            .refused(422, "invalid_input");
    }
    for after in ["x", "'", SOME_ID] {
        root.call("admin/list_people", &[("query", "a"), ("after", after)])
            .await
            .refused(422, "invalid_input");
    }
    root.call("admin/list_people", &[("after", "x")])
        .await
        .refused(422, "invalid_input");
    root.get("/api/admin/list_people").await.expect(405);
    root.call("admin/nowhere", &[]).await.refused(404, "not_found");
    root.call("admin", &[]).await.refused(404, "not_found");
    root.post("/api/admin/list_people", &[])
        .header("content-type", "application/json")
        .body("{}")
        .send()
        .await
        .expect(415);
    root.post("/api/admin/list_people", &[])
        .header("sec-fetch-site", "cross-site")
        .send()
        .await
        .refused(403, "cross_origin");
    let large = "x".repeat(70_000);
    root.call("admin/list_people", &[("query", &large)])
        .await
        .expect(413);
}

#[tokio::test]
async fn a_role_changes_at_once_and_its_session_lives_on() {
    let app = TestApp::new().await;
    let (root, ada) = (admin(&app).await, app.registered(ADA).await);
    let id = id_of(&app, ADA).await;
    let session_id = ada.session_id().await;
    root.call("admin/set_role", &[("user_id", &id), ("role", "admin")])
        .await
        .expect(200);
    assert_eq!(ada.session().await["role"], "admin");
    assert_eq!(ada.session_id().await, session_id);
    ada.call("admin/list_people", &[]).await.expect(200);
    root.call("admin/set_role", &[("user_id", &id), ("role", "user")])
        .await
        .expect(200);
    assert_eq!(ada.session().await["role"], "user");
    ada.call("admin/list_people", &[]).await.refused(404, "not_found");
    let kinds = "SELECT count(*) FROM audit_events WHERE kind = 'set_role' AND actor_id IS NOT NULL";
    assert_eq!(app.number(kinds).await, 2);
    // What is so already is no change.
    root.call("admin/set_role", &[("user_id", &id), ("role", "user")])
        .await
        .expect(200);
    assert_eq!(app.number(kinds).await, 2);
}

#[tokio::test]
async fn a_disabled_person_is_out_at_once_and_signs_in_anew_when_enabled() {
    let app = TestApp::new().await;
    let (root, ada) = (admin(&app).await, app.registered(ADA).await);
    let elsewhere = app.signed_in(ADA).await;
    let id = id_of(&app, ADA).await;
    root.call("admin/disable_user", &[("user_id", &id)])
        .await
        .expect(200);
    for browser in [&ada, &elsewhere] {
        assert!(!browser.copy().is_signed_in().await);
        browser
            .copy()
            .call("list_sessions", &[])
            .await
            .refused(401, "unauthenticated");
    }
    let wrong = app
        .browser()
        .login(EVE, PASSWORD)
        .await
        .refused(401, "invalid_credentials");
    let disabled = app
        .browser()
        .login(ADA, PASSWORD)
        .await
        .refused(401, "invalid_credentials");
    assert_eq!(wrong.comparable(), disabled.comparable());
    let person = root
        .call("admin/get_person", &[("user_id", &id)])
        .await
        .expect(200);
    assert!(person.json()["disabled_at"].is_string());
    assert_eq!(person.json()["sessions"], json!([]));
    root.call("admin/disable_user", &[("user_id", &id)])
        .await
        .expect(200);

    root.call("admin/enable_user", &[("user_id", &id)])
        .await
        .expect(200);
    root.call("admin/enable_user", &[("user_id", &id)])
        .await
        .expect(200);
    assert!(!ada.is_signed_in().await, "a session that ended has ended");
    app.signed_in(ADA).await;
    let events = app
        .text("SELECT string_agg(kind, ',' ORDER BY id) FROM audit_events WHERE actor_id IS NOT NULL")
        .await;
    assert_eq!(events, "disable,enable");
}

#[tokio::test]
async fn sessions_of_others_are_ended_one_by_one_or_all_together() {
    let app = TestApp::new().await;
    let (root, ada) = (admin(&app).await, app.registered(ADA).await);
    let (second, third) = (app.signed_in(ADA).await, app.signed_in(ADA).await);
    let eve = app.registered(EVE).await;
    let session_id = second.session_id().await;
    root.call("admin/revoke_session", &[("session_id", &session_id)])
        .await
        .expect(200);
    assert!(!second.copy().is_signed_in().await);
    second
        .call("list_sessions", &[])
        .await
        .refused(401, "unauthenticated");
    assert!(ada.is_signed_in().await && third.is_signed_in().await);
    root.call("admin/revoke_session", &[("session_id", &session_id)])
        .await
        .refused(404, "not_found");
    let id = id_of(&app, ADA).await;
    root.call("admin/revoke_all_sessions", &[("user_id", &id)])
        .await
        .expect(200);
    assert!(!ada.is_signed_in().await && !third.is_signed_in().await);
    assert!(eve.is_signed_in().await && root.is_signed_in().await);
    app.signed_in(ADA).await;

    // By forms, as the page has them.
    let eves = id_of(&app, EVE).await;
    let page = format!("/admin/people/{eves}");
    root.submit(&page, "admin/revoke_all_sessions", &[("user_id", &eves)])
        .await
        .leads_to(&page);
    assert!(
        root.get(&page)
            .await
            .expect(200)
            .shows("All sessions have ended.")
    );
    assert!(
        !root
            .get(&page)
            .await
            .expect(200)
            .shows("All sessions have ended.")
    );
    assert!(!eve.is_signed_in().await);
    root.submit(&page, "admin/revoke_session", &[("session_id", SOME_ID)])
        .await
        .leads_to(&page);
    let shown = root.get(&page).await.expect(200);
    assert!(shown.shows("role=\"alert\""));
}

#[tokio::test]
async fn ending_ones_own_sessions_is_signing_out() {
    let app = TestApp::new().await;
    let (root, other) = (admin(&app).await, app.signed_in(ROOT).await);
    let former = other.copy();
    let session_id = other.session_id().await;
    let answer = other
        .call("admin/revoke_session", &[("session_id", &session_id)])
        .await
        .expect(200);
    assert!(answer.clears() && other.is_empty());
    assert!(!former.is_signed_in().await);
    let id = id_of(&app, ROOT).await;
    let page = format!("/admin/people/{id}");
    let answer = root
        .submit(&page, "admin/revoke_all_sessions", &[("user_id", &id)])
        .await;
    assert!(answer.clears());
    answer.leads_to("/");
    assert!(!root.is_signed_in().await);
    assert_eq!(people(&app).find(ROOT).await.unwrap().role, Role::Admin);
}

#[tokio::test]
async fn administrators_cannot_demote_or_disable_themselves_and_one_is_always_left() {
    let app = TestApp::new().await;
    let root = admin(&app).await;
    let id = id_of(&app, ROOT).await;
    root.call("admin/disable_user", &[("user_id", &id)])
        .await
        .refused(409, "not_yourself");
    root.call("admin/set_role", &[("user_id", &id), ("role", "user")])
        .await
        .refused(409, "not_yourself");
    let page = format!("/admin/people/{id}");
    root.submit(&page, "admin/disable_user", &[("user_id", &id)])
        .await
        .leads_to(&page);
    assert!(
        root.get(&page)
            .await
            .shows("You can't do this to your own account.")
    );
    // At the command line there is no oneself.
    let user_id = id.parse().unwrap();
    for refused in [
        people(&app).set_role(By::CommandLine, user_id, Role::User).await,
        people(&app).disable(By::CommandLine, user_id).await,
    ] {
        assert!(matches!(refused, Err(auth::Error::LastAdmin)), "{refused:?}");
    }
    assert!(root.is_signed_in().await);
    // A disabled administrator is none who could help.
    app.registered(ADA).await;
    give(&app, ADA, Role::Admin).await;
    let other = people(&app).find(ADA).await.unwrap().id;
    people(&app).disable(By::CommandLine, other).await.unwrap();
    let refused = people(&app).disable(By::CommandLine, user_id).await;
    assert!(matches!(refused, Err(auth::Error::LastAdmin)));
    people(&app)
        .set_role(By::CommandLine, other, Role::User)
        .await
        .unwrap();
    people(&app).enable(By::CommandLine, other).await.unwrap();
    assert_eq!(
        app.number("SELECT count(*) FROM users WHERE disabled_at IS NOT NULL")
            .await,
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_administrators_who_remove_each_other_at_once_one_is_left() {
    let app = TestApp::new().await;
    let mut admins = vec![(admin(&app).await, id_of(&app, ROOT).await)];
    for place in 0..5 {
        let email = format!("admin-{place}@example.com");
        let browser = app.browser().at(&format!("192.0.2.{place}"));
        browser.register(&email).await;
        give(&app, &email, Role::Admin).await;
        admins.push((browser, id_of(&app, &email).await));
    }
    let attacks: Vec<_> = admins
        .iter()
        .enumerate()
        .flat_map(|(place, (browser, _))| {
            let others = admins.iter().map(|(_, id)| id.clone()).enumerate();
            others
                .filter(move |(other, _)| *other != place)
                .map(move |(_, id)| (browser.copy(), id, place))
        })
        .map(|(browser, id, place)| async move {
            match place % 2 {
                0 => {
                    browser
                        .call("admin/disable_user", &[("user_id", &id)])
                        .await
                        .status
                }
                _ => {
                    let demote = [("user_id", id.as_str()), ("role", "user")];
                    browser.call("admin/set_role", &demote).await.status
                }
            }
        })
        .collect();
    let statuses = all_at_once(attacks).await;
    assert!(
        statuses.iter().all(|status| [200, 404].contains(status)),
        "{statuses:?}"
    );
    let left = "SELECT count(*) FROM users WHERE role = 'admin' AND disabled_at IS NULL";
    assert_eq!(app.number(left).await, 1, "{statuses:?}");
}

#[tokio::test]
async fn an_unknown_role_in_the_row_opens_nothing() {
    let app = TestApp::new().await;
    let root = admin(&app).await;
    let copy = root.copy();
    app.sql("UPDATE users SET role = 'owner'").await;
    for &(function, fields) in ADMIN_FUNCTIONS {
        let call = copy.copy().post(&format!("/api/{function}"), fields);
        let answer = call.send_unchecked().await;
        assert!(answer.status >= 500, "{function}: {}", answer.status);
        assert!(!answer.shows("owner"));
    }
    let page = copy.copy().get("/admin").await;
    assert_eq!(page.status, 503);
    // And it becomes no known role in a new session or snapshot.
    copy.set_cookie("auth", None);
    assert_eq!(copy.get("/api/session").await.status, 503);
    let login = [("email", ROOT), ("password", PASSWORD)];
    let answer = app.browser().post("/api/login", &login).send_unchecked().await;
    assert_eq!(answer.status, 500);
    assert!(answer.cookies().is_empty());
}

#[tokio::test]
async fn the_audit_log_says_who_did_what_to_whom() {
    let app = TestApp::new().await;
    let (root, ada) = (admin(&app).await, app.registered(ADA).await);
    let id = id_of(&app, ADA).await;
    let session_id = ada.session_id().await;
    let from = root.at("198.51.100.9");
    for (function, fields) in [
        (
            "admin/set_role",
            &[("user_id", id.as_str()), ("role", "admin")][..],
        ),
        ("admin/revoke_session", &[("session_id", session_id.as_str())]),
        ("admin/disable_user", &[("user_id", id.as_str())]),
        ("admin/enable_user", &[("user_id", id.as_str())]),
    ] {
        from.call(function, fields).await.expect(200);
    }
    people(&app)
        .set_role(By::CommandLine, id.parse().unwrap(), Role::User)
        .await
        .unwrap();
    let again = app.signed_in(ADA).await;

    let events = root
        .call("admin/list_events", &[("user_id", &id)])
        .await
        .expect(200)
        .json();
    let events = events["events"].as_array().unwrap();
    let kinds: Vec<_> = events
        .iter()
        .map(|event| event["kind"].as_str().unwrap())
        .collect();
    let expected = [
        "sign_in",
        "set_role",
        "enable",
        "disable",
        "revoke_session",
        "set_role",
        "sign_in",
        "register",
    ];
    assert_eq!(kinds, expected);
    assert_eq!(events[0]["by"], "oneself");
    assert_eq!(
        (&events[1]["by"], &events[1]["note"]),
        (&json!("command_line"), &json!("user"))
    );
    let by = json!({"admin": {"user_id": id_of(&app, ROOT).await, "email": ROOT}});
    for event in &events[2..6] {
        assert_eq!((&event["by"], &event["ip"]), (&by, &json!("198.51.100.9")));
    }
    assert_eq!(events[4]["session_id"], session_id.as_str());

    // The person sees the same, but not which administrator it was.
    let own = again.call("list_own_events", &[]).await.expect(200);
    assert!(!own.shows(ROOT) && !own.shows("198.51.100.9"));
    let own = own.json();
    assert_eq!(own.as_array().unwrap().len(), expected.len());
    assert_eq!(own[2]["by"], json!({"admin": {"user_id": null, "email": null}}));
    let page = again.get("/settings/security").await.expect(200);
    assert!(page.shows("Account disabled") && page.shows(" by an administrator"));
    assert!(page.shows("Role changed to User") && page.shows("from the server"));
    assert!(!page.shows(ROOT));
}

#[tokio::test]
async fn own_events_are_the_newest_twenty_of_ones_own() {
    let app = TestApp::new().await;
    let (ada, eve) = (app.registered(ADA).await, app.registered(EVE).await);
    app.browser()
        .call("list_own_events", &[])
        .await
        .refused(401, "unauthenticated");
    for _ in 0..11 {
        let other = app.signed_in(ADA).await;
        other.at("192.0.2.77").call("logout", &[]).await.expect(200);
        app.advance(30);
    }
    let own = ada.call("list_own_events", &[]).await.expect(200).json();
    let own = own.as_array().unwrap();
    assert_eq!(own.len(), 20);
    assert_eq!(
        (&own[0]["kind"], &own[0]["ip"]),
        (&json!("sign_out"), &json!("192.0.2.77"))
    );
    assert_eq!(
        (&own[1]["kind"], &own[1]["note"]),
        (&json!("sign_in"), &json!("password"))
    );
    // Of each kind one at least, however many there are of others since.
    assert_eq!(own[19]["kind"], "register");
    let own = eve.call("list_own_events", &[]).await.expect(200).json();
    assert_eq!(own.as_array().unwrap().len(), 2);
}

/// Puts so many people into the table, straight.
async fn crowd(app: &TestApp, count: u32) {
    app.sql(&format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
         INSERT INTO users (id, email, name, created_at, updated_at)
         SELECT {RANDOM_ID}, 'crowd-' || four || '@example.com', 'Crowd ' || four,
                '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z'
         FROM (SELECT substr('000' || CAST(i AS TEXT), length(CAST(i AS TEXT))) AS four FROM n) AS numbers"
    ))
    .await;
}

/// All pages of a list, as the ids on each.
async fn pages(root: &Browser, query: &str) -> Vec<Vec<String>> {
    let (mut pages, mut after) = (Vec::new(), String::new());
    loop {
        let page = root
            .call("admin/list_people", &[("query", query), ("after", &after)])
            .await
            .expect(200)
            .json();
        let people = page["people"].as_array().unwrap();
        pages.push(
            people
                .iter()
                .map(|person| person["id"].as_str().unwrap().to_owned())
                .collect(),
        );
        match &page["next"] {
            Value::String(next) => after = next.clone(),
            _ => return pages,
        }
        assert!(pages.len() < 20);
    }
}

#[tokio::test]
async fn every_user_is_on_exactly_one_page() {
    let app = TestApp::new().await;
    let root = admin(&app).await;
    crowd(&app, 149).await;
    let all = pages(&root, "").await;
    assert_eq!(all.iter().map(Vec::len).collect::<Vec<_>>(), [50, 50, 50]);
    let mut sorted = all.concat();
    assert!(sorted.is_sorted_by(|a, b| a > b));
    sorted.dedup();
    assert_eq!(sorted.len(), 150);
    crowd_is_found(&root).await;
}

async fn crowd_is_found(root: &Browser) {
    // By address and by name: twice, since no page holds both.
    let found = pages(root, "crowd").await;
    assert!(found.iter().all(|page| page.len() <= 50));
    let mut ids = found.concat();
    assert_eq!(ids.len(), 298);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 149);
    // By the address alone.
    let by_address = pages(root, "crowd-").await;
    assert_eq!(by_address.iter().map(Vec::len).collect::<Vec<_>>(), [50, 50, 49]);
    // On one page nobody is there twice.
    assert_eq!(pages(root, "Crowd 0001").await.concat().len(), 1);
    // Without JavaScript the pages are links.
    let page = root.get("/admin?q=crowd").await.expect(200);
    let next = page.text();
    let next = next
        .split("href=\"")
        .filter_map(|rest| rest.split('"').next())
        .find(|href| href.contains("after="))
        .unwrap();
    let second = root.get(&next.replace("&amp;", "&")).await.expect(200);
    assert!(second.shows("First page") && second.shows("Crowd 0051"));
    assert!(!second.shows("Crowd 0050<"));
}

#[tokio::test]
async fn a_search_is_by_the_beginning_and_takes_every_character_as_it_is() {
    let app = TestApp::new().await;
    let root = admin(&app).await;
    let named = [
        ("percent@example.com", "100% sure"),
        ("underscore@example.com", "_under_"),
        ("quote@example.com", "O'Brien \"the\" \\ elder"),
        ("umlaut@b\u{fc}cher.example", "\u{e9}mile Zola"),
        ("emoji@example.com", "\u{1f511} keys"),
        ("tag+more@example.com", "Zed"),
        ("last@example.com", "\u{10ffff}"),
    ];
    for (place, (email, name)) in named.iter().enumerate() {
        let browser = app.browser().at(&format!("192.0.2.{place}"));
        let fields = [("email", *email), ("password", PASSWORD), ("name", *name)];
        browser.call("register", &fields).await.expect(200);
    }
    let long = "x".repeat(3000);
    for (query, expected) in [
        ("100%", vec!["percent@example.com"]),
        ("%", vec![]),
        ("_", vec!["underscore@example.com"]),
        ("_%", vec![]),
        ("o'b", vec!["quote@example.com"]),
        ("O'BRIEN \"THE\" \\", vec!["quote@example.com"]),
        ("' OR 1=1 --", vec![]),
        ("\u{e9}mile", vec!["umlaut@xn--bcher-kva.example"]),
        ("umlaut@b\u{fc}cher.example", vec!["umlaut@xn--bcher-kva.example"]),
        ("\u{1f511}", vec!["emoji@example.com"]),
        ("TAG+", vec!["tag+more@example.com"]),
        ("  Percent@Example.COM ", vec!["percent@example.com"]),
        ("zed", vec!["tag+more@example.com"]),
        ("ed", vec![]),
        ("\u{10ffff}", vec![]),
        ("a\0b", vec![]),
        ("a\r\nb", vec![]),
        ("root", vec![ROOT]),
        (&long, vec![]),
    ] {
        let found = root
            .call("admin/list_people", &[("query", query)])
            .await
            .expect(200)
            .json();
        let found: Vec<_> = found["people"]
            .as_array()
            .unwrap()
            .iter()
            .map(|person| person["email"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(found, expected, "{query:?}");
        let address = serde_urlencoded::to_string([("q", query)]).unwrap();
        let page = root.get(&format!("/admin?{address}")).await.expect(200);
        assert!(page.shows("</html>"));
        assert!(expected.iter().all(|email| page.shows(email)), "{query:?}");
    }
    let page = root
        .get("/admin?q=%3Cscript%3Ealert(1)%3C%2Fscript%3E")
        .await
        .expect(200);
    assert!(!page.shows("<script>alert"));
}

#[tokio::test]
async fn a_sign_in_that_began_before_its_user_was_disabled_ends_in_nothing() {
    let app = TestApp::new().await;
    app.registered(ADA).await;
    let id = people(&app).find(ADA).await.unwrap().id;
    // The password was right; then the user is disabled; then comes the sign-in's own transaction.
    let sign_in = {
        let (auth, people) = (app.auth.clone(), people(&app));
        move |Extension(request): Extension<RequestAuth>| async move {
            people.disable(By::CommandLine, id).await.unwrap();
            let tx = auth.db.begin().await.unwrap();
            let refused = request.start_session(tx, id, "password", false).await;
            assert!(
                matches!(refused, Err(auth::Error::InvalidCredentials)),
                "{refused:?}"
            );
        }
    };
    let router = Router::new()
        .route("/sign-in", get(sign_in))
        .layer(from_fn_with_state(app.auth.sessions.clone(), session_layer));
    let browser = app.browser();
    let call = browser.through(&router).request(Method::GET, "/sign-in");
    call.send_unchecked().await.expect(200);
    assert!(browser.is_empty());
    assert_eq!(app.number("SELECT count(*) FROM sessions").await, 0);
}

#[tokio::test]
async fn a_confirmation_during_which_the_role_changes_says_the_new_one() {
    let app = TestApp::new().await;
    let root = admin(&app).await;
    app.registered(ADA).await;
    give(&app, ADA, Role::Admin).await;
    // Confirms as the server function does, only that the role changes once the session was found.
    let confirm = {
        let (auth, people, id) = (
            app.auth.clone(),
            people(&app),
            people(&app).find(ROOT).await.unwrap().id,
        );
        move |Extension(request): Extension<RequestAuth>| async move {
            let live = request.require().await.unwrap();
            people.set_role(By::CommandLine, id, Role::User).await.unwrap();
            auth.confirm_identity(&request, live, PASSWORD.into())
                .await
                .unwrap();
        }
    };
    let router = Router::new()
        .route("/confirm", get(confirm))
        .layer(from_fn_with_state(app.auth.sessions.clone(), session_layer));
    let call = root.through(&router).request(Method::GET, "/confirm");
    call.send_unchecked().await.expect(200);
    assert_eq!(root.session().await["role"], "user");
}

#[tokio::test]
async fn events_are_paged_by_key() {
    let app = TestApp::new().await;
    let (root, ada) = (admin(&app).await, app.registered(ADA).await);
    let id = id_of(&app, ADA).await;
    app.sql(&format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 118)
         INSERT INTO audit_events (id, at, user_id, kind) SELECT {RANDOM_ID}, '2026-01-01T00:00:00Z', u.id, 'sign_in'
         FROM n, users u WHERE u.email = 'ada@example.com'"
    ))
    .await;
    let (mut sizes, mut before) = (Vec::new(), String::new());
    loop {
        let fields = [("user_id", id.as_str()), ("before", before.as_str())];
        let fields = if before.is_empty() { &fields[..1] } else { &fields };
        let page = root.call("admin/list_events", fields).await.expect(200).json();
        sizes.push(page["events"].as_array().unwrap().len());
        match page["next"].as_str() {
            Some(next) => before = next.to_owned(),
            None => break,
        }
        let here = format!("/admin/people/{id}?before={before}");
        assert!(root.get(&here).await.expect(200).shows("Newest"));
    }
    assert_eq!(sizes, [50, 50, 20]);
    assert!(ada.is_signed_in().await);
}
