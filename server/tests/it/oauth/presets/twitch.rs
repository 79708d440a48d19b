//! Twitch.

use serde_json::{Value, json};

use super::{FULL, PICTURE, Preset, Row, no_pkce, with};
use crate::oauth::idp::{Endpoint, Reply};

#[tokio::test]
async fn it_signs_in_as_the_provider_wants_it() {
    Row {
        id: "twitch",
        plain: false,
        asks: with(no_pkce(), json!({ "scope": "openid user:read:email" })),
        secret_in_body: true,
        person: json!({ "sub": "1", "email": "ada@example.com", "email_verified": true, "preferred_username": "Ada", "picture": PICTURE }),
        subject: "1",
        user: FULL,
    }
    .signs_in()
    .await;
}

#[tokio::test]
async fn a_confirmation_asks_for_a_sign_in() {
    Preset::oidc("twitch", "", &[])
        .await
        .asks_afresh(&[("force_verify", Some("true"))])
        .await;
}

#[tokio::test]
async fn claims_are_asked_for_and_errors_are_read() {
    let twitch = Preset::oidc("twitch", "", &[]).await;
    twitch.idp.script(|script| {
        script.answer = json!({ "scope": ["openid", "user:read:email"], "token_type": "bearer" });
    });
    let browser = twitch.browser();
    let hop = browser.begin("twitch").await;
    let claims: Value = serde_json::from_str(&hop.param("claims").unwrap()).unwrap();
    assert!(
        claims["id_token"]
            .as_object()
            .unwrap()
            .contains_key("email_verified")
    );
    browser
        .finish(
            &hop,
            &twitch.idp,
            &json!({ "sub": "1", "email": "ada@example.com", "email_verified": true }),
        )
        .await
        .assert_leads_to("/profile");
    assert_eq!(
        twitch.app.text("SELECT scopes FROM accounts").await,
        "openid user:read:email"
    );
    // Twitch's word for an error.
    twitch.idp.reply(
        Endpoint::Token,
        Reply::json(
            400,
            json!({ "status": 400, "message": "Invalid authorization code" }),
        ),
    );
    twitch
        .sign_in(&json!({ "sub": "1" }))
        .await
        .1
        .assert_failed("provider");
}
