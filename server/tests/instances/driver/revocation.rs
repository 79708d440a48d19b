//! How long a revoked session lives on elsewhere.

use std::{
    fmt,
    sync::{Arc, Barrier},
    thread,
    time::{Duration, Instant},
};

use super::{
    fleet::{Fleet, INSTANCES},
    scene::Scene,
    session::{BOUND, PATIENCE, Seen, Session, Tally, With},
};

/// Revocations begin at random within this: on SQLite a little more than the time between two looks of an
/// instance, so that no moment between them is favoured.
#[cfg(feature = "postgres")] // wing:postgres
const SPREAD: Duration = Duration::from_millis(20); // wing:postgres
#[cfg(not(feature = "postgres"))] // wing:postgres
const SPREAD: Duration = Duration::from_millis(250);

/// From the answers of revocations to the first refusals on the last of the other instances.
pub struct Delays(Vec<Duration>);

impl Delays {
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The delay that so many of a hundred do not exceed.
    pub fn percentile(&self, percent: usize) -> Duration {
        self.0[(self.0.len() * percent).div_ceil(100).max(1) - 1]
    }
}

impl fmt::Display for Delays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, percent) in [("p50", 50), ("p90", 90), ("p99", 99), ("max", 100)] {
            let millis = self.percentile(percent).as_secs_f64() * 1000.0;
            write!(f, "{name} {millis:.1} ms, ")?;
        }
        Ok(())
    }
}

/// Revokes so many sessions, one after the other, at one instance after the other.
pub fn revocations(scene: &mut Scene, count: usize) -> Delays {
    let mut delays = Vec::new();
    while delays.len() < count {
        let Some(target) = scene.target() else {
            scene.next_person(count - delays.len());
            continue;
        };
        delays.push(revocation(scene, delays.len() % INSTANCES, &target));
    }
    delays.sort_unstable();
    Delays(delays)
}

fn revocation(scene: &Scene, by: usize, target: &Arc<Session>) -> Duration {
    let others: Vec<usize> = (0..INSTANCES).filter(|instance| *instance != by).collect();
    let ready = Barrier::new(others.len() + 1);
    thread::scope(|scope| {
        let watchers: Vec<_> = others
            .into_iter()
            .map(|instance| {
                let ready = &ready;
                scope.spawn(move || first_refusal(&scene.fleet, &scene.tally, instance, target, ready))
            })
            .collect();
        ready.wait();
        thread::sleep(SPREAD.mul_f64(rand::random()));
        let answered = scene.keeper().revoke(&scene.fleet, by, target);
        let refusals = watchers.into_iter().map(|watcher| watcher.join().unwrap());
        // It may be refused elsewhere before the answer is here.
        refusals.max().unwrap().saturating_duration_since(answered)
    })
}

/// Asks without a pause until the session is refused.
fn first_refusal(
    fleet: &Fleet,
    tally: &Tally,
    instance: usize,
    target: &Session,
    ready: &Barrier,
) -> Instant {
    let mut connection = fleet.connect(instance).unwrap();
    let mut ask = || target.ask(instance, &mut connection, With::Both, tally).unwrap();
    assert_eq!(ask(), Seen::Accepted);
    ready.wait();
    let start = Instant::now();
    while ask() != Seen::Refused {
        assert!(
            start.elapsed() < PATIENCE + BOUND * 2,
            "instance {instance} refuses nothing: {tally}"
        );
    }
    Instant::now()
}
