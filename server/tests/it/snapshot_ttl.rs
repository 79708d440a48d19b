//! Processes on one database that were told different values of `SNAPSHOT_TTL`: a mark outlives every snapshot it
//! voids, whoever marked and whoever sealed.

// wing:admin
use auth::{
    Config, Lifetimes,
    admin::{Administration, By},
};

use crate::support::Browser;
// end wing:admin

use crate::support::TestApp;

const ADA: &str = "ada@example.com";

/// How much longer than snapshots marks are kept.
const SLACK: i64 = 120;

// wing:admin
/// Ends all sessions of who this browser belongs to, as a command does that was told this.
async fn end_by_command(app: &TestApp, browser: &Browser, snapshot: i64) {
    let lifetimes = Lifetimes {
        snapshot,
        ..Lifetimes::default()
    };
    let (db, clock) = (app.auth.db.clone(), app.clock.clone());
    let config = Config {
        lifetimes,
        ..app.config().await
    };
    let command = Administration::at_command_line(&config, db, clock).await.unwrap();
    let user_id = browser.session().await["user_id"].as_str().unwrap().parse();
    command
        .end_sessions(By::CommandLine, user_id.unwrap())
        .await
        .unwrap();
}
// end wing:admin

async fn marks(app: &TestApp) -> i64 {
    app.auth.sweep().await.unwrap();
    app.number("SELECT count(*) FROM stale_sessions").await
}

// wing:admin
#[tokio::test]
async fn a_session_ended_by_a_command_with_a_shorter_snapshot_ttl_stays_ended() {
    let app = TestApp::new().await;
    let lost = app.registered(ADA).await;
    end_by_command(&app, &lost, 1).await;
    app.advance(SLACK + 1);
    app.auth.sweep().await.unwrap();
    let next = app.restarted(&[]).await;
    let there = lost.copy().before(&next);
    assert!(!there.is_signed_in().await, "its snapshot would live on");

    app.advance(300 - 2);
    assert_eq!(marks(&app).await, 1);
    app.advance(1);
    assert_eq!(marks(&app).await, 0, "no snapshot is as old as that");
}
// end wing:admin

#[tokio::test]
async fn a_session_stays_ended_while_instances_with_another_ttl_come_and_go() {
    let app = TestApp::with(&[("SNAPSHOT_TTL", "60")]).await;
    let (early, late) = (app.registered(ADA).await, app.signed_in(ADA).await);
    // Marked by who knows of nothing longer, and not forgotten when somebody comes who was told of it.
    early.copy().call("logout", &[]).await.expect(200);
    let long = [("SNAPSHOT_TTL", "3600")];
    let next = app.restarted(&long).await;
    late.before(&next).set_cookie("auth", None);
    assert!(late.before(&next).is_signed_in().await);
    app.advance(SLACK);
    // Marked by the one with the short life, which has heard of the longer one by its own marking alone.
    late.copy().call("logout", &[]).await.expect(200);

    app.advance(3600 - SLACK - 1);
    assert_eq!(marks(&app).await, 2);
    let last = app.restarted(&long).await;
    assert!(
        !late.copy().before(&last).is_signed_in().await,
        "its snapshot would live on"
    );
    app.advance(SLACK + 1);
    assert_eq!(marks(&app).await, 1, "of two marks the later one is left");
    app.advance(SLACK);
    assert_eq!(marks(&app).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_instance_begins_to_seal_for_longer_while_another_writes_a_mark() {
    let app = TestApp::new().await;
    let lost = app.registered(ADA).await;
    let user_id = lost.session().await["user_id"].as_str().unwrap().parse();
    let longest = async || -> i64 {
        let longest = sqlx::query_scalar("SELECT longest FROM snapshot_ttl");
        longest.fetch_one(app.auth.db.read()).await.unwrap()
    };
    let mut tx = app.auth.db.begin().await.unwrap();
    app.auth
        .sessions
        .end_all(&mut tx, user_id.unwrap())
        .await
        .unwrap();
    // It waits for the mark in vain, and goes by what the database knows.
    let next = app.restarted(&[("SNAPSHOT_TTL", "3600")]).await;
    assert_eq!(longest().await, 300);
    tx.commit().await.unwrap();
    next.auth.sweep().await.unwrap();
    assert_eq!(longest().await, 3600);
    app.advance(3600 + SLACK - 1);
    assert_eq!(
        marks(&app).await,
        1,
        "kept for as long as what is sealed from now on"
    );
}

#[tokio::test]
async fn no_snapshot_lives_longer_than_the_database_was_told() {
    let app = TestApp::new().await;
    assert_eq!(app.number("SELECT longest FROM snapshot_ttl").await, 300);
    app.restarted(&[("SNAPSHOT_TTL", "60")]).await;
    assert_eq!(app.number("SELECT longest FROM snapshot_ttl").await, 300);

    app.sql("DELETE FROM snapshot_ttl").await;
    let next = app.restarted(&[]).await;
    let ada = next.registered(ADA).await;
    let reads = || next.auth.sessions.status().authority_reads;
    for asked in 1..=3 {
        assert!(ada.is_signed_in().await);
        assert_eq!(
            reads(),
            asked,
            "a snapshot that marks may not outlive is worth nothing"
        );
    }
    app.sql("INSERT INTO snapshot_ttl (longest) VALUES (60)").await;
    next.auth.sweep().await.unwrap();
    assert_eq!(app.number("SELECT longest FROM snapshot_ttl").await, 300);
    assert!(ada.is_signed_in().await);
    for _ in 0..3 {
        assert!(ada.is_signed_in().await);
        assert_eq!(reads(), 4, "the last one that was asked");
    }
}
