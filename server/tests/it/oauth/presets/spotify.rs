//! Spotify.

use serde_json::json;

use super::{FULL, PICTURE, Preset, Row, s256, with};

#[tokio::test]
async fn it_signs_in_as_the_provider_wants_it() {
    Row {
        id: "spotify",
        plain: true,
        asks: with(s256(), json!({ "scope": "user-read-email", "nonce": null })),
        secret_in_body: false,
        person: json!({ "id": "ada", "display_name": "Ada", "email": "ada@example.com", "email_verified": true, "images": [{ "url": PICTURE }] }),
        subject: "ada",
        user: [None, FULL[1], FULL[2]],
    }
    .signs_in()
    .await;
}

#[tokio::test]
async fn a_confirmation_asks_for_a_sign_in() {
    Preset::plain("spotify", &[])
        .await
        .asks_afresh(&[("show_dialog", Some("true"))])
        .await;
}
