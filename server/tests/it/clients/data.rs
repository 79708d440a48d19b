//! What clients keep of users.

use auth::{
    Scope,
    clients::Grant,
    limits::{Action, Subject},
};
use http::Method;
use serde_json::{Value, json};

use super::support::{ADA, Client, Tokens, with_token};
use crate::support::{Answer, Call, TestApp};

const WWW: &str = "www-authenticate";

/// A server's client with data of its own.
async fn keeper(app: &TestApp, id: &str) -> Client {
    Client::registered(app, id, |new| {
        new.confidential = true;
        new.scopes = vec![Scope::Profile, Scope::Data];
    })
    .await
}

struct Kept {
    app: TestApp,
    client: Client,
    tokens: Tokens,
}

impl Kept {
    async fn new() -> Self {
        let app = TestApp::new().await;
        let ada = app.registered(ADA).await;
        let client = keeper(&app, "crm").await;
        let tokens = client.tokens(&ada).await;
        Self { app, client, tokens }
    }

    fn call(&self, fields: &[(&str, &str)]) -> Call {
        let mut fields = fields.to_vec();
        fields.push(("client_id", &self.client.id));
        with_token(&self.app, Method::POST, "/user-endpoint", &self.tokens.access).form(&fields)
    }

    async fn public(&self, action: &str, data: &str) -> Answer {
        let fields = [("type", "public"), ("action", action), ("data", data)];
        self.call(&fields).send().await
    }
}

#[tokio::test]
async fn a_client_reads_merges_and_deletes_its_own_data_of_a_user() {
    let kept = Kept::new().await;
    let user_id = kept.app.id_of(ADA).await.to_string();
    let empty = kept.public("get", "").await.expect(200);
    assert_eq!(
        empty.json(),
        json!({ "public": {}, "private": null, "user_id": user_id, "user_identifier": ADA })
    );
    assert_eq!(empty.header("etag"), Some("\"0\""));
    assert_eq!(empty.header("cache-control"), Some("no-store"));
    for (patch, left, version) in [
        (
            json!({ "a": 1, "b": { "c": 2, "d": 3 } }),
            json!({ "a": 1, "b": { "c": 2, "d": 3 } }),
            1,
        ),
        (
            json!({ "a": null, "b": { "c": 4 } }),
            json!({ "b": { "c": 4, "d": 3 } }),
            2,
        ),
    ] {
        let answer = kept.public("update", &patch.to_string()).await.expect(200);
        assert_eq!(answer.json()["public"], left);
        assert_eq!(answer.header("etag"), Some(format!("\"{version}\"").as_str()));
    }
    let deleted = kept.public("delete", "").await.expect(200);
    assert_eq!(
        (&deleted.json()["public"], deleted.header("etag")),
        (&json!({}), Some("\"3\""))
    );
    let typed: Value = kept
        .app
        .auth
        .buckets
        .public_of_client(kept.app.id_of(ADA).await, "crm")
        .await
        .unwrap();
    assert_eq!(typed, json!({}));
}

#[tokio::test]
async fn a_condition_is_kept_and_what_does_not_fit_is_refused() {
    let kept = Kept::new().await;
    kept.public("update", "{\"a\":1}").await.expect(200);
    let update = |condition: &str| {
        let fields = [("type", "public"), ("action", "update"), ("data", "{\"a\":2}")];
        kept.call(&fields).header("if-match", condition)
    };
    update("\"0\"").send().await.refused(412, "version_mismatch");
    update("\"1\"").send().await.expect(200);
    update("*").send().await.expect(200);
    for data in ["", "x", "[]", "1", "null", "\"x\"", "{\"a\":\"\\u0000\"}"] {
        kept.public("update", data).await.refused(422, "invalid_input");
    }
    for (field, value) in [("type", "own"), ("type", ""), ("action", "put"), ("action", "")] {
        let mut fields = vec![("type", "public"), ("action", "get")];
        fields.retain(|(name, _)| *name != field);
        fields.push((field, value));
        kept.call(&fields).send().await.refused(422, "invalid_input");
    }
    // The bucket is too large only once both are in it.
    let half = json!({ "x": "a".repeat(200 * 1024) }).to_string();
    kept.public("update", &half).await.expect(200);
    let other = json!({ "y": "a".repeat(200 * 1024) }).to_string();
    kept.public("update", &other).await.refused(413, "too_large");
    let long = json!({ "y": "a".repeat(301 * 1024) }).to_string();
    kept.public("update", &long).await.refused(413, "too_large");
    let call = kept
        .call(&[])
        .header("content-type", "application/json")
        .body("{}");
    call.send().await.refused(415, "unsupported_type");
    with_token(&kept.app, Method::GET, "/user-endpoint", &kept.tokens.access)
        .send()
        .await
        .refused(405, "method_not_allowed");
}

#[tokio::test]
async fn clients_and_the_application_do_not_see_each_others_data() {
    let kept = Kept::new().await;
    kept.public("update", "{\"display_name\":\"by the client\"}")
        .await
        .expect(200);
    let ada = kept.app.signed_in(ADA).await;
    let own = ada.call("get_public_data", &[]).await.expect(200);
    assert_ne!(own.json()["display_name"], "by the client");
    let other = keeper(&kept.app, "other").await;
    let tokens = other.tokens(&ada).await;
    let fields = [("type", "public"), ("action", "get"), ("client_id", "other")];
    let call = with_token(&kept.app, Method::POST, "/user-endpoint", &tokens.access).form(&fields);
    assert_eq!(call.send().await.expect(200).json()["public"], json!({}));
    // Nor can a token of one name the other, or the application.
    for named in ["crm", "", "nobody"] {
        let fields = [("type", "public"), ("action", "get"), ("client_id", named)];
        let call = with_token(&kept.app, Method::POST, "/user-endpoint", &tokens.access).form(&fields);
        call.send().await.refused(401, "unauthenticated");
    }
}

// wing:private-data
#[tokio::test]
async fn the_private_bucket_needs_the_clients_secret_too_and_is_sealed() {
    let kept = Kept::new().await;
    let secret = kept.client.secret.clone().unwrap();
    let fields = [
        ("type", "private"),
        ("action", "update"),
        ("data", "{\"note\":\"nobody reads this\"}"),
    ];
    let other = keeper(&kept.app, "other").await.secret.unwrap();
    for wrong in [None, Some("x"), Some(&*other), Some(&*format!("{secret}0"))] {
        let call = kept.call(&fields);
        let call = match wrong {
            Some(wrong) => call.header("x-client-secret", wrong),
            None => call,
        };
        let answer = call.send().await;
        assert_eq!(answer.header(WWW), Some("Bearer"));
        answer.refused(401, "unauthenticated");
    }
    let twice = kept
        .call(&fields)
        .header("x-client-secret", &secret)
        .another("x-client-secret", &secret);
    twice.send().await.refused(401, "unauthenticated");
    let answer = kept
        .call(&fields)
        .header("x-client-secret", &secret)
        .send()
        .await
        .expect(200);
    assert_eq!(answer.json()["private"], json!({ "note": "nobody reads this" }));
    assert_eq!(answer.json()["public"], json!({}));
    assert!(!crate::support::contains(&kept.app.disk(), "nobody reads this"));
    let public = kept.public("get", "").await.expect(200);
    assert_eq!(public.json()["private"], Value::Null);
    assert_eq!(public.header("etag"), Some("\"0\""));
    let access = auth::data::SecretAccess::for_server_code("a test");
    let buckets = &kept.app.auth.buckets;
    let typed: Value = buckets
        .private_of_client(kept.app.id_of(ADA).await, "crm", &access)
        .await
        .unwrap();
    assert_eq!(typed, json!({ "note": "nobody reads this" }));
}
// end wing:private-data

#[tokio::test]
async fn whatever_credential_is_wrong_is_401_in_one_form() {
    let kept = Kept::new().await;
    let app = &kept.app;
    let ada = app.signed_in(ADA).await;
    let robot = Client::registered(app, "robot", |new| {
        new.confidential = true;
        new.grants = vec![Grant::ClientCredentials];
        new.scopes = vec![Scope::Data];
    })
    .await;
    let own = Tokens::of(
        &robot
            .token(&[("grant_type", "client_credentials")])
            .await
            .expect(200),
    );
    let fields = [("type", "public"), ("action", "get"), ("client_id", "crm")];
    let mut answers = Vec::new();
    for header in [
        None,
        Some("Bearer x".to_owned()),
        Some(format!("Basic {}", kept.tokens.access)),
        Some(format!("Bearer {}", own.access)),
        Some(format!("Bearer {}", kept.tokens.refresh)),
    ] {
        // Cookies are not looked at.
        let call = ada
            .unhindered()
            .request(Method::POST, "/user-endpoint")
            .form(&fields);
        let answer = match &header {
            Some(header) => call.header("authorization", header).send().await,
            None => call.send().await,
        };
        assert!(answer.cookies().is_empty());
        answers.push(answer.comparable());
    }
    let no_client = with_token(app, Method::POST, "/user-endpoint", &kept.tokens.access);
    answers.push(no_client.form(&fields[..2]).send().await.comparable());
    assert_eq!(answers[0].0, 401);
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
    assert!(answers[0].1.contains(&(WWW.to_owned(), "Bearer".to_owned())));

    // The scope is looked at last.
    let profile = Client::public(app, "profile").await.tokens(&ada).await;
    let fields = [("type", "public"), ("action", "get"), ("client_id", "profile")];
    let call = with_token(app, Method::POST, "/user-endpoint", &profile.access).form(&fields);
    let answer = call.send().await;
    assert_eq!(
        answer.header(WWW),
        Some("Bearer error=\"insufficient_scope\", scope=\"data\"")
    );
    answer.refused(403, "insufficient_scope");
}

#[tokio::test]
async fn failures_are_counted_by_address_and_ended_sessions_are_refused() {
    let kept = Kept::new().await;
    let stranger = kept.app.browser().at("198.51.100.1");
    let fields = [("type", "public"), ("action", "get"), ("client_id", "crm")];
    for _ in 0..20 {
        let call = stranger.request(Method::POST, "/user-endpoint").form(&fields);
        call.send().await.refused(401, "unauthenticated");
    }
    let call = stranger.request(Method::POST, "/user-endpoint").form(&fields);
    call.send().await.refused(429, "too_many_attempts");
    kept.public("get", "").await.expect(200);
    let ada = kept.app.signed_in(ADA).await;
    ada.call("revoke_other_sessions", &[]).await.expect(200);
    kept.public("get", "").await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn who_sends_it_is_asked_before_what_it_is() {
    let kept = Kept::new().await;
    let stranger = kept.app.browser().unhindered();
    for (kind, body) in [
        ("application/json", "{}".to_owned()),
        ("application/x-www-form-urlencoded", "a=1&a=2".to_owned()),
        ("application/x-www-form-urlencoded", "a".repeat(301 * 1024)),
        ("", String::new()),
    ] {
        for token in [None, Some("Bearer x")] {
            let call = stranger.request(Method::POST, "/user-endpoint");
            let call = match token {
                Some(token) => call.header("authorization", token),
                None => call,
            };
            let answer = call.header("content-type", kind).body(body.clone()).send().await;
            assert_eq!(answer.header(WWW), Some("Bearer"), "{kind}");
            answer.refused(401, "unauthenticated");
        }
    }
}

#[tokio::test]
async fn one_user_of_a_client_does_not_shut_out_another() {
    let kept = Kept::new().await;
    let bob = kept.app.registered("bob@example.com").await;
    let of_bob = kept.client.tokens(&bob).await;
    let ada = Subject::ClientUser("crm".to_owned(), kept.app.id_of(ADA).await);
    for _ in 0..599 {
        let limits = &kept.app.auth.limits;
        limits.take(Action::ClientDataUser, ada.clone()).unwrap();
    }
    kept.public("get", "").await.expect(200);
    kept.public("get", "").await.refused(429, "too_many_attempts");
    let fields = [("type", "public"), ("action", "get"), ("client_id", "crm")];
    let call = with_token(&kept.app, Method::POST, "/user-endpoint", &of_bob.access).form(&fields);
    call.send().await.expect(200);
}

#[tokio::test]
async fn a_client_that_is_removed_while_it_writes_leaves_nothing() {
    for _ in 0..5 {
        let kept = Kept::new().await;
        let registry = super::support::registry(&kept.app).await;
        let fields = [("type", "public"), ("action", "update"), ("data", "{\"a\":1}")];
        let writing: Vec<_> = (0..6).map(|_| kept.call(&fields).send()).collect();
        let (_, removed) = tokio::join!(crate::support::all_at_once(writing), registry.remove("crm"));
        removed.unwrap();
        let left = [("clients", 0), ("user_data", 0)];
        kept.app.assert_counts(&left).await;
    }
}
