//! Setting up an app, replacing it, and what a change of factors ends.

use serde_json::{Value, json};

use super::{ADA, App, codes, half_way, second};
use crate::support::{Browser, TestApp, contains};

#[tokio::test]
async fn an_app_is_set_up_with_its_first_code_and_the_other_sessions_end() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let other = app.signed_in(ADA).await;
    let status = async |of: &Browser| of.call("get_second_factors", &[]).await.expect(200).json();
    assert_eq!(
        status(&ada).await,
        json!({ "totp": false, "recovery_codes_left": 0, "trusted_browsers": 0, "setup": null })
    );
    let setup = ada.call("start_totp", &[]).await.expect(200).json();
    let secret = setup["secret"].as_str().unwrap().to_owned();
    assert_eq!(setup.as_object().unwrap().len(), 2);
    assert!(
        setup["uri"]
            .as_str()
            .unwrap()
            .starts_with("otpauth://totp/app.example")
    );
    let shown = status(&ada).await;
    assert_eq!(
        (&shown["totp"], &shown["setup"]["secret"]),
        (&json!(false), &setup["secret"])
    );
    assert!(shown["setup"]["qr"].as_str().unwrap().starts_with("<svg"));
    // It belongs to the session that began it.
    assert_eq!(status(&other).await["setup"], Value::Null);
    let its = App {
        secret: secret.clone(),
        recovery: Vec::new(),
    };
    let confirm = async |of: &Browser, code: &str| of.call("confirm_totp", &[("code", code)]).await;
    confirm(&other, &its.code(&app))
        .await
        .refused(401, "invalid_credentials");
    confirm(&ada, &its.wrong(&app))
        .await
        .refused(401, "invalid_credentials");
    assert!(app.signed_in(ADA).await.is_signed_in().await, "nothing is on yet");

    let code = its.code(&app);
    let spaced = format!(" {}-{} ", &code[..3], &code[3..]);
    let done = confirm(&ada, &spaced).await.expect(200);
    assert!(done.renews(), "a copied cookie is worthless");
    let recovery = codes(&done);
    assert_eq!(recovery.len(), 10);
    assert!(recovery.iter().all(|code| code.len() == 29));
    assert!(ada.is_signed_in().await && !other.is_signed_in().await);
    assert_eq!(
        status(&ada).await,
        json!({ "totp": true, "recovery_codes_left": 10, "trusted_browsers": 0, "setup": null })
    );
    confirm(&ada, &code).await.refused(401, "invalid_credentials");
    for secret in [secret.as_str(), &recovery[0], &recovery[0].replace('-', "")] {
        assert!(!contains(&app.disk(), secret), "{secret} is on the disk");
    }
    assert_eq!(
        ada.call("list_own_events", &[]).await.json()[0]["kind"],
        "enable_totp"
    );
}

#[tokio::test]
async fn a_change_of_factors_needs_a_recent_session() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let secret = ada.call("start_totp", &[]).await.expect(200).json()["secret"].clone();
    app.advance(599);
    let its = App {
        secret: secret.as_str().unwrap().to_owned(),
        recovery: Vec::new(),
    };
    app.advance(1);
    for function in ["start_totp", "disable_totp", "new_recovery_codes"] {
        ada.call(function, &[]).await.refused(403, "reauth_required");
    }
    // Nor is what was begun shown again, and by now it has ended.
    let status = ada.call("get_second_factors", &[]).await.expect(200).json();
    assert_eq!(status["setup"], Value::Null);
    let confirm = ada.call("confirm_totp", &[("code", &its.code(&app))]).await;
    confirm.refused(401, "invalid_credentials");
}

#[tokio::test]
async fn another_app_takes_over_with_its_first_code_only() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let its = App::of(&ada).await;
    ada.call("start_totp", &[]).await.expect(200);
    second(&half_way(&app).await, &its.code(&app)).await.expect(200);
    let new = App::of(&ada).await;
    second(&half_way(&app).await, &its.code(&app))
        .await
        .refused(401, "invalid_credentials");
    second(&half_way(&app).await, &its.recovery[0])
        .await
        .refused(401, "invalid_credentials");
    second(&half_way(&app).await, &new.code(&app)).await.expect(200);
}
