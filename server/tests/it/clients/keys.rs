//! Personal keys.

use auth::RecentSession;
use http::Method;

use super::support::{ADA, call_with, recognised, with_token};
use crate::support::{Browser, TestApp};

async fn recent(user: &Browser) -> (auth::RequestAuth, RecentSession) {
    let request = recognised(user).await;
    let recent = request.require_recent().await.unwrap();
    (request, recent)
}

async fn key(user: &Browser, scope: &str, days: i64) -> auth::Result<auth::NewKey> {
    let (request, recent) = recent(user).await;
    let clients = &user.app().auth.clients;
    clients
        .create_key(&request, &recent, "backup script", scope, days)
        .await
}

#[tokio::test]
async fn a_key_opens_its_scope_until_it_ends_and_is_stored_nowhere() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let all = key(&ada, "app", 1).await.unwrap();
    let little = key(&ada, "profile", 366).await.unwrap();
    assert!(all.key.starts_with("sak_"));
    for made in [&all, &little] {
        assert!(!crate::support::contains(&app.disk(), &made.key));
        let session = call_with(&app, &made.key, "get_auth_session", &[])
            .await
            .expect(200);
        assert_eq!(session.json()["session_id"], made.session_id.to_string());
        assert_eq!(session.json()["email"], ADA);
    }
    call_with(&app, &all.key, "get_public_data", &[])
        .await
        .expect(200);
    call_with(&app, &little.key, "get_public_data", &[])
        .await
        .refused(403, "insufficient_scope");
    call_with(
        &app,
        &all.key,
        "unlink_account",
        &[("account_id", crate::support::SOME_ID)],
    )
    .await
    .refused(403, "reauth_required");
    app.advance(24 * 3600 - 1);
    call_with(&app, &all.key, "get_user", &[]).await.expect(200);
    app.advance(1);
    for function in ["get_auth_session", "get_user", "get_public_data"] {
        call_with(&app, &all.key, function, &[])
            .await
            .refused(401, "unauthenticated");
    }
    // It has no idle end.
    app.advance(365 * 24 * 3600 - 1);
    call_with(&app, &little.key, "get_user", &[]).await.expect(200);
    app.auth.sweep().await.unwrap();
    app.assert_counts(&[("sessions", 1)]).await;
}

#[tokio::test]
async fn a_key_costs_no_query_once_it_is_known_and_is_void_at_once() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let made = key(&ada, "app", 90).await.unwrap();
    call_with(&app, &made.key, "get_auth_session", &[])
        .await
        .expect(200);
    let other = app.restarted(&[]).await;
    call_with(&other, &made.key, "get_auth_session", &[])
        .await
        .expect(200);
    other.lose_database().await;
    call_with(&other, &made.key, "get_auth_session", &[])
        .await
        .expect(200);

    ada.call("revoke_session", &[("session_id", &made.session_id.to_string())])
        .await
        .expect(200);
    call_with(&app, &made.key, "get_auth_session", &[])
        .await
        .refused(401, "unauthenticated");

    // What is held is not held for longer than a snapshot lives.
    let made = key(&ada, "profile", 90).await.unwrap();
    call_with(&app, &made.key, "get_auth_session", &[])
        .await
        .expect(200);
    app.sql("DELETE FROM sessions WHERE kind = 'api'").await;
    call_with(&app, &made.key, "get_auth_session", &[])
        .await
        .expect(200);
    app.advance(300);
    call_with(&app, &made.key, "get_auth_session", &[])
        .await
        .refused(401, "unauthenticated");
}

#[tokio::test]
async fn a_change_of_role_is_read_anew_and_the_key_stays_good() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let made = key(&ada, "profile", 90).await.unwrap();
    let role = async || {
        let session = call_with(&app, &made.key, "get_auth_session", &[])
            .await
            .expect(200);
        session.json()["role"].clone()
    };
    assert_eq!(role().await, "user");
    app.promote(ADA).await;
    let mut tx = app.auth.db.begin().await.unwrap();
    let id = app.id_of(ADA).await;
    app.auth.sessions.refresh_snapshots(&mut tx, id).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(role().await, "admin");
}

#[tokio::test]
async fn a_key_signs_itself_out_and_nothing_else() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let made = key(&ada, "profile", 90).await.unwrap();
    with_token(&app, Method::POST, "/logout", &made.key)
        .send()
        .await
        .expect(200);
    call_with(&app, &made.key, "get_user", &[])
        .await
        .refused(401, "unauthenticated");
    assert!(ada.is_signed_in().await);
}

#[tokio::test]
async fn a_user_has_fifty_keys_at_most_and_they_end_with_the_other_sessions() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let mut keys = Vec::new();
    for number in 0..50 {
        // Ten an hour, and a confirmation that is recent.
        if number % 10 == 0 {
            app.advance(3600);
            ada.login(ADA, crate::support::PASSWORD).await.expect(200);
        }
        keys.push(key(&ada, "profile", 90).await.unwrap().key);
    }
    assert!(matches!(
        key(&ada, "profile", 90).await,
        Err(auth::Error::TooManyAttempts { .. })
    ));
    app.advance(3600);
    ada.login(ADA, crate::support::PASSWORD).await.expect(200);
    assert!(matches!(
        key(&ada, "profile", 90).await,
        Err(auth::Error::TooManyKeys)
    ));
    // They count neither against browsers nor against clients.
    let listed = ada.call("list_sessions", &[]).await.expect(200).json();
    assert_eq!(listed.as_array().unwrap().len(), 1);
    ada.call("revoke_other_sessions", &[]).await.expect(200);
    for key in &keys {
        call_with(&app, key, "get_user", &[])
            .await
            .refused(401, "unauthenticated");
    }
    key(&ada, "profile", 90).await.unwrap();
}

#[tokio::test]
async fn what_a_key_cannot_be_is_refused() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let (request, recent) = recent(&ada).await;
    let clients = &app.auth.clients;
    for (name, scope, days) in [
        ("", "profile", 90),
        (" ", "profile", 90),
        ("a\u{202e}b", "profile", 90),
        (&*"a".repeat(101), "profile", 90),
        ("a", "data", 90),
        ("a", "", 90),
        ("a", "profile app", 90),
        ("a", "profile", 0),
        ("a", "profile", 367),
    ] {
        let refused = clients.create_key(&request, &recent, name, scope, days).await;
        assert!(
            matches!(refused, Err(auth::Error::InvalidInput(_))),
            "{name} {scope} {days}"
        );
    }
    app.assert_counts(&[("sessions", 1)]).await;
}

#[tokio::test]
async fn invented_keys_are_counted_by_address() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let made = key(&ada, "profile", 90).await.unwrap().key;
    let at = app.browser().at("198.51.100.1");
    let ask = |key: &str| {
        let call = at.request(Method::GET, "/api/session");
        call.header("authorization", &format!("Bearer {key}"))
    };
    // Right sums that anyone can compute.
    let invented = |number: u32| {
        use sha2::{Digest, Sha256};
        let text = format!("sak_{number:064x}");
        let sum = Sha256::digest(&text);
        text + &sum[..4]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    for number in 0..20 {
        ask(&invented(number))
            .send()
            .await
            .refused(401, "unauthenticated");
    }
    ask(&invented(20)).send().await.refused(429, "too_many_attempts");
    // A wrong sum costs no query, and is not counted.
    ask(&format!("sak_{}", "0".repeat(72)))
        .send()
        .await
        .refused(401, "unauthenticated");
    call_with(&app, &made, "get_user", &[]).await.expect(200);
}
