//! Concurrency: whatever happens at once has happened in some order.

use crate::support::{Answer, OTHER_PASSWORD, PASSWORD, TestApp, all_at_once};

const ADA: &str = "ada@example.com";

fn count(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

/// Counts every later touch of a session in a table.
async fn count_touches(app: &TestApp) {
    app.sql("CREATE TABLE touches (at TEXT)").await;
    #[cfg(not(feature = "postgres"))] // wing:postgres
    let trigger = ["CREATE TRIGGER touched AFTER UPDATE OF last_seen_at ON sessions
         BEGIN INSERT INTO touches VALUES (new.last_seen_at); END"];
    // wing:postgres
    #[cfg(feature = "postgres")]
    let trigger = [
        "CREATE FUNCTION note_touch() RETURNS trigger LANGUAGE plpgsql
         AS 'BEGIN INSERT INTO touches VALUES (new.last_seen_at); RETURN NULL; END'",
        "CREATE TRIGGER touched AFTER UPDATE OF last_seen_at ON sessions
         FOR EACH ROW EXECUTE FUNCTION note_touch()",
    ];
    // end wing:postgres
    for statement in trigger {
        app.sql(statement).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_requests_at_the_moment_a_snapshot_expires_all_succeed_with_one_touch() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let session = ada.session().await;
    count_touches(&app).await;
    app.advance(300);
    let requests = (0..100).map(|place| {
        let browser = ada.copy();
        async move {
            match place % 3 {
                0 => browser.get("/").await,
                1 => browser.call("get_auth_session", &[]).await,
                _ => browser.get("/api/session").await,
            }
        }
    });
    let answers = all_at_once(requests).await;
    for (place, answer) in answers.iter().enumerate() {
        assert_eq!(answer.status, 200);
        assert!(answer.renews());
        match place % 3 {
            0 => assert!(answer.shows(ADA)),
            _ => assert_eq!(answer.json(), session),
        }
    }
    assert_eq!(app.number("SELECT count(*) FROM touches").await, 1);
    assert!(ada.is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_double_registration_makes_one_user() {
    let app = TestApp::new().await;
    let fields = [("email", ADA), ("password", PASSWORD)];
    let clicks = (0..6).map(|_| {
        let browser = app.browser();
        async move { browser.call("register", &fields).await }
    });
    let answers = all_at_once(clicks).await;
    assert_eq!((count(&answers, 200), count(&answers, 409)), (1, 5));
    assert_eq!(app.number("SELECT count(*) FROM users").await, 1);
    assert_eq!(app.number("SELECT count(*) FROM sessions").await, 1);
    assert_eq!(app.number("SELECT count(*) FROM tower_sessions").await, 1);
    app.signed_in(ADA).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_double_sign_in_ends_the_former_session_and_leaves_only_usable_ones() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let former = ada.copy();
    let clicks = (0..4).map(|_| {
        let browser = ada.copy();
        async move {
            browser.login(ADA, PASSWORD).await.expect(200);
            browser
        }
    });
    for browser in all_at_once(clicks).await {
        assert_eq!(browser.user().await["email"], ADA);
    }
    assert!(!former.is_signed_in().await);
    assert_eq!(app.number("SELECT count(*) FROM sessions").await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_parallel_revocations_of_one_session_one_ends_it() {
    let app = TestApp::new().await;
    let (ada, lost) = (app.registered(ADA).await, app.signed_in(ADA).await);
    let session_id = lost.session_id().await;
    let clicks = (0..10).map(|_| {
        let (browser, session_id) = (ada.clone(), session_id.clone());
        async move {
            browser
                .call("revoke_session", &[("session_id", &session_id)])
                .await
        }
    });
    let answers = all_at_once(clicks).await;
    assert_eq!((count(&answers, 200), count(&answers, 404)), (1, 9));
    assert!(!lost.is_signed_in().await);
    assert!(ada.is_signed_in().await);

    // Each of two ends the other: no order of it is a fault.
    let other = app.signed_in(ADA).await;
    let both = [ada.clone(), other.clone()]
        .map(|browser| async move { browser.call("revoke_other_sessions", &[]).await.status });
    let statuses = all_at_once(both).await;
    assert!(
        statuses.iter().all(|status| matches!(status, 200 | 401)),
        "{statuses:?}"
    );
    assert!(app.number("SELECT count(*) FROM sessions").await <= 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_never_overtakes_a_sign_out() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    app.advance(300);
    let requests = (0..40).map(|place| {
        let browser = ada.copy();
        async move {
            match place {
                20 => browser.call("logout", &[]).await,
                _ => browser.get("/").await,
            };
            browser
        }
    });
    for browser in all_at_once(requests).await {
        assert!(!browser.is_signed_in().await);
        assert!(browser.user().await.is_null());
    }
    assert_eq!(app.number("SELECT count(*) FROM sessions").await, 0);
    assert_eq!(app.number("SELECT count(*) FROM tower_sessions").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_parallel_changes_of_a_password_one_wins() {
    let app = TestApp::new().await;
    let (ada, other) = (app.registered(ADA).await, app.signed_in(ADA).await);
    let candidates = ["four brass lamps in rain", OTHER_PASSWORD];
    let changes = [ada, other]
        .into_iter()
        .zip(candidates)
        .map(|(browser, new)| async move {
            let change = [("current_password", PASSWORD), ("new_password", new)];
            browser.call("change_password", &change).await.status
        });
    let statuses = all_at_once(changes).await;
    assert_eq!(
        statuses.iter().filter(|status| **status == 200).count(),
        1,
        "{statuses:?}"
    );
    app.browser().login(ADA, PASSWORD).await.expect(401);
    for (status, password) in statuses.into_iter().zip(candidates) {
        let expected = if status == 200 { 200 } else { 401 };
        app.browser().login(ADA, password).await.expect(expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_sign_ins_never_exceed_the_most_sessions_a_user_may_have() {
    let app = TestApp::new().await;
    app.registered(ADA).await;
    for _ in 0..18 {
        app.signed_in(ADA).await;
    }
    app.advance(60);
    let logins = (0..5).map(|_| {
        let browser = app.browser();
        async move { browser.login(ADA, PASSWORD).await.expect(200) }
    });
    all_at_once(logins).await;
    assert_eq!(app.number("SELECT count(*) FROM sessions").await, 20);
    assert_eq!(app.number("SELECT count(*) FROM tower_sessions").await, 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_at_once_never_see_each_other() {
    let app = TestApp::new().await;
    let (ada, eve) = (app.registered(ADA).await, app.registered("eve@example.com").await);
    let requests = (0..120).map(|place| {
        let (browser, own, others) = match place % 2 {
            0 => (ada.copy(), ADA, "eve@example.com"),
            _ => (eve.copy(), "eve@example.com", ADA),
        };
        if place % 5 == 0 {
            browser.set_cookie("auth", None);
        }
        async move {
            let answer = match place % 4 {
                0 | 1 => browser.get("/profile").await,
                _ => browser.call("get_user", &[]).await,
            };
            let answer = answer.expect(200);
            assert!(answer.shows(own) && !answer.shows(others));
        }
    });
    all_at_once(requests).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_over_one_database_keep_each_others_writes() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let other = app.restarted(&[]).await;
    let writes = (0..40).map(|place| {
        let browser = if place % 2 == 0 {
            ada.clone()
        } else {
            ada.before(&other)
        };
        let field = ["display_name", "bio"][place % 2];
        async move {
            browser
                .call("update_public_data", &[(field, "x")])
                .await
                .expect(200)
        }
    });
    all_at_once(writes).await;
    assert_eq!(app.number("SELECT version FROM user_data").await, 40);
}
