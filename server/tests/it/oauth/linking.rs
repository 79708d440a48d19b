//! Accounts and users: who is who, what connects them, and what must never.

use serde_json::{Value, json};

use crate::oauth::{
    idp::{Endpoint, Reply},
    support::{World, person, person_with},
};
use crate::support::{Browser, PASSWORD};

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
    let browser = world.signed_in("acme", &changed).await;
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
    let squatter = world.browser();
    squatter.register("ada@example.com").await;
    let ada = world.browser();
    let answer = ada.sign_in("acme", &world.acme, &person("ada")).await;
    answer.assert_failed("link_required");
    assert_eq!(ada.session().await, Value::Null);
    let page = ada.get(answer.location()).await;
    assert!(page.shows("role=\"alert\""));
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
    let mallory = world.browser();
    mallory
        .sign_in("acme", &world.acme, &unverified("ada"))
        .await
        .assert_leads_to("/profile");
    assert_eq!(mallory.user().await["email"], Value::Null);
    // So its owner can come later.
    let ada = world.browser();
    ada.register("ada@example.com").await;
    // Taken: stopped, and nothing waits.
    let again = world.browser();
    for claim in [json!(false), Value::Null, json!("true"), json!(1)] {
        let other = person_with("ada", json!({ "sub": "mallory-2", "email_verified": claim }));
        again
            .sign_in("acme", &world.acme, &other)
            .await
            .assert_failed("unverified");
    }
    again.login("ada@example.com", PASSWORD).await.expect(200);
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
    let mallory = world.browser();
    let fields = [("email", "Ada@Example.com"), ("password", PASSWORD)];
    let answer = mallory.call("register", &fields).await;
    answer.refused(409, "email_taken");
    assert!(mallory.is_empty());
    mallory
        .login("ada@example.com", PASSWORD)
        .await
        .refused(401, "invalid_credentials");
    world.app.assert_counts(&[("users", 1), ("sessions", 1)]).await;
}

#[tokio::test]
async fn an_address_that_changes_at_the_provider_changes_no_user() {
    let world = World::new().await;
    world.browser().register("grace@example.com").await;
    world.signed_in("acme", &person("ada")).await;
    let renamed = person_with("ada", json!({ "email": "grace@example.com" }));
    let browser = world.signed_in("acme", &renamed).await;
    let user = browser.user().await;
    assert_eq!(user["email"], "ada@example.com");
    assert_eq!(user["accounts"][0]["email"], "grace@example.com");
    world.app.assert_counts(&[("users", 2), ("accounts", 1)]).await;
}

#[tokio::test]
async fn a_deleted_users_account_begins_anew() {
    let world = World::new().await;
    let before = world.signed_in("acme", &person("ada")).await.session().await["user_id"].clone();
    world.app.sql("DELETE FROM users").await;
    world.app.assert_counts(&[("accounts", 0), ("sessions", 0)]).await;
    let browser = world.signed_in("acme", &person("ada")).await;
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
        let browser = world.signed_in("acme", &other).await;
        assert_ne!(browser.user().await["email"], "mike@example.com", "{subject}");
    }
    world.app.assert_counts(&[("users", 6), ("accounts", 6)]).await;
}

#[tokio::test]
async fn a_signed_in_person_connects_an_account() {
    let world = World::new().await;
    let browser = world.browser();
    browser.register("ada@example.com").await;
    let (before, old) = (browser.session().await, browser.copy());
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
    assert_ne!(browser.cookie("id").unwrap(), old.cookie("id").unwrap());
    assert_eq!(old.live_session_id().await, None);
    let page = browser.get("/settings/accounts").await.text();
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
    let browser = world.signed_in("acme", &person("ada")).await;
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
    let browser = world.signed_in("corp", &person("ada")).await;
    let (before, id) = (browser.session().await, browser.cookie("id").unwrap());
    let answer = browser.link("acme", &world.acme, &person("grace")).await;
    answer.assert_leads_to("/settings/accounts?error=taken");
    assert!(!answer.touches_session());
    assert_eq!(
        (browser.session().await, &browser.cookie("id").unwrap()),
        (before, &id)
    );
    assert_eq!(browser.providers().await, ["corp"]);
    let page = browser.get(answer.location()).await.expect(200);
    assert!(page.shows("role=\"alert\""), "{}", page.text());
    assert_eq!(
        world.signed_in("acme", &person("grace")).await.user().await["email"],
        "grace@example.com"
    );
    world.app.assert_counts(&[("users", 2), ("accounts", 2)]).await;
}

#[tokio::test]
async fn a_link_is_finished_in_the_session_that_began_it() {
    let world = World::new().await;
    let browser = world.browser();
    browser.register("ada@example.com").await;
    browser.call("logout", &[]).await;
    let other = browser.copy();
    other.register("grace@example.com").await;
    other.call("logout", &[]).await;

    let expired = "/settings/accounts?error=expired";
    let log_in = |email: &'static str| {
        let browser = browser.copy();
        async move {
            let browser = browser;
            browser.login(email, PASSWORD).await.expect(200);
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
        let browser = log_in("ada@example.com").await;
        let hop = browser.begin_link("acme").await;
        if signs_out {
            browser.call("logout", &[]).await;
        }
        if let Some(email) = finisher {
            browser.login(email, PASSWORD).await.expect(200);
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
    let browser = log_in("ada@example.com").await;
    let hop = browser.begin_link("acme").await;
    world.app.sql("DELETE FROM sessions").await;
    browser
        .finish(&hop, &world.acme, &person("ada"))
        .await
        .assert_leads_to(expired);
    assert_eq!(world.token_requests(), 0);
    // A link that began in one browser cannot be finished in another.
    let browser = log_in("ada@example.com").await;
    let hop = browser.begin_link("acme").await;
    let elsewhere = world.browser();
    elsewhere.login("ada@example.com", PASSWORD).await;
    elsewhere
        .finish(&hop, &world.acme, &person("ada"))
        .await
        .assert_failed("expired");
    world.app.assert_counts(&[("users", 2), ("accounts", 0)]).await;
}

#[tokio::test]
async fn a_link_that_fails_leads_back_to_the_accounts() {
    let world = World::new().await;
    let browser = world.browser();
    browser.register("ada@example.com").await;
    let before = (browser.session().await, browser.cookie("id").unwrap());
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
    assert_eq!((browser.session().await, browser.cookie("id").unwrap()), before);
    world
        .app
        .assert_counts(&[("accounts", 0), ("sign_in_flows", 0)])
        .await;
}

/// Signing in with another person's account never connects it, whoever is signed in.
#[tokio::test]
async fn only_a_link_connects() {
    let world = World::new().await;
    let browser = world.browser();
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
    let registered = world.browser();
    registered.register("ada@example.com").await;
    registered.call("logout", &[]).await;
    waiting(world).await
}

/// Her account waits in one more browser.
async fn waiting(world: &World) -> Browser {
    let browser = world.browser();
    browser
        .sign_in("acme", &world.acme, &person("ada"))
        .await
        .assert_failed("link_required");
    browser
}

#[tokio::test]
async fn an_account_that_waits_is_connected_by_the_owners_password() {
    let world = World::new().await;
    let browser = pending(&world).await;
    world.app.advance(599);
    browser.login("ada@example.com", PASSWORD).await.expect(200);
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
    let browser = world.browser();
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
    let browser = pending(&world).await;
    world.app.advance(600);
    browser.login("ada@example.com", PASSWORD).await.expect(200);
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
        world.app.auth.sweep().await.unwrap();
        world.app.assert_counts(&[("pending_links", left)]).await;
    }
}

#[tokio::test]
async fn an_account_waits_in_its_browser_for_its_owner() {
    let world = World::new().await;
    let browser = pending(&world).await;
    // In another browser, with another flow cookie, and with none.
    let elsewhere = world.browser();
    elsewhere.begin("corp").await;
    elsewhere.login("ada@example.com", PASSWORD).await.expect(200);
    assert!(elsewhere.providers().await.is_empty());
    let bare = world.browser();
    bare.login("ada@example.com", PASSWORD).await.expect(200);
    assert!(bare.providers().await.is_empty());
    // Another user in the same browser: by registering, by a password, by a provider.
    browser.register("grace@example.com").await;
    assert!(browser.providers().await.is_empty());
    let browser = waiting(&world).await;
    browser.login("grace@example.com", PASSWORD).await.expect(200);
    assert!(browser.providers().await.is_empty());
    let browser = waiting(&world).await;
    browser
        .sign_in("corp", &world.corp, &person("alan"))
        .await
        .assert_leads_to("/profile");
    assert_eq!(browser.providers().await, ["corp"]);
    // A wrong password connects nothing.
    let browser = waiting(&world).await;
    let wrong = [("email", "ada@example.com"), ("password", "not the river at all")];
    browser
        .call("login", &wrong)
        .await
        .refused(401, "invalid_credentials");
    world.app.assert_counts(&[("accounts", 1)]).await;
}

#[tokio::test]
async fn a_waiting_account_is_connected_once_and_the_latest_counts() {
    let world = World::new().await;
    let browser = pending(&world).await;
    let at_corp = person_with("ada", json!({ "sub": "ada-at-corp" }));
    browser
        .sign_in("corp", &world.corp, &at_corp)
        .await
        .assert_failed("link_required");
    world.app.assert_counts(&[("pending_links", 1)]).await;
    browser.login("ada@example.com", PASSWORD).await.expect(200);
    assert_eq!(browser.providers().await, ["corp"]);
    browser.call("logout", &[]).await;
    browser.login("ada@example.com", PASSWORD).await.expect(200);
    world
        .app
        .assert_counts(&[("accounts", 1), ("pending_links", 0)])
        .await;
}

/// Twenty other flows in the same browser do not push it out, and a callback does not find it.
#[tokio::test]
async fn a_waiting_account_is_not_a_flow() {
    let world = World::new().await;
    let browser = pending(&world).await;
    for _ in 0..22 {
        browser.begin("acme").await;
    }
    world
        .app
        .assert_counts(&[("sign_in_flows", 20), ("pending_links", 1)])
        .await;
    browser.login("ada@example.com", PASSWORD).await.expect(200);
    assert_eq!(browser.providers().await, ["acme"]);
}

#[tokio::test]
async fn the_last_way_in_stays() {
    let world = World::new().await;
    let browser = world.signed_in("acme", &person("ada")).await;
    let id = browser.account_id("acme").await;
    let before = browser.cookie("id").unwrap();
    browser.unlink(&id).await.refused(409, "last_way_in");
    assert_eq!(browser.providers().await, ["acme"]);
    assert_eq!(browser.cookie("id").unwrap(), before);
    world.app.assert_counts(&[("accounts", 1), ("sessions", 1)]).await;
    // With a password there is another.
    browser
        .call("set_password", &[("new_password", PASSWORD)])
        .await
        .expect(200);
    browser.unlink(&id).await.expect(200);
    world.app.assert_counts(&[("accounts", 0)]).await;
    world
        .browser()
        .login("ada@example.com", PASSWORD)
        .await
        .expect(200);
}

/// A password without an address to type it beside opens nothing.
#[tokio::test]
async fn a_password_without_an_address_is_no_way_in() {
    let world = World::new().await;
    let nameless = person_with("ada", json!({ "email": null }));
    let browser = world.signed_in("acme", &nameless).await;
    let id = browser.account_id("acme").await;
    browser.call("set_password", &[("new_password", PASSWORD)]).await;
    browser.unlink(&id).await.refused(409, "last_way_in");
    world.app.assert_counts(&[("accounts", 1)]).await;
}

#[tokio::test]
async fn a_provider_that_is_configured_no_longer_is_no_way_in() {
    let mut world = World::new().await;
    let browser = world.signed_in("acme", &person("ada")).await;
    browser
        .link("corp", &world.corp, &person("ada"))
        .await
        .assert_leads_to("/settings/accounts");
    world.restart(&[("AUTH_PROVIDERS", "acme")]).await;
    let browser = world.signed_in("acme", &person("ada")).await;
    let (acme, corp) = (browser.account_id("acme").await, browser.account_id("corp").await);
    browser.unlink(&acme).await.refused(409, "last_way_in");
    browser.unlink(&corp).await.expect(200);
}

#[tokio::test]
async fn only_ones_own_accounts_can_be_disconnected() {
    let world = World::new().await;
    let ada = world.signed_in("acme", &person("ada")).await;
    let foreign = ada.account_id("acme").await;
    let mallory = world.browser();
    mallory.register("mallory@example.com").await;
    mallory
        .link("corp", &world.corp, &person("mallory"))
        .await
        .assert_leads_to("/settings/accounts");
    let own = mallory.account_id("corp").await;
    mallory.unlink(&foreign).await.refused(404, "not_found");
    mallory
        .unlink("00000000-0000-0000-0000-000000000000")
        .await
        .refused(404, "not_found");
    mallory.unlink("1 OR 1=1").await.expect(422);
    mallory.unlink(&own).await.expect(200);
    mallory.unlink(&own).await.refused(404, "not_found");
    let nobody = world.browser();
    nobody.unlink(&foreign).await.refused(401, "unauthenticated");
    assert_eq!(ada.providers().await, ["acme"]);
    world.app.assert_counts(&[("accounts", 1)]).await;
}

#[tokio::test]
async fn disconnecting_takes_a_recent_session() {
    let world = World::new().await;
    let browser = world.browser();
    browser.register("ada@example.com").await;
    browser
        .link("acme", &world.acme, &person("ada"))
        .await
        .assert_leads_to("/settings/accounts");
    let id = browser.account_id("acme").await;
    world.app.advance(600);
    browser.unlink(&id).await.refused(403, "reauth_required");
    browser
        .submit("/settings/accounts", "unlink_account", &[("account_id", &id)])
        .await
        .leads_to("/settings/security?return_to=%2Fsettings%2Faccounts");
    world.app.assert_counts(&[("accounts", 1)]).await;
    browser.call("confirm_identity", &[("password", PASSWORD)]).await;
    browser.unlink(&id).await.expect(200);
}

#[tokio::test]
async fn disconnecting_ends_the_sessions_born_from_it_and_renews_this_one() {
    let world = World::new().await;
    let browser = world.browser();
    browser.register("ada@example.com").await;
    browser
        .link("acme", &world.acme, &person("ada"))
        .await
        .assert_leads_to("/settings/accounts");
    browser
        .link("corp", &world.corp, &person("ada"))
        .await
        .assert_leads_to("/settings/accounts");
    let by_acme = world.signed_in("acme", &person("ada")).await;
    let by_corp = world.signed_in("corp", &person("ada")).await;
    let stranger = world.signed_in("acme", &person("grace")).await;
    let (before, old) = (browser.session().await, browser.copy());
    let id = browser.account_id("acme").await;
    browser.unlink(&id).await.expect(200);

    // At once, snapshot or not.
    assert_eq!(by_acme.session().await, Value::Null);
    assert_eq!(by_acme.live_session_id().await, None);
    assert_eq!(by_corp.session().await["user_id"], before["user_id"]);
    assert_eq!(stranger.session().await["email"], "grace@example.com");
    assert_eq!(browser.session().await["session_id"], before["session_id"]);
    assert_ne!(browser.cookie("id").unwrap(), old.cookie("id").unwrap());
    assert_eq!(old.live_session_id().await, None);
    // And acme's Ada is a stranger, whose address is taken.
    let answer = by_acme.sign_in("acme", &world.acme, &person("ada")).await;
    answer.assert_failed("link_required");
}

#[tokio::test]
async fn a_session_born_from_what_it_disconnects_goes_on() {
    let world = World::new().await;
    let browser = world.signed_in("acme", &person("ada")).await;
    browser
        .link("corp", &world.corp, &person("ada"))
        .await
        .assert_leads_to("/settings/accounts");
    let (before, id) = (browser.session().await, browser.account_id("acme").await);
    browser.unlink(&id).await.expect(200);
    assert_eq!(browser.session().await["session_id"], before["session_id"]);
    assert_eq!(browser.providers().await, ["corp"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_requests_that_disconnect_the_last_two_accounts_one_succeeds() {
    for _ in 0..5 {
        let world = World::new().await;
        let by_acme = world.signed_in("acme", &person("ada")).await;
        by_acme
            .link("corp", &world.corp, &person("ada"))
            .await
            .assert_leads_to("/settings/accounts");
        let by_corp = world.signed_in("corp", &person("ada")).await;
        let acme = by_acme.account_id("acme").await;
        let corp = by_corp.account_id("corp").await;
        // Each in a session born from the account it drops, so that neither ends the other's.
        let one = tokio::spawn(async move { by_acme.unlink(&acme).await });
        let other = tokio::spawn(async move { by_corp.unlink(&corp).await });
        let mut answers = [one.await.unwrap(), other.await.unwrap()];
        answers.sort_by_key(|answer| answer.status);
        let [done, refused] = answers;
        done.expect(200);
        refused.refused(409, "last_way_in");
        world.app.assert_counts(&[("users", 1), ("accounts", 1)]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_users_who_connect_one_account_at_once_one_succeeds() {
    let world = World::new().await;
    let mut hops = Vec::new();
    for name in ["ada", "grace"] {
        let browser = world.signed_in("corp", &person(name)).await;
        let hop = browser.begin_link("acme").await;
        hops.push((browser, hop));
    }
    let tries: Vec<_> = hops
        .into_iter()
        .map(|(browser, hop)| {
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
