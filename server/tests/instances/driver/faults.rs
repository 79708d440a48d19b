//! What happens to instances and their database, and revocations in the midst of it.

use std::{
    thread,
    time::{Duration, Instant},
};

#[cfg(feature = "postgres")] // wing:postgres
use super::postgres::{self, Operator}; // wing:postgres
use super::{
    fleet::INSTANCES,
    scene::Scene,
    session::{BOUND, With},
};

/// Requests that wait for a stopped instance.
const WAITING: usize = 32;
/// The instance that things happen to.
const VICTIM: usize = INSTANCES - 1;

fn wait_until(moment: Instant) {
    thread::sleep(moment.saturating_duration_since(Instant::now()));
}

fn wait_at_most(time: Duration) {
    thread::sleep(time.mul_f64(rand::random()));
}

/// An instance is stopped for so long. Sessions are revoked meanwhile, and requests wait for its waking up.
pub fn suspension(scene: &mut Scene, time: Duration) {
    let start = Instant::now();
    scene.fleet.suspend(VICTIM);
    let (target, at) = scene.revoke(0);
    wait_until(at + BOUND + Duration::from_millis(100));
    thread::scope(|scope| {
        for _ in 0..WAITING {
            scope.spawn(|| {
                let mut connection = scene.fleet.connect(VICTIM).unwrap();
                let seen = target.ask(VICTIM, &mut connection, With::Both, &scene.tally);
                seen.unwrap();
            });
        }
        wait_until(start + time);
        scene.fleet.resume(VICTIM);
    });
    scene.revoke(0);
}

/// An instance is killed, misses a revocation, and starts anew; then it is killed so many times while it
/// revokes.
pub fn crashes(scene: &mut Scene, count: usize) {
    scene.revoke(VICTIM);
    scene.fleet.kill(VICTIM);
    scene.revoke(0);
    scene.fleet.relaunch(VICTIM);
    for _ in 0..count {
        scene.recover();
        let Some(target) = scene.target() else { return };
        thread::scope(|scope| {
            scope.spawn(|| scene.keeper().revoke_unheard(&scene.fleet, VICTIM, &target));
            wait_at_most(Duration::from_millis(20));
            scene.fleet.kill(VICTIM);
        });
        scene.fleet.relaunch(VICTIM);
        target.settle(&scene.fleet, 0, &scene.tally);
    }
}

// wing:postgres
/// So many times, the connections over which instances hear of marks end right before a revocation.
#[cfg(feature = "postgres")]
pub fn lost_listeners(scene: &mut Scene, count: usize) {
    let mut operator = Operator::new(&scene.fleet.database.url());
    for round in 0..count {
        operator.end_feeds();
        scene.revoke(round % INSTANCES);
        wait_at_most(Duration::from_millis(600));
    }
    scene.recover();
    thread::sleep(BOUND);
    assert_eq!(operator.feeds(), i64::try_from(INSTANCES).unwrap());
}
// end wing:postgres

// wing:postgres
/// The same connections end, and for so long no others can be made.
#[cfg(feature = "postgres")]
pub fn held_up_listeners(scene: &mut Scene, time: Duration) {
    let mut operator = Operator::new(&scene.fleet.database.url());
    let targets = scene.one_for_each();
    let scene = &*scene;
    scene.crowd();
    operator.end_feeds_and_hold_up();
    let start = Instant::now();
    thread::scope(|scope| {
        for (by, target) in targets.iter().enumerate() {
            scope.spawn(move || scene.keeper().revoke(&scene.fleet, by, target));
        }
        wait_until(start + time);
        operator.let_in();
    });
    // Whoever trusts marks now has to know of all.
    thread::sleep(BOUND * 2);
    scene.recover();
}
// end wing:postgres

// wing:postgres
/// PostgreSQL is stopped in this manner, is away for so long, and comes back. What is revoked meanwhile has
/// to wait for it.
#[cfg(feature = "postgres")]
pub fn outage(scene: &mut Scene, mode: &str, time: Duration) {
    scene.revoke(0);
    let targets = scene.one_for_each();
    let scene = &*scene;
    postgres::stop(mode);
    thread::scope(|scope| {
        for (by, target) in targets.iter().enumerate() {
            scope.spawn(move || scene.keeper().revoke(&scene.fleet, by, target));
        }
        thread::sleep(time);
        postgres::start();
    });
    scene.recover();
}
// end wing:postgres
