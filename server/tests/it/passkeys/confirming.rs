//! Confirming one's identity with a passkey.

use super::{ADA, Authenticator, start};
use crate::support::{PASSWORD, TestApp};

#[tokio::test]
async fn a_passkey_confirms_its_own_user() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    ada.call("start_passkey_confirmation", &[])
        .await
        .refused(404, "not_found");
    let phone = Authenticator::of(&ada).await;
    app.advance(600);
    ada.call("start_passkey", &[])
        .await
        .refused(403, "reauth_required");
    let options = start(&ada, "start_passkey_confirmation").await;
    assert_eq!(options["allowCredentials"].as_array().unwrap().len(), 1);
    let answer = phone.answer(&options);
    let page = "/settings/security?return_to=/settings/sessions";
    let fields = [("credential", &*answer), ("return_to", "/settings/sessions")];
    let done = ada.submit(page, "confirm_identity", &fields).await;
    assert!(done.renews());
    done.leads_to("/settings/sessions");
    start(&ada, "start_passkey").await;
    let event = ada.call("list_own_events", &[]).await.json()[0].clone();
    assert_eq!(event["kind"], "confirm");
    // The answer is good once.
    ada.call("confirm_identity", &[("credential", &answer)])
        .await
        .refused(401, "invalid_credentials");
}

#[tokio::test]
async fn another_users_passkey_confirms_nothing() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    Authenticator::of(&ada).await;
    let bob = app.registered("bob@example.com").await;
    let of_bob = Authenticator::of(&bob).await;
    let options = start(&ada, "start_passkey_confirmation").await;
    ada.call("confirm_identity", &[("credential", &of_bob.answer(&options))])
        .await
        .refused(401, "invalid_credentials");
    // Nor does an answer to another session's challenge.
    let options = start(&bob, "start_passkey_confirmation").await;
    ada.call("confirm_identity", &[("credential", &of_bob.answer(&options))])
        .await
        .refused(401, "invalid_credentials");
    bob.call("confirm_identity", &[("credential", &of_bob.answer(&options))])
        .await
        .expect(200);
}

#[tokio::test]
async fn a_challenge_of_one_kind_finishes_no_other() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let phone = Authenticator::of(&ada).await;
    let options = start(&ada, "start_passkey_confirmation").await;
    super::send(&ada, &phone.answer(&options))
        .await
        .refused(401, "invalid_credentials");
    let options = start(&ada, "start_passkey_sign_in").await;
    ada.call("confirm_identity", &[("credential", &phone.answer(&options))])
        .await
        .refused(401, "invalid_credentials");
}

#[tokio::test]
async fn exactly_one_proof_is_taken() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let phone = Authenticator::of(&ada).await;
    let options = start(&ada, "start_passkey_confirmation").await;
    let answer = phone.answer(&options);
    let both = [("credential", &*answer), ("password", PASSWORD)];
    ada.call("confirm_identity", &both)
        .await
        .refused(422, "invalid_input");
    ada.call("confirm_identity", &[])
        .await
        .refused(422, "invalid_input");
    ada.call("confirm_identity", &[("credential", &answer)])
        .await
        .expect(200);
}
