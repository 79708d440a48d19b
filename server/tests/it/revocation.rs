//! Revocation: refused at once, whatever the cookies say.

use crate::support::{Browser, FUNCTIONS, OPEN_FUNCTIONS, PASSWORD, PROTECTED, SOME_ID, TestApp};

const ADA: &str = "ada@example.com";
const EVE: &str = "eve@example.com";

/// Everything refuses this browser, each time with its former cookies.
async fn is_out(browser: &Browser) {
    let answer = browser.copy().get("/").await.expect(200);
    assert!(!answer.shows(ADA));
    assert!(answer.clears());
    assert_eq!(
        browser.copy().get("/api/session").await.expect(200).text(),
        "null"
    );
    for &page in PROTECTED {
        assert_eq!(browser.copy().get(page).await.expect(303).body.len(), 0);
    }
    for &(function, fields) in FUNCTIONS {
        if !OPEN_FUNCTIONS.contains(&function) {
            browser
                .copy()
                .call(function, fields)
                .await
                .refused(401, "unauthenticated");
        }
    }
    assert!(browser.copy().session().await.is_null());
    assert!(browser.copy().user().await.is_null());
}

#[tokio::test]
async fn a_revoked_session_is_refused_at_once_everywhere() {
    let app = TestApp::new().await;
    let (ada, lost) = (app.registered(ADA).await, app.signed_in(ADA).await);
    let kept = app.signed_in(ADA).await;
    let session_id = lost.session_id().await;
    ada.call("revoke_session", &[("session_id", &session_id)])
        .await
        .expect(200);
    is_out(&lost).await;
    assert!(ada.is_signed_in().await && kept.is_signed_in().await);
    // And it stays so, on an instance that starts later as well.
    let next = app.restarted(&[]).await;
    assert!(!lost.copy().before(&next).is_signed_in().await);
}

#[tokio::test]
async fn only_ones_own_sessions_can_be_revoked_and_an_unknown_one_is_404() {
    let app = TestApp::new().await;
    let (ada, eve) = (app.registered(ADA).await, app.registered(EVE).await);
    let foreign = eve.session_id().await;
    let unknown = ada
        .call("revoke_session", &[("session_id", SOME_ID)])
        .await
        .refused(404, "not_found");
    let theirs = ada
        .call("revoke_session", &[("session_id", &foreign)])
        .await
        .refused(404, "not_found");
    assert_eq!(unknown.comparable(), theirs.comparable());
    for malformed in ["", "x", "' OR 1=1 --", "0190a8c0-0000-7000-8000", "..%2f"] {
        let answer = ada.call("revoke_session", &[("session_id", malformed)]).await;
        answer.refused(422, "invalid_input");
    }
    ada.call("revoke_session", &[])
        .await
        .refused(422, "invalid_input");
    assert!(eve.is_signed_in().await && eve.user().await["email"] == EVE);
    let answer = app
        .browser()
        .call("revoke_session", &[("session_id", &foreign)])
        .await;
    answer.refused(401, "unauthenticated");
}

#[tokio::test]
async fn revoking_ones_own_session_is_signing_out() {
    let app = TestApp::new().await;
    let (ada, other) = (app.registered(ADA).await, app.signed_in(ADA).await);
    let former = ada.copy();
    let session_id = ada.session_id().await;
    let answer = ada
        .call("revoke_session", &[("session_id", &session_id)])
        .await
        .expect(200);
    assert!(answer.clears());
    assert!(ada.is_empty());
    is_out(&former).await;

    let session_id = other.session_id().await;
    let fields = [("session_id", session_id.as_str())];
    other
        .submit("/settings/sessions", "revoke_session", &fields)
        .await
        .leads_to("/");
}

#[tokio::test]
async fn revoking_the_others_keeps_this_one() {
    let app = TestApp::new().await;
    let (ada, second, third) = (
        app.registered(ADA).await,
        app.signed_in(ADA).await,
        app.signed_in(ADA).await,
    );
    let eve = app.registered(EVE).await;
    ada.call("revoke_other_sessions", &[]).await.expect(200);
    is_out(&second).await;
    is_out(&third).await;
    assert!(ada.is_signed_in().await && eve.is_signed_in().await);
    ada.call("revoke_other_sessions", &[]).await.expect(200);
    assert!(ada.is_signed_in().await);
}

#[tokio::test]
async fn signing_out_ends_the_session_for_every_copy_of_its_cookies() {
    let app = TestApp::new().await;
    let (ada, other) = (app.registered(ADA).await, app.signed_in(ADA).await);
    let copy = ada.copy();
    let answer = ada.call("logout", &[]).await.expect(200);
    assert_eq!(answer.text(), "null");
    assert!(answer.clears());
    assert!(answer.header("clear-site-data").is_some());
    assert!(ada.is_empty());
    is_out(&copy).await;
    assert!(other.is_signed_in().await);
    for (function, _) in FUNCTIONS.iter().filter(|(function, _)| *function == "logout") {
        let again = ada.call(function, &[]).await.expect(200);
        assert_eq!(again.text(), "null");
        assert!(again.cookies().is_empty(), "without a session it sets nothing");
    }
    other.submit("/profile", "logout", &[]).await.leads_to("/");
    app.browser().submit("/", "logout", &[]).await.leads_to("/");
}

#[tokio::test]
async fn without_a_database_signing_out_is_503_and_keeps_the_cookies_for_another_try() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let session = app.restarted(&[]).await;
    app.lose_database().await;
    let answer = ada.call("logout", &[]).await.refused(503, "unavailable");
    assert!(answer.cookies().is_empty());
    assert!(ada.before(&session).is_signed_in().await);
    ada.before(&session).call("logout", &[]).await.expect(200);
    assert!(ada.is_empty());
}

#[tokio::test]
async fn another_process_over_the_same_file_refuses_a_revoked_session_on_every_authoritative_call() {
    let app = TestApp::new().await;
    let (ada, lost) = (app.registered(ADA).await, app.signed_in(ADA).await);
    let other = app.restarted(&[]).await;
    assert!(lost.before(&other).is_signed_in().await);
    let session_id = lost.session_id().await;
    ada.call("revoke_session", &[("session_id", &session_id)])
        .await
        .expect(200);
    for &(function, fields) in FUNCTIONS
        .iter()
        .filter(|(name, _)| !OPEN_FUNCTIONS.contains(name))
    {
        lost.copy()
            .before(&other)
            .call(function, fields)
            .await
            .refused(401, "unauthenticated");
    }
    assert!(lost.copy().before(&other).user().await.is_null());
}

#[tokio::test]
async fn a_dead_session_can_sign_in_again_in_the_same_browser() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    app.sql("DELETE FROM sessions").await;
    ada.call("list_sessions", &[])
        .await
        .refused(401, "unauthenticated");
    ada.login(ADA, PASSWORD).await.expect(200);
    assert!(ada.is_signed_in().await);
}

#[tokio::test]
async fn deleting_a_user_ends_everything_of_theirs() {
    let app = TestApp::new().await;
    let (ada, eve) = (app.registered(ADA).await, app.registered(EVE).await);
    ada.call("update_public_data", &[("bio", "x")]).await.expect(200);
    app.sql("DELETE FROM users WHERE email = 'ada@example.com'").await;
    ada.copy()
        .call("list_sessions", &[])
        .await
        .refused(401, "unauthenticated");
    assert_eq!(app.number("SELECT count(*) FROM user_data").await, 0);
    assert_eq!(app.number("SELECT count(*) FROM sessions").await, 1);
    assert!(eve.is_signed_in().await);
    let again = app.registered(ADA).await;
    let data = again.call("get_public_data", &[]).await.expect(200).json();
    assert!(data["bio"].is_null(), "a new account begins empty");
}

#[tokio::test]
async fn what_ends_sessions_is_in_the_audit_log() {
    let app = TestApp::new().await;
    let (ada, other) = (app.registered(ADA).await, app.signed_in(ADA).await);
    let session_id = other.session_id().await;
    ada.call("revoke_session", &[("session_id", &session_id)])
        .await
        .expect(200);
    ada.call("confirm_identity", &[("password", PASSWORD)])
        .await
        .expect(200);
    let change = [
        ("current_password", PASSWORD),
        ("new_password", crate::support::OTHER_PASSWORD),
    ];
    ada.call("change_password", &change).await.expect(200);
    ada.call("logout", &[]).await.expect(200);
    let kinds = app
        .text("SELECT string_agg(kind, ',' ORDER BY id) FROM audit_events")
        .await;
    assert_eq!(
        kinds,
        "register,sign_in,sign_in,revoke_session,confirm,change_password,sign_out"
    );
}
