//! A fleet under load, and people whose sessions can be revoked.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use super::{
    fleet::{Fleet, INSTANCES},
    load::Load,
    session::{BOUND, Seen, Session, Tally, With},
};

/// The most an instance takes to be itself again.
const PATIENCE: Duration = Duration::from_secs(30);
/// Of one person, beside the one that revokes them: with it, as many as a person may have.
const SESSIONS: usize = 19;

// wing:postgres
/// Requests at once that make an instance connect as often as it may.
#[cfg(feature = "postgres")]
const CROWD: usize = 20;
// end wing:postgres

/// A fleet under load.
pub struct Scene {
    pub fleet: Arc<Fleet>,
    pub tally: Arc<Tally>,
    load: Load,
    keeper: Arc<Session>,
    targets: Vec<Arc<Session>>,
}

impl Scene {
    /// Starts everything, with so many sessions to revoke.
    pub fn new(targets: usize) -> Self {
        let fleet = Arc::new(Fleet::start(&[]));
        let tally = Arc::default();
        let keeper = Arc::new(Session::register(&fleet, 0));
        let load = Load::start(&fleet, &tally, vec![Arc::clone(&keeper)]);
        let mut scene = Self {
            fleet,
            tally,
            load,
            keeper,
            targets: Vec::new(),
        };
        scene.stock(targets);
        scene
    }

    /// Signs in so many times, at one instance after the other.
    fn stock(&mut self, targets: usize) {
        assert!(targets <= SESSIONS);
        self.targets = self.load.resting(|| {
            let again = |place| Arc::new(self.keeper.again(&self.fleet, place % INSTANCES));
            (0..targets).map(again).collect()
        });
        for session in &self.targets {
            self.load.add(session);
        }
    }

    /// Another person takes the first one's place, whose session stays among those that must live.
    pub fn next_person(&mut self, targets: usize) {
        self.keeper = Arc::new(Session::register(&self.fleet, 0));
        self.load.add(&self.keeper);
        self.stock(targets.min(SESSIONS));
    }

    /// A session to revoke; `None` when all are.
    pub fn target(&mut self) -> Option<Arc<Session>> {
        self.targets.pop()
    }

    // wing:postgres
    /// As many as there are instances.
    #[cfg(feature = "postgres")]
    pub fn one_for_each(&mut self) -> [Arc<Session>; INSTANCES] {
        std::array::from_fn(|_| self.target().unwrap())
    }
    // end wing:postgres

    // wing:postgres
    /// Asks every instance's authority so often at once that it has all the connections to the database it
    /// wants.
    #[cfg(feature = "postgres")]
    pub fn crowd(&self) {
        thread::scope(|scope| {
            for place in 0..INSTANCES * CROWD {
                scope.spawn(move || {
                    let instance = place % INSTANCES;
                    let mut connection = self.fleet.connect(instance).unwrap();
                    for _ in 0..10 {
                        let seen = self
                            .keeper
                            .ask(instance, &mut connection, With::IdOnly, &self.tally);
                        seen.unwrap();
                    }
                });
            }
        });
    }
    // end wing:postgres

    /// Revokes one.
    pub fn revoke(&mut self, by: usize) -> (Arc<Session>, Instant) {
        let target = self.target().unwrap();
        let at = self.keeper.revoke(&self.fleet, by, &target);
        (target, at)
    }

    /// Who revokes.
    pub fn keeper(&self) -> &Session {
        &self.keeper
    }

    /// Waits until every instance lets a live session in.
    pub fn recover(&self) {
        let start = Instant::now();
        for instance in 0..INSTANCES {
            let asked = || {
                let mut connection = self.fleet.connect(instance)?;
                self.keeper
                    .ask(instance, &mut connection, With::IdOnly, &self.tally)
            };
            while !matches!(asked(), Ok(Seen::Accepted)) {
                assert!(start.elapsed() < PATIENCE, "instance {instance} does not recover");
                thread::sleep(Duration::from_millis(50));
            }
        }
    }

    /// Goes on until what was revoked last would have to be refused everywhere, for a while; the balance.
    pub fn end(mut self) -> Arc<Tally> {
        self.recover();
        thread::sleep(BOUND + Duration::from_secs(1));
        self.load.stop();
        Arc::clone(&self.tally)
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if thread::panicking() {
            println!("{}", self.fleet.complaints());
        }
    }
}
