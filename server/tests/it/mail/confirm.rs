//! Confirming one's identity with the code of a mail, where there is nothing better.

use serde_json::json;

use super::{ADA, code, newest, verify, wrong};
use crate::passkeys::Authenticator; // wing:passkeys
use crate::second_factors::App; // wing:second-factors
use crate::{
    oauth::support::{World, person, person_with},
    support::{Answer, Browser, PASSWORD, TestApp},
};

const PAGE: &str = "/settings/security?return_to=/settings/sessions";

async fn send(browser: &Browser) -> Answer {
    browser.call("send_confirmation_code", &[]).await
}

async fn confirm(browser: &Browser, code: &str) -> Answer {
    browser.call("confirm_identity", &[("code", code)]).await
}

async fn set_password(browser: &Browser) -> Answer {
    browser.call("set_password", &[("new_password", PASSWORD)]).await
}

/// A user without a password, whose sign-in was some time ago.
async fn provider_user() -> (World, Browser) {
    let world = World::with(&[("EMAIL_SIGN_IN", "1")]).await;
    let ada = world.signed_in("acme", &person("ada")).await;
    world.app.advance(600);
    set_password(&ada).await.refused(403, "reauth_required");
    (world, ada)
}

/// The same, who has asked for a code.
async fn asked() -> (World, Browser, String) {
    let (world, ada) = provider_user().await;
    assert_eq!(send(&ada).await.expect(200).text(), "null");
    let code = code(&newest(&world.app, ADA).await);
    (world, ada, code)
}

#[tokio::test]
async fn a_code_confirms_once_and_the_session_gets_another_id() {
    let (world, ada, code) = asked().await;
    let mail = newest(&world.app, ADA).await;
    // Whoever opens a link has shown nothing to the session that asked.
    assert!(!mail.text.contains("token="), "{}", mail.text);
    let (before, old) = (ada.session().await, ada.copy());
    let typed = format!(" {}-{} ", &code[..4], &code[4..]);
    let answer = confirm(&ada, &typed).await.expect(200);
    assert!(answer.renews());
    assert_eq!(ada.session().await, before);
    assert_eq!(old.live_session_id().await, None);
    let event = ada.call("list_own_events", &[]).await.json()[0].clone();
    assert_eq!(event["kind"], "confirm");
    confirm(&ada, &code).await.refused(401, "invalid_credentials");
    set_password(&ada).await.expect(200);
}

#[tokio::test]
async fn the_page_offers_it_and_leads_back_without_javascript() {
    let (world, ada) = provider_user().await;
    let page = ada.get(PAGE).await.expect(200);
    assert!(page.shows("action=\"/api/send_confirmation_code\"") && page.shows("name=\"code\""));
    let sent = ada.submit(PAGE, "send_confirmation_code", &[]).await;
    sent.leads_to(PAGE);
    assert!(ada.get(PAGE).await.shows("A mail with a code is on its way."));
    let code = code(&newest(&world.app, ADA).await);
    let not_it = [("code", &*wrong(&code)), ("return_to", "/settings/sessions")];
    ada.submit(PAGE, "confirm_identity", &not_it).await.leads_to(PAGE);
    assert!(ada.get(PAGE).await.shows("This code is wrong"));
    let right = [("code", &*code), ("return_to", "/settings/sessions")];
    ada.submit(PAGE, "confirm_identity", &right)
        .await
        .leads_to("/settings/sessions");
    set_password(&ada).await.expect(200);
    // With the password there is no need for it.
    let page = ada.get(PAGE).await.expect(200);
    assert!(!page.shows("action=\"/api/send_confirmation_code\"") && !page.shows("name=\"code\""));
}

#[tokio::test]
async fn ten_minutes_or_five_wrong_codes_or_a_newer_mail_end_it() {
    let (world, ada, first) = asked().await;
    send(&ada).await.expect(200);
    let second = code(&newest(&world.app, ADA).await);
    confirm(&ada, &first).await.refused(401, "invalid_credentials");
    world.app.advance(600);
    confirm(&ada, &second).await.refused(401, "invalid_credentials");
    world.app.advance(600);
    send(&ada).await.expect(200);
    let third = code(&newest(&world.app, ADA).await);
    for place in 0..5 {
        let elsewhere = ada.at(&format!("198.51.100.{place}"));
        confirm(&elsewhere, &wrong(&third))
            .await
            .refused(401, "invalid_credentials");
    }
    confirm(&ada, &third).await.refused(429, "too_many_attempts");
    world.app.advance(300);
    confirm(&ada, &third).await.refused(401, "invalid_credentials");
    set_password(&ada).await.refused(403, "reauth_required");
}

/// Who has stolen a cookie asks, and has the owner read the code out; or the other way round.
#[tokio::test]
async fn only_the_session_that_asked_is_confirmed() {
    let (world, ada, code) = asked().await;
    let other = world.signed_in("acme", &person("ada")).await;
    world.app.advance(599);
    let bob = world.signed_in("acme", &person("bob")).await;
    for elsewhere in [&other, &bob] {
        confirm(elsewhere, &code)
            .await
            .refused(401, "invalid_credentials");
    }
    confirm(&ada, &code).await.expect(200);
}

#[tokio::test]
async fn a_code_for_something_else_confirms_nothing_and_this_one_does_nothing_else() {
    let (world, ada, code_to_confirm) = asked().await;
    ada.call("send_sign_in_code", &[("email", ADA)]).await.expect(200);
    let code_to_sign_in = code(&newest(&world.app, ADA).await);
    confirm(&ada, &code_to_sign_in)
        .await
        .refused(401, "invalid_credentials");
    ada.call("sign_in_with_code", &[("code", &code_to_confirm)])
        .await
        .refused(401, "invalid_credentials");
    ada.call("verify_email", &[("code", &code_to_confirm)])
        .await
        .refused(401, "invalid_credentials");
    confirm(&ada, &code_to_confirm).await.expect(200);
}

#[tokio::test]
async fn who_has_a_password_gets_no_mail() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    verify(&app, &ada, ADA).await;
    let before = newest(&app, ADA).await.id;
    send(&ada).await.refused(409, "invalid_input");
    assert_eq!(newest(&app, ADA).await.id, before);
    confirm(&ada, "12345678")
        .await
        .refused(401, "invalid_credentials");
    let page = ada.get("/settings/security").await.expect(200);
    assert!(!page.shows("action=\"/api/send_confirmation_code\""));
}

#[tokio::test]
async fn what_was_added_meanwhile_makes_the_code_worthless() {
    let (world, ada, code) = asked().await;
    world.app.sql("UPDATE users SET password_hash = 'x'").await;
    confirm(&ada, &code).await.refused(401, "invalid_credentials");
    send(&ada).await.refused(409, "invalid_input");
}

// wing:second-factors
#[tokio::test]
async fn who_has_an_authenticator_app_confirms_with_that() {
    let world = World::new().await;
    let ada = world.signed_in("acme", &person("ada")).await;
    let phone = App::of(&ada).await;
    world.app.advance(600);
    send(&ada).await.refused(409, "invalid_input");
    confirm(&ada, &phone.code(&world.app)).await.expect(200);
}
// end wing:second-factors

// wing:passkeys
#[tokio::test]
async fn who_has_a_passkey_confirms_with_that() {
    let world = World::new().await;
    let ada = world.signed_in("acme", &person("ada")).await;
    Authenticator::of(&ada).await;
    send(&ada).await.refused(409, "invalid_input");
}
// end wing:passkeys

#[tokio::test]
async fn an_address_that_is_not_verified_gets_none() {
    let world = World::new().await;
    let claims = person_with("ada", json!({ "email_verified": false }));
    let ada = world.signed_in("acme", &claims).await;
    send(&ada).await.refused(404, "not_found");
    let page = ada.get("/settings/security").await.expect(200);
    assert!(!page.shows("action=\"/api/send_confirmation_code\""));
    world
        .app
        .browser()
        .call("send_confirmation_code", &[])
        .await
        .refused(401, "unauthenticated");
}

#[tokio::test]
async fn a_former_address_confirms_nothing() {
    let (world, ada, code) = asked().await;
    world.app.sql("UPDATE users SET email = 'ada@new.example'").await;
    confirm(&ada, &code).await.refused(401, "invalid_credentials");
}

#[tokio::test]
async fn an_address_gets_five_mails_an_hour() {
    let (world, ada) = provider_user().await;
    for _ in 0..5 {
        send(&ada).await.expect(200);
    }
    send(&ada.at("198.51.100.1"))
        .await
        .refused(429, "too_many_attempts");
    world.app.advance(3600);
    let ada = world.signed_in("acme", &person("ada")).await;
    send(&ada).await.expect(200);
}
