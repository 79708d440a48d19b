//! `server seed`: the people of a fresh database.

use std::net::TcpListener;

use auth::{Clock, Vars, db::Database};
use server::{config::ServerConfig, seed::seed};
use time::OffsetDateTime;

use crate::support::{Folder, SECRET, acme};

/// The configuration of a development server on this address.
fn config(folder: &Folder, address: &str) -> ServerConfig {
    config_with(folder, address, [])
}

/// The same with other settings, which replace those.
fn config_with<const N: usize>(folder: &Folder, address: &str, more: [(&str, &str); N]) -> ServerConfig {
    let vars: Vars = [
        ("PUBLIC_URL", format!("http://{address}")),
        ("DATABASE_URL", folder.database_url()),
        ("SESSION_SECRET", SECRET.to_owned()),
        ("LEPTOS_SITE_ROOT", folder.site()),
        ("LEPTOS_SITE_ADDR", address.to_owned()),
    ]
    .into_iter()
    .chain(more.map(|(name, value)| (name, value.to_owned())))
    .collect();
    ServerConfig::from_vars(&vars, false).unwrap()
}

#[tokio::test]
async fn a_fresh_database_is_seeded_once() {
    let folder = Folder::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();

    let taken = seed(config(&folder, &address)).await.unwrap_err().to_string();
    assert!(taken.contains("stop the server first"), "{taken}");
    drop(listener);

    // Whichever providers are configured, people come from the one that debug builds contain.
    seed(config_with(&folder, &address, acme())).await.unwrap();
    let db = Database::open(&config(&folder, &address).auth.database_url)
        .await
        .unwrap();
    let count =
        async |sql: &'static str| -> i64 { sqlx::query_scalar(sql).fetch_one(db.read()).await.unwrap() };
    assert!(count("SELECT count(*) FROM users").await > 10);
    // wing:admin
    let admins = "SELECT count(*) FROM users WHERE role = 'admin'";
    assert_eq!(count(admins).await, 2);
    let disabled = "SELECT count(*) FROM users WHERE disabled_at IS NOT NULL";
    assert_eq!(count(disabled).await, 1);
    // end wing:admin
    // wing:dev-provider
    let connected = "SELECT count(*) FROM accounts";
    assert_eq!(count(connected).await, 3);
    // end wing:dev-provider
    assert!(count("SELECT count(*) FROM audit_events").await > 30);
    // Nothing of it is to come.
    let newest: OffsetDateTime = sqlx::query_scalar("SELECT max(created_at) FROM sessions")
        .fetch_one(db.read())
        .await
        .unwrap();
    assert!(newest < Clock::system().now(), "{newest}");
    db.close().await;

    let again = seed(config(&folder, &address)).await.unwrap_err().to_string();
    assert!(again.contains("there are users already"), "{again}");
}

#[tokio::test]
async fn what_is_not_to_be_seeded_stays_as_it_is() {
    let folder = Folder::new();
    let address = "127.0.0.1:0";
    for elsewhere in [
        ("PUBLIC_URL", "https://app.example"),
        ("LEPTOS_SITE_ADDR", "0.0.0.0:0"),
    ] {
        let refused = seed(config_with(&folder, address, [elsewhere]))
            .await
            .unwrap_err();
        assert!(refused.to_string().contains("on loopback"), "{refused}");
        let is_there = std::fs::exists(folder.0.join("app.db")).unwrap();
        assert!(!is_there, "{elsewhere:?}");
    }
    // Others may be there by another address.
    let db = Database::open_or_create(&config(&folder, address).auth.database_url)
        .await
        .unwrap();
    db.migrate().await.unwrap();
    sqlx::query(
        "INSERT INTO users (id, name, role, created_at, updated_at) VALUES ($1, 'Eve', 'user', $2, $2)",
    )
    .bind(uuid::Uuid::now_v7())
    .bind(Clock::system().now())
    .execute(db.write())
    .await
    .unwrap();
    let refused = seed(config(&folder, address)).await.unwrap_err();
    assert!(
        refused.to_string().contains("there are users already"),
        "{refused}"
    );
    let users: i64 = sqlx::query_scalar("SELECT count(*) FROM users")
        .fetch_one(db.read())
        .await
        .unwrap();
    assert_eq!(users, 1);
    db.close().await;
}
