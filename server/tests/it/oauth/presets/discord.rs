//! Discord.

use serde_json::{Value, json};

use super::{FULL, Preset, Row, s256, with};
use crate::oauth::idp::{Endpoint, Reply};

#[tokio::test]
async fn it_signs_in_as_the_provider_wants_it() {
    Row {
        id: "discord",
        plain: true,
        asks: with(s256(), json!({ "scope": "identify email", "nonce": null })),
        secret_in_body: true,
        person: json!({ "id": "80351110224678912", "username": "ada1", "global_name": "Ada", "email": "ada@example.com", "verified": true, "avatar": "12ab" }),
        subject: "80351110224678912",
        user: [
            FULL[0],
            FULL[1],
            Some("https://cdn.discordapp.com/avatars/80351110224678912/12ab.png"),
        ],
    }
    .signs_in()
    .await;
}

#[tokio::test]
async fn a_confirmation_asks_for_a_sign_in() {
    Preset::plain("discord", &[])
        .await
        .asks_afresh(&[("prompt", Some("consent"))])
        .await;
}

#[tokio::test]
async fn an_address_is_verified_by_its_own_claim_only() {
    // Discord's address is verified by its own claim only.
    let discord = Preset::plain("discord", &[]).await;
    let unverified = json!({ "id": "3", "username": "ada", "email": "ada@example.com", "verified": false, "email_verified": true });
    assert_eq!(discord.user(&unverified).await["email"], Value::Null);
}

/// X gets a second question, other providers do not.
#[tokio::test]
async fn a_refusal_is_final() {
    let discord = Preset::plain("discord", &[]).await;
    discord.idp.reply(Endpoint::Userinfo, Reply::json(403, json!({})));
    discord
        .sign_in(&json!({ "id": "1" }))
        .await
        .1
        .assert_failed("provider");
    assert_eq!(discord.idp.count(Endpoint::Userinfo), 1);
}
