//! Browsers that are trusted.

use super::{ADA, App, half_way, second};
use crate::support::{Browser, PASSWORD, TestApp, contains};

#[tokio::test]
async fn a_trusted_browser_needs_no_code_until_something_changes() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let its = App::of(&ada).await;
    let trusting = async |browser: &Browser, code: &str| {
        let fields = [("code", code), ("trust", "true")];
        browser.call("second_factor", &fields).await.expect(200)
    };
    let trusted = async |user: &Browser| {
        let factors = user.call("get_second_factors", &[]).await.expect(200);
        factors.json()["trusted_browsers"].clone()
    };
    assert_eq!(trusted(&ada).await, 0);
    let browser = half_way(&app).await;
    let answer = trusting(&browser, &its.code(&app)).await;
    let cookie = answer.cookie("__Host-device").unwrap();
    assert_eq!(cookie.max_age, Some(30 * 24 * 3600));
    assert!(!contains(&app.disk(), &cookie.value));
    browser.call("logout", &[]).await.expect(200);
    browser.login(ADA, PASSWORD).await.expect(200);
    // It is good for its user only, and elsewhere for nobody.
    let bob = app.registered("bob@example.com").await;
    let its_bobs = App::of(&bob).await;
    let there = browser.copy();
    there.set_cookie("id", None);
    there.set_cookie("auth", None);
    there
        .login("bob@example.com", PASSWORD)
        .await
        .refused(403, "second_factor_required");
    second(&there, &its_bobs.code(&app)).await.expect(200);
    assert_eq!(
        (trusted(&browser).await, trusted(&there).await),
        (1.into(), 0.into())
    );
    half_way(&app).await;

    app.advance(30);
    browser
        .call("confirm_identity", &[("code", &its.code(&app))])
        .await
        .expect(200);
    browser.call("revoke_other_sessions", &[]).await.expect(200);
    assert_eq!(trusted(&browser).await, 0);
    browser
        .login(ADA, PASSWORD)
        .await
        .refused(403, "second_factor_required");
    // A recovery code is used where the app is lost: there, nothing is trusted.
    let fields = [("code", its.recovery[0].as_str()), ("trust", "true")];
    let answer = browser.call("second_factor", &fields).await.expect(200);
    assert!(answer.cookie("__Host-device").is_none());
    app.assert_counts(&[("devices", 0)]).await;

    let late = half_way(&app).await;
    app.advance(30);
    trusting(&late, &its.code(&app)).await;
    assert_eq!(trusted(&late).await, 1);
    app.advance(30 * 24 * 3600);
    late.login(ADA, PASSWORD)
        .await
        .refused(403, "second_factor_required");
    second(&late, &its.code(&app)).await.expect(200);
    assert_eq!(trusted(&late).await, 0);
    app.auth.sweep().await.unwrap();
    app.assert_counts(&[("devices", 0)]).await;
}
