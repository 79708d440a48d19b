//! What all endpoints for clients have in common: forms, authentication, errors, limits.

use auth::clients::Grant;
use base64::{Engine, prelude::BASE64_STANDARD};
use http::Method;

use super::support::{ADA, Client, refused, registry};
use crate::support::TestApp;

const ENDPOINTS: [&str; 4] = [
    "/oauth/token",
    "/oauth/device_authorization",
    "/oauth/revoke",
    "/oauth/introspect",
];

async fn robot(app: &TestApp) -> Client {
    Client::registered(app, "robot", |new| {
        new.confidential = true;
        new.may_introspect = true;
        new.grants = vec![Grant::ClientCredentials, Grant::AuthorizationCode];
    })
    .await
}

const ITSELF: [(&str, &str); 1] = [("grant_type", "client_credentials")];

fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{id}:{secret}")))
}

#[tokio::test]
async fn a_request_is_a_form_of_a_few_kilobytes_in_which_nothing_occurs_twice() {
    let app = TestApp::new().await;
    let client = Client::public(&app, "cli").await;
    for endpoint in ENDPOINTS {
        let call = || client.call(endpoint, &[("token", "x"), ("grant_type", "refresh_token")]);
        for kind in [
            "application/json",
            "text/plain",
            "multipart/form-data; boundary=x",
            "",
        ] {
            let answer = call().header("content-type", kind).send().await;
            refused(answer, 400, "invalid_request");
        }
        for body in [
            "client_id=cli&client_id=cli",
            "client_id=cli&a=%FF",
            "client_id=cli&x=1&x=2",
        ] {
            let answer = call().body(body).send().await;
            refused(answer, 400, "invalid_request");
        }
        let long = format!("client_id=cli&x={}", "a".repeat(8 * 1024));
        refused(call().body(long).send().await, 413, "invalid_request");
        // An odd case and a parameter of the type are fine; unknown and empty parameters are ignored.
        let answer = call()
            .header("content-type", "Application/X-WWW-Form-Urlencoded; charset=UTF-8")
            .body("client_id=cli&unknown=1&scope=&resource=&token=&grant_type=")
            .send()
            .await;
        let json = answer.json();
        assert!(
            json["error"] == "unauthorized_client"
                || answer.status == 200
                || json["error_description"].as_str().unwrap().contains("missing"),
            "{endpoint}: {json}"
        );
        for method in [Method::GET, Method::PUT, Method::OPTIONS, Method::HEAD] {
            let answer = app.browser().request(method.clone(), endpoint).send().await;
            assert_eq!(answer.status, 405, "{method} {endpoint}");
            assert_eq!(answer.header("allow"), Some("POST"));
            if method != Method::HEAD {
                refused(answer, 405, "invalid_request");
            }
        }
    }
}

#[tokio::test]
async fn cookies_and_origins_do_not_count() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let client = robot(&app).await;
    let call = client
        .call("/oauth/token", &ITSELF)
        .header("cookie", &ada.cookie_header().unwrap())
        .header("origin", "https://elsewhere.example")
        .header("sec-fetch-site", "cross-site");
    let answer = call.send().await.expect(200);
    assert!(answer.cookies().is_empty());
    assert_eq!(answer.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn a_client_proves_itself_in_the_way_it_is_registered_for() {
    let app = TestApp::new().await;
    let client = robot(&app).await;
    let secret = client.secret.clone().unwrap();
    client.token(&ITSELF).await.expect(200);
    let by_basic = |header: &str, fields: &[(&str, &str)]| {
        client
            .bare("/oauth/token", &[&ITSELF, fields].concat())
            .header("authorization", header)
    };
    let right = basic("robot", &secret);
    by_basic(&right, &[]).send().await.expect(200);
    by_basic(&right.replace("Basic", "bAsIc"), &[("client_id", "robot")])
        .send()
        .await
        .expect(200);
    for fields in [
        &[("client_secret", secret.as_str())][..],
        &[("client_id", "other")],
        &[("client_id", "robot"), ("client_secret", &secret)],
    ] {
        refused(by_basic(&right, fields).send().await, 400, "invalid_request");
    }
    let public = Client::public(&app, "cli").await;
    let other_secret = format!("sas_{}", "0".repeat(72));
    let wrong = [
        client.with_secret(None).call("/oauth/token", &ITSELF),
        client.with_secret(Some("x")).call("/oauth/token", &ITSELF),
        client
            .with_secret(Some(&other_secret))
            .call("/oauth/token", &ITSELF),
        public.with_secret(Some(&secret)).call("/oauth/token", &ITSELF),
        client.bare("/oauth/token", &ITSELF),
        client.bare(
            "/oauth/token",
            &[&ITSELF[..], &[("client_id", "nobody")]].concat(),
        ),
        client.bare(
            "/oauth/token",
            &[&ITSELF[..], &[("client_id", "dev-app")]].concat(),
        ),
        by_basic(&basic("robot", "x"), &[]),
        by_basic(&basic("cli", ""), &[]),
        by_basic("Basic x", &[]),
        by_basic("Bearer x", &[]),
    ];
    let mut bodies = Vec::new();
    for call in wrong {
        let answer = refused(call.send().await, 401, "invalid_client");
        assert_eq!(answer.header("www-authenticate"), Some("Basic realm=\"oauth\""));
        bodies.push(answer.text());
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");
}

#[tokio::test]
async fn two_secrets_are_good_while_one_is_replaced() {
    let app = TestApp::new().await;
    let client = robot(&app).await;
    let registry = registry(&app).await;
    let rotated = |added: auth::clients::Added| {
        let secret = added.client_secret.unwrap();
        client.with_secret(Some(secrecy::ExposeSecret::expose_secret(&secret)))
    };
    let second = rotated(registry.rotate("robot", false).await.unwrap());
    for client in [&client, &second] {
        client.token(&ITSELF).await.expect(200);
    }
    app.advance(24 * 3600);
    refused(client.token(&ITSELF).await, 401, "invalid_client");
    let third = rotated(registry.rotate("robot", true).await.unwrap());
    refused(second.token(&ITSELF).await, 401, "invalid_client");
    third.token(&ITSELF).await.expect(200);
    Client::public(&app, "cli").await;
    assert!(registry.rotate("cli", false).await.is_err());
    assert!(registry.rotate("nobody", false).await.is_err());
}

#[tokio::test]
async fn a_grant_must_exist_and_be_registered() {
    let app = TestApp::new().await;
    let client = Client::registered(&app, "web", |new| new.grants.clear()).await;
    for (grant, code) in [
        ("", "invalid_request"),
        ("password", "unsupported_grant_type"),
        ("implicit", "unsupported_grant_type"),
        ("Authorization_Code", "unsupported_grant_type"),
        ("client_credentials", "unauthorized_client"),
        (super::support::DEVICE_GRANT, "unauthorized_client"),
        ("refresh_token", "invalid_request"),
        ("authorization_code", "invalid_request"),
    ] {
        refused(client.token(&[("grant_type", grant)]).await, 400, code);
    }
}

#[tokio::test]
async fn failures_are_limited_and_successes_are_not_refused_for_them() {
    let app = TestApp::new().await;
    let client = robot(&app).await;
    let wrong = client.with_secret(Some("x"));
    for _ in 0..20 {
        refused(wrong.token(&ITSELF).await, 401, "invalid_client");
    }
    let answer = refused(wrong.token(&ITSELF).await, 429, "temporarily_unavailable");
    assert!(answer.wait() > 0);
    client.token(&ITSELF).await.expect(200);

    let at_one = Client::public(&app, "cli").await.at("198.51.100.1");
    for _ in 0..10 {
        refused(
            at_one.bare("/oauth/token", &[]).send().await,
            401,
            "invalid_client",
        );
    }
    refused(
        at_one.bare("/oauth/token", &[]).send().await,
        429,
        "temporarily_unavailable",
    );
    refused(
        at_one.token(&[("grant_type", "x")]).await,
        400,
        "unsupported_grant_type",
    );
    client.at("198.51.100.1").token(&ITSELF).await.expect(200);
}

#[tokio::test]
async fn public_clients_are_limited_by_address_and_others_by_themselves() {
    let app = TestApp::new().await;
    let public = Client::public(&app, "cli").await.at("198.51.100.1");
    let robot = robot(&app).await.at("198.51.100.1");
    for _ in 0..60 {
        refused(public.refresh("x").await, 400, "invalid_grant");
    }
    refused(public.refresh("x").await, 429, "temporarily_unavailable");
    for _ in 0..100 {
        robot.token(&ITSELF).await.expect(200);
    }
    // Polls have rules of their own.
    let tv = Client::public(&app, "tv").await.at("198.51.100.2");
    let (device, _) = tv.device(&[]).await;
    for _ in 0..80 {
        let answer = tv.poll(&device).await.expect(400);
        assert!(["authorization_pending", "slow_down"].contains(&answer.json()["error"].as_str().unwrap()));
    }
    refused(tv.refresh("x").await, 400, "invalid_grant");
}
