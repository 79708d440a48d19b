//! LinkedIn.

use serde_json::{Value, json};

use super::{FULL, Preset, Row, no_pkce, oidc, with};
use crate::oauth::support::person_with;

#[tokio::test]
async fn it_signs_in_as_the_provider_wants_it() {
    Row {
        id: "linkedin",
        plain: false,
        asks: with(no_pkce(), json!({ "nonce": null })),
        secret_in_body: true,
        person: oidc(),
        subject: "1",
        user: FULL,
    }
    .signs_in()
    .await;
}

#[tokio::test]
async fn a_confirmation_asks_for_a_sign_in() {
    Preset::oidc("linkedin", "", &[])
        .await
        .asks_afresh(&[("prompt", None)])
        .await;
}

#[tokio::test]
async fn an_answer_without_nonce_and_type_is_taken() {
    // LinkedIn's ID token has no nonce, and its answer no type.
    let linkedin = Preset::oidc("linkedin", "", &[]).await;
    linkedin
        .idp
        .script(|script| script.answer = json!({ "token_type": null }));
    linkedin.user(&person_with("ada", json!({}))).await;
}

#[tokio::test]
async fn linkedins_word_on_an_address_may_be_a_text() {
    for (claim, verified) in [
        (json!("true"), true),
        (json!(true), true),
        (json!("false"), false),
        (json!("True"), false),
        (Value::Null, false),
    ] {
        let linkedin = Preset::oidc("linkedin", "", &[]).await;
        let person = json!({ "sub": "1", "email": "ada@example.com", "email_verified": claim });
        assert_eq!(
            linkedin.user(&person).await["email_verified"],
            verified,
            "{claim}"
        );
    }
}
