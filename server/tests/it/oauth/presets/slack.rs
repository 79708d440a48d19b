//! Slack.

use serde_json::json;

use super::{FULL, PICTURE, Preset, Row, no_pkce};

#[tokio::test]
async fn it_signs_in_as_the_provider_wants_it() {
    Row {
        id: "slack",
        plain: false,
        asks: no_pkce(),
        secret_in_body: true,
        person: json!({
            "sub": "U1", "https://slack.com/team_id": "T1", "https://slack.com/user_id": "U1", "email": "ada@example.com",
            "email_verified": true, "name": "Ada", "picture": PICTURE,
        }),
        subject: "T1.U1",
        user: FULL,
    }
    .signs_in()
    .await;
}

#[tokio::test]
async fn a_confirmation_asks_for_a_sign_in() {
    Preset::oidc("slack", "", &[])
        .await
        .asks_afresh(&[("prompt", None)])
        .await;
}
