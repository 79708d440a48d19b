//! Verified addresses: a provider's confirmation counts for the user who connected the account.

use serde_json::json;

use crate::oauth::support::{World, person, person_with};
use crate::support::{Browser, PASSWORD};

const ADA: &str = "ada@example.com";

/// What the snapshot has, what the row has, and whether both agree.
async fn is_verified(browser: &Browser) -> bool {
    let (session, user) = (browser.session().await, browser.user().await);
    assert_eq!(session["email_verified"], user["email_verified"]);
    session["email_verified"].as_bool().unwrap()
}

#[tokio::test]
async fn the_snapshot_of_a_user_created_by_a_provider_has_a_verified_address() {
    let world = World::new().await;
    assert!(is_verified(&world.signed_in("acme", &person("ada")).await).await);
    let unverified = person_with("grace", json!({ "email_verified": false }));
    let grace = world.signed_in("acme", &unverified).await;
    assert!(grace.session().await["email"].is_null());
    assert!(!is_verified(&grace).await);
}

#[tokio::test]
async fn connecting_an_account_of_the_same_address_verifies_it_in_every_session_at_once() {
    let world = World::new().await;
    let (ada, phone) = (world.browser(), world.browser());
    ada.register(ADA).await;
    phone.login(ADA, PASSWORD).await;
    assert!(!is_verified(&ada).await && !is_verified(&phone).await);
    // Neither another address, nor the same without the provider's word.
    for (provider, idp, person) in [
        (
            "acme",
            &world.acme,
            person_with("work", json!({ "email": "work@example.com" })),
        ),
        (
            "acme",
            &world.acme,
            person_with("ada", json!({ "sub": "other", "email_verified": false })),
        ),
    ] {
        ada.link(provider, idp, &person)
            .await
            .assert_leads_to("/settings/accounts");
        assert!(!is_verified(&ada).await);
    }
    let answer = ada.link("corp", &world.corp, &person("ada")).await;
    answer.assert_leads_to("/settings/accounts");
    assert!(is_verified(&ada).await);
    assert!(is_verified(&phone).await);
    let verified = "SELECT count(*) FROM audit_events WHERE kind = 'verify_email'";
    assert_eq!(world.app.number(verified).await, 1);
    // Once proven it stays so, whatever becomes of the account.
    world
        .app
        .sql("DELETE FROM accounts WHERE provider = 'corp'")
        .await;
    ada.login(ADA, PASSWORD).await;
    assert!(is_verified(&ada).await);
}

#[tokio::test]
async fn the_owners_password_for_an_account_that_waits_verifies_the_address() {
    let world = World::new().await;
    world.browser().register(ADA).await;
    let browser = world.browser();
    let answer = browser.sign_in("acme", &world.acme, &person("ada")).await;
    answer.assert_failed("link_required");
    let row = "SELECT count(*) FROM users WHERE email_verified_at IS NOT NULL";
    assert_eq!(world.app.number(row).await, 0, "the password is still to come");
    browser.login(ADA, PASSWORD).await;
    assert!(is_verified(&browser).await);
}

#[tokio::test]
async fn a_provider_that_vouches_later_is_heard_at_the_next_sign_in() {
    let world = World::new().await;
    let ada = world.browser();
    ada.register(ADA).await;
    let unsure = person_with("ada", json!({ "email_verified": false }));
    ada.link("acme", &world.acme, &unsure)
        .await
        .assert_leads_to("/settings/accounts");
    assert!(!is_verified(&ada).await);
    assert!(is_verified(&world.signed_in("acme", &person("ada")).await).await);
    assert!(is_verified(&ada).await);
}
