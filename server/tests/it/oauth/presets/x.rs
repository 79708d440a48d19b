//! X.

use serde_json::{Value, json};

use super::{FULL, PICTURE, Preset, Row, s256, with};
use crate::oauth::idp::{Endpoint, Reply};
use crate::support::Log;

#[tokio::test]
async fn it_signs_in_as_the_provider_wants_it() {
    Row {
        id: "x",
        plain: true,
        asks: with(
            s256(),
            json!({ "scope": "users.read tweet.read users.email", "nonce": null }),
        ),
        secret_in_body: false,
        person: json!({ "data": { "id": "2", "name": "Ada", "username": "ada", "confirmed_email": "ada@example.com", "profile_image_url": PICTURE } }),
        subject: "2",
        user: FULL,
    }
    .signs_in()
    .await;
}

#[tokio::test]
async fn a_confirmation_asks_for_a_sign_in() {
    Preset::plain("x", &[])
        .await
        .asks_afresh(&[("prompt", None)])
        .await;
}

#[tokio::test]
async fn userinfo_is_asked_for_the_address() {
    let x = Preset::plain("x", &[]).await;
    x.user(&json!({ "data": { "id": "2", "username": "ada" } })).await;
    assert!(x.last(Endpoint::Userinfo).query["user.fields"].contains("confirmed_email"));
}

const X_SWITCH: &str = "Request email from users";

fn x_person() -> Value {
    json!({ "data": { "id": "2", "name": "Ada", "username": "ada" } })
}

#[tokio::test]
async fn x_signs_in_without_the_right_to_addresses_and_the_log_names_the_switch() {
    for refusal in [None, Some(403), Some(400)] {
        let (log, _guard) = Log::capture();
        let x = Preset::plain("x", &[]).await;
        if let Some(status) = refusal {
            let refused = Reply::json(status, json!({ "title": "Forbidden", "detail": "not permitted" }));
            x.idp.reply(Endpoint::Userinfo, Reply::Once(Box::new(refused)));
        }
        let user = x.user(&x_person()).await;
        assert_eq!((&user["email"], &user["name"]), (&Value::Null, &json!("Ada")));
        assert!(log.text().contains(X_SWITCH), "{refusal:?}");
        let asked = x.idp.asked(Endpoint::Userinfo);
        let fields: Vec<&str> = asked
            .iter()
            .map(|asked| asked.query["user.fields"].as_str())
            .collect();
        assert!(fields[0].contains("confirmed_email"), "{fields:?}");
        assert_eq!(fields.len(), if refusal.is_some() { 2 } else { 1 });
        if let Some(second) = fields.get(1) {
            assert_eq!(*second, "id,name,username,profile_image_url");
        }
    }
}

#[tokio::test]
async fn x_is_believed_to_refuse_for_the_address_only_where_that_may_be() {
    for reply in [
        Reply::json(401, json!({ "title": "Unauthorized" })),
        Reply::json(429, json!({})),
        Reply::json(500, json!({})),
    ] {
        let x = Preset::plain("x", &[]).await;
        x.idp.reply(Endpoint::Userinfo, Reply::Once(Box::new(reply)));
        x.sign_in(&x_person()).await.1.assert_failed("provider");
        assert_eq!(x.idp.count(Endpoint::Userinfo), 1);
        x.app.assert_untouched().await;
    }
    // Refused twice is refused.
    let x = Preset::plain("x", &[]).await;
    x.idp.reply(Endpoint::Userinfo, Reply::json(403, json!({})));
    x.sign_in(&x_person()).await.1.assert_failed("provider");
    assert_eq!(x.idp.count(Endpoint::Userinfo), 2);
    // Nobody is told to turn a switch whose scope was not asked for, or that is on.
    let (log, _guard) = Log::capture();
    let without = Preset::plain("x", &[("X_SCOPES", "users.read tweet.read")]).await;
    without.user(&x_person()).await;
    let x = Preset::plain("x", &[]).await;
    x.user(&json!({ "data": { "id": "2", "name": "Ada", "confirmed_email": "ada@example.com" } }))
        .await;
    assert!(!log.text().contains(X_SWITCH));
}
