//! Revocation, introspection, and what operators do to clients.

use auth::{Scope, clients::Grant};
use http::Method;
use serde_json::{Value, json};

use super::support::{ADA, Client, Tokens, call_with, recognised, refused, registry, with_token};
use crate::support::{Browser, TestApp};

async fn inspector(app: &TestApp) -> Client {
    Client::registered(app, "inspector", |new| {
        new.confidential = true;
        new.may_introspect = true;
        new.grants = vec![Grant::ClientCredentials];
    })
    .await
}

async fn revoke(client: &Client, token: &str) -> crate::support::Answer {
    let answer = client.call("/oauth/revoke", &[("token", token)]).send().await;
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    answer
}

#[tokio::test]
async fn a_client_takes_its_tokens_back_everywhere_at_once() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let client = Client::public(&app, "cli").await;
    for which in 0..3 {
        let first = client.tokens(&ada).await;
        let next = Tokens::of(&client.refresh(&first.refresh).await.expect(200));
        let token = [&next.access, &next.refresh, &first.refresh][which];
        let answer = revoke(&client, token).await.expect(200);
        assert!(answer.body.is_empty());
        refused(client.refresh(&next.refresh).await, 400, "invalid_grant");
        call_with(&app, &next.access, "get_auth_session", &[])
            .await
            .refused(401, "unauthenticated");
    }
    assert!(ada.is_signed_in().await);
    app.assert_counts(&[("sessions", 1)]).await;
}

#[tokio::test]
async fn whatever_else_is_taken_back_is_200_and_changes_nothing() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let (client, other) = (
        Client::public(&app, "cli").await,
        Client::public(&app, "other").await,
    );
    let tokens = client.tokens(&ada).await;
    let invented = format!("{}{}", &tokens.refresh[..4 + 32], "0".repeat(80));
    for (by, token) in [
        (&other, tokens.refresh.as_str()),
        (&other, &tokens.access),
        (&client, &invented),
        (&client, "x"),
        (&client, &ada.cookie("auth").unwrap()),
    ] {
        revoke(by, token).await.expect(200);
    }
    refused(revoke(&client, "").await, 400, "invalid_request");
    client.refresh(&tokens.refresh).await.expect(200);
    let robot = inspector(&app).await;
    let own = robot.token(&[("grant_type", "client_credentials")]).await;
    let own = Tokens::of(&own.expect(200)).access;
    revoke(&robot, &own).await.expect(200);
    with_token(&app, Method::GET, "/protected", &own)
        .send()
        .await
        .expect(200);
}

#[tokio::test]
async fn only_some_clients_may_ask_about_tokens() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let client = Client::public(&app, "cli").await;
    let tokens = client.tokens(&ada).await;
    let ask = async |by: &Client| {
        by.call("/oauth/introspect", &[("token", &tokens.access)])
            .send()
            .await
    };
    refused(ask(&client).await, 403, "unauthorized_client");
    let inspector = inspector(&app).await;
    refused(
        ask(&inspector.with_secret(Some("x"))).await,
        401,
        "invalid_client",
    );
    ask(&inspector).await.expect(200);
    refused(
        inspector.call("/oauth/introspect", &[]).send().await,
        400,
        "invalid_request",
    );
    let at_one = client.at("198.51.100.1");
    for _ in 0..20 {
        refused(ask(&at_one).await, 403, "unauthorized_client");
    }
    refused(ask(&at_one).await, 429, "temporarily_unavailable");
}

#[tokio::test]
async fn a_resource_server_is_told_what_a_token_is_worth_at_this_moment() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let user = ada.user().await;
    let inspector = inspector(&app).await;
    let client = Client::registered(&app, "web", |new| {
        new.first_party = true;
        new.scopes = vec![Scope::Profile, Scope::App];
        new.resources = vec!["https://api.example".to_owned()];
    })
    .await;
    let tokens = client.tokens(&ada).await;
    let now = app.clock.unix();
    let access = inspector.introspect(&tokens.access).await;
    let session = call_with(&app, &tokens.access, "get_auth_session", &[])
        .await
        .json();
    assert_eq!(
        access,
        json!({
            "active": true, "token_type": "Bearer", "scope": "profile app", "client_id": "web", "sub": user["id"],
            "username": ADA, "exp": now + 300, "iat": now, "iss": "https://app.example", "sid": session["session_id"],
        })
    );
    let refresh = inspector.introspect(&tokens.refresh).await;
    assert_eq!(refresh["exp"], now + 1_209_600);
    let asked = [("resource", "https://api.example"), ("scope", "profile")];
    let jwt = Tokens::of(&client.refresh_asking(&tokens.refresh, &asked).await.expect(200));
    let shown = inspector.introspect(&jwt.access).await;
    assert_eq!(
        (&shown["aud"], &shown["scope"]),
        (&json!("https://api.example"), &json!("profile"))
    );
    let own = inspector.token(&[("grant_type", "client_credentials")]).await;
    let own = inspector.introspect(&Tokens::of(&own.expect(200)).access).await;
    assert_eq!((&own["sub"], &own["sid"]), (&json!("inspector"), &Value::Null));

    let inactive = json!({ "active": false });
    for token in [
        "x",
        "sak_",
        "sar_",
        &ada.cookie("auth").unwrap(),
        &ada.cookie("id").unwrap(),
    ] {
        assert_eq!(inspector.introspect(token).await, inactive, "{token}");
    }
    // A look at a token that was replaced long ago ends nothing, and shows nothing.
    let next = Tokens::of(&client.refresh(&jwt.refresh).await.expect(200));
    assert_eq!(inspector.introspect(&tokens.refresh).await, inactive);
    assert_eq!(inspector.introspect(&next.refresh).await["active"], true);
    ada.call("revoke_other_sessions", &[]).await.expect(200);
    for token in [&next.access, &next.refresh, &jwt.access] {
        assert_eq!(inspector.introspect(token).await, inactive);
    }
}

#[tokio::test]
async fn a_revoked_client_gets_nothing_and_all_that_it_had_is_void() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let client = Client::registered(&app, "web", |new| {
        new.confidential = true;
        new.grants.push(Grant::ClientCredentials);
    })
    .await;
    let (tokens, code) = (client.tokens(&ada).await, client.code(&ada).await);
    let own = client.token(&[("grant_type", "client_credentials")]).await;
    let own = Tokens::of(&own.expect(200)).access;
    let other = app.restarted(&[]).await;
    let registry = registry(&app).await;
    assert_eq!(registry.revoke("web").await.unwrap(), 1);
    refused(client.refresh(&tokens.refresh).await, 401, "invalid_client");
    refused(client.exchange(&code).await, 401, "invalid_client");
    for (method, token) in [("get_auth_session", &tokens.access), ("get_user", &own)] {
        for app in [&app, &other] {
            crate::support::until(|| app.auth.sessions.status().marks >= 2).await;
            call_with(app, token, method, &[])
                .await
                .refused(401, "unauthenticated");
        }
    }
    assert_eq!(
        ada.call("list_own_events", &[]).await.json()[0]["kind"],
        "client_revoked"
    );
    assert!(ada.is_signed_in().await);
}

#[tokio::test]
async fn a_removed_client_leaves_no_data_to_another_of_its_name() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let client = Client::public(&app, "web").await;
    client.tokens(&ada).await;
    ada.call("update_public_data", &[("display_name", "Ada L.")])
        .await
        .expect(200);
    app.sql(
        "INSERT INTO user_data (user_id, client_id, bucket, data, version, updated_at)
         SELECT user_id, 'web', bucket, data, version, updated_at FROM user_data",
    )
    .await;
    registry(&app).await.remove("web").await.unwrap();
    app.assert_counts(&[("sessions", 1), ("clients", 0), ("user_data", 1)])
        .await;
    assert_eq!(
        ada.call("get_public_data", &[]).await.json()["display_name"],
        "Ada L."
    );
    assert!(registry(&app).await.remove("web").await.is_err());
    Client::public(&app, "web").await;
}

#[tokio::test]
async fn a_clients_own_tokens_are_dead_once_they_are_voided_or_the_client_is_another() {
    let app = TestApp::new().await;
    let inspector = inspector(&app).await;
    let add = async || {
        Client::registered(&app, "robot", |new| {
            new.confidential = true;
            new.grants = vec![Grant::ClientCredentials];
            new.resources = vec!["https://api.example".to_owned()];
        })
        .await
    };
    let both = async |robot: &Client| {
        let mut tokens = Vec::new();
        for fields in [
            &[("grant_type", "client_credentials")][..],
            &[
                ("grant_type", "client_credentials"),
                ("resource", "https://api.example"),
            ],
        ] {
            tokens.push(Tokens::of(&robot.token(fields).await.expect(200)).access);
        }
        tokens
    };
    let are_active = async |tokens: &[String]| {
        let mut active = Vec::new();
        for token in tokens {
            active.push(inspector.introspect(token).await["active"] == true);
        }
        active
    };
    let tokens = both(&add().await).await;
    assert_eq!(are_active(&tokens).await, [true; 2]);
    registry(&app).await.rotate("robot", true).await.unwrap();
    assert_eq!(are_active(&tokens).await, [false; 2]);
    registry(&app).await.remove("robot").await.unwrap();
    let tokens = both(&add().await).await;
    registry(&app).await.remove("robot").await.unwrap();
    add().await;
    assert_eq!(are_active(&tokens).await, [false; 2]);
}

/// What a browser has granted a client that has not collected it yet.
struct Granted {
    code: String,
    device: String,
}

impl Granted {
    async fn by(user: &Browser, client: &Client) -> Self {
        let (device, user_code) = client.device(&[]).await;
        let clients = &user.app().auth.clients;
        clients
            .decide_device(&recognised(user).await, &user_code, true)
            .await
            .unwrap();
        let code = client.code(user).await;
        Self { code, device }
    }

    async fn is_taken_back(&self, client: &Client) {
        refused(client.exchange(&self.code).await, 400, "invalid_grant");
        refused(client.poll(&self.device).await, 400, "invalid_grant");
    }

    async fn is_there(&self, client: &Client) {
        client.exchange(&self.code).await.expect(200);
        client.poll(&self.device).await.expect(200);
    }
}

#[tokio::test]
async fn what_was_granted_in_a_session_ends_with_it_and_with_no_other() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let client = Client::public(&app, "cli").await;
    let here = Granted::by(&ada, &client).await;

    let stolen = app.signed_in(ADA).await;
    let there = Granted::by(&stolen, &client).await;
    let id = stolen.session_id().await;
    ada.call("revoke_session", &[("session_id", &id)])
        .await
        .expect(200);
    there.is_taken_back(&client).await;

    let shared = app.signed_in(ADA).await;
    let there = Granted::by(&shared, &client).await;
    shared.call("logout", &[]).await.expect(200);
    there.is_taken_back(&client).await;

    // Another sign-in in the same browser ends the session before it.
    let again = app.signed_in(ADA).await;
    let there = Granted::by(&again, &client).await;
    again.login(ADA, crate::support::PASSWORD).await.expect(200);
    there.is_taken_back(&client).await;

    here.is_there(&client).await;
    assert!(ada.is_signed_in().await);
}

#[tokio::test]
async fn what_was_granted_in_a_session_is_not_collected_after_its_end_by_itself() {
    let app = TestApp::with(&[("SESSION_IDLE", "20")]).await;
    let ada = app.registered(ADA).await;
    let client = Client::public(&app, "cli").await;
    for sweeps in [false, true] {
        let browser = app.signed_in(ADA).await;
        let granted = Granted::by(&browser, &client).await;
        app.advance(20);
        if sweeps {
            app.auth.sweep().await.unwrap();
        }
        granted.is_taken_back(&client).await;
    }
    drop(ada);
}

#[tokio::test]
async fn a_revocation_that_could_not_be_stored_takes_nothing_away() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let client = Client::public(&app, "cli").await;
    let tokens = client.tokens(&ada).await;
    // Marks are in memory before their transaction is committed, which this one is not.
    let mut tx = app.auth.db.begin().await.unwrap();
    let user_id = app.id_of(ADA).await;
    app.auth.delete_user(&mut tx, user_id).await.unwrap();
    drop(tx);
    let next = Tokens::of(&client.refresh(&tokens.refresh).await.expect(200));
    for token in [&tokens.access, &next.access] {
        call_with(&app, token, "get_auth_session", &[]).await.expect(200);
        with_token(&app, Method::GET, "/protected", token)
            .send()
            .await
            .expect(200);
    }
    let inspector = inspector(&app).await;
    assert_eq!(inspector.introspect(&next.access).await["active"], true);
}

#[tokio::test]
async fn a_grant_and_the_end_of_its_session_at_the_same_time_leave_nothing_to_collect() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let client = Client::public(&app, "cli").await;
    for _ in 0..15 {
        let other = app.signed_in(ADA).await;
        let id = other.session_id().await;
        let request = recognised(&other).await;
        let authorization = client.authorization(&app).await;
        let fields = [("session_id", id.as_str())];
        let (granted, ended) = tokio::join!(
            app.auth.clients.allow(&request, &authorization),
            ada.call("revoke_session", &fields),
        );
        ended.expect(200);
        if let Ok(leads_to) = granted {
            let code = super::support::parameter(&leads_to, "code").unwrap();
            refused(client.exchange(&code).await, 400, "invalid_grant");
        }
    }
}

#[tokio::test]
async fn all_that_takes_grants_back_can_happen_at_once() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    for round in 0..15 {
        let id = format!("cli{round}");
        let client = Client::public(&app, &id).await;
        let other = app.signed_in(ADA).await;
        for _ in 0..12 {
            client.code(&other).await;
        }
        app.advance(60);
        let registry = registry(&app).await;
        let (revoked, others_ended, signed_out) = tokio::join!(
            registry.revoke(&id),
            ada.call("revoke_other_sessions", &[]),
            other.call("logout", &[]),
        );
        revoked.unwrap();
        others_ended.expect(200);
        signed_out.expect(200);
        app.assert_counts(&[("authorization_codes", 0)]).await;
    }
}

#[tokio::test]
async fn secrets_that_were_rotated_out_are_swept_and_a_revoked_client_gets_no_other() {
    let app = TestApp::new().await;
    let registry = registry(&app).await;
    let client = inspector(&app).await;
    registry.rotate("inspector", false).await.unwrap();
    app.advance(24 * 3600 - 1);
    app.auth.sweep().await.unwrap();
    app.assert_counts(&[("client_secrets", 2)]).await;
    app.advance(1);
    app.auth.sweep().await.unwrap();
    app.assert_counts(&[("client_secrets", 1)]).await;
    registry.revoke("inspector").await.unwrap();
    let refusal = registry.rotate("inspector", false).await.unwrap_err();
    assert_eq!(refusal.to_string(), "inspector has been revoked");
    refused(
        client.token(&[("grant_type", "client_credentials")]).await,
        401,
        "invalid_client",
    );
}
