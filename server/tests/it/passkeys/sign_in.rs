//! Signing in with a passkey.

use serde_json::json;

use super::{ADA, Authenticator, listed, send, sign_in, start};
use crate::second_factors::App; // wing:second-factors
use crate::support::{TestApp, all_at_once};

#[tokio::test]
async fn a_passkey_signs_in_without_an_address() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let phone = Authenticator::of(&ada).await;
    let browser = app.browser();
    let options = start(&browser, "start_passkey_sign_in").await;
    assert_eq!(options["allowCredentials"], json!([]));
    assert_eq!(options["userVerification"], "required");
    assert_eq!(options["rpId"], "app.example");
    let answer = phone.answer(&options);
    let fields = [("credential", &*answer), ("remember", "true")];
    let session = browser.call("passkey_sign_in", &fields).await.expect(200);
    assert_eq!(session.json()["email"], ADA);
    assert!(session.cookie("__Host-id").unwrap().max_age.is_some());
    let sessions = browser.call("list_sessions", &[]).await.json();
    assert_eq!(sessions[0]["method"], "passkey");
    assert!(listed(&ada).await[0]["last_used_at"].is_string());
    // The answer is good once.
    send(&browser, &answer).await.refused(401, "invalid_credentials");
}

#[tokio::test]
async fn without_wasm_the_form_leads_on() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let phone = Authenticator::of(&ada).await;
    let browser = app.browser();
    let page = "/login?return_to=/settings/sessions";
    let shown = browser.get(page).await.expect(200);
    for part in [
        "data-start=\"/api/start_passkey_sign_in\"",
        "src=\"/passkeys.js\"",
        "username webauthn",
        "needs JavaScript",
    ] {
        assert!(shown.shows(part), "{part}");
    }
    let options = start(&browser, "start_passkey_sign_in").await;
    let answer = phone.answer(&options);
    let fields = [("credential", &*answer), ("return_to", "/settings/sessions")];
    browser
        .submit(page, "passkey_sign_in", &fields)
        .await
        .leads_to("/settings/sessions");
    let late = app.browser();
    let back = late.submit(page, "passkey_sign_in", &fields).await.expect(303);
    let again = late.get(back.location()).await.expect(200);
    assert!(again.shows("This passkey was not accepted"), "{}", again.text());
}

// wing:second-factors
/// The authenticator has verified its user: that is two factors.
#[tokio::test]
async fn a_passkey_is_asked_for_no_second_factor() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    App::of(&ada).await;
    let phone = Authenticator::of(&ada).await;
    let session = sign_in(&app.browser(), &phone).await.expect(200);
    assert_eq!(session.json()["email"], ADA);
}
// end wing:second-factors

#[tokio::test]
async fn what_is_wrong_is_refused_and_uses_the_challenge_up() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let bob = app.registered("bob@example.com").await;
    let phone = Authenticator::of(&ada).await;
    let of_bob = Authenticator::of(&bob).await.user_handle;
    let lies: [&dyn Fn(&mut Authenticator); 7] = [
        &|it| it.origin = "https://evil.example".to_owned(),
        &|it| it.host = "evil.example".to_owned(),
        &|it| it.kind = Some("webauthn.create"),
        &|it| it.cross_origin = true,
        &|it| it.verifies = false,
        &|it| it.user_handle.clone_from(&of_bob),
        &|it| {
            let id = it.id.clone();
            *it = Authenticator::new();
            it.id = id;
        },
    ];
    for (place, lie) in lies.into_iter().enumerate() {
        let browser = app.browser();
        let options = start(&browser, "start_passkey_sign_in").await;
        let mut liar = phone.clone();
        lie(&mut liar);
        let answer = send(&browser, &liar.answer(&options)).await;
        answer.refused(401, "invalid_credentials");
        if place != 3 {
            let honest = send(&browser, &phone.answer(&options)).await;
            honest.refused(401, "invalid_credentials");
        }
        assert!(!browser.is_signed_in().await);
    }
}

#[tokio::test]
async fn only_a_passkey_that_nobody_has_is_said_to_be_unknown() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let phone = Authenticator::of(&ada).await;
    let stranger = Authenticator::new();
    sign_in(&app.browser(), &stranger)
        .await
        .refused(401, "unknown_passkey");
    let passkey = listed(&ada).await[0]["id"].as_str().unwrap().to_owned();
    ada.call("delete_passkey", &[("passkey_id", &passkey)])
        .await
        .expect(200);
    sign_in(&app.browser(), &phone)
        .await
        .refused(401, "unknown_passkey");
    // Without a challenge of this browser nothing is said.
    let options = start(&app.browser(), "start_passkey_sign_in").await;
    send(&app.browser(), &stranger.answer(&options))
        .await
        .refused(401, "invalid_credentials");
    send(&app.browser(), "{}")
        .await
        .refused(401, "invalid_credentials");
}

#[tokio::test]
async fn a_challenge_is_good_for_five_minutes_in_its_browser_and_twenty_are_kept() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let phone = Authenticator::of(&ada).await;
    let browser = app.browser();
    let options = start(&browser, "start_passkey_sign_in").await;
    let other = app.browser();
    start(&other, "start_passkey_sign_in").await;
    send(&other, &phone.answer(&options))
        .await
        .refused(401, "invalid_credentials");
    app.advance(299);
    send(&browser, &phone.answer(&options)).await.expect(200);

    let late = app.browser();
    let options = start(&late, "start_passkey_sign_in").await;
    app.advance(300);
    send(&late, &phone.answer(&options))
        .await
        .refused(401, "invalid_credentials");

    let tabs = app.browser();
    let mut options = Vec::new();
    for _ in 0..21 {
        options.push(start(&tabs, "start_passkey_sign_in").await);
        app.advance(2);
    }
    send(&tabs, &phone.answer(&options[0]))
        .await
        .refused(401, "invalid_credentials");
    send(&tabs, &phone.answer(&options[1])).await.expect(200);
}

#[tokio::test]
async fn a_counter_that_goes_back_is_a_copy() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let mut phone = Authenticator::new();
    phone.counter = 5;
    let options = start(&ada, "start_passkey").await;
    let made = phone.make(&options);
    ada.call("finish_passkey", &[("credential", &made)])
        .await
        .expect(200);
    let at = async |counter: u32| {
        let mut copy = phone.clone();
        copy.counter = counter;
        sign_in(&app.browser(), &copy).await
    };
    at(6).await.expect(200);
    for used in [6, 5, 0] {
        at(used).await.refused(401, "invalid_credentials");
    }
    at(9).await.expect(200);
    at(8).await.refused(401, "invalid_credentials");
}

/// Each has an own challenge, all with the same counter: one of them may be a copy.
#[tokio::test]
async fn of_twenty_answers_with_one_count_one_signs_in() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let mut phone = Authenticator::of(&ada).await;
    phone.counter = 1;
    let mut waiting = Vec::new();
    for _ in 0..20 {
        let browser = app.browser();
        let options = start(&browser, "start_passkey_sign_in").await;
        waiting.push((browser, phone.answer(&options)));
    }
    let sent = waiting
        .into_iter()
        .map(|(browser, answer)| async move { send(&browser, &answer).await.status });
    let mut answers = all_at_once(sent).await;
    answers.sort_unstable();
    assert_eq!(answers, [&[200][..], &[401; 19]].concat());
}

#[tokio::test]
async fn a_disabled_user_does_not_get_in() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let phone = Authenticator::of(&ada).await;
    app.sql("UPDATE users SET disabled_at = created_at").await;
    sign_in(&app.browser(), &phone)
        .await
        .refused(401, "invalid_credentials");
}

#[tokio::test]
async fn challenges_and_wrong_answers_are_limited_by_address() {
    let app = TestApp::new().await;
    let browser = app.browser();
    for _ in 0..30 {
        start(&browser, "start_passkey_sign_in").await;
    }
    browser
        .call("start_passkey_sign_in", &[])
        .await
        .refused(429, "too_many_attempts");
    for _ in 0..30 {
        send(&browser, "{}").await.refused(401, "invalid_credentials");
    }
    send(&browser, "{}").await.refused(429, "too_many_attempts");
    app.advance(60);
    start(&browser, "start_passkey_sign_in").await;
}
