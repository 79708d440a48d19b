//! What access tokens open, without a query, and how they are taken back.

use auth::{Scope, clients::Grant};
use http::Method;

use super::support::{ADA, Client, Tokens, call_with, registry, with_token};
use crate::support::{FUNCTIONS, PASSWORD, TestApp};

/// A client of the operator's, with every scope.
async fn own(app: &TestApp) -> Client {
    Client::registered(app, "own", |new| {
        new.first_party = true;
        new.scopes = Scope::ALL.to_vec();
    })
    .await
}

async fn get(app: &TestApp, path: &str, token: &str) -> crate::support::Answer {
    with_token(app, Method::GET, path, token).send().await
}

#[tokio::test]
async fn a_token_is_checked_without_a_query_and_void_once_its_session_has_ended() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let tokens = own(&app).await.tokens(&ada).await;
    let session = get(&app, "/api/session", &tokens.access).await.expect(200);
    let id = session.json()["session_id"].as_str().unwrap().to_owned();
    assert_eq!(session.json()["email"], ADA);

    ada.call("revoke_session", &[("session_id", &id)])
        .await
        .expect(200);
    let answer = get(&app, "/api/session", &tokens.access).await;
    assert_eq!(
        answer.header("www-authenticate"),
        Some("Bearer error=\"invalid_token\"")
    );
    answer.refused(401, "unauthenticated");

    // No query at all: the database is gone.
    let tokens = own_again(&app, &ada).await;
    app.lose_database().await;
    get(&app, "/api/session", &tokens.access).await.expect(200);
    // What asks the authority says so, and signs nobody out.
    get(&app, "/protected", &tokens.access).await.expect(503);
}

async fn own_again(app: &TestApp, user: &crate::support::Browser) -> Tokens {
    Client::public(app, "again").await.tokens(user).await
}

#[tokio::test]
async fn a_token_opens_every_function_of_a_user_that_needs_no_confirmation() {
    let app = TestApp::new().await;
    app.registered(ADA).await;
    let client = own(&app).await;
    for (function, fields) in FUNCTIONS {
        // Sign-ins are limited by address.
        app.advance(2);
        // Some of them end other sessions.
        let tokens = client.tokens(&app.signed_in(ADA).await).await;
        let answer = call_with(&app, &tokens.access, function, fields).await;
        let (status, code) = (answer.status, answer.text());
        match *function {
            "login" | "register" | "confirm_identity" => answer.refused(400, "bad_request"),
            "change_password" | "set_password" | "unlink_account" | "create_key" => {
                answer.refused(403, "reauth_required")
            }
            "decide_device" | "get_device" => answer.refused(403, "not_by_token"),
            "revoke_session" => answer.refused(404, "not_found"),
            // wing:second-factors
            "start_totp" | "disable_totp" | "new_recovery_codes" => answer.refused(403, "reauth_required"),
            "confirm_totp" => answer.refused(403, "not_by_token"),
            "second_factor" => answer.refused(400, "bad_request"),
            // end wing:second-factors
            // wing:passkeys
            "start_passkey" | "finish_passkey" | "delete_passkey" => answer.refused(403, "reauth_required"),
            "rename_passkey" => answer.refused(404, "not_found"),
            "start_passkey_confirmation" => answer.refused(403, "not_by_token"),
            "start_passkey_sign_in" | "passkey_sign_in" => answer.refused(400, "bad_request"),
            // end wing:passkeys
            "delete_account" => answer.refused(403, "reauth_required"), // wing:data-rights
            // wing:mail
            "get_link" | "reset_password" | "confirm_email_change" | "undo_email_change" => {
                answer.refused(410, "link_expired")
            }
            "send_sign_in_code" | "sign_in_with_code" | "finish_registration" | "claim_address" => {
                answer.refused(400, "bad_request")
            }
            "change_email" => answer.refused(403, "reauth_required"),
            "send_confirmation_code" => answer.refused(403, "not_by_token"),
            "verify_email" => answer.refused(401, "invalid_credentials"),
            // end wing:mail
            _ => {
                assert_eq!(status, 200, "{function}: {code}");
                answer
            }
        };
    }
    app.browser().login(ADA, PASSWORD).await.expect(200);
}

#[tokio::test]
async fn no_answer_to_a_token_sets_or_clears_a_cookie() {
    let app = TestApp::new().await;
    app.registered(ADA).await;
    let client = own(&app).await;
    for (function, fields) in FUNCTIONS {
        app.advance(2);
        let ada = app.signed_in(ADA).await;
        let tokens = client.tokens(&ada).await;
        let call = with_token(&app, Method::POST, &format!("/api/{function}"), &tokens.access).form(fields);
        // Cookies beside the header count as absent, dead or alive.
        let cookies = ada.cookie_header().unwrap();
        for cookie in [
            cookies.as_str(),
            "__Host-id=dead; __Host-flash=x; __Host-theme=dark",
        ] {
            let call = with_token(&app, Method::POST, &format!("/api/{function}"), &tokens.access)
                .form(fields)
                .header("cookie", cookie);
            let answer = call.send().await;
            assert!(answer.cookies().is_empty(), "{function}: {}", answer.everything());
        }
        assert!(call.send().await.cookies().is_empty(), "{function}");
        let ends_others = *function == "revoke_other_sessions";
        assert_ne!(ada.is_signed_in().await, ends_others, "{function}");
    }
}

#[tokio::test]
async fn a_token_opens_no_more_than_its_scope() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let profile = Client::public(&app, "profile").await.tokens(&ada).await;
    let data = Client::registered(&app, "data", |new| new.scopes = vec![Scope::Data])
        .await
        .tokens(&ada)
        .await;
    let by_profile = ["get_auth_session", "get_user"];
    for (function, fields) in FUNCTIONS {
        if ["login", "register", "confirm_identity", "decide_device"].contains(function) {
            continue;
        }
        // wing:second-factors
        if *function == "second_factor" {
            continue;
        }
        // end wing:second-factors
        // wing:passkeys
        if ["start_passkey_sign_in", "passkey_sign_in"].contains(function) {
            continue;
        }
        // end wing:passkeys
        // wing:mail
        if [
            "send_sign_in_code",
            "sign_in_with_code",
            "finish_registration",
            "claim_address",
        ]
        .contains(function)
        {
            continue;
        }
        // end wing:mail
        for (tokens, is_open) in [(&profile, by_profile.contains(function)), (&data, false)] {
            let answer = call_with(&app, &tokens.access, function, fields).await;
            if is_open {
                answer.expect(200);
                continue;
            }
            let missing = if by_profile.contains(function) {
                "profile"
            } else {
                "app"
            };
            assert_eq!(
                answer.header("www-authenticate").map(str::to_owned),
                Some(format!(
                    "Bearer error=\"insufficient_scope\", scope=\"{missing}\""
                )),
                "{function}"
            );
            answer.refused(403, "insufficient_scope");
        }
    }
    // Nothing is there, so nothing is missing of the token.
    for path in ["/api/nothing", "/api/", "/api/get_user/x"] {
        for tokens in [&profile, &data] {
            get(&app, path, &tokens.access).await.refused(404, "not_found");
        }
    }
    for path in ["/api/session", "/api/user", "/protected"] {
        get(&app, path, &profile.access).await.expect(200);
        get(&app, path, &data.access)
            .await
            .refused(403, "insufficient_scope");
    }
}

#[tokio::test]
async fn whatever_is_not_one_valid_token_is_401_everywhere() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let tokens = own(&app).await.tokens(&ada).await;
    let snapshot = ada.cookie("auth").unwrap();
    let id = ada.cookie("id").unwrap();
    let headers = [
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        "Bearer x".to_owned(),
        format!("Bearer {snapshot}"),
        format!("Bearer {id}"),
        format!("Bearer {}", tokens.refresh),
        format!("Bearer {}x", tokens.access),
        format!("Bearer {} {}", tokens.access, tokens.access),
        format!("Token {}", tokens.access),
        tokens.access.clone(),
        "Basic YWRhOnNlY3JldA==".to_owned(),
        format!("Bearer sak_{}", "0".repeat(72)),
    ];
    for header in &headers {
        for (method, path) in [
            (Method::GET, "/api/session"),
            (Method::GET, "/api/user"),
            (Method::GET, "/protected"),
            (Method::POST, "/api/get_user"),
            (Method::POST, "/logout"),
            (Method::GET, "/api/nothing"),
        ] {
            // Cookies beside it count as absent.
            let call = ada.request(method, path).header("authorization", header);
            let answer = call.send().await;
            assert_eq!(
                answer.header("www-authenticate"),
                Some("Bearer error=\"invalid_token\""),
                "{path} {header}"
            );
            assert!(answer.cookies().is_empty());
            answer.refused(401, "unauthenticated");
        }
    }
    let twice = with_token(&app, Method::GET, "/api/session", &tokens.access)
        .another("authorization", &format!("Bearer {}", tokens.access));
    twice.send().await.refused(401, "unauthenticated");
    assert!(ada.is_signed_in().await);
    // Pages do not look at it.
    let page = ada
        .request(Method::GET, "/profile")
        .header("authorization", "Bearer x");
    page.header("accept", "text/html").send().await.expect(200);
}

#[tokio::test]
async fn where_a_session_is_missing_the_answer_says_how_to_bring_one() {
    let app = TestApp::new().await;
    for path in ["/api/user", "/protected"] {
        let answer = app.browser().request(Method::GET, path).send().await;
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{path}");
        answer.refused(401, "unauthenticated");
    }
    let answer = app.browser().call("get_public_data", &[]).await;
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    answer.refused(401, "unauthenticated");
    // A browser whose password is wrong has no use for a token.
    let answer = app.browser().login(ADA, PASSWORD).await;
    assert_eq!(answer.header("www-authenticate"), None);
}

#[tokio::test]
async fn a_token_lives_as_long_as_a_snapshot() {
    let app = TestApp::with(&[("SNAPSHOT_TTL", "120")]).await;
    let ada = app.registered(ADA).await;
    let client = own(&app).await;
    let code = client.code(&ada).await;
    let answer = client.exchange(&code).await.expect(200);
    assert_eq!(answer.json()["expires_in"], 120);
    let tokens = Tokens::of(&answer);
    app.advance(119);
    get(&app, "/api/session", &tokens.access).await.expect(200);
    app.advance(1);
    get(&app, "/api/session", &tokens.access)
        .await
        .refused(401, "unauthenticated");
}

#[tokio::test]
async fn a_change_of_role_voids_a_token_and_the_next_one_carries_it() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let client = own(&app).await;
    let tokens = client.tokens(&ada).await;
    app.promote(ADA).await;
    let id = app.id_of(ADA).await;
    let mut tx = app.auth.db.begin().await.unwrap();
    app.auth.sessions.refresh_snapshots(&mut tx, id).await.unwrap();
    tx.commit().await.unwrap();
    for path in ["/api/session", "/api/user", "/protected"] {
        get(&app, path, &tokens.access)
            .await
            .refused(401, "unauthenticated");
    }
    let next = Tokens::of(&client.refresh(&tokens.refresh).await.expect(200));
    let session = get(&app, "/api/session", &next.access).await.expect(200);
    assert_eq!(session.json()["role"], "admin");
}

// wing:admin
#[tokio::test]
async fn administration_does_not_exist_for_tokens() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    app.promote(ADA).await;
    let tokens = own(&app).await.tokens(&ada).await;
    for (function, fields) in crate::support::ADMIN_FUNCTIONS {
        for token in [tokens.access.as_str(), "x"] {
            let call = ada.post(&format!("/api/{function}"), fields);
            let call = call.header("authorization", &format!("Bearer {token}"));
            call.send().await.refused(404, "not_found");
        }
    }
}
// end wing:admin

#[tokio::test]
async fn another_instance_asks_the_authority_while_its_feed_is_not_current() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let client = own(&app).await;
    let tokens = client.tokens(&ada).await;
    let other = app.restarted(&[]).await;
    assert!(app.auth.sessions.status().feed_is_current);
    get(&other, "/api/session", &tokens.access).await.expect(200);
    // A mark that this instance has not heard of, written behind the application's back.
    app.sql("DELETE FROM sessions WHERE kind = 'api'").await;
    get(&other, "/protected", &tokens.access)
        .await
        .refused(401, "unauthenticated");
    call_with(&other, &tokens.access, "get_public_data", &[])
        .await
        .refused(401, "unauthenticated");
}

#[tokio::test]
async fn a_client_acts_for_itself_and_is_no_person() {
    let app = TestApp::new().await;
    let robot = Client::registered(&app, "robot", |new| {
        new.confidential = true;
        new.grants = vec![Grant::ClientCredentials];
        new.scopes = vec![Scope::Profile, Scope::Data];
    })
    .await;
    let answer = robot
        .token(&[("grant_type", "client_credentials")])
        .await
        .expect(200);
    let json = answer.json();
    assert!(json.get("refresh_token").is_none(), "{json}");
    assert_eq!(json["scope"], "profile data");
    let token = json["access_token"].as_str().unwrap();
    let own = get(&app, "/protected", token).await.expect(200);
    assert_eq!(
        own.json(),
        serde_json::json!({ "client_id": "robot", "scope": "profile data" })
    );
    for path in ["/api/session", "/api/user"] {
        get(&app, path, token).await.refused(401, "unauthenticated");
    }
    for function in ["get_auth_session", "get_user", "get_public_data", "logout"] {
        call_with(&app, token, function, &[])
            .await
            .refused(401, "unauthenticated");
    }
    let data_only = [("grant_type", "client_credentials"), ("scope", "data")];
    let data = robot.token(&data_only).await.expect(200);
    get(&app, "/protected", &Tokens::of(&data).access)
        .await
        .refused(403, "insufficient_scope");

    registry(&app).await.rotate("robot", true).await.unwrap();
    let other = app.restarted(&[]).await;
    for app in [&app, &other] {
        get(app, "/protected", token)
            .await
            .refused(401, "unauthenticated");
    }
}
