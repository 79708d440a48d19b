//! Codes: each is good once, wrong ones are counted, and what a lost key costs.

use super::{ADA, App, codes, half_way, second};
use crate::support::{NEW_SECRET, PASSWORD, SECRET, TestApp, all_at_once};

#[tokio::test]
async fn of_twenty_uses_of_one_code_one_succeeds() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let its = App::of(&ada).await;
    for code in [its.code(&app), its.recovery[0].clone()] {
        let mut browsers = Vec::new();
        for _ in 0..5 {
            browsers.push(half_way(&app).await);
        }
        let uses = browsers.into_iter().map(|browser| {
            let code = code.clone();
            async move { second(&browser, &code).await.status }
        });
        let statuses = all_at_once(uses).await;
        assert_eq!(
            statuses.iter().filter(|status| **status == 200).count(),
            1,
            "{statuses:?}"
        );
        app.advance(300);
    }
    // Nor do many uses in one browser begin more than one session.
    let browser = half_way(&app).await;
    let uses = its.recovery[1..5].iter().map(|code| {
        let (browser, code) = (browser.copy(), code.clone());
        async move { second(&browser, &code).await.status }
    });
    let statuses = all_at_once(uses.collect::<Vec<_>>()).await;
    assert_eq!(
        statuses.iter().filter(|status| **status == 200).count(),
        1,
        "{statuses:?}"
    );
}

#[tokio::test]
async fn a_recovery_code_signs_in_once_and_confirms_nothing() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let its = App::of(&ada).await;
    let typed = its.recovery[3].to_lowercase().replace('-', " ");
    second(&half_way(&app).await, &typed).await.expect(200);
    second(&half_way(&app).await, &typed)
        .await
        .refused(401, "invalid_credentials");
    let status = ada.call("get_second_factors", &[]).await.json();
    assert_eq!(status["recovery_codes_left"], 9);
    let confirm = async |fields: &[(&str, &str)]| ada.call("confirm_identity", fields).await;
    confirm(&[("code", &its.recovery[0])])
        .await
        .refused(401, "invalid_credentials");
    let code = its.code(&app);
    confirm(&[("code", &code), ("password", PASSWORD)])
        .await
        .refused(422, "invalid_input");
    confirm(&[]).await.refused(422, "invalid_input");
    app.advance(600);
    ada.call("disable_totp", &[])
        .await
        .refused(403, "reauth_required");
    confirm(&[("code", &its.code(&app))]).await.expect(200);

    let renewed = codes(&ada.call("new_recovery_codes", &[]).await.expect(200));
    second(&half_way(&app).await, &its.recovery[0])
        .await
        .refused(401, "invalid_credentials");
    second(&half_way(&app).await, &renewed[0]).await.expect(200);
    ada.call("disable_totp", &[]).await.expect(200);
    ada.call("new_recovery_codes", &[])
        .await
        .refused(409, "no_second_factor");
    app.assert_counts(&[("recovery_codes", 0), ("totp", 0), ("sessions", 1)])
        .await;
    assert!(app.signed_in(ADA).await.is_signed_in().await);
}

#[tokio::test]
async fn wrong_codes_are_counted_by_user_and_by_address() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let its = App::of(&ada).await;
    let wrong = its.wrong(&app);
    for _ in 0..5 {
        second(&half_way(&app).await, &wrong)
            .await
            .refused(401, "invalid_credentials");
    }
    let waiting = half_way(&app).await;
    let answer = second(&waiting, &its.code(&app)).await;
    assert_eq!(answer.wait(), 300);
    answer.refused(429, "too_many_attempts");
    app.advance(300);
    second(&half_way(&app).await, &its.code(&app)).await.expect(200);
    let stranger = app.browser().at("198.51.100.1");
    for _ in 0..20 {
        second(&stranger, &wrong).await.refused(401, "unauthenticated");
    }
    second(&stranger, &wrong).await.refused(429, "too_many_attempts");
}

#[tokio::test]
async fn a_lost_key_costs_the_app_and_not_the_recovery_codes() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let its = App::of(&ada).await;
    let app = app.restarted(&[("SESSION_SECRET", NEW_SECRET)]).await;
    second(&half_way(&app).await, &its.code(&app))
        .await
        .refused(401, "invalid_credentials");
    second(&half_way(&app).await, &its.recovery[0]).await.expect(200);
}

#[tokio::test]
async fn a_new_key_seals_the_secrets_anew_and_the_old_one_may_go() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let its = App::of(&ada).await;
    app.sql("UPDATE user_data SET data = '{}'").await;
    assert_eq!(app.auth.sealed_with_former().await.unwrap(), 0);
    let both = format!("{NEW_SECRET},{SECRET}");
    let rotated = app.restarted(&[("SESSION_SECRET", &both)]).await;
    assert_eq!(rotated.auth.sealed_with_former().await.unwrap(), 1);
    assert_eq!(rotated.auth.reseal_factors().await.unwrap(), 1);
    assert_eq!(rotated.auth.reseal_factors().await.unwrap(), 0);
    assert_eq!(rotated.auth.sealed_with_former().await.unwrap(), 0);
    let new = app.restarted(&[("SESSION_SECRET", NEW_SECRET)]).await;
    second(&half_way(&new).await, &its.code(&new)).await.expect(200);
    // What no key opens stays as it is: the key may come back.
    let lost = app.restarted(&[("SESSION_SECRET", SECRET)]).await;
    assert_eq!(lost.auth.reseal_factors().await.unwrap(), 0);
    assert_eq!(lost.auth.sealed_with_former().await.unwrap(), 1);
    app.advance(30);
    second(&half_way(&new).await, &its.code(&new)).await.expect(200);
}
