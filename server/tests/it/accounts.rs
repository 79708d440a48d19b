//! Connected accounts: shown to their owner, disconnected by nobody else, and never the last way in.

use serde_json::json;

use crate::support::{SOME_ID, TestApp, all_at_once};

const ADA: &str = "ada@example.com";
const EVE: &str = "eve@example.com";

/// Connects an account of a provider with a user, as a sign-in with it would have.
pub async fn connect(app: &TestApp, email: &str, provider: &str) -> String {
    let id = uuid::Uuid::now_v7();
    let insert = format!(
        "INSERT INTO accounts (id, user_id, provider, subject, email, access_token, created_at, last_used_at)
         SELECT $1, id, '{provider}', 'subject of {email}', 'other-{email}', 'canary-token',
                created_at, created_at FROM users WHERE email = '{email}'"
    );
    let inserted = sqlx::query(&insert).bind(id).execute(app.auth.db.write()).await;
    assert_eq!(inserted.unwrap().rows_affected(), 1);
    id.to_string()
}

#[tokio::test]
async fn they_are_listed_without_their_tokens_and_only_to_their_owner() {
    let app = TestApp::new().await;
    let (ada, eve) = (app.registered(ADA).await, app.registered(EVE).await);
    let id = connect(&app, ADA, "github").await;
    let expected = json!([{"id": id, "provider": "github", "email": "other-ada@example.com"}]);
    let list = ada.call("list_accounts", &[]).await.expect(200);
    assert_eq!(list.json(), expected);
    assert_eq!(ada.user().await["accounts"], expected);
    let ways_in = ada.call("get_ways_in", &[]).await.expect(200).json();
    assert_eq!(ways_in["has_password"], true);
    assert_eq!(eve.call("list_accounts", &[]).await.expect(200).json(), json!([]));
    let page = ada.get("/settings/accounts").await.expect(200);
    assert!(page.shows("other-ada@example.com"));
    assert!(!page.everything().contains("canary"));
}

#[tokio::test]
async fn disconnecting_one_ends_the_sessions_that_began_with_it_and_gives_this_one_a_new_id() {
    let app = TestApp::new().await;
    let (ada, by_provider) = (app.registered(ADA).await, app.signed_in(ADA).await);
    let by_password = app.signed_in(ADA).await;
    let id = connect(&app, ADA, "github").await;
    let session_id: uuid::Uuid = by_provider.session_id().await.parse().unwrap();
    sqlx::query("UPDATE sessions SET method = 'github' WHERE id = $1")
        .bind(session_id)
        .execute(app.auth.db.write())
        .await
        .unwrap();
    let copy = ada.copy();
    ada.call("unlink_account", &[("account_id", &id)])
        .await
        .expect(200);
    assert!(ada.is_signed_in().await);
    assert!(!copy.is_signed_in().await);
    assert!(!by_provider.is_signed_in().await);
    assert!(by_password.is_signed_in().await);
    assert_eq!(ada.call("list_accounts", &[]).await.expect(200).json(), json!([]));
    ada.call("unlink_account", &[("account_id", &id)])
        .await
        .refused(404, "not_found");
}

#[tokio::test]
async fn another_users_account_is_404_like_an_unknown_one() {
    let app = TestApp::new().await;
    let (ada, eve) = (app.registered(ADA).await, app.registered(EVE).await);
    let id = connect(&app, ADA, "github").await;
    let theirs = eve
        .call("unlink_account", &[("account_id", &id)])
        .await
        .refused(404, "not_found");
    let nobodys = eve
        .call("unlink_account", &[("account_id", SOME_ID)])
        .await
        .refused(404, "not_found");
    assert_eq!(theirs.comparable(), nobodys.comparable());
    eve.call("unlink_account", &[("account_id", "x")])
        .await
        .refused(422, "invalid_input");
    assert_eq!(
        ada.call("list_accounts", &[]).await.expect(200).json()[0]["id"],
        id.as_str()
    );
}

#[tokio::test]
async fn the_last_way_in_stays() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    app.sql("UPDATE users SET password_hash = NULL").await;
    let acme = connect(&app, ADA, "acme").await;
    let unlink = |id: &str| {
        let (ada, id) = (ada.clone(), id.to_owned());
        async move { ada.call("unlink_account", &[("account_id", &id)]).await }
    };
    unlink(&acme).await.refused(409, "last_way_in");
    // An account of a provider nobody can use here is no way in.
    let unusable = connect(&app, ADA, "gitlab").await;
    unlink(&acme).await.refused(409, "last_way_in");
    assert_eq!(app.number("SELECT count(*) FROM accounts").await, 2);
    assert!(ada.is_signed_in().await);
    unlink(&unusable).await.expect(200);
    assert_eq!(app.number("SELECT count(*) FROM accounts").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_that_disconnect_the_last_two_at_once_one_succeeds() {
    let vars = [
        ("AUTH_PROVIDERS", "acme,corp"),
        ("CORP_ISSUER", "https://corp.example"),
        ("CORP_CLIENT_ID", "client"),
        ("CORP_CLIENT_SECRET", "secret"),
    ];
    let app = TestApp::with(&vars).await;
    let (ada, other) = (app.registered(ADA).await, app.signed_in(ADA).await);
    app.sql("UPDATE users SET password_hash = NULL").await;
    let accounts = [connect(&app, ADA, "acme").await, connect(&app, ADA, "corp").await];
    let both = [ada.clone(), other]
        .into_iter()
        .zip(accounts)
        .map(|(browser, id)| async move {
            browser
                .call("unlink_account", &[("account_id", &id)])
                .await
                .status
        });
    let mut statuses = all_at_once(both).await;
    statuses.sort();
    assert_eq!(statuses, [200, 409]);
    assert_eq!(app.number("SELECT count(*) FROM accounts").await, 1);
}
