//! GitLab.

use serde_json::json;

use super::{FULL, Preset, Row, oidc, s256, with};
use crate::oauth::support::person_with;

#[tokio::test]
async fn it_signs_in_as_the_provider_wants_it() {
    Row {
        id: "gitlab",
        plain: false,
        asks: with(s256(), json!({ "scope": "openid profile email" })),
        secret_in_body: false,
        person: oidc(),
        subject: "1",
        user: FULL,
    }
    .signs_in()
    .await;
}

#[tokio::test]
async fn a_confirmation_asks_for_a_sign_in() {
    Preset::oidc("gitlab", "", &[])
        .await
        .asks_afresh(&[("prompt", Some("login"))])
        .await;
}

#[tokio::test]
async fn an_account_that_is_blocked_proves_nothing() {
    // An account GitLab has blocked proves nothing.
    let gitlab = Preset::oidc("gitlab", "", &[]).await;
    for blocked in [json!({ "state": "blocked" }), json!({ "locked": true })] {
        gitlab
            .sign_in(&person_with("ada", blocked))
            .await
            .1
            .assert_failed("provider");
    }
    gitlab
        .user(&person_with("ada", json!({ "state": "active", "locked": false })))
        .await;
}
