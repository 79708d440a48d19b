//! The refresh grant at its endpoint. Its rules under every order of events are tested in the crate `auth`.

use std::time::Duration;

use tokio::time::timeout;

use super::support::{ADA, Client, Tokens, call_with, refused};
use crate::support::{TestApp, all_at_once};

#[tokio::test]
async fn each_refresh_brings_the_next_token_and_slides_the_idle_end() {
    let app = TestApp::with(&[("API_SESSION_IDLE", "1000"), ("API_SESSION_ABSOLUTE", "2500")]).await;
    let ada = app.registered(ADA).await;
    let client = Client::public(&app, "cli").await;
    let mut tokens = client.tokens(&ada).await;
    for _ in 0..2 {
        app.advance(999);
        let answer = client.refresh(&tokens.refresh).await.expect(200);
        let next = Tokens::of(&answer);
        assert_ne!(next.refresh, tokens.refresh);
        assert_eq!(answer.json()["scope"], "profile");
        tokens = next;
    }
    // The absolute end does not move, and no access token outlives it.
    app.advance(400);
    let answer = client.refresh(&tokens.refresh).await.expect(200);
    assert_eq!(answer.json()["expires_in"], 102);
    let next = Tokens::of(&answer);
    app.advance(102);
    refused(client.refresh(&next.refresh).await, 400, "invalid_grant");
    call_with(&app, &next.access, "get_auth_session", &[])
        .await
        .refused(401, "unauthenticated");

    let tokens = client.tokens(&ada.app().signed_in(ADA).await).await;
    app.advance(1000);
    refused(client.refresh(&tokens.refresh).await, 400, "invalid_grant");
}

#[tokio::test]
async fn twenty_refreshes_at_once_get_one_successor() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let client = Client::public(&app, "cli").await;
    let tokens = client.tokens(&ada).await;
    let other = client.before(&app.restarted(&[]).await);
    let refreshes = (0..20).map(|number| {
        let client = if number % 2 == 0 {
            client.clone()
        } else {
            other.clone()
        };
        let token = tokens.refresh.clone();
        async move { Tokens::of(&client.refresh(&token).await.expect(200)).refresh }
    });
    let next = all_at_once(refreshes).await;
    assert!(next.iter().all(|token| *token == next[0]), "{next:?}");
    client.refresh(&next[0]).await.expect(200);
}

#[tokio::test]
async fn a_lost_answer_can_be_had_again_until_the_next_token_has_shown_itself() {
    let app = TestApp::with(&[("REFRESH_GRACE", "0")]).await;
    let ada = app.registered(ADA).await;
    let client = Client::public(&app, "cli").await;
    let tokens = client.tokens(&ada).await;
    let lost = Tokens::of(&client.refresh(&tokens.refresh).await.expect(200));
    app.advance(100_000);
    let again = Tokens::of(&client.refresh(&tokens.refresh).await.expect(200));
    assert_eq!(again.refresh, lost.refresh);
    // A use of the access token that came with it, at the authority.
    super::support::with_token(&app, http::Method::GET, "/protected", &again.access)
        .send()
        .await
        .expect(200);
    refused(client.refresh(&tokens.refresh).await, 400, "invalid_grant");
    refused(client.refresh(&again.refresh).await, 400, "invalid_grant");
    let note = app
        .text("SELECT kind FROM audit_events ORDER BY id DESC LIMIT 1")
        .await;
    assert_eq!(note, "token_reuse");
}

#[tokio::test]
async fn a_use_without_a_query_is_recorded_too() {
    let app = TestApp::with(&[("REFRESH_GRACE", "0")]).await;
    let ada = app.registered(ADA).await;
    let client = Client::public(&app, "cli").await;
    let tokens = client.tokens(&ada).await;
    let next = Tokens::of(&client.refresh(&tokens.refresh).await.expect(200));
    call_with(&app, &next.access, "get_auth_session", &[])
        .await
        .expect(200);
    app.auth.clients.record_uses().await.unwrap();
    refused(client.refresh(&tokens.refresh).await, 400, "invalid_grant");
    app.assert_counts(&[("sessions", 1)]).await;
}

#[tokio::test]
async fn a_part_of_the_scopes_is_for_one_access_token() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let client = Client::registered(&app, "cli", |new| {
        new.scopes = vec![auth::Scope::Profile, auth::Scope::Data];
    })
    .await;
    let tokens = client.tokens(&ada).await;
    let refresh = async |token: &str, scope: &str| client.refresh_asking(token, &[("scope", scope)]).await;
    for scope in ["app", "profile app", "unknown", "Profile"] {
        refused(refresh(&tokens.refresh, scope).await, 400, "invalid_scope");
    }
    let part = refresh(&tokens.refresh, "data").await.expect(200);
    assert_eq!(part.json()["scope"], "data");
    call_with(&app, &Tokens::of(&part).access, "get_user", &[])
        .await
        .refused(403, "insufficient_scope");
    // The session itself has all of them still, and an empty parameter is as good as none.
    let whole = refresh(&Tokens::of(&part).refresh, "").await.expect(200);
    assert_eq!(whole.json()["scope"], "profile data");
}

#[tokio::test]
async fn a_foreign_or_invented_token_ends_nothing() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let (client, other) = (
        Client::public(&app, "cli").await,
        Client::public(&app, "other").await,
    );
    let tokens = client.tokens(&ada).await;
    let next = Tokens::of(&client.refresh(&tokens.refresh).await.expect(200));
    app.advance(1000);
    let invented = format!("{}{}", &next.refresh[..4 + 32], "0".repeat(80));
    for (by, token) in [
        (&other, &next.refresh),
        (&other, &tokens.refresh),
        (&client, &invented),
        (&client, &next.access),
        (&client, &"sar_00".to_owned()),
    ] {
        refused(by.refresh(token).await, 400, "invalid_grant");
    }
    // Not even what the session may do is told.
    let asking = client.refresh_asking(&invented, &[("scope", "app")]).await;
    refused(asking, 400, "invalid_grant");
    client.refresh(&next.refresh).await.expect(200);
}

#[tokio::test]
async fn a_copy_is_noticed_whatever_it_asks_for() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let client = Client::public(&app, "cli").await;
    let first = client.tokens(&ada).await;
    let second = Tokens::of(&client.refresh(&first.refresh).await.expect(200));
    let third = Tokens::of(&client.refresh(&second.refresh).await.expect(200));
    let asking = client.refresh_asking(&first.refresh, &[("scope", "app")]).await;
    refused(asking, 400, "invalid_grant");
    refused(client.refresh(&third.refresh).await, 400, "invalid_grant");
}

#[tokio::test]
async fn a_use_that_is_given_up_is_recorded_all_the_same() {
    let app = TestApp::with(&[("REFRESH_GRACE", "0")]).await;
    let ada = app.registered(ADA).await;
    let client = Client::public(&app, "cli").await;
    let tokens = client.tokens(&ada).await;
    let next = Tokens::of(&client.refresh(&tokens.refresh).await.expect(200));
    // The session's row is held by somebody else, so that the request waits for it, until its client goes away.
    let mut holder = app.auth.db.begin().await.unwrap();
    sqlx::query("UPDATE sessions SET name = name WHERE kind = 'api'")
        .execute(&mut *holder)
        .await
        .unwrap();
    let call = super::support::with_token(&app, http::Method::GET, "/protected", &next.access);
    let given_up = timeout(Duration::from_millis(500), call.send()).await;
    assert!(given_up.is_err());
    holder.rollback().await.unwrap();
    app.auth.clients.record_uses().await.unwrap();
    refused(client.refresh(&tokens.refresh).await, 400, "invalid_grant");
    app.assert_counts(&[("sessions", 1)]).await;
}

#[tokio::test]
async fn an_old_token_ends_the_session_for_everyone_who_holds_one() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let client = Client::public(&app, "cli").await;
    let first = client.tokens(&ada).await;
    let second = Tokens::of(&client.refresh(&first.refresh).await.expect(200));
    let third = Tokens::of(&client.refresh(&second.refresh).await.expect(200));
    refused(client.refresh(&first.refresh).await, 400, "invalid_grant");
    refused(client.refresh(&third.refresh).await, 400, "invalid_grant");
    call_with(&app, &third.access, "get_auth_session", &[])
        .await
        .refused(401, "unauthenticated");
    assert!(ada.is_signed_in().await);
}

#[tokio::test]
async fn a_disabled_user_refreshes_nothing_and_a_raised_version_is_carried() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let client = Client::public(&app, "cli").await;
    let tokens = client.tokens(&ada).await;
    let id = app.id_of(ADA).await;
    let mut tx = app.auth.db.begin().await.unwrap();
    app.auth.sessions.refresh_snapshots(&mut tx, id).await.unwrap();
    tx.commit().await.unwrap();
    call_with(&app, &tokens.access, "get_auth_session", &[])
        .await
        .refused(401, "unauthenticated");
    let next = Tokens::of(&client.refresh(&tokens.refresh).await.expect(200));
    call_with(&app, &next.access, "get_auth_session", &[])
        .await
        .expect(200);
    app.sql("UPDATE users SET disabled_at = created_at").await;
    refused(client.refresh(&next.refresh).await, 400, "invalid_grant");
}

#[tokio::test]
async fn no_refresh_survives_a_database_that_is_gone_as_anything_but_a_wait() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let client = Client::public(&app, "cli").await;
    let tokens = client.tokens(&ada).await;
    let other = app.restarted(&[]).await;
    app.lose_database().await;
    let answer = refused(
        client.refresh(&tokens.refresh).await,
        503,
        "temporarily_unavailable",
    );
    assert!(answer.wait() > 0);
    client.before(&other).refresh(&tokens.refresh).await.expect(200);
}
