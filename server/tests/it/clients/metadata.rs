//! What clients and resource servers look up, and the tokens for those servers.

use auth::{Scope, clients::Grant};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use http::Method;
use p256::ecdsa::{Signature, VerifyingKey, signature::Verifier};
use serde_json::{Value, json};

use super::support::{ADA, Client, Tokens, call_with, refused};
use crate::support::{NEW_SECRET, SECRET, TestApp};

const API: &str = "https://api.example";

async fn get(app: &TestApp, path: &str) -> crate::support::Answer {
    app.browser().request(Method::GET, path).send().await
}

#[tokio::test]
async fn the_metadata_names_every_endpoint_and_what_it_takes() {
    let app = TestApp::new().await;
    let answer = get(&app, "/.well-known/oauth-authorization-server")
        .await
        .expect(200);
    assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
    let methods = json!(["none", "client_secret_basic", "client_secret_post"]);
    assert_eq!(
        answer.json(),
        json!({
            "issuer": "https://app.example",
            "authorization_endpoint": "https://app.example/oauth/authorize",
            "token_endpoint": "https://app.example/oauth/token",
            "device_authorization_endpoint": "https://app.example/oauth/device_authorization",
            "revocation_endpoint": "https://app.example/oauth/revoke",
            "introspection_endpoint": "https://app.example/oauth/introspect",
            "jwks_uri": "https://app.example/.well-known/jwks.json",
            "response_types_supported": ["code"],
            "grant_types_supported": [
                "authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code",
                "client_credentials",
            ],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": methods,
            "revocation_endpoint_auth_methods_supported": methods,
            "introspection_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "scopes_supported": ["profile", "data", "app"],
            "authorization_response_iss_parameter_supported": true,
        })
    );
    for path in [
        "/.well-known/oauth-authorization-server",
        "/.well-known/jwks.json",
    ] {
        let answer = get(&app, path).await.expect(200);
        let etag = answer.header("etag").unwrap();
        let call = app.browser().request(Method::GET, path);
        let again = call.header("if-none-match", etag).send().await.expect(304);
        assert_eq!(again.header("cache-control"), Some("public, max-age=300"));
        app.browser().request(Method::POST, path).send().await.expect(405);
    }
}

/// The claims of a token, if one of the published keys has signed it.
fn verified(token: &str, keys: &Value) -> Option<(Value, Value)> {
    let decode = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (header, claims) = signed.split_once('.').unwrap();
    let header: Value = serde_json::from_slice(&decode(header)).unwrap();
    let key = keys["keys"]
        .as_array()
        .unwrap()
        .iter()
        .find(|key| key["kid"] == header["kid"])?;
    let point = [
        vec![4],
        decode(key["x"].as_str().unwrap()),
        decode(key["y"].as_str().unwrap()),
    ]
    .concat();
    let key = VerifyingKey::from_sec1_bytes(&point).unwrap();
    let signature = Signature::from_slice(&decode(signature)).unwrap();
    key.verify(signed.as_bytes(), &signature).ok()?;
    Some((header, serde_json::from_slice(&decode(claims)).unwrap()))
}

async fn with_resource(app: &TestApp) -> Client {
    Client::registered(app, "web", |new| {
        new.resources = vec![API.to_owned(), "https://other.example/".to_owned()];
    })
    .await
}

#[tokio::test]
async fn a_token_for_a_resource_server_is_a_jwt_that_its_library_verifies() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let client = with_resource(&app).await;
    let code = client.code_for(&ada, &[("resource", API)]).await;
    let answer = client.exchange(&code).await.expect(200);
    assert_eq!(answer.json()["expires_in"], 300);
    let tokens = Tokens::of(&answer);
    let keys = get(&app, "/.well-known/jwks.json").await.json();
    let (header, claims) = verified(&tokens.access, &keys).unwrap();
    assert_eq!(
        (&header["alg"], &header["typ"]),
        (&json!("ES256"), &json!("at+jwt"))
    );
    let user = ada.user().await;
    let now = app.clock.unix();
    for (name, value) in [
        ("iss", json!("https://app.example")),
        ("sub", user["id"].clone()),
        ("aud", json!(API)),
        ("client_id", json!("web")),
        ("scope", json!("profile")),
        ("iat", json!(now)),
        ("exp", json!(now + 300)),
    ] {
        assert_eq!(claims[name], value, "{name}");
    }
    assert!(claims["jti"].is_string() && claims["sid"].is_string());
    assert_eq!(claims.as_object().unwrap().len(), 9, "{claims}");
    // It opens nothing here.
    call_with(&app, &tokens.access, "get_auth_session", &[])
        .await
        .refused(401, "unauthenticated");

    // A grant that is bound to a resource gives tokens for no other.
    let refresh =
        async |token: &str, resource: &str| client.refresh_asking(token, &[("resource", resource)]).await;
    refused(
        refresh(&tokens.refresh, "https://other.example/").await,
        400,
        "invalid_target",
    );
    let next = Tokens::of(&refresh(&tokens.refresh, API).await.expect(200));
    let next = Tokens::of(&client.refresh(&next.refresh).await.expect(200));
    assert_eq!(verified(&next.access, &keys).unwrap().1["aud"], API);
}

#[tokio::test]
async fn a_grant_without_a_resource_may_have_a_token_for_one() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let client = with_resource(&app).await;
    let tokens = client.tokens(&ada).await;
    let keys = get(&app, "/.well-known/jwks.json").await.json();
    let fields = |token| {
        [
            ("grant_type", "refresh_token"),
            ("refresh_token", token),
            ("resource", API),
        ]
    };
    let jwt = Tokens::of(&client.token(&fields(tokens.refresh.as_str())).await.expect(200));
    assert!(verified(&jwt.access, &keys).is_some());
    let own = Tokens::of(&client.refresh(&jwt.refresh).await.expect(200));
    call_with(&app, &own.access, "get_auth_session", &[])
        .await
        .expect(200);
    let mut unknown = fields(own.refresh.as_str());
    unknown[2].1 = "https://unknown.example";
    refused(client.token(&unknown).await, 400, "invalid_target");
    client.refresh(&own.refresh).await.expect(200);
    let robot = Client::registered(&app, "robot", |new| {
        new.confidential = true;
        new.grants = vec![Grant::ClientCredentials];
        new.scopes = vec![Scope::Data];
        new.resources = vec![API.to_owned()];
    })
    .await;
    let fields = [("grant_type", "client_credentials"), ("resource", API)];
    let jwt = Tokens::of(&robot.token(&fields).await.expect(200)).access;
    let (_, claims) = verified(&jwt, &keys).unwrap();
    assert_eq!((&claims["sub"], &claims["sid"]), (&json!("robot"), &Value::Null));
}

#[tokio::test]
async fn keys_are_rotated_by_publishing_the_next_one_first() {
    let app = TestApp::new().await;
    let kids = async |app: &TestApp| {
        let keys = get(app, "/.well-known/jwks.json").await.json();
        let keys = keys["keys"].as_array().unwrap().clone();
        keys.iter()
            .map(|key| key["kid"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let before = kids(&app).await;
    assert_eq!(before, [app.auth.clients.signing_key()]);
    let published = app
        .restarted(&[("SESSION_SECRET", &format!("{SECRET},{NEW_SECRET}"))])
        .await;
    let rotated = app
        .restarted(&[("SESSION_SECRET", &format!("{NEW_SECRET},{SECRET}"))])
        .await;
    let (first, second) = (kids(&published).await, kids(&rotated).await);
    assert_eq!((first.len(), &first[0]), (2, &before[0]));
    assert_eq!(second, [first[1].clone(), first[0].clone()]);
    assert_eq!(rotated.auth.clients.signing_key(), first[1]);
}
