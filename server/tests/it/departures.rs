//! Clients that go away in the midst of a request: what has begun to write goes on to its end, and the next
//! request finds everything as whole as if nobody had left.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
    time::Duration,
};

use tokio::time::timeout;

use crate::support::{Browser, Call, OTHER_PASSWORD, PASSWORD, SOME_ID, TestApp, all_at_once};

const ADA: &str = "ada@example.com";

/// Every route that writes, as one browser would call it.
const WRITES: &[crate::support::Function] = &[
    ("/api/login", &[("email", ADA), ("password", PASSWORD)]),
    (
        "/api/update_public_data",
        &[("display_name", "Ada"), ("bio", "Counts.")],
    ),
    // wing:private-data
    (
        "/api/update_private_data",
        &[("api_token", "token-of-some-service")],
    ),
    ("/api/clear_private_data", &[]),
    // end wing:private-data
    ("/api/clear_public_data", &[]),
    ("/api/confirm_identity", &[("password", PASSWORD)]),
    (
        "/api/change_password",
        &[("current_password", PASSWORD), ("new_password", PASSWORD)],
    ),
    ("/api/revoke_session", &[("session_id", SOME_ID)]),
    ("/api/revoke_other_sessions", &[]),
    ("/auth/login/acme", &[]),
    ("/api/unlink_account", &[("account_id", SOME_ID)]),
    ("/api/logout", &[]),
];

/// Polls a request as often as a connection would before it is closed; the browser keeps no cookie then.
async fn leave_after(polls: usize, request: impl Future) {
    let mut request = pin!(request);
    let mut polled = 0;
    poll_fn(|context| {
        polled += 1;
        match request.as_mut().poll(context) {
            Poll::Pending if polled < polls => Poll::Pending,
            _ => Poll::Ready(()),
        }
    })
    .await;
}

fn sent(browser: &Browser, path: &str, fields: &[(&str, &str)]) -> Call {
    browser.post(path, fields)
}

/// Everything that writes still does, and nothing is half written.
async fn everything_is_whole(app: &TestApp, place: usize) {
    let email = format!("grace-{place}@example.com");
    let browser = app.browser().at(&format!("198.51.100.{place}"));
    browser.register(&email).await;
    browser
        .call("update_public_data", &[("display_name", "Grace")])
        .await
        .expect(200);
    browser.call("logout", &[]).await.expect(200);
    let half = [
        "SELECT count(*) FROM sessions s
         WHERE NOT EXISTS (SELECT 1 FROM audit_events e WHERE e.session_id = s.id AND e.kind = 'sign_in')",
        "SELECT (SELECT count(*) FROM sessions) - (SELECT count(*) FROM tower_sessions)",
        "SELECT count(*) FROM users u WHERE u.password_hash IS NULL",
    ];
    for query in half {
        assert_eq!(app.number(query).await, 0, "{query}");
    }
    app.browser().get("/readyz").await.expect(200);
    // Nothing is held: of all connections one is enough for what was just asked, and all come back.
    for pool in [app.auth.db.read(), app.auth.db.write()] {
        let most = pool.pool().options().get_max_connections() as usize;
        let mut held = Vec::new();
        while held.len() < most {
            held.push(
                timeout(Duration::from_secs(5), pool.acquire())
                    .await
                    .unwrap()
                    .unwrap(),
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_at_any_poll_of_any_write_changes_nothing_for_the_next() {
    let app = TestApp::new().await;
    app.registered(ADA).await;
    for (place, &(path, fields)) in WRITES.iter().enumerate() {
        for polls in 1..8 {
            let ada = app.browser().at(&format!("192.0.2.{}", place * 8 + polls));
            ada.login(ADA, PASSWORD).await.expect(200);
            leave_after(polls, sent(&ada, path, fields).send()).await;
            // A sign-in that is still being checked counts as an attempt.
            assert!(app.auth.detached.drain(Duration::from_secs(30)).await);
        }
        everything_is_whole(&app, place).await;
        app.advance(60);
    }
    // The password is one of two, whichever change was the last.
    let ada = app.signed_in(ADA).await;
    let fields = [("current_password", PASSWORD), ("new_password", OTHER_PASSWORD)];
    ada.call("change_password", &fields).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_leave_at_any_moment_change_nothing_for_the_next() {
    let app = TestApp::new().await;
    app.registered(ADA).await;
    let ada = app.signed_in(ADA).await;
    let clients = (0..4_u64).map(|client| {
        let ada = ada.copy();
        async move {
            for round in 0..250 {
                // From before the handler's first statement to after its last.
                let patience = Duration::from_micros((round * 7 + client * 13) % 60 * 50);
                let (path, fields) = WRITES[1 + (round % 4) as usize];
                drop(timeout(patience, sent(&ada, path, fields).send()).await);
            }
        }
    });
    all_at_once(clients).await;
    everything_is_whole(&app, 1).await;
}

#[tokio::test]
async fn a_registration_goes_on_to_its_end_without_its_client() {
    let app = TestApp::new().await;
    let fields = [("email", ADA), ("password", PASSWORD)];
    let browser = app.browser();
    leave_after(1, sent(&browser, "/api/register", &fields).send()).await;
    assert!(app.auth.detached.drain(Duration::from_secs(30)).await);
    assert_eq!(app.number("SELECT count(*) FROM users").await, 1);
    assert_eq!(app.number("SELECT count(*) FROM sessions").await, 1);
    app.signed_in(ADA).await;
}
