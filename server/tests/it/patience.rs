//! How long an answer waits for a database that somebody else keeps busy.

use std::time::{Duration, Instant};

use sqlx::{ConnectOptions, Executor};

use crate::support::{Answer, Browser, TestApp};

const ADA: &str = "ada@example.com";

/// Lets others read, and nobody write.
#[cfg(feature = "postgres")] // wing:postgres
const HOLD: &str = "BEGIN; LOCK TABLE sessions IN SHARE ROW EXCLUSIVE MODE"; // wing:postgres
#[cfg(not(feature = "postgres"))] // wing:postgres
const HOLD: &str = "BEGIN IMMEDIATE";

async fn timed(answer: impl Future<Output = Answer>) -> (Answer, Duration) {
    let begun = Instant::now();
    let answer = answer.await;
    (answer, begun.elapsed())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_waits_for_less_than_five_seconds_in_all_and_for_a_touch_hardly_at_all() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    // Its snapshot has ended, and its touch is due.
    app.advance(400);
    let mut other = app.auth.db.connect_options().connect().await.unwrap();
    other.execute(HOLD).await.unwrap();
    let browsers: Vec<Browser> = (0..6).map(|_| ada.copy()).collect();
    let read = |browser: &Browser, path: &'static str| {
        let browser = browser.clone();
        async move { timed(browser.get(path)).await }
    };
    let sign_out = |browser: &Browser| {
        let browser = browser.clone();
        async move { timed(browser.call("logout", &[])).await }
    };
    let get_user = timed(browsers[2].call("get_user", &[]));
    let (session, page, user, first, second, third) = tokio::join!(
        read(&browsers[0], "/api/session"),
        read(&browsers[1], "/profile"),
        get_user,
        sign_out(&browsers[3]),
        sign_out(&browsers[4]),
        sign_out(&browsers[5]),
    );
    for (answer, waited) in [session, page, user] {
        let answer = answer.expect(200);
        assert!(answer.renews());
        assert!(waited < Duration::from_millis(1500), "{waited:?}");
    }
    for (answer, waited) in [first, second, third] {
        let answer = answer.expect(503);
        assert!(answer.cookies().is_empty() || !answer.clears());
        assert!(waited < Duration::from_secs(5), "{waited:?}");
    }
    other.execute("ROLLBACK").await.unwrap();
    assert!(app.auth.detached.drain(Duration::from_secs(10)).await);
    assert_eq!(ada.session().await["email"], ADA);
    ada.call("logout", &[]).await.expect(200);
}
