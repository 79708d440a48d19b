//! The authorization code grant at the token endpoint.

use super::support::{ADA, CHALLENGE, Client, REDIRECT, Tokens, VERIFIER, call_with, refused};
use crate::support::{TestApp, all_at_once};

#[tokio::test]
async fn a_code_becomes_tokens_of_a_session_of_its_own() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let client = Client::registered(&app, "web", |new| {
        new.first_party = true;
        new.scopes = auth::Scope::ALL.to_vec();
    })
    .await;
    let code = client.code(&ada).await;
    let answer = client.exchange(&code).await.expect(200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("pragma"), Some("no-cache"));
    assert!(answer.cookies().is_empty());
    let json = answer.json();
    assert_eq!(json["token_type"], "Bearer");
    assert_eq!(json["expires_in"], 300);
    assert_eq!(json["scope"], "profile data app");
    assert_eq!(json.as_object().unwrap().len(), 5, "{json}");

    let tokens = Tokens::of(&answer);
    let session = call_with(&app, &tokens.access, "get_auth_session", &[]).await;
    let session = session.expect(200).json();
    assert_eq!(session["email"], ADA);
    assert_ne!(session["session_id"], ada.session().await["session_id"]);
    assert_eq!(
        app.text("SELECT method FROM sessions WHERE kind = 'api'").await,
        "client"
    );
    // Neither a code nor a token is stored.
    for secret in [&code, &tokens.access, &tokens.refresh] {
        assert!(!crate::support::contains(&app.disk(), secret));
    }
}

#[tokio::test]
async fn a_code_is_good_once_and_ends_its_session_when_it_comes_again() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let client = Client::public(&app, "web").await;
    let code = client.code(&ada).await;
    let tokens = Tokens::of(&client.exchange(&code).await.expect(200));
    // Whatever else is wrong with the request.
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
        ("scope", "app"),
    ];
    refused(client.token(&fields).await, 400, "invalid_grant");
    refused(client.refresh(&tokens.refresh).await, 400, "invalid_grant");
    call_with(&app, &tokens.access, "get_auth_session", &[])
        .await
        .refused(401, "unauthenticated");
    assert!(ada.is_signed_in().await);
    assert_eq!(
        app.number("SELECT count(*) FROM audit_events WHERE kind = 'token_reuse'")
            .await,
        1
    );
}

#[tokio::test]
async fn a_spent_code_without_its_verifier_ends_nothing() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let client = Client::public(&app, "web").await;
    let code = client.code(&ada).await;
    let tokens = Tokens::of(&client.exchange(&code).await.expect(200));
    // Anyone who has seen the code can say that they are the client, which has no secret.
    let verifier = VERIFIER.replace('d', "e");
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", REDIRECT),
        ("code_verifier", verifier.as_str()),
    ];
    refused(client.token(&fields).await, 400, "invalid_grant");
    call_with(&app, &tokens.access, "get_auth_session", &[])
        .await
        .expect(200);
    client.refresh(&tokens.refresh).await.expect(200);
}

#[tokio::test]
async fn of_many_exchanges_at_once_one_succeeds() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let client = Client::public(&app, "web").await;
    let code = client.code(&ada).await;
    let exchanges = (0..10).map(|_| {
        let (client, code) = (client.clone(), code.clone());
        async move { client.exchange(&code).await.status }
    });
    let mut statuses = all_at_once(exchanges).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [vec![200], vec![400; 9]].concat());
    // What the others presented was a spent code, so what the one got is over.
    app.assert_counts(&[("sessions", 1)]).await;
}

#[tokio::test]
async fn a_code_belongs_to_its_client_its_redirect_and_its_verifier() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let client = Client::public(&app, "web").await;
    let other = Client::public(&app, "other").await;
    let fields = |code: &str, redirect: &str, verifier: &str| {
        [
            ("grant_type", "authorization_code".to_owned()),
            ("code", code.to_owned()),
            ("redirect_uri", redirect.to_owned()),
            ("code_verifier", verifier.to_owned()),
        ]
    };
    let exchange = async |client: &Client, code: &str, redirect: &str, verifier: &str| {
        let fields = fields(code, redirect, verifier);
        let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
        client.token(&fields).await
    };
    let wrong = VERIFIER.replace('d', "e");
    for (by, redirect, verifier) in [
        (&other, REDIRECT, VERIFIER),
        (&client, "https://client.example/other", VERIFIER),
        (&client, REDIRECT, wrong.as_str()),
        (&client, REDIRECT, CHALLENGE),
    ] {
        let code = client.code(&ada).await;
        refused(
            exchange(by, &code, redirect, verifier).await,
            400,
            "invalid_grant",
        );
        // The first attempt has spent it, whoever made it.
        refused(client.exchange(&code).await, 400, "invalid_grant");
    }
    app.assert_counts(&[("sessions", 1)]).await;
    for unknown in ["", "sac_", "sac_00", VERIFIER] {
        let code = if unknown.is_empty() {
            "invalid_request"
        } else {
            "invalid_grant"
        };
        refused(client.exchange(unknown).await, 400, code);
    }
}

#[tokio::test]
async fn another_client_ends_nothing_with_a_code_that_is_spent() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let (client, other) = (
        Client::public(&app, "web").await,
        Client::public(&app, "other").await,
    );
    let code = client.code(&ada).await;
    let tokens = Tokens::of(&client.exchange(&code).await.expect(200));
    refused(other.exchange(&code).await, 400, "invalid_grant");
    client.refresh(&tokens.refresh).await.expect(200);
}

#[tokio::test]
async fn a_code_lives_for_a_minute_and_what_is_malformed_spends_nothing() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let client = Client::public(&app, "web").await;
    let code = client.code(&ada).await;
    app.advance(60);
    refused(client.exchange(&code).await, 400, "invalid_grant");

    let code = client.code(&ada).await;
    app.advance(59);
    let full = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    for missing in 1..4 {
        let mut fields = full.to_vec();
        let (name, _) = fields.remove(missing);
        refused(client.token(&fields).await, 400, "invalid_request");
        fields.push((name, ""));
        refused(client.token(&fields).await, 400, "invalid_request");
    }
    for verifier in [&VERIFIER[1..], &"a".repeat(129), &format!("{}!", &VERIFIER[1..])] {
        let mut fields = full;
        fields[3].1 = verifier;
        refused(client.token(&fields).await, 400, "invalid_request");
    }
    let mut scoped = full.to_vec();
    scoped.push(("scope", "app"));
    refused(client.token(&scoped).await, 400, "invalid_scope");
    client.exchange(&code).await.expect(200);
}

#[tokio::test]
async fn a_code_of_a_disabled_user_is_worth_nothing() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let client = Client::public(&app, "web").await;
    let code = client.code(&ada).await;
    app.sql("UPDATE users SET disabled_at = created_at").await;
    refused(client.exchange(&code).await, 400, "invalid_grant");
    app.sql("UPDATE users SET disabled_at = NULL").await;
    refused(client.exchange(&code).await, 400, "invalid_grant");
}

#[tokio::test]
async fn what_ends_a_users_sessions_takes_codes_back() {
    let app = TestApp::new().await;
    let client = Client::public(&app, "web").await;
    let ada = app.registered(ADA).await;
    let code = client.code(&ada).await;
    ada.call("revoke_other_sessions", &[]).await.expect(200);
    refused(client.exchange(&code).await, 400, "invalid_grant");

    let code = client.code(&ada).await;
    let fields = [
        ("current_password", crate::support::PASSWORD),
        ("new_password", crate::support::OTHER_PASSWORD),
    ];
    ada.call("change_password", &fields).await.expect(200);
    refused(client.exchange(&code).await, 400, "invalid_grant");
}

#[tokio::test]
async fn a_client_has_no_more_than_fifty_sessions_of_a_user() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let client = Client::public(&app, "web").await;
    let mut refresh = Vec::new();
    for _ in 0..51 {
        refresh.push(client.tokens(&ada).await.refresh);
        app.advance(30);
    }
    assert_eq!(
        app.number("SELECT count(*) FROM sessions WHERE kind = 'api'")
            .await,
        50
    );
    refused(client.refresh(&refresh[0]).await, 400, "invalid_grant");
    client.refresh(&refresh[1]).await.expect(200);
    // Browsers are counted apart.
    assert!(ada.is_signed_in().await);
    assert_eq!(
        ada.call("list_sessions", &[])
            .await
            .json()
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn a_swept_code_is_gone_and_a_spent_one_is_remembered_for_ten_minutes() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let client = Client::public(&app, "web").await;
    let code = client.code(&ada).await;
    let tokens = Tokens::of(&client.exchange(&code).await.expect(200));
    app.advance(60 + 599);
    app.auth.sweep().await.unwrap();
    app.assert_counts(&[("authorization_codes", 1)]).await;
    app.advance(1);
    app.auth.sweep().await.unwrap();
    app.assert_counts(&[("authorization_codes", 0)]).await;
    refused(client.exchange(&code).await, 400, "invalid_grant");
    client.refresh(&tokens.refresh).await.expect(200);
}
