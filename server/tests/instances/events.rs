//! Open event streams, on every instance, of sessions that one of them revokes.

use std::{
    io::{BufRead, BufReader, Lines, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use crate::driver::{
    client::Connection,
    fleet::{Fleet, INSTANCES},
    session::{BOUND, Session, With},
};
#[cfg(feature = "postgres")] // wing:postgres
use crate::driver::{postgres::Operator, scene::Scene}; // wing:postgres

/// A stream that has shown its session.
struct Stream(Lines<BufReader<TcpStream>>);

impl Stream {
    fn open(fleet: &Fleet, instance: usize, session: &Session) -> Self {
        let Connection(mut connection) = fleet.connect(instance).unwrap();
        let cookies = session.cookies(With::IdOnly);
        let request = format!("GET /api/events HTTP/1.1\r\nhost: localhost\r\ncookie: {cookies}\r\n\r\n");
        connection.get_mut().write_all(request.as_bytes()).unwrap();
        // With those of the head, and of its chunks.
        let mut stream = Self(connection.lines());
        assert_eq!(stream.next_event(), "session");
        stream
    }

    fn next_event(&mut self) -> String {
        let name = self.0.find_map(|line| {
            let line = line.unwrap();
            line.strip_prefix("event: ").map(str::to_owned)
        });
        name.expect("another event")
    }

    /// The stream says that the session was revoked, and is over.
    fn ends(mut self) -> Instant {
        assert_eq!(self.next_event(), "end");
        let at = Instant::now();
        let data = self.0.next().unwrap().unwrap();
        assert_eq!(data, r#"data: {"reason":"revoked"}"#);
        // The length of the last chunk.
        assert!(self.0.any(|line| line.unwrap() == "0"));
        at
    }
}

/// A stream on every instance.
fn everywhere(fleet: &Fleet, session: &Session) -> Vec<Stream> {
    (0..INSTANCES)
        .map(|instance| Stream::open(fleet, instance, session))
        .collect()
}

#[test]
fn a_revocation_on_one_instance_ends_the_streams_on_all() {
    let fleet = Fleet::start(&[]);
    let keeper = Session::register(&fleet, 0);
    for round in 0..3 * INSTANCES {
        let by = round % INSTANCES;
        let target = keeper.again(&fleet, by);
        let streams = everywhere(&fleet, &target);
        let revoked = keeper.revoke(&fleet, by, &target);
        for (instance, stream) in streams.into_iter().enumerate() {
            let delay = stream.ends().saturating_duration_since(revoked);
            let bound = if instance == by {
                Duration::from_secs(1)
            } else {
                BOUND
            };
            assert!(delay < bound, "instance {instance} took {delay:?}");
        }
    }
}

#[test]
fn an_instance_that_was_stopped_ends_its_streams_when_it_wakes_up() {
    let fleet = Fleet::start(&[]);
    let keeper = Session::register(&fleet, 0);
    let target = keeper.again(&fleet, 0);
    let stopped = INSTANCES - 1;
    let stream = Stream::open(&fleet, stopped, &target);
    fleet.suspend(stopped);
    keeper.revoke(&fleet, 0, &target);
    thread::sleep(BOUND);
    fleet.resume(stopped);
    let resumed = Instant::now();
    let delay = stream.ends().saturating_duration_since(resumed);
    assert!(delay < BOUND, "{delay:?}");
}

// wing:postgres
#[cfg(feature = "postgres")]
#[test]
fn while_the_feed_cannot_reconnect_streams_end_all_the_same() {
    let mut scene = Scene::new(INSTANCES);
    let mut operator = Operator::new(&scene.fleet.database.url());
    let targets = scene.one_for_each();
    let streams = targets.each_ref().map(|target| everywhere(&scene.fleet, target));
    // Then every instance has connections with which it can ask the authority.
    scene.crowd();
    operator.end_feeds_and_hold_up();
    // One is revoked while the last proof still holds, one when it just does not, one long after that.
    for (by, (target, streams)) in targets.iter().zip(streams).enumerate() {
        let revoked = scene.keeper().revoke(&scene.fleet, by, target);
        for (instance, stream) in streams.into_iter().enumerate() {
            let delay = stream.ends().saturating_duration_since(revoked);
            assert!(delay < BOUND * 2, "instance {instance} took {delay:?}");
        }
    }
    operator.let_in();
    scene.recover();
    let tally = scene.end();
    assert!(tally.is_clean(), "{tally}");
}
// end wing:postgres
