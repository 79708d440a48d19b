//! Accounts and users: who is who, what connects them, and what must never.

use http::StatusCode;
use serde_json::{Value, json};

use crate::oauth::{
    idp::{Endpoint, Reply},
    support::{Browser, World, person, person_with},
};

/// A person is (provider, subject), and nothing else.
#[tokio::test]
async fn a_person_is_known_by_provider_and_subject_alone() {
    let world = World::new().await;
    let first = world.signed_in("acme", &person("ada")).await.session().await["user_id"].clone();
    // Address, name and all else have changed.
    let changed = person_with(
        "ada",
        json!({ "email": "ada@elsewhere.example", "name": "Countess", "preferred_username": "grace" }),
    );
    let mut browser = world.signed_in("acme", &changed).await;
    assert_eq!(browser.session().await["user_id"], first);
    // The same subject elsewhere is another person.
    let elsewhere = person_with("ada", json!({ "email": "other@example.com" }));
    assert_ne!(
        world.signed_in("corp", &elsewhere).await.session().await["user_id"],
        first
    );
    // The same name with another subject as well, and a subject in capitals.
    for subject in ["ada-at-idp-2", "ADA-AT-IDP"] {
        let other = person_with(
            "ada",
            json!({ "sub": subject, "email": format!("{subject}@example.com") }),
        );
        assert_ne!(
            world.signed_in("acme", &other).await.session().await["user_id"],
            first
        );
    }
    world.app.assert_counts(&[("users", 4), ("accounts", 4)]).await;
}

/// An address that a stranger registered before its owner came.
#[tokio::test]
async fn an_address_that_is_taken_merges_no_accounts() {
    let world = World::new().await;
    let mut squatter = world.browser();
    squatter.register("ada@example.com").await;
    let mut ada = world.browser();
    let answer = ada.sign_in("acme", &world.acme, &person("ada")).await;
    answer.assert_failed("link_required");
    assert_eq!(ada.session().await, Value::Null);
    let page = ada.get(answer.location()).await;
    assert!(page.body.contains("role=\"alert\""));
    // Nothing has come to the squatter either.
    assert!(squatter.providers().await.is_empty());
    assert_eq!(squatter.user().await["email_verified"], false);
    world
        .app
        .assert_counts(&[("users", 1), ("accounts", 0), ("sessions", 1)])
        .await;
    // Asking again makes no difference.
    ada.sign_in("acme", &world.acme, &person("ada"))
        .await
        .assert_failed("link_required");
    // However the address is written.
    let shouting = person_with("ada", json!({ "email": " ADA@EXAMPLE.com " }));
    ada.sign_in("acme", &world.acme, &shouting)
        .await
        .assert_failed("link_required");
    world.app.assert_counts(&[("users", 1), ("accounts", 0)]).await;
}

#[tokio::test]
async fn an_unverified_address_does_not_become_the_users() {
    let world = World::new().await;
    let unverified = |name| person_with(name, json!({ "email_verified": false }));
    // Free: a user without an address.
    let mut mallory = world.browser();
    mallory
        .sign_in("acme", &world.acme, &unverified("ada"))
        .await
        .assert_leads_to("/profile");
    assert_eq!(mallory.user().await["email"], Value::Null);
    // So its owner can come later.
    let mut ada = world.browser();
    ada.register("ada@example.com").await;
    // Taken: stopped, and nothing waits.
    let mut again = world.browser();
    for claim in [json!(false), Value::Null, json!("true"), json!(1)] {
        let other = person_with("ada", json!({ "sub": "mallory-2", "email_verified": claim }));
        again
            .sign_in("acme", &world.acme, &other)
            .await
            .assert_failed("unverified");
    }
    assert_eq!(again.log_in("ada@example.com").await.status, StatusCode::OK);
    assert!(again.providers().await.is_empty());
    world
        .app
        .assert_counts(&[("users", 2), ("accounts", 1), ("pending_links", 0)])
        .await;
}

#[tokio::test]
async fn an_address_that_came_by_a_provider_cannot_be_registered() {
    let world = World::new().await;
    world.signed_in("acme", &person("ada")).await;
    let mut mallory = world.browser();
    let fields = [
        ("email", "Ada@Example.com"),
        ("password", crate::oauth::support::PASSWORD),
    ];
    let answer = mallory.post("/api/register", &fields).await;
    answer.assert_error(409, "email_taken");
    assert!(mallory.jar.is_empty());
    mallory
        .log_in("ada@example.com")
        .await
        .assert_error(401, "invalid_credentials");
    world.app.assert_counts(&[("users", 1), ("sessions", 1)]).await;
}

#[tokio::test]
async fn an_address_that_changes_at_the_provider_changes_no_user() {
    let world = World::new().await;
    world.browser().register("grace@example.com").await;
    world.signed_in("acme", &person("ada")).await;
    let renamed = person_with("ada", json!({ "email": "grace@example.com" }));
    let mut browser = world.signed_in("acme", &renamed).await;
    let user = browser.user().await;
    assert_eq!(user["email"], "ada@example.com");
    assert_eq!(user["accounts"][0]["email"], "grace@example.com");
    world.app.assert_counts(&[("users", 2), ("accounts", 1)]).await;
}

#[tokio::test]
async fn a_deleted_users_account_begins_anew() {
    let world = World::new().await;
    let before = world.signed_in("acme", &person("ada")).await.session().await["user_id"].clone();
    world.app.execute("DELETE FROM users").await;
    world.app.assert_counts(&[("accounts", 0), ("sessions", 0)]).await;
    let mut browser = world.signed_in("acme", &person("ada")).await;
    assert_ne!(browser.session().await["user_id"], before);
    assert_eq!(browser.user().await["email"], "ada@example.com");
}

#[tokio::test]
async fn an_address_that_only_looks_the_same_is_another() {
    let world = World::new().await;
    world
        .signed_in("acme", &person_with("mike", json!({ "sub": "mike" })))
        .await;
    for (subject, email) in [
        ("dotless", "m\u{131}ke@example.com"),
        ("kelvin", "mi\u{212a}e@example.com"),
        ("wide", "\u{ff4d}ike@example.com"),
        ("cyrillic", "mik\u{435}@example.com"),
        ("domain", "mike@ex\u{430}mple.com"),
    ] {
        let other = person_with("mike", json!({ "sub": subject, "email": email }));
        let mut browser = world.signed_in("acme", &other).await;
        assert_ne!(browser.user().await["email"], "mike@example.com", "{subject}");
    }
    world.app.assert_counts(&[("users", 6), ("accounts", 6)]).await;
}

#[tokio::test]
async fn a_signed_in_person_connects_an_account() {
    let world = World::new().await;
    let mut browser = world.browser();
    browser.register("ada@example.com").await;
    let (before, old) = (browser.session().await, browser.clone());
    // It may have another address than one's own.
    let at_acme = person_with("ada", json!({ "email": "work@example.com" }));
    let fields = [("intent", "link"), ("return_to", "/settings/security")];
    let hop = browser.begin_with("acme", &fields).await;
    browser
        .finish(&hop, &world.acme, &at_acme)
        .await
        .assert_leads_to("/settings/security");
    browser
        .link("corp", &world.corp, &person("grace"))
        .await
        .assert_leads_to("/settings/accounts");
    assert_eq!(browser.providers().await, ["acme", "corp"]);
    let user = browser.user().await;
    assert_eq!(
        (&user["email"], &user["email_verified"]),
        (&json!("ada@example.com"), &json!(false))
    );
    // The same session under another id: a copied cookie is worth nothing now.
    assert_eq!(browser.session().await["session_id"], before["session_id"]);
    assert_ne!(browser.jar["__Host-id"], old.jar["__Host-id"]);
    assert_eq!(old.live_session_id().await, None);
    let page = browser.get("/settings/accounts").await.body;
    assert!(
        page.contains("work@example.com") && page.contains("Disconnect"),
        "{page}"
    );

    // Both lead to the same user from now on.
    for (provider, person) in [("acme", &at_acme), ("corp", &person("grace"))] {
        assert_eq!(
            world.signed_in(provider, person).await.session().await["user_id"],
            before["user_id"]
        );
    }
    world.app.assert_counts(&[("users", 1), ("accounts", 2)]).await;
}

#[tokio::test]
async fn connecting_the_same_account_again_changes_nothing() {
    let world = World::new().await;
    let mut browser = world.signed_in("acme", &person("ada")).await;
    let id = browser.account_id("acme").await;
    browser
        .link("acme", &world.acme, &person("ada"))
        .await
        .assert_leads_to("/settings/accounts");
    assert_eq!(browser.account_id("acme").await, id);
    let links = "audit_events WHERE kind = 'link'";
    world
        .app
        .assert_counts(&[("users", 1), ("accounts", 1), ("sessions", 1), (links, 0)])
        .await;
    // A second account at one provider is a second way in.
    browser
        .link("acme", &world.acme, &person("ada-at-work"))
        .await
        .assert_leads_to("/settings/accounts");
    world
        .app
        .assert_counts(&[("users", 1), ("accounts", 2), (links, 1)])
        .await;
}

#[tokio::test]
async fn an_account_of_another_user_cannot_be_connected() {
    let world = World::new().await;
    world.signed_in("acme", &person("grace")).await;
    let mut browser = world.signed_in("corp", &person("ada")).await;
    let (before, id) = (browser.session().await, browser.jar["__Host-id"].clone());
    let answer = browser.link("acme", &world.acme, &person("grace")).await;
    answer.assert_leads_to("/settings/accounts?error=taken");
    assert!(!answer.touches_session());
    assert_eq!(
        (browser.session().await, &browser.jar["__Host-id"]),
        (before, &id)
    );
    assert_eq!(browser.providers().await, ["corp"]);
    let page = browser.get(answer.location()).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("role=\"alert\""), "{}", page.body);
    assert_eq!(
        world.signed_in("acme", &person("grace")).await.user().await["email"],
        "grace@example.com"
    );
    world.app.assert_counts(&[("users", 2), ("accounts", 2)]).await;
}

#[tokio::test]
async fn a_link_is_finished_in_the_session_that_began_it() {
    let world = World::new().await;
    let mut browser = world.browser();
    browser.register("ada@example.com").await;
    browser.post("/api/logout", &[]).await;
    let mut other = browser.clone();
    other.register("grace@example.com").await;
    other.post("/api/logout", &[]).await;

    let expired = "/settings/accounts?error=expired";
    let log_in = |email: &'static str| {
        let browser = browser.clone();
        async move {
            let mut browser = browser;
            assert_eq!(browser.log_in(email).await.status, StatusCode::OK);
            browser
        }
    };
    // Finished by another user, anonymously, and by the same person in a later session.
    for (signs_out, finisher) in [
        (false, Some("grace@example.com")),
        (false, Some("ada@example.com")),
        (true, Some("grace@example.com")),
        (true, Some("ada@example.com")),
        (true, None),
    ] {
        let mut browser = log_in("ada@example.com").await;
        let hop = browser.begin_link("acme").await;
        if signs_out {
            browser.post("/api/logout", &[]).await;
        }
        if let Some(email) = finisher {
            assert_eq!(browser.log_in(email).await.status, StatusCode::OK);
        }
        let before = browser.session().await;
        let answer = browser.finish(&hop, &world.acme, &person("ada")).await;
        answer.assert_leads_to(expired);
        assert_eq!(browser.session().await, before, "{finisher:?}");
        assert_eq!(world.token_requests(), 0, "{finisher:?}");
        world
            .app
            .assert_counts(&[("accounts", 0), ("sign_in_flows", 0)])
            .await;
    }
    // The session is alive by its snapshot only.
    let mut browser = log_in("ada@example.com").await;
    let hop = browser.begin_link("acme").await;
    world.app.execute("DELETE FROM sessions").await;
    browser
        .finish(&hop, &world.acme, &person("ada"))
        .await
        .assert_leads_to(expired);
    assert_eq!(world.token_requests(), 0);
    // A link that began in one browser cannot be finished in another.
    let mut browser = log_in("ada@example.com").await;
    let hop = browser.begin_link("acme").await;
    let mut elsewhere = world.browser();
    elsewhere.log_in("ada@example.com").await;
    elsewhere
        .finish(&hop, &world.acme, &person("ada"))
        .await
        .assert_failed("expired");
    world.app.assert_counts(&[("users", 2), ("accounts", 0)]).await;
}

#[tokio::test]
async fn a_link_that_fails_leads_back_to_the_accounts() {
    let world = World::new().await;
    let mut browser = world.browser();
    browser.register("ada@example.com").await;
    let before = (browser.session().await, browser.jar["__Host-id"].clone());
    let hop = browser.begin_link("acme").await;
    let denied = hop.callback(&[("error", "access_denied"), ("state", &hop.state())]);
    browser
        .get(&denied)
        .await
        .assert_leads_to("/settings/accounts?error=denied");
    world
        .acme
        .reply(Endpoint::Token, Reply::text(500, "text/plain", "oops"));
    let answer = browser.link("acme", &world.acme, &person("ada")).await;
    answer.assert_leads_to("/settings/accounts?error=provider");
    world.acme.behave();
    let hop = browser.begin_link("acme").await;
    world.app.advance(600);
    browser
        .finish(&hop, &world.acme, &person("ada"))
        .await
        .assert_leads_to("/settings/accounts?error=expired");
    assert_eq!(
        (browser.session().await, browser.jar["__Host-id"].clone()),
        before
    );
    world
        .app
        .assert_counts(&[("accounts", 0), ("sign_in_flows", 0)])
        .await;
}

/// Signing in with another person's account never connects it, whoever is signed in.
#[tokio::test]
async fn only_a_link_connects() {
    let world = World::new().await;
    let mut browser = world.browser();
    browser.register("ada@example.com").await;
    browser
        .sign_in("acme", &world.acme, &person("grace"))
        .await
        .assert_leads_to("/profile");
    assert_eq!(browser.session().await["email"], "grace@example.com");
    world
        .app
        .assert_counts(&[("users", 2), ("accounts", 1), ("sessions", 1)])
        .await;
}

/// Ada has a password, and her account at a provider waits in this browser.
async fn pending(world: &World) -> Browser {
    let mut registered = world.browser();
    registered.register("ada@example.com").await;
    registered.post("/api/logout", &[]).await;
    waiting(world).await
}

/// Her account waits in one more browser.
async fn waiting(world: &World) -> Browser {
    let mut browser = world.browser();
    browser
        .sign_in("acme", &world.acme, &person("ada"))
        .await
        .assert_failed("link_required");
    browser
}

#[tokio::test]
async fn an_account_that_waits_is_connected_by_the_owners_password() {
    let world = World::new().await;
    let mut browser = pending(&world).await;
    world.app.advance(599);
    assert_eq!(browser.log_in("ada@example.com").await.status, StatusCode::OK);
    assert_eq!(browser.providers().await, ["acme"]);
    world
        .app
        .assert_counts(&[("users", 1), ("accounts", 1), ("pending_links", 0)])
        .await;
    let owner = browser.session().await["user_id"].clone();
    assert_eq!(
        world.signed_in("acme", &person("ada")).await.session().await["user_id"],
        owner
    );
}

#[tokio::test]
async fn an_account_that_waits_is_connected_by_a_connected_provider_too() {
    let world = World::new().await;
    world.signed_in("corp", &person("ada")).await;
    // The same verified address at two providers.
    let mut browser = world.browser();
    browser
        .sign_in("acme", &world.acme, &person("ada"))
        .await
        .assert_failed("link_required");
    browser
        .sign_in("corp", &world.corp, &person("ada"))
        .await
        .assert_leads_to("/profile");
    assert_eq!(browser.providers().await, ["corp", "acme"]);
    world
        .app
        .assert_counts(&[("users", 1), ("accounts", 2), ("pending_links", 0)])
        .await;
}

#[tokio::test]
async fn an_account_waits_for_ten_minutes() {
    let world = World::new().await;
    let mut browser = pending(&world).await;
    world.app.advance(600);
    assert_eq!(browser.log_in("ada@example.com").await.status, StatusCode::OK);
    assert!(browser.providers().await.is_empty());
    world.app.assert_counts(&[("accounts", 0)]).await;
    // Where the owner does not sign in, it goes as well.
    world
        .browser()
        .sign_in("acme", &world.acme, &person("ada"))
        .await
        .assert_failed("link_required");
    for (seconds, left) in [(599, 1), (1, 0)] {
        world.app.advance(seconds);
        world.app.auth().sweep().await.unwrap();
        world.app.assert_counts(&[("pending_links", left)]).await;
    }
}

#[tokio::test]
async fn an_account_waits_in_its_browser_for_its_owner() {
    let world = World::new().await;
    let mut browser = pending(&world).await;
    // In another browser, with another flow cookie, and with none.
    let mut elsewhere = world.browser();
    elsewhere.begin("corp").await;
    assert_eq!(elsewhere.log_in("ada@example.com").await.status, StatusCode::OK);
    assert!(elsewhere.providers().await.is_empty());
    let mut bare = world.browser();
    assert_eq!(bare.log_in("ada@example.com").await.status, StatusCode::OK);
    assert!(bare.providers().await.is_empty());
    // Another user in the same browser: by registering, by a password, by a provider.
    browser.register("grace@example.com").await;
    assert!(browser.providers().await.is_empty());
    let mut browser = waiting(&world).await;
    assert_eq!(browser.log_in("grace@example.com").await.status, StatusCode::OK);
    assert!(browser.providers().await.is_empty());
    let mut browser = waiting(&world).await;
    browser
        .sign_in("corp", &world.corp, &person("alan"))
        .await
        .assert_leads_to("/profile");
    assert_eq!(browser.providers().await, ["corp"]);
    // A wrong password connects nothing.
    let mut browser = waiting(&world).await;
    let wrong = [("email", "ada@example.com"), ("password", "not the river at all")];
    browser
        .post("/api/login", &wrong)
        .await
        .assert_error(401, "invalid_credentials");
    world.app.assert_counts(&[("accounts", 1)]).await;
}

#[tokio::test]
async fn a_waiting_account_is_connected_once_and_the_latest_counts() {
    let world = World::new().await;
    let mut browser = pending(&world).await;
    let at_corp = person_with("ada", json!({ "sub": "ada-at-corp" }));
    browser
        .sign_in("corp", &world.corp, &at_corp)
        .await
        .assert_failed("link_required");
    world.app.assert_counts(&[("pending_links", 1)]).await;
    assert_eq!(browser.log_in("ada@example.com").await.status, StatusCode::OK);
    assert_eq!(browser.providers().await, ["corp"]);
    browser.post("/api/logout", &[]).await;
    assert_eq!(browser.log_in("ada@example.com").await.status, StatusCode::OK);
    world
        .app
        .assert_counts(&[("accounts", 1), ("pending_links", 0)])
        .await;
}

/// Twenty other flows in the same browser do not push it out, and a callback does not find it.
#[tokio::test]
async fn a_waiting_account_is_not_a_flow() {
    let world = World::new().await;
    let mut browser = pending(&world).await;
    for _ in 0..22 {
        browser.begin("acme").await;
    }
    world
        .app
        .assert_counts(&[("sign_in_flows", 20), ("pending_links", 1)])
        .await;
    assert_eq!(browser.log_in("ada@example.com").await.status, StatusCode::OK);
    assert_eq!(browser.providers().await, ["acme"]);
}

#[tokio::test]
async fn the_last_way_in_stays() {
    let world = World::new().await;
    let mut browser = world.signed_in("acme", &person("ada")).await;
    let id = browser.account_id("acme").await;
    let before = browser.jar["__Host-id"].clone();
    browser.unlink(&id).await.assert_error(409, "last_way_in");
    assert_eq!(browser.providers().await, ["acme"]);
    assert_eq!(browser.jar["__Host-id"], before);
    world.app.assert_counts(&[("accounts", 1), ("sessions", 1)]).await;
    // With a password there is another.
    let answer = browser
        .post(
            "/api/set_password",
            &[("new_password", crate::oauth::support::PASSWORD)],
        )
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert_eq!(browser.unlink(&id).await.status, StatusCode::OK);
    world.app.assert_counts(&[("accounts", 0)]).await;
    assert_eq!(
        world.browser().log_in("ada@example.com").await.status,
        StatusCode::OK
    );
}

/// A password without an address to type it beside opens nothing.
#[tokio::test]
async fn a_password_without_an_address_is_no_way_in() {
    let world = World::new().await;
    let nameless = person_with("ada", json!({ "email": null }));
    let mut browser = world.signed_in("acme", &nameless).await;
    let id = browser.account_id("acme").await;
    browser
        .post(
            "/api/set_password",
            &[("new_password", crate::oauth::support::PASSWORD)],
        )
        .await;
    browser.unlink(&id).await.assert_error(409, "last_way_in");
    world.app.assert_counts(&[("accounts", 1)]).await;
}

#[tokio::test]
async fn a_provider_that_is_configured_no_longer_is_no_way_in() {
    let mut world = World::new().await;
    let mut browser = world.signed_in("acme", &person("ada")).await;
    browser
        .link("corp", &world.corp, &person("ada"))
        .await
        .assert_leads_to("/settings/accounts");
    world.restart(&[("AUTH_PROVIDERS", "acme")]).await;
    let mut browser = world.signed_in("acme", &person("ada")).await;
    let (acme, corp) = (browser.account_id("acme").await, browser.account_id("corp").await);
    browser.unlink(&acme).await.assert_error(409, "last_way_in");
    assert_eq!(browser.unlink(&corp).await.status, StatusCode::OK);
}

#[tokio::test]
async fn only_ones_own_accounts_can_be_disconnected() {
    let world = World::new().await;
    let mut ada = world.signed_in("acme", &person("ada")).await;
    let foreign = ada.account_id("acme").await;
    let mut mallory = world.browser();
    mallory.register("mallory@example.com").await;
    mallory
        .link("corp", &world.corp, &person("mallory"))
        .await
        .assert_leads_to("/settings/accounts");
    let own = mallory.account_id("corp").await;
    mallory.unlink(&foreign).await.assert_error(404, "not_found");
    mallory
        .unlink("00000000-0000-0000-0000-000000000000")
        .await
        .assert_error(404, "not_found");
    assert_eq!(
        mallory.unlink("1 OR 1=1").await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    assert_eq!(mallory.unlink(&own).await.status, StatusCode::OK);
    mallory.unlink(&own).await.assert_error(404, "not_found");
    let mut nobody = world.browser();
    nobody.unlink(&foreign).await.assert_error(401, "unauthenticated");
    assert_eq!(ada.providers().await, ["acme"]);
    world.app.assert_counts(&[("accounts", 1)]).await;
}

#[tokio::test]
async fn disconnecting_takes_a_recent_session() {
    let world = World::new().await;
    let mut browser = world.browser();
    browser.register("ada@example.com").await;
    browser
        .link("acme", &world.acme, &person("ada"))
        .await
        .assert_leads_to("/settings/accounts");
    let id = browser.account_id("acme").await;
    world.app.advance(600);
    browser.unlink(&id).await.assert_error(403, "reauth_required");
    let mut request = browser.form("/api/unlink_account", &[("account_id", &id)]);
    request
        .headers_mut()
        .insert("accept", "text/html".parse().unwrap());
    let answer = browser.visit(request).await;
    assert!(answer.status.is_redirection());
    assert_eq!(
        answer.location(),
        "/settings/security?return_to=%2Fsettings%2Faccounts"
    );
    world.app.assert_counts(&[("accounts", 1)]).await;
    browser
        .post(
            "/api/confirm_identity",
            &[("password", crate::oauth::support::PASSWORD)],
        )
        .await;
    assert_eq!(browser.unlink(&id).await.status, StatusCode::OK);
}

#[tokio::test]
async fn disconnecting_ends_the_sessions_born_from_it_and_renews_this_one() {
    let world = World::new().await;
    let mut browser = world.browser();
    browser.register("ada@example.com").await;
    browser
        .link("acme", &world.acme, &person("ada"))
        .await
        .assert_leads_to("/settings/accounts");
    browser
        .link("corp", &world.corp, &person("ada"))
        .await
        .assert_leads_to("/settings/accounts");
    let mut by_acme = world.signed_in("acme", &person("ada")).await;
    let mut by_corp = world.signed_in("corp", &person("ada")).await;
    let mut stranger = world.signed_in("acme", &person("grace")).await;
    let (before, old) = (browser.session().await, browser.clone());
    let id = browser.account_id("acme").await;
    assert_eq!(browser.unlink(&id).await.status, StatusCode::OK);

    // At once, snapshot or not.
    assert_eq!(by_acme.session().await, Value::Null);
    assert_eq!(by_acme.live_session_id().await, None);
    assert_eq!(by_corp.session().await["user_id"], before["user_id"]);
    assert_eq!(stranger.session().await["email"], "grace@example.com");
    assert_eq!(browser.session().await["session_id"], before["session_id"]);
    assert_ne!(browser.jar["__Host-id"], old.jar["__Host-id"]);
    assert_eq!(old.live_session_id().await, None);
    // And acme's Ada is a stranger, whose address is taken.
    let answer = by_acme.sign_in("acme", &world.acme, &person("ada")).await;
    answer.assert_failed("link_required");
}

#[tokio::test]
async fn a_session_born_from_what_it_disconnects_goes_on() {
    let world = World::new().await;
    let mut browser = world.signed_in("acme", &person("ada")).await;
    browser
        .link("corp", &world.corp, &person("ada"))
        .await
        .assert_leads_to("/settings/accounts");
    let (before, id) = (browser.session().await, browser.account_id("acme").await);
    assert_eq!(browser.unlink(&id).await.status, StatusCode::OK);
    assert_eq!(browser.session().await["session_id"], before["session_id"]);
    assert_eq!(browser.providers().await, ["corp"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_requests_that_disconnect_the_last_two_accounts_one_succeeds() {
    for _ in 0..5 {
        let world = World::new().await;
        let mut by_acme = world.signed_in("acme", &person("ada")).await;
        by_acme
            .link("corp", &world.corp, &person("ada"))
            .await
            .assert_leads_to("/settings/accounts");
        let mut by_corp = world.signed_in("corp", &person("ada")).await;
        let acme = by_acme.account_id("acme").await;
        let corp = by_corp.account_id("corp").await;
        // Each in a session born from the account it drops, so that neither ends the other's.
        let one = tokio::spawn(async move { by_acme.unlink(&acme).await });
        let other = tokio::spawn(async move { by_corp.unlink(&corp).await });
        let mut answers = [one.await.unwrap(), other.await.unwrap()];
        answers.sort_by_key(|answer| answer.status);
        assert_eq!(answers[0].status, StatusCode::OK);
        answers[1].assert_error(409, "last_way_in");
        world.app.assert_counts(&[("users", 1), ("accounts", 1)]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_users_who_connect_one_account_at_once_one_succeeds() {
    let world = World::new().await;
    let mut hops = Vec::new();
    for name in ["ada", "grace"] {
        let mut browser = world.signed_in("corp", &person(name)).await;
        let hop = browser.begin_link("acme").await;
        hops.push((browser, hop));
    }
    let tries: Vec<_> = hops
        .into_iter()
        .map(|(mut browser, hop)| {
            let idp = world.acme.clone();
            tokio::spawn(async move { browser.finish(&hop, &idp, &person("alan")).await })
        })
        .collect();
    let mut locations = Vec::new();
    for one in tries {
        locations.push(one.await.unwrap().location().to_owned());
    }
    locations.sort();
    assert_eq!(
        locations,
        ["/settings/accounts", "/settings/accounts?error=taken"]
    );
    world.app.assert_counts(&[("users", 2), ("accounts", 3)]).await;
}
