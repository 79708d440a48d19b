//! Several endings of one person's sessions at once: whoever comes second waits, and nobody waits for ever.

use auth::{
    Auth,
    admin::By, // wing:admin
};
use uuid::Uuid;

use crate::support::{Browser, PASSWORD, TestApp, all_at_once};

const ADA: &str = "ada@example.com";
const EVE: &str = "eve@example.com";

/// Everything that ends, or voids, several sessions of one user.
const WAYS: usize = 6;

async fn one_way(place: usize, auth: Auth, browser: Browser, user_id: Uuid) {
    match place % WAYS {
        0 => {
            let status = browser.call("revoke_other_sessions", &[]).await.status;
            assert!(matches!(status, 200 | 401), "{status}");
        }
        1 => {
            let mut tx = auth.db.begin().await.unwrap();
            auth.sessions.end_all(&mut tx, user_id).await.unwrap();
            tx.commit().await.unwrap();
        }
        2 => {
            let mut tx = auth.db.begin().await.unwrap();
            auth.sessions.refresh_snapshots(&mut tx, user_id).await.unwrap();
            tx.commit().await.unwrap();
        }
        3 => {
            let fields = [("email", ADA), ("password", PASSWORD)];
            let answer = browser.call("login", &fields).await;
            assert_eq!(answer.status, 200, "{}", answer.everything());
        }
        // wing:admin
        4 => {
            let people = auth.administration();
            people.end_sessions(By::CommandLine, user_id).await.unwrap();
        }
        5 => drop(auth.administration().end_everybodys_sessions().await.unwrap()),
        // end wing:admin
        // Those of a wing that was removed.
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_ways_of_ending_sessions_at_once_succeed() {
    let app = TestApp::new().await;
    app.registered(ADA).await;
    let user_id = app.id_of(ADA).await;
    for round in 0..3 {
        let mut ways = Vec::new();
        for place in 0..12 {
            let browser = app.browser().at(&format!("192.0.2.{}", round * 12 + place));
            browser.login(ADA, PASSWORD).await.expect(200);
            ways.push(one_way(place, app.auth.clone(), browser, user_id));
        }
        all_at_once(ways).await;
    }
    let sessions = app.number("SELECT count(*) FROM sessions").await;
    assert_eq!(app.number("SELECT count(*) FROM tower_sessions").await, sessions);
}

// wing:admin
#[tokio::test]
async fn ending_all_sessions_goes_through_all_users() {
    let app = TestApp::new().await;
    // More than end in one transaction.
    app.sql(&format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 250)
         INSERT INTO users (id, created_at, updated_at)
         SELECT {id}, '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z' FROM n",
        id = crate::support::RANDOM_ID
    ))
    .await;
    #[cfg(feature = "postgres")] // wing:postgres
    let key = "uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())"; // wing:postgres
    #[cfg(not(feature = "postgres"))] // wing:postgres
    let key = "randomblob(32)";
    for _ in 0..2 {
        app.sql(&format!(
            "INSERT INTO sessions (id, user_id, key_hash, created_at, last_seen_at, idle_expires_at, expires_at,
                                   authenticated_at, method)
             SELECT {id}, id, {key}, created_at, created_at, created_at, created_at, created_at, 'password'
             FROM users",
            id = crate::support::RANDOM_ID
        ))
        .await;
    }
    let ended = app.auth.administration().end_everybodys_sessions().await.unwrap();
    assert_eq!(ended, 500);
    assert_eq!(app.number("SELECT count(*) FROM sessions").await, 0);
    let events = "SELECT count(*) FROM audit_events WHERE kind = 'revoke_session'";
    assert_eq!(app.number(events).await, 500);
    assert_eq!(
        app.auth.administration().end_everybodys_sessions().await.unwrap(),
        0
    );
}
// end wing:admin

// wing:postgres
/// What it takes for two DELETEs to meet the same rows in different orders: one has begun before a row moved in
/// the table, as each touch moves it, and the other after. Every step is waited for; nothing is left to chance.
#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread")]
async fn two_endings_that_meet_the_sessions_in_different_orders_do_not_wait_for_each_other() {
    use crate::postgres::Operator;

    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    // In the order in which they lie in the table.
    let mut browsers = vec![ada];
    for _ in 0..4 {
        browsers.push(app.signed_in(ADA).await);
    }
    let mut ids = Vec::new();
    for browser in &browsers {
        ids.push(browser.session_id().await);
    }
    let (of_second, moved, gate) = (&ids[0], &ids[1], &ids[3]);
    let (mut front, mut back) = (Operator::beside(&app).await, Operator::beside(&app).await);
    let mut watch = Operator::beside(&app).await;
    for (operator, id) in [(&mut front, of_second), (&mut back, gate)] {
        operator.run("BEGIN").await;
        operator
            .run(&format!("SELECT FROM sessions WHERE id = '{id}' FOR UPDATE"))
            .await;
    }
    let revoke = |browser: &Browser| {
        let browser = browser.copy();
        tokio::spawn(async move { browser.call("revoke_other_sessions", &[]).await.status })
    };
    // The first one stands before the very first row.
    let first = revoke(&browsers[4]);
    watch.await_waiting(1).await;
    app.sql(&format!(
        "UPDATE sessions SET idle_expires_at = idle_expires_at + interval '1 second' WHERE id = '{moved}'"
    ))
    .await;
    // The second one does not see the row where it was, and stands further back with one in hand; or waits its turn.
    let second = revoke(&browsers[0]);
    watch
        .await_waiting_for("AND (SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock') = 2")
        .await;
    // The first one goes on, until one of the two waits for the other.
    front.run("ROLLBACK").await;
    watch
        .await_waiting_for(
            "AND EXISTS (SELECT FROM pg_stat_activity
                         WHERE pid = ANY (pg_blocking_pids(w.pid)) AND wait_event_type = 'Lock')",
        )
        .await;
    back.run("ROLLBACK").await;
    let statuses = [first.await.unwrap(), second.await.unwrap()];
    assert_eq!(statuses, [200, 200]);
    assert_eq!(app.number("SELECT count(*) FROM sessions").await, 0);
}
// end wing:postgres

/// Each browser ends the session it has, which is the other user's, and its sign-in the one that is too many, which is
/// the other browser's: an instance does not know which sessions others have just seen in use. On PostgreSQL both are
/// made to stand between the two.
#[tokio::test(flavor = "multi_thread")]
async fn two_browsers_that_change_to_each_others_users_do_not_wait_for_each_other() {
    let app = TestApp::new().await;
    let other = app.restarted(&[]).await;
    let browsers = [
        app.registered(ADA).await,
        app.registered(EVE).await.before(&other),
    ];
    app.advance(61);
    for email in [ADA, EVE] {
        for _ in 1..20 {
            app.signed_in(email).await;
            app.advance(3);
        }
    }
    // wing:postgres
    #[cfg(feature = "postgres")]
    let mut gate = {
        let mut gate = crate::postgres::Operator::beside(&app).await;
        gate.run("BEGIN").await;
        gate.run("SELECT FROM snapshot_ttl FOR UPDATE").await;
        gate
    };
    // end wing:postgres
    let mut running = Vec::new();
    for (browser, email) in browsers.into_iter().zip([EVE, ADA]) {
        running.push(tokio::spawn(async move {
            browser.login(email, PASSWORD).await.expect(200);
            browser.user().await["email"] == email
        }));
    }
    // wing:postgres
    #[cfg(feature = "postgres")]
    {
        gate.await_waiting_for(
            "AND (SELECT count(*) FROM pg_stat_activity
                  WHERE datname = current_database() AND wait_event_type = 'Lock') = 2",
        )
        .await;
        gate.run("ROLLBACK").await;
    }
    // end wing:postgres
    for done in running {
        assert!(done.await.unwrap());
    }
    assert_eq!(app.number("SELECT count(*) FROM sessions").await, 40);
}
