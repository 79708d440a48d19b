//! The database in trouble: what fails is answered with 503, costs the connection it happened on at most, and is
//! over when the trouble is.

use std::{fs, path::Path};

use crate::support::TestApp;

const ADA: &str = "ada@example.com";

/// The driver of SQLite counts transactions itself. When the disk is full, SQLite rolls back without being asked,
/// and the driver, which does not know, refuses every later transaction.
#[cfg(not(feature = "postgres"))] // wing:postgres
#[tokio::test]
async fn a_write_that_finds_the_disk_full_fails_alone() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    // No more pages, for this connection: what SQLite then does is what it does on a full disk.
    let pages = app.number("PRAGMA page_count").await;
    app.number(&format!("PRAGMA max_page_count = {pages}")).await;
    let biography = "b".repeat(1900);
    let mut failed = None;
    for place in 0..100 {
        let grace = app.browser().at(&format!("198.51.100.{place}"));
        let email = format!("grace-{place}@example.com");
        let fields = [("email", &*email), ("password", crate::support::PASSWORD)];
        let answer = grace.call("register", &fields).await;
        if answer.status != 200 {
            failed = Some(answer.expect(503));
            break;
        }
        let fields = [("bio", &*biography)];
        let answer = grace.call("update_public_data", &fields).await;
        if answer.status != 200 {
            failed = Some(answer.expect(503));
            break;
        }
    }
    let failed = failed.expect("the disk was full at last");
    assert!(failed.header("retry-after").is_some());
    // The connection went, and its limit with it.
    for name in ["Ada", "Ada L."] {
        ada.call("update_public_data", &[("display_name", name)])
            .await
            .expect(200);
    }
    app.registered("edith@example.com").await;
    app.browser().get("/readyz").await.expect(200);
}

#[tokio::test]
async fn an_instance_that_cannot_write_is_not_ready_and_is_again_when_it_can() {
    let app = TestApp::new().await;
    // wing:postgres
    #[cfg(feature = "postgres")]
    let (lock, unlock) = (
        "ALTER TABLE readiness ADD CONSTRAINT nothing CHECK (id = 0) NOT VALID",
        "ALTER TABLE readiness DROP CONSTRAINT nothing",
    );
    // end wing:postgres
    #[cfg(not(feature = "postgres"))] // wing:postgres
    let (lock, unlock) = ("PRAGMA query_only = ON", "PRAGMA query_only = OFF");
    app.sql(lock).await;
    let answer = app.browser().get("/readyz").await.expect(503);
    assert!(
        answer.text().starts_with("the database is not ready"),
        "{}",
        answer.text()
    );
    // To read is still possible: nobody is signed out, and the process is alive.
    app.browser().get("/healthz").await.expect(200);
    app.browser().get("/login").await.expect(200);
    app.sql(unlock).await;
    app.browser().get("/readyz").await.expect(200);
}

// wing:postgres
#[cfg(feature = "postgres")]
#[tokio::test]
async fn a_connection_ended_in_the_midst_of_a_transaction_fails_alone() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    for _ in 0..12 {
        let mut tx = app.auth.db.begin().await.unwrap();
        let backend: i32 = sqlx::query_scalar("SELECT pg_backend_pid()")
            .fetch_one(&mut *tx)
            .await
            .unwrap();
        sqlx::query("UPDATE users SET name = 'half'")
            .execute(&mut *tx)
            .await
            .unwrap();
        let ended: bool = sqlx::query_scalar("SELECT pg_terminate_backend($1)")
            .bind(backend)
            .fetch_one(app.auth.db.read())
            .await
            .unwrap();
        assert!(ended);
        let error = tx.commit().await.map_err(auth::Error::from).unwrap_err();
        assert!(matches!(error, auth::Error::Unavailable(_)), "{error:?}");
        ada.call("update_public_data", &[("display_name", "Ada")])
            .await
            .expect(200);
    }
    assert_eq!(
        app.number("SELECT count(*) FROM users WHERE name = 'half'").await,
        0
    );
}
// end wing:postgres

// wing:postgres
/// A transaction that is begun and left holds its locks for seconds, not until the process ends.
#[cfg(feature = "postgres")]
#[tokio::test]
async fn an_idle_transaction_is_ended_by_the_server() {
    let app = TestApp::new().await;
    let limit = app
        .text("SELECT current_setting('idle_in_transaction_session_timeout')")
        .await;
    assert_eq!(limit, "10s");
}
// end wing:postgres

/// Errors reach the log by `chain` alone: JSON lines would show nothing but the first of a chain, which says what
/// was tried, and not why it failed.
#[test]
fn errors_are_logged_with_their_causes() {
    let mut found = Vec::new();
    for crate_ in ["auth", "app", "server"] {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("..")
            .join(crate_)
            .join("src");
        look_through(&sources, &mut found);
    }
    assert!(found.is_empty(), "{found:#?}");
}

fn look_through(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            look_through(&path, found);
            continue;
        }
        for (place, line) in fs::read_to_string(&path).unwrap().lines().enumerate() {
            let code = line.split("//").next().unwrap_or(line);
            let bare = [
                "(%error",
                "(?error",
                " %error,",
                " ?error,",
                "as &dyn std::error::Error",
                "as &dyn Error",
            ];
            if bare.iter().any(|form| code.contains(form)) {
                found.push(format!("{}:{}: {line}", path.display(), place + 1));
            }
        }
    }
}
