//! Sign-ins that wait for their second factor.

use super::{ADA, App, RETURN_TO, half_way, is_half_way, second};
use crate::support::{OTHER_PASSWORD, PASSWORD, TestApp};

#[tokio::test]
async fn a_password_alone_begins_no_session() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let its = App::of(&ada).await;
    let browser = app.browser();
    let answer = browser.login(ADA, PASSWORD).await;
    is_half_way(&answer);
    answer.refused(403, "second_factor_required");
    assert!(!browser.is_signed_in().await);
    app.assert_counts(&[("sessions", 1)]).await;
    second(&browser, &its.wrong(&app))
        .await
        .refused(401, "invalid_credentials");
    let session = second(&browser, &its.code(&app)).await.expect(200);
    assert_eq!(session.json()["email"], ADA);
    assert!(session.renews());
    let sessions = browser.call("list_sessions", &[]).await.json();
    assert_eq!(sessions[0]["method"], "password");
    second(&browser, &its.code(&app))
        .await
        .refused(401, "unauthenticated");
    // Whoever looked over the shoulder has a used code.
    let thief = half_way(&app).await;
    second(&thief, &its.code(&app))
        .await
        .refused(401, "invalid_credentials");
    second(&thief, &its.code_at(app.clock.unix() - 30))
        .await
        .refused(401, "invalid_credentials");
    app.advance(30);
    second(&thief, &its.code(&app)).await.expect(200);
    // The wrong password says the same as ever.
    app.browser()
        .login(ADA, OTHER_PASSWORD)
        .await
        .refused(401, "invalid_credentials");
}

#[tokio::test]
async fn without_javascript_the_page_for_the_code_comes_in_between() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let its = App::of(&ada).await;
    let browser = app.browser();
    let fields = [("email", ADA), ("password", PASSWORD), ("return_to", RETURN_TO)];
    let answer = browser.submit("/login", "login", &fields).await;
    let page = "/login/second?return_to=/settings/sessions";
    is_half_way(&answer);
    answer.leads_to(page);
    let shown = browser.get(page).await.expect(200);
    assert!(shown.shows("name=\"return_to\"") && shown.shows("one-time-code"));
    let wrong = its.wrong(&app);
    let fields = [("code", wrong.as_str()), ("return_to", RETURN_TO)];
    let answer = browser.submit(page, "second_factor", &fields).await;
    let back = answer.location().to_owned();
    assert!(back.starts_with("/login/second?return_to="), "{back}");
    let shown = browser.get(&back).await.expect(200);
    assert!(shown.shows("This code is wrong") && !shown.shows(&wrong));
    let code = its.code(&app);
    let fields = [("code", code.as_str()), ("return_to", RETURN_TO)];
    browser
        .submit(page, "second_factor", &fields)
        .await
        .leads_to(RETURN_TO);
    assert!(browser.is_signed_in().await);
}

#[tokio::test]
async fn a_half_way_sign_in_belongs_to_its_browser_and_ends() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let its = App::of(&ada).await;
    let waiting = half_way(&app).await;
    // Another browser, or one with another's cookie.
    second(&app.browser(), &its.code(&app))
        .await
        .refused(401, "unauthenticated");
    let forged = app.browser();
    forged.set_cookie("flow", Some(&"A".repeat(43)));
    second(&forged, &its.code(&app))
        .await
        .refused(401, "unauthenticated");
    app.advance(600);
    second(&waiting, &its.code(&app))
        .await
        .refused(401, "unauthenticated");

    // What ends the user's sessions ends it, too.
    let waiting = half_way(&app).await;
    ada.call("confirm_identity", &[("password", PASSWORD)])
        .await
        .expect(200);
    let fields = [("current_password", PASSWORD), ("new_password", OTHER_PASSWORD)];
    ada.call("change_password", &fields).await.expect(200);
    second(&waiting, &its.code(&app))
        .await
        .refused(401, "unauthenticated");

    let waiting = app.browser();
    waiting
        .login(ADA, OTHER_PASSWORD)
        .await
        .refused(403, "second_factor_required");
    app.sql("UPDATE users SET disabled_at = created_at").await;
    second(&waiting, &its.code(&app))
        .await
        .refused(401, "invalid_credentials");
    app.assert_counts(&[("sessions", 1)]).await;
    app.advance(600);
    app.auth.sweep().await.unwrap();
    app.assert_counts(&[("ceremonies", 0)]).await;
}

#[tokio::test]
async fn the_present_session_stays_until_the_new_one_begins() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let its = App::of(&ada).await;
    let bob = app.registered("bob@example.com").await;
    bob.login(ADA, PASSWORD)
        .await
        .refused(403, "second_factor_required");
    assert_eq!(bob.user().await["email"], "bob@example.com");
    second(&bob, &its.code(&app)).await.expect(200);
    assert_eq!(bob.user().await["email"], ADA);
    app.assert_counts(&[("sessions", 2)]).await;
    // A sign-out leaves nothing that could be completed.
    bob.login(ADA, PASSWORD)
        .await
        .refused(403, "second_factor_required");
    bob.call("logout", &[]).await.expect(200);
    app.assert_counts(&[("ceremonies", 0)]).await;
}
