//! The moment a snapshot ends, for everybody who holds it.

use std::{
    thread,
    time::{Duration, Instant},
};

use sqlx::Executor;

use crate::{
    driver::{
        fleet::{Fleet, INSTANCES},
        session::{Seen, Session, Tally, With},
    },
    sql::on,
};

const REQUESTS: usize = 100;

/// Counts the touches of sessions, in the database itself.
#[cfg(not(feature = "postgres"))] // wing:postgres
const COUNT_TOUCHES: &str = "CREATE TABLE touches (id TEXT);
    CREATE TRIGGER touch AFTER UPDATE OF last_seen_at ON sessions BEGIN INSERT INTO touches VALUES ('x'); END;";
// wing:postgres
#[cfg(feature = "postgres")]
const COUNT_TOUCHES: &str = "CREATE TABLE touches (id TEXT);
    CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN INSERT INTO touches VALUES (''x''); RETURN NULL; END';
    CREATE TRIGGER touch AFTER UPDATE OF last_seen_at ON sessions FOR EACH ROW EXECUTE FUNCTION touch();";
// end wing:postgres

#[test]
fn of_a_hundred_requests_at_its_end_all_succeed_and_one_touches() {
    // A snapshot lives for half of the idle time at most, and a touch is due after a quarter.
    let fleet = Fleet::start(&[("SNAPSHOT_TTL", "3"), ("SESSION_IDLE", "12")]);
    on(&fleet, async |connection| {
        connection.execute(COUNT_TOUCHES).await.unwrap()
    });
    let tally = Tally::default();
    let session = Session::register(&fleet, 0);
    // Whole seconds: it began within the last one, and ends within the third from now.
    let end = Instant::now() + Duration::from_secs(2);
    thread::scope(|scope| {
        for place in 0..REQUESTS {
            let (fleet, tally, session) = (&fleet, &tally, &session);
            scope.spawn(move || {
                let instance = place % INSTANCES;
                let mut connection = fleet.connect(instance).unwrap();
                thread::sleep(end.saturating_duration_since(Instant::now()));
                while end.elapsed() < Duration::from_millis(1500) {
                    let seen = session.ask(instance, &mut connection, With::Former, tally);
                    assert_eq!(seen.unwrap(), Seen::Accepted);
                }
            });
        }
    });
    assert!(tally.is_clean(), "{tally}");
    let touches: i64 = on(&fleet, async |connection| {
        let touches = sqlx::query_scalar("SELECT count(*) FROM touches");
        touches.fetch_one(connection).await.unwrap()
    });
    assert_eq!(touches, 1);
}
