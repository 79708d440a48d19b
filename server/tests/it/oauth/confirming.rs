//! Confirming one's identity with a provider.

use serde_json::{Value, json};

use crate::oauth::{
    idp::Endpoint,
    support::{Hop, World, person},
};
use crate::support::{Answer, Browser, PASSWORD, until};

const DENIED: &str = "reauth_required";

async fn begin(browser: &Browser, return_to: &str) -> Hop {
    let fields = [("intent", "confirm"), ("return_to", return_to)];
    browser.begin_with("acme", &fields).await
}

async fn confirm(world: &World, browser: &Browser, person: &Value) -> Answer {
    let hop = begin(browser, "/settings/accounts").await;
    browser.finish(&hop, &world.acme, person).await
}

/// Something that takes a recent session.
async fn set_password(browser: &Browser) -> Answer {
    browser.call("set_password", &[("new_password", PASSWORD)]).await
}

#[tokio::test]
async fn a_user_without_a_password_confirms_with_a_connected_account() {
    let world = World::new().await;
    let browser = world.signed_in("acme", &person("ada")).await;
    world.app.advance(600);
    set_password(&browser).await.refused(403, DENIED);
    let (before, old) = (browser.session().await, browser.copy());
    confirm(&world, &browser, &person("ada"))
        .await
        .assert_leads_to("/settings/accounts");
    // The same session under another id.
    assert_eq!(browser.session().await, before);
    assert_ne!(browser.cookie("id").unwrap(), old.cookie("id").unwrap());
    assert_eq!(old.live_session_id().await, None);
    set_password(&browser).await.expect(200);
    let events = browser.call("list_own_events", &[]).await.json();
    let events = events.as_array().unwrap();
    assert!(
        events.iter().any(|event| event["kind"] == "confirm"),
        "{events:?}"
    );
    world
        .app
        .assert_counts(&[("users", 1), ("accounts", 1), ("sessions", 1)])
        .await;
    // Beside the password as well, and back to where one was if nothing else is asked for.
    world.app.advance(600);
    let hop = browser.begin_with("acme", &[("intent", "confirm")]).await;
    browser
        .finish(&hop, &world.acme, &person("ada"))
        .await
        .assert_leads_to("/settings/security");
}

#[tokio::test]
async fn the_page_offers_every_connected_provider_beside_the_password() {
    let world = World::new().await;
    let browser = world.signed_in("acme", &person("ada")).await;
    for has_password in [false, true] {
        let page = browser.get("/settings/security").await.text();
        let form = |provider: &str| {
            let action = format!("action=\"/auth/login/{provider}\"");
            let start = page.find(&action)?;
            Some(&page[start..start + page[start..].find("</form>").unwrap()])
        };
        let acme = form("acme").expect("it has a button");
        assert!(acme.contains("name=\"intent\" value=\"confirm\""), "{acme}");
        assert_eq!(form("corp"), None);
        assert_eq!(page.contains("name=\"password\""), has_password);
        set_password(&browser).await;
    }
}

#[tokio::test]
async fn the_provider_is_asked_for_a_fresh_sign_in() {
    let world = World::with(&[("ACME_OFFLINE", "1")]).await;
    let browser = world.signed_in("acme", &person("ada")).await;
    let hop = begin(&browser, "").await;
    assert_eq!(hop.param("prompt").as_deref(), Some("login"));
    assert_eq!(hop.param("max_age").as_deref(), Some("0"));
    // Nobody else is.
    let hop = browser.begin("acme").await;
    assert_eq!(hop.param("prompt").as_deref(), Some("consent"));
    assert_eq!(hop.param("max_age"), None);
}

#[tokio::test]
async fn only_an_account_of_ones_own_confirms() {
    let world = World::new().await;
    world.signed_in("acme", &person("grace")).await;
    let browser = world.signed_in("acme", &person("ada")).await;
    world.app.advance(600);
    let (before, id) = (browser.session().await, browser.cookie("id").unwrap());
    // Another user's, and one that is not connected; neither signs in or connects anything.
    for other in ["grace", "alan"] {
        let answer = confirm(&world, &browser, &person(other)).await;
        answer.assert_leads_to("/login?error=taken&return_to=%2Fsettings%2Faccounts");
        assert!(!answer.touches_session());
        let answer = browser.get(answer.location()).await;
        answer.assert_leads_to("/settings/accounts");
        let page = browser.get("/settings/accounts").await.text();
        assert!(
            page.contains("To confirm your identity, use one that is connected to your account."),
            "{page}"
        );
    }
    set_password(&browser).await.refused(403, DENIED);
    assert_eq!(
        (browser.session().await, &browser.cookie("id").unwrap()),
        (before, &id)
    );
    world
        .app
        .assert_counts(&[("users", 2), ("accounts", 2), ("sessions", 2)])
        .await;
}

#[tokio::test]
async fn a_sign_in_at_the_provider_long_ago_confirms_nothing() {
    let world = World::new().await;
    let now = world.acme.now();
    for (auth_time, confirms) in [
        (json!(now - 301), false),
        (json!(now - 100_000), false),
        (json!("yesterday"), false),
        (json!(true), false),
        (json!(now - 300), true),
        (json!(now), true),
        // It was sent `max_age`: a provider that does not say when may not have asked the person.
        (json!(null), false),
    ] {
        world.acme.behave();
        let browser = world.signed_in("acme", &person("ada")).await;
        world
            .app
            .sql("UPDATE sessions SET authenticated_at = '2026-01-01T00:00:00Z'")
            .await;
        set_password(&browser).await.refused(403, DENIED);
        world
            .acme
            .script(|script| script.claims = json!({ "auth_time": auth_time }));
        let answer = confirm(&world, &browser, &person("ada")).await;
        if confirms {
            answer.assert_leads_to("/settings/accounts");
        } else {
            answer.assert_leads_to("/login?error=expired&return_to=%2Fsettings%2Faccounts");
            assert!(!answer.touches_session());
            set_password(&browser).await.refused(403, DENIED);
        }
    }
}

#[tokio::test]
async fn an_anonymous_visitor_has_nothing_to_confirm() {
    let world = World::new().await;
    let browser = world.browser();
    let fields = [("intent", "confirm"), ("return_to", "/settings/accounts")];
    let answer = browser.press("acme", &fields).await;
    assert_eq!(
        (answer.status, answer.location()),
        (303, "/login?return_to=%2Fsettings%2Fsecurity")
    );
    world.app.assert_untouched().await;
}

/// The session that began it, and no other, even of the same person.
#[tokio::test]
async fn a_confirmation_is_finished_in_its_session() {
    let world = World::new().await;
    let browser = world.signed_in("acme", &person("ada")).await;
    for again in [true, false] {
        let hop = begin(&browser, "/settings/accounts").await;
        browser.call("logout", &[]).await;
        if again {
            browser.sign_in("acme", &world.acme, &person("ada")).await;
        }
        let (before, requests) = (browser.session().await, world.token_requests());
        let answer = browser.finish(&hop, &world.acme, &person("ada")).await;
        // Signing out forgets where it would have led.
        answer.assert_leads_to("/login?error=expired&return_to=%2Fsettings%2Fsecurity");
        assert_eq!(browser.session().await, before);
        assert_eq!(world.token_requests(), requests);
    }
    // And one that was ended while the provider was asked.
    let browser = world.signed_in("acme", &person("ada")).await;
    let hop = begin(&browser, "/settings/accounts").await;
    let gate = crate::oauth::idp::Gate::closed();
    world
        .acme
        .reply(Endpoint::Token, crate::oauth::idp::Reply::Held(gate.clone()));
    let address = hop.approved(&world.acme, &person("ada"));
    let before = world.token_requests();
    let running = tokio::spawn({
        let browser = browser.copy();
        async move { browser.get(&address).await }
    });
    until(|| world.token_requests() > before).await;
    browser.call("logout", &[]).await;
    gate.open();
    running
        .await
        .unwrap()
        .assert_leads_to("/login?error=expired&return_to=%2Fsettings%2Faccounts");
    assert_eq!(browser.session().await, Value::Null);
}
