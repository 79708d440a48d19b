//! Answers that are not quite what the standard says, and can mean one thing only.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::oauth::{
    idp::{Endpoint, Reply},
    keys::Signer,
    support::{World, person},
};
use crate::support::TestApp;

async fn seconds_left(app: &TestApp, now: i64) -> Option<i64> {
    let expires: Option<time::OffsetDateTime> = sqlx::query_scalar("SELECT token_expires_at FROM accounts")
        .fetch_one(app.auth.db.read())
        .await
        .unwrap();
    Some(expires?.unix_timestamp() - now)
}

#[tokio::test]
async fn a_lifetime_is_read_however_it_is_written() {
    let world = World::new().await;
    for (written, read) in [
        (json!(3600), Some(3600)),
        (json!(3599.0), Some(3599)),
        (json!("3600"), Some(3600)),
        (json!("3600.0"), Some(3600)),
        (json!("soon"), None),
        (json!(-1), None),
        (json!([3600]), None),
    ] {
        let answer = json!({ "expires_in": written });
        world.acme.script(|script| script.answer = answer);
        world.signed_in("acme", &person("ada")).await;
        assert_eq!(
            seconds_left(&world.app, world.acme.now()).await,
            read,
            "{written}"
        );
        world.app.wipe().await;
    }
}

/// The same key set with the padding some providers write.
fn padded(jwk: &Value) -> Value {
    let mut jwk = jwk.clone();
    for name in ["n", "e", "x", "y"] {
        if let Some(text) = jwk[name].as_str() {
            let padding = "=".repeat((4 - text.len() % 4) % 4);
            jwk[name] = format!("{text}{padding}").into();
        }
    }
    jwk
}

#[tokio::test]
async fn keys_with_padding_are_keys() {
    let world = World::new().await;
    for alg in ["RS256", "ES256"] {
        world.acme.script(|script| {
            script.signer = Arc::new(Signer::of(alg, "k"));
            let jwk = padded(&script.signer.jwk);
            assert!(jwk.to_string().contains('='), "{jwk}");
            script.jwks = json!({ "keys": [jwk] });
        });
        world.signed_in("acme", &person("ada")).await;
        world.app.advance(3601);
    }
}

#[tokio::test]
async fn members_that_may_be_missing_may_be_null() {
    let world = World::new().await;
    let at = |path: &str| world.acme.at(path);
    let metadata = json!({
        "issuer": world.acme.origin(), "authorization_endpoint": at("/authorize"), "token_endpoint": at("/token"),
        "userinfo_endpoint": at("/userinfo"), "jwks_uri": at("/jwks"),
        "id_token_signing_alg_values_supported": ["ES256", null],
        "token_endpoint_auth_methods_supported": null, "authorization_response_iss_parameter_supported": null,
        "end_session_endpoint": null, "claims_supported": null,
    });
    world.acme.reply(Endpoint::Metadata, Reply::json(200, metadata));
    world.acme.script(|script| {
        let key = Arc::clone(&script.signer);
        script.make_token = Some(Arc::new(move |header, claims| {
            let (mut header, mut claims) = (header.clone(), claims.clone());
            for name in ["kid", "typ"] {
                header[name] = Value::Null;
            }
            // What userinfo says counts then.
            for name in [
                "azp",
                "nbf",
                "at_hash",
                "email",
                "email_verified",
                "name",
                "picture",
            ] {
                claims[name] = Value::Null;
            }
            key.token_of(header.to_string(), claims.to_string())
        }));
    });
    let browser = world.signed_in("acme", &person("ada")).await;
    let user = browser.user().await;
    assert_eq!(
        (&user["email"], &user["email_verified"], &user["name"]),
        (&json!("ada@example.com"), &json!(true), &json!("ada"))
    );
    // Null is what a claim must not be that is checked.
    for required in ["iss", "sub", "aud", "exp", "iat", "nonce"] {
        world.acme.script(|script| {
            let key = Arc::clone(&script.signer);
            script.make_token = Some(Arc::new(move |header, claims| {
                let mut claims = claims.clone();
                claims[required] = Value::Null;
                key.token_of(header.to_string(), claims.to_string())
            }));
        });
        let answer = world.browser().sign_in("acme", &world.acme, &person("ada")).await;
        println!("{required}");
        answer.assert_failed("provider");
    }
}
