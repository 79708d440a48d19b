//! Answers that are not quite what the standard says, and can mean one thing only.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    idp::{Endpoint, Reply},
    keys::Signer,
    presets::{Preset, address, github, octocat},
    support::{App, Log, World, person},
};

async fn seconds_left(app: &App, now: i64) -> Option<i64> {
    let expires: Option<time::OffsetDateTime> = sqlx::query_scalar("SELECT token_expires_at FROM accounts")
        .fetch_one(app.auth().db.read())
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
    let mut browser = world.signed_in("acme", &person("ada")).await;
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

/// So many addresses that do not count, and then the one that does.
fn many(others: usize) -> Value {
    let mut list: Vec<Value> = (0..others)
        .map(|number| address(&format!("{number}@example.com"), false, true))
        .collect();
    list.push(address("octocat@example.com", true, true));
    json!(list)
}

#[tokio::test]
async fn githubs_address_is_found_on_whichever_page_it_is() {
    for (others, email, pages) in [
        (29, json!("octocat@example.com"), 1),
        (99, json!("octocat@example.com"), 1),
        (100, json!("octocat@example.com"), 2),
        (250, json!("octocat@example.com"), 3),
        // Not on and on.
        (2000, Value::Null, 10),
    ] {
        let github = github(many(others)).await;
        assert_eq!(github.user(&octocat(json!({}))).await["email"], email, "{others}");
        assert_eq!(github.idp.count(Endpoint::Emails), pages, "{others}");
        assert_eq!(github.idp.count(Endpoint::Other), 0);
    }
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
    // Refused twice is refused, and to other providers there is no second question.
    let x = Preset::plain("x", &[]).await;
    x.idp.reply(Endpoint::Userinfo, Reply::json(403, json!({})));
    x.sign_in(&x_person()).await.1.assert_failed("provider");
    assert_eq!(x.idp.count(Endpoint::Userinfo), 2);
    let discord = Preset::plain("discord", &[]).await;
    discord.idp.reply(Endpoint::Userinfo, Reply::json(403, json!({})));
    discord
        .sign_in(&json!({ "id": "1" }))
        .await
        .1
        .assert_failed("provider");
    assert_eq!(discord.idp.count(Endpoint::Userinfo), 1);

    // Nobody is told to turn a switch whose scope was not asked for, or that is on.
    let (log, _guard) = Log::capture();
    let without = Preset::plain("x", &[("X_SCOPES", "users.read tweet.read")]).await;
    without.user(&x_person()).await;
    let x = Preset::plain("x", &[]).await;
    x.user(&json!({ "data": { "id": "2", "name": "Ada", "confirmed_email": "ada@example.com" } }))
        .await;
    assert!(!log.text().contains(X_SWITCH));
}
