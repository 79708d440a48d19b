//! Fixation: what is planted in a browser is never what somebody signs in with.

use crate::support::{OTHER_PASSWORD, PASSWORD, TestApp};

const ADA: &str = "ada@example.com";
const EVE: &str = "eve@example.com";
/// Well-formed, and never given to anybody.
const MADE_UP: &str = "AAAAAAAAAAAAAAAAAAAAAA";

#[tokio::test]
async fn a_made_up_id_is_never_adopted() {
    let app = TestApp::new().await;
    app.registered(ADA).await;
    let victim = app.browser();
    victim.set_cookie("id", Some(MADE_UP));
    let answer = victim.login(ADA, PASSWORD).await.expect(200);
    assert!(!answer.everything().contains(MADE_UP));
    assert_ne!(victim.cookie("id").unwrap(), MADE_UP);
    assert!(victim.is_signed_in().await);
    let attacker = app.browser();
    attacker.set_cookie("id", Some(MADE_UP));
    assert!(!attacker.is_signed_in().await);
}

#[tokio::test]
async fn a_sign_in_over_a_planted_session_of_another_user_ends_it_and_mixes_nothing() {
    let app = TestApp::new().await;
    app.registered(ADA).await;
    let attacker = app.registered(EVE).await;
    let victim = attacker.copy();
    let (planted, _) = attacker.session_cookies();
    victim.login(ADA, PASSWORD).await.expect(200);
    assert_ne!(victim.cookie("id").unwrap(), planted);
    assert_eq!(victim.session().await["email"], ADA);
    assert_eq!(victim.user().await["email"], ADA);
    assert!(
        !attacker.is_signed_in().await,
        "the planted session has ended, snapshot and all"
    );
}

#[tokio::test]
async fn signing_in_again_ends_the_former_session_and_keeps_none_of_it() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let (former, before) = (ada.copy(), ada.session().await);
    ada.login(ADA, PASSWORD).await.expect(200);
    let after = ada.session().await;
    assert_eq!(after["user_id"], before["user_id"]);
    assert_ne!(after["session_id"], before["session_id"]);
    assert_ne!(ada.session_cookies(), former.session_cookies());
    assert!(!former.is_signed_in().await);
    assert_eq!(app.number("SELECT count(*) FROM sessions").await, 1);
}

#[tokio::test]
async fn registering_while_signed_in_ends_the_former_session() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let former = ada.copy();
    ada.register(EVE).await;
    assert_eq!(ada.session().await["email"], EVE);
    assert!(!former.is_signed_in().await);
}

#[tokio::test]
async fn a_failed_sign_in_keeps_the_present_session() {
    let app = TestApp::new().await;
    app.registered(EVE).await;
    let ada = app.registered(ADA).await;
    let cookies = ada.session_cookies();
    for (email, password) in [(EVE, "wrong"), (ADA, "wrong"), ("nobody@example.com", PASSWORD)] {
        let answer = ada
            .login(email, password)
            .await
            .refused(401, "invalid_credentials");
        assert!(answer.cookies().is_empty());
    }
    ada.call("register", &[("email", EVE), ("password", PASSWORD)])
        .await
        .refused(409, "email_taken");
    assert_eq!(ada.session_cookies(), cookies);
    assert_eq!(ada.user().await["email"], ADA);
}

#[tokio::test]
async fn confirming_and_changing_the_password_give_the_session_a_new_id_and_kill_the_old_one() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let session_id = ada.session_id().await;
    let change = [("current_password", PASSWORD), ("new_password", OTHER_PASSWORD)];
    for (function, fields) in [
        ("confirm_identity", &[("password", PASSWORD)][..]),
        ("change_password", &change[..]),
    ] {
        let copied = ada.copy();
        assert!(copied.is_signed_in().await);
        ada.call(function, fields).await.expect(200);
        assert_ne!(ada.cookie("id"), copied.cookie("id"));
        assert!(!copied.is_signed_in().await, "{function}");
        assert_eq!(ada.session_id().await, session_id, "it is the same session still");
        assert_eq!(ada.user().await["email"], ADA);
    }
}

#[tokio::test]
async fn ids_are_long_random_and_unlike_each_other() {
    let app = TestApp::new().await;
    app.registered(ADA).await;
    let mut ids = std::collections::HashSet::new();
    for _ in 0..10 {
        let browser = app.signed_in(ADA).await;
        let (id, _) = browser.session_cookies();
        assert!(id.len() >= 22, "128 bits in base64: {id}");
        assert!(ids.insert(id[..6].to_owned()), "a common beginning");
    }
}
