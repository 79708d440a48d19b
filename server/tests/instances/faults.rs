//! Revocations under load, and in the midst of faults.

use std::time::Duration;

use crate::driver::{faults, revocation::revocations, scene::Scene};

fn judge(scene: Scene) {
    let tally = scene.end();
    println!("{tally}");
    assert!(tally.is_clean(), "{tally}");
}

#[test]
fn what_is_revoked_on_one_instance_is_refused_by_all() {
    let mut scene = Scene::new(19);
    let delays = revocations(&mut scene, 60);
    println!("{delays}{} revocations", delays.len());
    judge(scene);
}

#[test]
fn an_instance_that_was_stopped_wakes_up_to_what_it_missed() {
    let mut scene = Scene::new(2);
    faults::suspension(&mut scene, Duration::from_secs(4));
    judge(scene);
}

#[test]
fn an_instance_that_was_killed_comes_back_to_what_it_missed() {
    let mut scene = Scene::new(5);
    faults::crashes(&mut scene, 3);
    judge(scene);
}

// wing:postgres
#[cfg(feature = "postgres")]
#[test]
fn a_revocation_while_the_feed_is_disconnected_is_refused() {
    let mut scene = Scene::new(6);
    faults::lost_listeners(&mut scene, 6);
    judge(scene);
}
// end wing:postgres

// wing:postgres
#[cfg(feature = "postgres")]
#[test]
fn a_revocation_while_the_feed_cannot_reconnect_is_refused() {
    let mut scene = Scene::new(6);
    // Before the bound, and long after it.
    for millis in [1500, 4000] {
        faults::held_up_listeners(&mut scene, Duration::from_millis(millis));
    }
    judge(scene);
}
// end wing:postgres

// wing:postgres
#[cfg(feature = "postgres")]
#[test]
fn a_restart_of_the_database_signs_no_user_out_and_accepts_no_revoked_session() {
    let mut scene = Scene::new(8);
    faults::outage(&mut scene, "fast", Duration::ZERO);
    // Longer than the bound and the wait for a connection: until snapshots alone are worth nothing.
    faults::outage(&mut scene, "immediate", Duration::from_secs(7));
    judge(scene);
}
// end wing:postgres
