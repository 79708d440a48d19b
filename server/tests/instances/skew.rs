//! Instances whose machines show another time than the database.

use std::sync::{Arc, atomic::AtomicI64};

use auth::{Clock, Vars, db::Database};
use http::{HeaderMap, HeaderValue, header::COOKIE};
use server::{config::ServerConfig, serve};

use crate::driver::{
    fleet::{Fleet, SECRET},
    session::{Session, With},
};

/// Seconds: marks are kept for less than the clocks differ by.
const SNAPSHOT_TTL: (&str, &str) = ("SNAPSHOT_TTL", "60");

fn headers(session: &Session) -> HeaderMap {
    let cookies = HeaderValue::from_str(&session.cookies(With::Former)).unwrap();
    HeaderMap::from_iter([(COOKIE, cookies)])
}

/// Starts with its clock so many minutes from the database's, as if it were its machine's: the instance
/// finds out, and has swept by then.
async fn lets_in(fleet: &Fleet, minutes: i64, session: &Session) -> bool {
    let url = fleet.database.url();
    let vars: Vars = [
        ("PUBLIC_URL", "http://127.0.0.1:3000"),
        ("DATABASE_URL", &url),
        ("SESSION_SECRET", SECRET),
        SNAPSHOT_TTL,
    ]
    .into_iter()
    .collect();
    let config = ServerConfig::from_vars(&vars, false).unwrap();
    let db = Database::open(&config.auth.database_url).await.unwrap();
    let clock = Clock::System(Arc::new(AtomicI64::new(minutes * 60_000)));
    let (_, auth) = serve::build(config, db, clock).await;
    auth.sweep().await.unwrap();
    auth.sessions.check(&headers(session)).is_some()
}

#[test]
fn an_instance_with_a_wrong_clock_keeps_the_marks_it_finds() {
    let fleet = Fleet::start(&[SNAPSHOT_TTL]);
    let (ada, lost) = (Session::register(&fleet, 0), Session::register(&fleet, 0));
    let second = lost.again(&fleet, 1);
    second.revoke(&fleet, 1, &lost);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        for minutes in [0, 5, -5] {
            assert!(lets_in(&fleet, minutes, &ada).await, "{minutes} min");
            assert!(!lets_in(&fleet, minutes, &lost).await, "{minutes} min");
        }
    });
}
