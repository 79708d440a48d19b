//! Races between instances of the application on one database: whatever happens at once has happened in
//! some order, and no order of it is a hole.

use std::time::Instant;

use auth::Auth;
use uuid::Uuid;

use crate::{
    accounts::connect,
    support::{Answer, Browser, OTHER_PASSWORD, PASSWORD, TestApp, all_at_once},
};

const ADA: &str = "ada@example.com";

/// An application and others on its database.
async fn instances(vars: &[(&str, &str)], others: usize) -> Vec<TestApp> {
    let mut instances = vec![TestApp::with(vars).await];
    for _ in 0..others {
        let other = instances[0].restarted(vars).await;
        instances.push(other);
    }
    instances
}

/// Sends a form, and again as long as the database has no time for it: on a slow machine too many want the
/// same row.
async fn insist(browser: &Browser, path: &str, fields: &[(&str, &str)]) -> Answer {
    let start = Instant::now();
    loop {
        let answer = browser.post(path, fields).send().await;
        if answer.status != 503 || start.elapsed().as_secs() > 60 {
            return answer;
        }
    }
}

/// Signs one person in on all instances at once, with as many browsers each as the limit lets through;
/// who came in.
async fn sign_in_everywhere(instances: &[TestApp]) -> Vec<Browser> {
    let sign_ins = (0..instances.len() * 5).map(|place| {
        let browser = instances[place % instances.len()].browser();
        let browser = browser.at(&format!("192.0.2.{place}"));
        async move {
            let fields = [("email", ADA), ("password", PASSWORD)];
            let answer = insist(&browser, "/api/login", &fields).await;
            assert!(matches!(answer.status, 200 | 401), "{}", answer.everything());
            (answer.status == 200).then_some(browser)
        }
    });
    all_at_once(sign_ins).await.into_iter().flatten().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_sign_ins_at_once_leave_twenty_sessions() {
    let instances = instances(&[], 5).await;
    let app = &instances[0];
    app.registered(ADA).await;
    let browsers = sign_in_everywhere(&instances).await;
    assert_eq!(browsers.len(), 30);
    assert_eq!(app.number("SELECT count(*) FROM sessions").await, 20);
    assert_eq!(app.number("SELECT count(*) FROM tower_sessions").await, 20);
    let mut alive = 0;
    for browser in browsers {
        alive += usize::from(!browser.user().await.is_null());
    }
    assert_eq!(alive, 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn forty_starts_of_one_browser_at_once_leave_twenty_flows() {
    let instances = instances(&[], 1).await;
    let browser = instances[0].browser();
    let first = browser.post("/auth/login/acme", &[]).send().await.expect(200);
    assert!(first.cookie("__Host-flow").is_some());
    let starts = (0..40).map(|place| {
        let browser = browser.copy().before(&instances[place % 2]);
        let browser = browser.at(&format!("192.0.2.{place}"));
        async move { insist(&browser, "/auth/login/acme", &[]).await.expect(200) }
    });
    all_at_once(starts).await;
    let flows = "SELECT count(*) FROM sign_in_flows";
    assert_eq!(instances[0].number(flows).await, 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_last_accounts_disconnected_at_once_one_stays() {
    let vars = [
        ("AUTH_PROVIDERS", "acme,corp"),
        ("CORP_ISSUER", "https://corp.example"),
        ("CORP_CLIENT_ID", "client"),
        ("CORP_CLIENT_SECRET", "secret"),
    ];
    let instances = instances(&vars, 1).await;
    let app = &instances[0];
    let mut disconnections = Vec::new();
    for place in 0..8 {
        let email = format!("user{place}@example.com");
        let browsers = [
            app.registered(&email).await,
            app.signed_in(&email).await.before(&instances[1]),
        ];
        for (browser, provider) in browsers.into_iter().zip(["acme", "corp"]) {
            let id = connect(app, &email, provider).await;
            disconnections.push(async move {
                insist(&browser, "/api/unlink_account", &[("account_id", &id)])
                    .await
                    .status
            });
        }
    }
    app.sql("UPDATE users SET password_hash = NULL").await;
    let statuses = all_at_once(disconnections).await;
    for both in statuses.chunks(2) {
        assert!(matches!(both, [200, 409] | [409, 200]), "{statuses:?}");
    }
    assert_eq!(app.number("SELECT count(*) FROM accounts").await, 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_session_that_began_with_the_old_password_survives_its_change() {
    let instances = instances(&[], 2).await;
    let app = &instances[0];
    let ada = app.registered(ADA).await;
    let change = tokio::spawn({
        let ada = ada.clone();
        async move {
            let change = [("current_password", PASSWORD), ("new_password", OTHER_PASSWORD)];
            insist(&ada, "/api/change_password", &change).await.expect(200)
        }
    });
    let browsers = sign_in_everywhere(&instances).await;
    change.await.unwrap();
    for browser in browsers {
        assert!(browser.user().await.is_null());
    }
    assert_eq!(app.number("SELECT count(*) FROM sessions").await, 1);
    assert_eq!(ada.user().await["email"], ADA);
    app.browser()
        .at("192.0.2.99")
        .login(ADA, PASSWORD)
        .await
        .expect(401);
    app.browser().login(ADA, OTHER_PASSWORD).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_snapshot_that_was_minted_while_its_user_was_disabled_lives_on() {
    let instances = instances(&[], 2).await;
    let app = &instances[0];
    let ada = app.registered(ADA).await;
    let user_id: Uuid = ada.session().await["user_id"].as_str().unwrap().parse().unwrap();
    let disabling = tokio::spawn({
        let auth = app.auth.clone();
        async move {
            // In the midst of the sign-ins.
            while sessions(&auth).await < 5 {
                tokio::task::yield_now().await;
            }
            while let Err(error) = disable(&auth, user_id).await {
                assert!(matches!(error, auth::Error::Unavailable(_)), "{error:?}");
            }
        }
    });
    let browsers = sign_in_everywhere(&instances).await;
    disabling.await.unwrap();
    assert!(browsers.len() >= 4, "somebody came in before");
    // Every session there is began before, and was marked.
    assert_eq!(
        app.number("SELECT count(*) FROM sessions WHERE version = 1")
            .await,
        0
    );
    let start = Instant::now();
    for browser in browsers {
        while browser.is_signed_in().await {
            assert!(start.elapsed().as_secs() < 5, "a snapshot lives on");
            tokio::task::yield_now().await;
        }
    }
}

async fn disable(auth: &Auth, user_id: Uuid) -> auth::Result<()> {
    let mut tx = auth.db.begin().await?;
    sqlx::query("UPDATE users SET disabled_at = created_at WHERE id = $1")
        .bind(user_id)
        .execute(&mut *tx)
        .await?;
    auth.sessions.refresh_snapshots(&mut tx, user_id).await?;
    Ok(tx.commit().await?)
}

async fn sessions(auth: &Auth) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM sessions")
        .fetch_one(auth.db.read())
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_sweeps_at_once_forget_all_that_has_expired_and_nothing_else() {
    let instances = instances(&[], 1).await;
    let app = &instances[0];
    app.registered(ADA).await;
    expire(app, 1200).await;
    app.advance(60);
    let live = app.registered("eve@example.com").await;
    app.advance(1750);
    let sweeps = instances
        .iter()
        .map(|instance| instance.auth.clone())
        .map(|auth| async move { auth.sweep().await.unwrap() });
    all_at_once(sweeps).await;
    assert_eq!(app.number("SELECT count(*) FROM sessions").await, 1);
    assert_eq!(app.number("SELECT count(*) FROM tower_sessions").await, 1);
    assert!(live.is_signed_in().await);
}

/// Gives the one user sessions that have expired, and leaves as many records over.
pub async fn expire(app: &TestApp, sessions: u32) {
    let mut tx = app.auth.db.begin().await.unwrap();
    for _ in 0..sessions {
        let id = Uuid::now_v7();
        sqlx::query(
            "INSERT INTO sessions (id, user_id, key_hash, created_at, last_seen_at, idle_expires_at, expires_at,
                                   authenticated_at, method)
             SELECT $1, id, $2, created_at, created_at, created_at, created_at, created_at, 'password' FROM users",
        )
        .bind(id)
        .bind([id.into_bytes(), id.into_bytes()].concat())
        .execute(&mut *tx)
        .await
        .unwrap();
        sqlx::query(
            "INSERT INTO tower_sessions (id, data, expiry_date) SELECT $1, $2, created_at FROM users",
        )
        .bind(id.to_string())
        .bind(Vec::<u8>::new())
        .execute(&mut *tx)
        .await
        .unwrap();
    }
    tx.commit().await.unwrap();
}
