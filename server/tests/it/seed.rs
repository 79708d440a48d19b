//! `server seed`: the people of a fresh database.

use std::net::TcpListener;

use auth::{Clock, Vars, db::Database};
use server::{config::ServerConfig, seed::seed};
use time::OffsetDateTime;

use crate::support::{Folder, SECRET};

/// The configuration of a development server on this address.
fn config(folder: &Folder, address: &str) -> ServerConfig {
    let (database_url, site) = (folder.database_url(), folder.site());
    let public_url = format!("http://{address}");
    let vars: Vars = [
        ("PUBLIC_URL", public_url.as_str()),
        ("DATABASE_URL", &database_url),
        ("SESSION_SECRET", SECRET),
        ("LEPTOS_SITE_ROOT", &site),
        ("LEPTOS_SITE_ADDR", address),
    ]
    .into_iter()
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

    seed(config(&folder, &address)).await.unwrap();
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
    assert!(again.contains("ada@example.com is there already"), "{again}");
}
