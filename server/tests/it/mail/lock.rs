//! The lock: after a hundred failures in a row, an address has to be opened by its mail.

use std::time::Duration;

use super::{ADA, newest, notices, reset_token, verified};
use crate::support::{Answer, Browser, NEW_SECRET, OTHER_PASSWORD, PASSWORD, SECRET, TestApp, all_at_once};

const NOBODY: &str = "nobody@example.com";
const DAY: i64 = 24 * 3600;

/// A wrong password, from an address of its own, and after every wait.
async fn fail(app: &TestApp, email: &str) -> Answer {
    app.advance(901);
    let answer = app.browser().login(email, "a password that is wrong").await;
    counted(app).await;
    answer.refused(401, "invalid_credentials")
}

/// What is counted in the background is counted.
async fn counted(app: &TestApp) {
    assert!(app.auth.detached.drain(Duration::from_secs(30)).await);
}

/// So many failures have been counted for the only address that has some.
async fn with_failures(app: &TestApp, failures: i64) {
    let statement = format!("UPDATE sign_in_failures SET failures = {failures}");
    assert_eq!(app.sql(&statement).await, 1);
}

/// An address that is locked.
async fn lock(app: &TestApp, email: &str) {
    fail(app, email).await;
    with_failures(app, 99).await;
    fail(app, email).await;
}

async fn right_password(app: &TestApp, email: &str) -> Answer {
    app.advance(901);
    let answer = app.browser().login(email, PASSWORD).await;
    counted(app).await;
    answer
}

#[tokio::test]
async fn a_hundred_failures_in_a_row_lock_an_address_whether_or_not_a_user_has_it() {
    let app = TestApp::new().await;
    verified(&app, ADA).await;
    for number in 1..=100 {
        let known = fail(&app, ADA).await;
        let unknown = fail(&app, NOBODY).await;
        assert_eq!(known.comparable(), unknown.comparable(), "{number}");
        if number == 99 {
            assert!(notices(&app, ADA).await.is_empty());
        }
    }
    app.assert_counts(&[("sign_in_failures WHERE failures = 100", 2)])
        .await;
    let told = notices(&app, ADA).await;
    assert_eq!(told.len(), 1);
    let [subject, text] = [&told[0].subject, &told[0].text];
    assert!(subject.contains("is locked"), "{subject}");
    assert!(text.contains("203.0.113.7") && !text.contains("://"), "{text}");
    // The right password and a wrong one are the same by now, and so is nobody's.
    let right = right_password(&app, ADA)
        .await
        .refused(401, "invalid_credentials");
    let wrong = fail(&app, ADA).await;
    let unknown = fail(&app, NOBODY).await;
    assert_eq!(right.comparable(), wrong.comparable());
    assert_eq!(right.comparable(), unknown.comparable());
    assert_eq!(notices(&app, ADA).await.len(), 1, "one notice");
    // Nothing in the table says whose the addresses are.
    assert!(!crate::support::contains(&app.disk(), NOBODY));
}

/// A right password must not be told from a wrong one by when the waits begin, either.
#[tokio::test]
async fn the_right_password_of_a_locked_address_counts_like_a_wrong_one() {
    let app = TestApp::new().await;
    verified(&app, ADA).await;
    lock(&app, ADA).await;
    app.advance(901);
    for _ in 0..5 {
        app.browser().login(ADA, PASSWORD).await.expect(401);
    }
    app.browser()
        .login(ADA, PASSWORD)
        .await
        .refused(429, "too_many_attempts");
    counted(&app).await;
    app.assert_counts(&[("sign_in_failures WHERE failures = 105", 1)])
        .await;
}

#[tokio::test]
async fn a_new_password_by_mail_opens_it() {
    let app = TestApp::new().await;
    verified(&app, ADA).await;
    lock(&app, ADA).await;
    let token = reset_token(&app, ADA).await;
    let fields = [("token", token.as_str()), ("new_password", OTHER_PASSWORD)];
    app.browser().call("reset_password", &fields).await.expect(200);
    app.assert_counts(&[("sign_in_failures", 0)]).await;
    app.advance(901);
    app.browser().login(ADA, OTHER_PASSWORD).await.expect(200);
}

async fn sign_in_by_mail(app: &TestApp) -> (Browser, Answer) {
    let browser = app.browser();
    let asked = browser.call("send_sign_in_code", &[("email", ADA)]).await;
    asked.expect(200);
    let code = super::code(&newest(app, ADA).await);
    let answer = browser.call("sign_in_with_code", &[("code", &code)]).await;
    (browser, answer)
}

#[tokio::test]
async fn a_sign_in_by_mail_opens_it() {
    let app = TestApp::new().await;
    verified(&app, ADA).await;
    lock(&app, ADA).await;
    sign_in_by_mail(&app).await.1.expect(200);
    app.assert_counts(&[("sign_in_failures", 0)]).await;
    right_password(&app, ADA).await.expect(200);
}

#[tokio::test]
async fn only_a_completed_sign_in_begins_the_count_anew() {
    let app = TestApp::new().await;
    let ada = verified(&app, ADA).await;
    fail(&app, ADA).await;
    with_failures(&app, 98).await;
    // Asking for a mail completes nothing, and a confirmation is no sign-in.
    reset_token(&app, ADA).await;
    app.browser()
        .call("send_sign_in_code", &[("email", ADA)])
        .await
        .expect(200);
    ada.call("confirm_identity", &[("password", PASSWORD)])
        .await
        .expect(200);
    ada.call("confirm_identity", &[("password", "a password that is wrong")])
        .await
        .refused(401, "invalid_credentials");
    counted(&app).await;
    app.assert_counts(&[("sign_in_failures WHERE failures = 98", 1)])
        .await;
    right_password(&app, ADA).await.expect(200);
    app.assert_counts(&[("sign_in_failures", 0)]).await;
}

/// It concerns signing in.
#[tokio::test]
async fn a_live_session_of_a_locked_address_goes_on() {
    let app = TestApp::new().await;
    verified(&app, ADA).await;
    lock(&app, ADA).await;
    let (ada, answer) = sign_in_by_mail(&app).await;
    answer.expect(200);
    fail(&app, ADA).await;
    with_failures(&app, 100).await;
    app.browser().login(ADA, PASSWORD).await.expect(401);
    assert!(ada.is_signed_in().await);
    ada.call("confirm_identity", &[("password", PASSWORD)])
        .await
        .expect(200);
}

/// On four instances, each of which lets five through.
#[tokio::test(flavor = "multi_thread")]
async fn twenty_failures_at_once_count_twenty() {
    let app = TestApp::new().await;
    verified(&app, ADA).await;
    let mut instances = vec![app.clone()];
    for _ in 0..3 {
        instances.push(app.restarted(&[]).await);
    }
    for email in [ADA, NOBODY] {
        let browsers = instances.iter().flat_map(|app| [(); 5].map(|()| app.browser()));
        let tasks = browsers.map(|browser| async move {
            let answer = browser.login(email, "a password that is wrong").await;
            answer.refused(401, "invalid_credentials");
        });
        all_at_once(tasks).await;
    }
    for app in &instances {
        counted(app).await;
    }
    app.assert_counts(&[("sign_in_failures WHERE failures = 20", 2)])
        .await;
}

#[tokio::test]
async fn failures_are_forgotten_after_thirty_days_without_one() {
    let app = TestApp::new().await;
    verified(&app, ADA).await;
    lock(&app, ADA).await;
    app.advance(30 * DAY - 1000);
    right_password(&app, ADA).await.expect(401);
    app.advance(30 * DAY - 901);
    app.auth.sweep().await.unwrap();
    assert_eq!(app.count("sign_in_failures").await, 1);
    right_password(&app, ADA).await.expect(200);
    fail(&app, ADA).await;
    app.advance(30 * DAY);
    app.auth.sweep().await.unwrap();
    assert_eq!(app.count("sign_in_failures").await, 0);
}

#[tokio::test]
async fn the_count_survives_a_rotation_of_the_secret() {
    let app = TestApp::new().await;
    verified(&app, ADA).await;
    fail(&app, ADA).await;
    with_failures(&app, 99).await;
    let secrets = format!("{NEW_SECRET},{SECRET}");
    let rotated = app.restarted(&[("SESSION_SECRET", &secrets)]).await;
    fail(&rotated, ADA).await;
    right_password(&rotated, ADA).await.expect(401);
    assert_eq!(notices(&rotated, ADA).await.len(), 1);
    sign_in_by_mail(&rotated).await.1.expect(200);
    app.assert_counts(&[("sign_in_failures", 0)]).await;
}

#[tokio::test]
async fn the_row_of_an_address_goes_when_a_user_proves_it_or_leaves_it() {
    let app = TestApp::new().await;
    verified(&app, ADA).await;
    let new = "ada@new.example";
    lock(&app, new).await;
    let ada = app.signed_in(ADA).await;
    ada.call("change_email", &[("email", new)]).await.expect(200);
    let token = super::token(&newest(&app, new).await);
    ada.call("confirm_email_change", &[("token", &token)])
        .await
        .expect(200);
    app.assert_counts(&[("sign_in_failures", 0)]).await;
    fail(&app, new).await;
    app.assert_counts(&[("sign_in_failures", 1)]).await;
    let id = app.id_of(new).await;
    let mut tx = app.auth.db.begin().await.unwrap();
    app.auth.delete_user(&mut tx, id).await.unwrap();
    tx.commit().await.unwrap();
    app.assert_counts(&[("sign_in_failures", 0)]).await;
}

/// Without mail there would be no way to open it.
#[tokio::test]
async fn without_mail_nothing_is_counted() {
    let app = TestApp::new().await;
    verified(&app, ADA).await;
    lock(&app, ADA).await;
    let without = app
        .configured(&[], |config| config.auth.mail = auth::mail::MailConfig::Off)
        .await;
    right_password(&without, ADA).await.expect(200);
    fail(&without, ADA).await;
    without
        .assert_counts(&[("sign_in_failures WHERE failures = 100", 1)])
        .await;
}

// wing:second-factors
mod second {
    use super::*;
    use crate::second_factors::App;

    async fn half_way(app: &TestApp) -> Browser {
        app.advance(901);
        let browser = app.browser();
        browser
            .login(ADA, PASSWORD)
            .await
            .refused(403, "second_factor_required");
        browser
    }

    #[tokio::test]
    async fn wrong_second_factors_count_and_lock() {
        let app = TestApp::new().await;
        let ada = verified(&app, ADA).await;
        let factor = App::of(&ada).await;
        let before = notices(&app, ADA).await.len();
        let wrong = half_way(&app).await;
        let answer = wrong.call("second_factor", &[("code", "x")]).await;
        answer.refused(401, "invalid_credentials");
        // The right password is only half a sign-in.
        let other = half_way(&app).await;
        app.assert_counts(&[("sign_in_failures WHERE failures = 1", 1)])
            .await;
        with_failures(&app, 99).await;
        other
            .call("second_factor", &[("code", "x")])
            .await
            .refused(401, "invalid_credentials");
        assert_eq!(notices(&app, ADA).await.len(), before + 1);
        // Its own code is wrong by now, and the right password asks for none.
        let right = factor.code(&app);
        other
            .call("second_factor", &[("code", &right)])
            .await
            .refused(401, "invalid_credentials");
        right_password(&app, ADA)
            .await
            .refused(401, "invalid_credentials");
    }

    /// Whoever has the mailbox has what opens it, and the code is good for that.
    #[tokio::test]
    async fn after_a_mail_the_second_factor_is_good_again() {
        let app = TestApp::new().await;
        let ada = verified(&app, ADA).await;
        let factor = App::of(&ada).await;
        lock(&app, ADA).await;
        let (browser, answer) = sign_in_by_mail(&app).await;
        answer.refused(403, "second_factor_required");
        app.assert_counts(&[("sign_in_failures", 1)]).await;
        factor.complete(&browser).await;
        app.assert_counts(&[("sign_in_failures", 0)]).await;
    }
}
// end wing:second-factors

// wing:passkeys
/// Nobody guesses a passkey.
#[tokio::test]
async fn a_passkey_opens_a_lock() {
    let app = TestApp::new().await;
    let ada = verified(&app, ADA).await;
    let phone = crate::passkeys::Authenticator::of(&ada).await;
    lock(&app, ADA).await;
    right_password(&app, ADA)
        .await
        .refused(401, "invalid_credentials");
    crate::passkeys::sign_in(&app.browser(), &phone).await.expect(200);
    right_password(&app, ADA).await.expect(200);
}
// end wing:passkeys
