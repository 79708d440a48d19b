//! Deleting one's own account: nothing is left, and nothing comes back.

use auth::data_rights::kept::{Kind, SECTIONS};
use std::time::Duration;

use serde_json::{Value, json};

use super::person::PRIVATE; // wing:private-data
use super::{
    ADA,
    person::{AT_PROVIDER, EMAIL, IP, NAME, Person, TRACES, UNSAVED, rows_of},
};
use crate::accounts::connect;
use crate::clients::support::{Client, call_with}; // wing:clients
use crate::oauth::{
    idp::{Endpoint, Reply},
    support::{World, person},
};
use crate::support::{Answer, Browser, Log, PASSWORD, TestApp, all_at_once, contains};

const EVE: &str = "eve@example.com";

async fn delete(browser: &Browser, confirm: &str) -> Answer {
    browser.call("delete_account", &[("confirm", confirm)]).await
}

/// Brings everything that was written into the database's file itself.
async fn settled(app: &TestApp) {
    // Marks of sessions that have ended go when nothing can come with them any more.
    app.advance(3600);
    app.auth.sweep().await.unwrap();
    #[cfg(not(feature = "postgres"))] // wing:postgres
    app.sql("PRAGMA wal_checkpoint(TRUNCATE)").await;
}

/// Asserts that nothing of the person is stored anywhere: by value or by id, in whatever form the engine keeps it.
async fn assert_gone(app: &TestApp, id: uuid::Uuid) {
    for (table, column, rows) in rows_of(app, id).await {
        assert_eq!(rows, 0, "{table}.{column} still names the person");
    }
    settled(app).await;
    let disk = app.disk();
    for trace in TRACES {
        assert!(!contains(&disk, trace), "{trace} is still stored");
    }
    assert!(!contains(&disk, &id.to_string()) && !contains(&disk, &id.simple().to_string()));
    let is_raw = disk.windows(16).any(|window| window == id.as_bytes());
    assert!(!is_raw, "the id is still stored");
}

/// More people and events, so that the rows of the person are in the midst of pages.
async fn crowd(app: &TestApp) {
    let random = crate::support::RANDOM_ID;
    for _ in 0..6 {
        app.sql(&format!(
            "INSERT INTO users (id, name, role, created_at, updated_at)
             SELECT {random}, 'Somebody in the crowd', 'user', created_at, updated_at FROM users"
        ))
        .await;
        app.sql(&format!(
            "INSERT INTO audit_events (id, at, kind, ip)
             SELECT {random}, at, 'sign_in', '192.0.2.1' FROM audit_events"
        ))
        .await;
    }
}

#[tokio::test]
async fn after_a_deletion_nothing_of_the_person_is_stored_or_logged() {
    let (log, _guard) = Log::capture();
    let person = Person::new().await;
    let (app, id) = (person.app(), person.id);
    app.registered(EVE).await;
    crowd(app).await;

    // The test sees what there is: every table that names users has a row of this one.
    for (table, column, rows) in rows_of(app, id).await {
        assert!(
            rows > 0,
            "{table}.{column} has no row of the person: add one to `Person`"
        );
    }
    let disk = app.disk();
    for trace in TRACES {
        assert!(
            contains(&disk, trace),
            "{trace} is not stored, so it proves nothing"
        );
    }
    let before = log.text().len();
    let events = app.count("audit_events").await;

    let answer = delete(&person.browser, EMAIL).await.expect(200);
    assert_eq!(answer.json(), Value::Null);
    // At once, and not only when the engine gets to it.
    assert!(app.auth.detached.drain(Duration::from_secs(30)).await);
    // wing:mail
    // But for the notice of it, which takes the address along.
    app.assert_counts(&[("mail_outbox WHERE kind = 'deletion'", 1)])
        .await;
    app.auth.mail.send_due().await.unwrap();
    // end wing:mail
    assert!(!contains(&app.disk(), EMAIL) && !contains(&app.disk(), AT_PROVIDER));
    crowd(app).await;
    app.sql("DELETE FROM users WHERE name = 'Somebody in the crowd'")
        .await;
    assert_gone(app, id).await;
    // The history stays, and one line more.
    let left = "audit_events WHERE kind <> 'sign_in' OR ip IS NULL OR ip <> '192.0.2.1'";
    assert!(app.count(left).await > 10 && app.count("audit_events").await > events);
    assert_eq!(app.count("audit_events WHERE kind = 'delete_user'").await, 1);
    app.signed_in(EVE).await;

    let log = log.text();
    for trace in TRACES.iter().filter(|trace| **trace != IP).chain([&UNSAVED]) {
        let line = log.lines().find(|line| line.contains(trace));
        assert_eq!(line, None, "{trace} is in the log");
    }
    assert!(!log.contains(PRIVATE)); // wing:private-data
    let since = &log[before..];
    assert!(since.contains("a user deleted their account"), "{since}");
    for id in [id.to_string(), id.simple().to_string()] {
        assert!(!since.contains(&id), "the log names who was deleted");
    }
    assert!(!since.contains(IP) && !since.contains(NAME));
}

/// A column that holds ids of users under a name that nobody looks for would be overlooked by the test above.
#[test]
fn every_id_has_a_name_that_says_whose_it_is() {
    let lines = SECTIONS.iter().flat_map(|section| section.lines);
    for (table, columns) in lines.flat_map(|line| line.columns) {
        for column in columns.iter().filter(|column| column.kind == Kind::Id) {
            let known = ["id", "user_id", "actor_id", "session_id", "granted_in", "aaguid"];
            assert!(
                known.contains(&column.name),
                "{table}.{}: if it names users, teach `rows_of` so",
                column.name
            );
        }
    }
}

#[tokio::test]
async fn only_the_typed_address_and_a_recent_session_delete() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    for wrong in ["", "delete", "ada@example.co", EVE] {
        delete(&ada, wrong).await.refused(422, "invalid_input");
    }
    ada.call("delete_account", &[])
        .await
        .refused(422, "invalid_input");
    app.browser()
        .call("delete_account", &[("confirm", ADA)])
        .await
        .refused(401, "unauthenticated");
    app.advance(600);
    delete(&ada, ADA).await.refused(403, "reauth_required");
    ada.call("confirm_identity", &[("password", PASSWORD)])
        .await
        .expect(200);
    app.assert_counts(&[("users", 1)]).await;
    delete(&ada, " Ada@EXAMPLE.com ").await.expect(200);
    app.assert_counts(&[("users", 0), ("sessions", 0), ("tower_sessions", 0)])
        .await;
    // The address is free, and what comes with it is new.
    let again = app.registered(ADA).await;
    let data = again.call("get_public_data", &[]).await.expect(200).json();
    assert!(data["bio"].is_null(), "{data}");
}

#[tokio::test]
async fn without_an_address_a_word_confirms() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    app.sql("UPDATE users SET email = NULL, email_verified_at = NULL")
        .await;
    // The snapshot still shows the address.
    delete(&ada, ADA).await.refused(422, "invalid_input");
    delete(&ada, "delete").await.expect(200);
    app.assert_counts(&[("users", 0)]).await;
}

#[tokio::test]
async fn five_attempts_an_hour() {
    let app = TestApp::new().await;
    let (ada, eve) = (app.registered(ADA).await, app.registered(EVE).await);
    for _ in 0..5 {
        delete(&ada, "no").await.expect(422);
    }
    let refused = delete(&ada, ADA).await.refused(429, "too_many_attempts");
    assert!(refused.wait() <= 3600);
    delete(&eve, EVE).await.expect(200);
    app.advance(3600);
    ada.call("confirm_identity", &[("password", PASSWORD)])
        .await
        .expect(401);
    let ada = app.signed_in(ADA).await;
    delete(&ada, ADA).await.expect(200);
}

#[tokio::test]
async fn all_sessions_end_at_once_on_every_instance_and_all_cookies_go() {
    let app = TestApp::new().await;
    let other = app.restarted(&[]).await;
    let ada = app.registered(ADA).await;
    let there = app.signed_in(ADA).await.before(&other);
    ada.call("update_public_data", &[("theme", "dark")])
        .await
        .expect(200);
    ada.post("/auth/login/acme", &[]).send().await.expect(200);
    assert!(there.is_signed_in().await);
    let stolen = ada.copy();
    let answer = delete(&ada, ADA).await.expect(200);
    assert!(ada.is_empty(), "{:?}", answer.cookies());
    assert!(answer.clears() && answer.header("clear-site-data").is_some());
    assert!(!stolen.is_signed_in().await);
    // Two seconds is the bound for the other instance; most of the time it is a few milliseconds.
    let start = std::time::Instant::now();
    while there.is_signed_in().await {
        assert!(start.elapsed().as_secs() < 3, "a snapshot lives on");
        tokio::task::yield_now().await;
    }
    there
        .call("update_public_data", &[("bio", "x")])
        .await
        .expect(401);
    app.browser()
        .login(ADA, PASSWORD)
        .await
        .refused(401, "invalid_credentials");
    app.assert_counts(&[("sign_in_flows", 0), ("ways_back", 0)]).await;
}

#[tokio::test]
async fn the_form_works_without_javascript() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let page = ada.get("/settings/security").await.expect(200);
    assert!(page.shows("Delete your account") && page.shows(&format!("type your e-mail address: {ADA}")));
    let back = ada
        .submit("/settings/security", "delete_account", &[("confirm", "no")])
        .await;
    back.leads_to("/settings/security");
    let page = ada.get("/settings/security").await.expect(200);
    assert!(page.shows("This is not what you were asked to type"));
    let done = ada
        .submit("/settings/security", "delete_account", &[("confirm", ADA)])
        .await
        .leads_to("/?deleted");
    assert!(done.clears() && ada.is_empty());
    let text = "Your account has been deleted, with everything in it.";
    assert!(ada.get("/?deleted").await.expect(200).shows(text));
    // Anybody can be led to that address.
    assert!(
        !app.registered(EVE)
            .await
            .get("/?deleted")
            .await
            .expect(200)
            .shows(text)
    );
    assert!(!app.browser().get("/").await.expect(200).shows(text));
}

// wing:admin
#[tokio::test]
async fn the_last_administrator_stays() {
    let app = TestApp::new().await;
    let (ada, eve) = (app.registered(ADA).await, app.registered(EVE).await);
    app.promote(ADA).await;
    delete(&ada, ADA).await.refused(409, "last_admin");
    assert!(ada.is_signed_in().await);
    app.assert_counts(&[("users", 2), ("sessions", 2)]).await;
    app.promote(EVE).await;
    delete(&ada, ADA).await.expect(200);
    delete(&eve, EVE).await.refused(409, "last_admin");
}

/// Who did something to an account does not become its owner once the administrator is gone.
#[tokio::test]
async fn what_a_deleted_administrator_did_stays_an_administrators_deed() {
    let app = TestApp::new().await;
    let (ada, eve) = (app.registered(ADA).await, app.registered(EVE).await);
    app.registered("root@example.com").await;
    app.promote("root@example.com").await;
    app.promote(ADA).await;
    let eve_id = app.id_of(EVE).await.to_string();
    let fields = [("user_id", eve_id.as_str()), ("role", "admin")];
    ada.call("admin/set_role", &fields).await.expect(200);
    delete(&ada, ADA).await.expect(200);
    let deed = |events: Value| {
        let events = events.as_array().unwrap().clone();
        events
            .into_iter()
            .find(|event| event["kind"] == "set_role")
            .unwrap()
    };
    let own = deed(eve.call("list_own_events", &[]).await.expect(200).json());
    let shown = eve.call("admin/list_events", &[("user_id", &eve_id)]).await;
    let shown = deed(shown.expect(200).json()["events"].clone());
    for event in [own, shown] {
        let text = event.to_string();
        assert!(text.contains("admin"), "{event}");
        assert!(event["ip"].is_null() && !text.contains(ADA), "{event}");
        assert!(!text.contains("00000000-0000"), "{event}");
    }
    let page = eve.get("/settings/security").await.expect(200);
    assert!(page.shows("by an administrator"));
}
// end wing:admin

// wing:clients
#[tokio::test]
async fn tokens_and_keys_of_the_person_are_worth_nothing() {
    let person = Person::new().await;
    call_with(person.app(), &person.tokens.access, "get_user", &[])
        .await
        .expect(200);
    delete(&person.browser, EMAIL).await.expect(200);
    call_with(person.app(), &person.tokens.access, "get_user", &[])
        .await
        .expect(401);
    person.client.refresh(&person.tokens.refresh).await.expect(400);
    // The client itself stays: it is not the person's.
    person.app().assert_counts(&[("clients", 1)]).await;
}

#[tokio::test]
async fn no_token_deletes() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let client = Client::registered(&app, "own", |new| {
        new.first_party = true;
        new.scopes = vec![auth::Scope::App];
    })
    .await;
    let tokens = client.tokens(&ada).await;
    call_with(&app, &tokens.access, "delete_account", &[("confirm", ADA)])
        .await
        .refused(403, "reauth_required");
    app.assert_counts(&[("users", 1)]).await;
}
// end wing:clients

/// What a browser does at the same moment, from another tab or another device.
async fn meanwhile(place: usize, browser: &Browser, app: &TestApp) {
    let email = format!("user{place}@example.com");
    let answer = match place % 7 {
        0 => app.browser().unhindered().login(&email, PASSWORD).await,
        1 => {
            browser
                .call("update_public_data", &[("bio", "I am still here.")])
                .await
        }
        // wing:private-data
        2 => browser.call("update_private_data", &[("api_token", "x")]).await,
        // end wing:private-data
        3 => browser.call("confirm_identity", &[("password", PASSWORD)]).await,
        4 => browser.call("send_verification", &[]).await, // wing:mail
        5 => browser.call("start_totp", &[]).await,        // wing:second-factors
        _ => {
            browser
                .post("/auth/login/acme", &[("intent", "link")])
                .send()
                .await
        }
    };
    assert_ne!(answer.status, 500, "{place}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_at_the_same_moment_nothing_of_the_person_comes_back() {
    let app = TestApp::new().await;
    let mut people = Vec::new();
    for place in 0..14 {
        let email = format!("user{place}@example.com");
        let browser = app.browser().unhindered();
        browser.register(&email).await;
        people.push((place, browser, app.id_of(&email).await));
    }
    let tasks = people.iter().flat_map(|(place, browser, _)| {
        let place = *place;
        let deletion = {
            let (app, browser) = (app.clone(), browser.clone());
            tokio::spawn(async move {
                // Each time at another moment of what happens beside it.
                tokio::time::sleep(std::time::Duration::from_millis(place as u64 / 7 * 2)).await;
                let email = format!("user{place}@example.com");
                let mut answer = delete(&browser, &email).await;
                while answer.status == 503 {
                    answer = delete(&browser, &email).await;
                }
                // A confirmation beside it has given the browser another id.
                if answer.status != 200 {
                    let again = app.browser().unhindered();
                    again.login(&email, PASSWORD).await.expect(200);
                    delete(&again, &email).await.expect(200);
                }
            })
        };
        let beside = (0..4).map(|_| {
            let (app, browser) = (app.clone(), browser.copy());
            tokio::spawn(async move { meanwhile(place, &browser, &app).await })
        });
        let mut tasks: Vec<_> = beside.collect();
        tasks.push(deletion);
        tasks
    });
    let tasks: Vec<_> = tasks.collect();
    for outcome in all_at_once(tasks).await {
        outcome.unwrap();
    }
    for (place, _, id) in people {
        for (table, column, rows) in rows_of(&app, id).await {
            assert_eq!(rows, 0, "{place}: {table}.{column}");
        }
    }
    app.assert_counts(&[
        ("users", 0),
        ("sessions", 0),
        ("tower_sessions", 0),
        ("user_data", 0),
        ("mail_outbox", 0), // wing:mail
        (
            "audit_events WHERE ip IS NOT NULL AND kind <> 'sign_in_failed'",
            0,
        ),
        ("audit_events WHERE ip IS NOT NULL", 0),
    ])
    .await;
}

/// What another transaction is writing about the person is waited for, so that it goes too.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_is_being_written_meanwhile_is_not_overlooked() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let id = app.id_of(ADA).await;
    let mut tx = app.auth.db.begin().await.unwrap();
    sqlx::query(
        "INSERT INTO audit_events (id, at, user_id, kind, ip)
         SELECT $1, created_at, id, 'sign_in_failed', $2 FROM users WHERE id = $3",
    )
    .bind(uuid::Uuid::now_v7())
    .bind(IP)
    .bind(id)
    .execute(&mut *tx)
    .await
    .unwrap();
    let deletion = tokio::spawn(async move { delete(&ada, ADA).await });
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!deletion.is_finished());
    tx.commit().await.unwrap();
    deletion.await.unwrap().expect(200);
    app.assert_counts(&[
        ("users", 0),
        ("audit_events WHERE kind = 'sign_in_failed'", 1),
        ("audit_events WHERE ip IS NOT NULL", 0),
    ])
    .await;
}

// wing:clients
/// Between the question whether the session lives and the deletion it may end, or get another id.
#[tokio::test]
async fn a_session_that_has_ended_meanwhile_deletes_nothing() {
    use crate::clients::support::recognised;

    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    for end in ["confirm_identity", "logout"] {
        let request = recognised(&ada).await;
        let recent = request.require_recent().await.unwrap();
        let fields = [("password", PASSWORD)];
        ada.call(end, &fields).await.expect(200);
        let refused = app.auth.delete_account(&request, &recent, ADA).await;
        assert!(
            matches!(refused, Err(auth::Error::NotSignedIn)),
            "{end}: {refused:?}"
        );
        app.assert_counts(&[("users", 1)]).await;
    }
}
// end wing:clients

#[tokio::test]
async fn tokens_are_given_back_to_the_provider_that_takes_them() {
    let world = World::new().await;
    let revocation = world.acme.at("/revoke");
    world.acme.script(|script| {
        script.metadata = json!({ "revocation_endpoint": revocation });
        script.answer = json!({ "refresh_token": "canary-of-a-refresh-token" });
    });
    let ada = world.signed_in("acme", &person("ada")).await;
    // This provider takes none.
    let linked = ada.link("corp", &world.corp, &person("ada")).await;
    linked.assert_leads_to("/settings/accounts");
    delete(&ada, ADA).await.expect(200);
    assert!(world.app.auth.detached.drain(Duration::from_secs(30)).await);
    let asked = world.acme.asked(Endpoint::Revocation);
    let [asked] = &asked[..] else { panic!("{asked:?}") };
    assert_eq!(asked.method, http::Method::POST);
    assert_eq!(asked.form["token"], "canary-of-a-refresh-token");
    let (id, secret) = asked.basic().unwrap();
    assert_eq!((id.as_str(), secret.as_str()), ("acme-client", "acme secret:+%&"));
    assert_eq!(world.corp.count(Endpoint::Revocation), 0);
}

#[tokio::test]
async fn a_provider_that_fails_keeps_nobody_from_leaving() {
    for reply in [
        Reply::json(503, json!({})),
        Reply::json(302, json!({})),
        Reply::text(400, "text/plain", "unsupported_token_type"),
    ] {
        let world = World::new().await;
        let revocation = world.acme.at("/revoke");
        world
            .acme
            .script(|script| script.metadata = json!({ "revocation_endpoint": revocation }));
        let ada = world.signed_in("acme", &person("ada")).await;
        world.acme.reply(Endpoint::Revocation, reply);
        delete(&ada, ADA).await.expect(200);
        assert!(world.app.auth.detached.drain(Duration::from_secs(30)).await);
        assert_eq!(world.acme.count(Endpoint::Revocation), 1);
        world.app.assert_counts(&[("users", 0), ("accounts", 0)]).await;
    }
    // Metadata with an address that is none, or not a safe one: nothing is asked, and nobody is kept from signing in.
    for wrong in [
        json!("http://elsewhere.example/revoke"),
        json!("nonsense"),
        json!(7),
        json!(""),
    ] {
        let world = World::new().await;
        world
            .acme
            .script(|script| script.metadata = json!({ "revocation_endpoint": wrong }));
        let ada = world.signed_in("acme", &person("ada")).await;
        delete(&ada, ADA).await.expect(200);
        world.app.assert_counts(&[("users", 0)]).await;
    }
}

#[tokio::test]
async fn a_provider_account_of_the_person_is_nobodys_afterwards() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    connect(&app, ADA, "acme").await;
    delete(&ada, ADA).await.expect(200);
    app.assert_counts(&[("accounts", 0)]).await;
}
