//! Facebook.

use serde_json::json;

use super::{FULL, PICTURE, Preset, Row, s256, with};
use crate::oauth::idp::Endpoint;

#[tokio::test]
async fn it_signs_in_as_the_provider_wants_it() {
    Row {
        id: "facebook",
        plain: true,
        asks: with(s256(), json!({ "scope": "email public_profile", "nonce": null })),
        secret_in_body: true,
        person: json!({ "id": "10", "name": "Ada", "email": "ada@example.com", "picture": { "data": { "url": PICTURE } } }),
        subject: "10",
        user: [None, FULL[1], FULL[2]],
    }
    .signs_in()
    .await;
}

#[tokio::test]
async fn a_confirmation_asks_for_a_sign_in() {
    Preset::plain("facebook", &[])
        .await
        .asks_afresh(&[("auth_type", Some("reauthenticate"))])
        .await;
}

#[tokio::test]
async fn userinfo_is_asked_with_a_proof() {
    let facebook = Preset::plain("facebook", &[]).await;
    facebook.user(&json!({ "id": "10", "name": "Ada" })).await;
    let asked = facebook.last(Endpoint::Userinfo);
    assert_eq!(asked.query["fields"], "id,name,email,picture");
    assert_eq!(asked.query["appsecret_proof"].len(), 64);
    assert!(!asked.query.contains_key("access_token"));
}
