//! `cargo bench --bench revocation`: how long a revoked session lives on, on instances other than the one
//! that revoked it, and whether one outlives the bound when things break.
//!
//! Each instance is a process of its own, asked over loopback without a pause while it happens: on a small
//! machine the load takes what time there is, and the delays are those of an overloaded one.

#![expect(clippy::unwrap_used, reason = "what is unexpected ends the measurement")]

#[path = "../../auth/testing/database.rs"]
mod database;
#[path = "../tests/instances/driver/mod.rs"]
mod driver;

use std::{process::ExitCode, time::Duration};

use driver::{faults, fleet::INSTANCES, revocation::revocations, scene::Scene};

/// What happens to a scene, and with how many sessions to revoke.
type Fault = (&'static str, usize, fn(&mut Scene));

#[cfg(not(feature = "postgres"))] // wing:postgres
const ENGINE: &str = "SQLite";
#[cfg(feature = "postgres")] // wing:postgres
const ENGINE: &str = "PostgreSQL"; // wing:postgres

const FAULTS: &[Fault] = &[
    ("an instance stopped for 10 s", 2, |scene| {
        faults::suspension(scene, Duration::from_secs(10));
    }),
    ("an instance killed 15 times", 19, |scene| {
        faults::crashes(scene, 14);
    }),
    // wing:postgres
    #[cfg(feature = "postgres")]
    ("listening connections ended 19 times", 19, |scene| {
        faults::lost_listeners(scene, 19);
    }),
    // end wing:postgres
    // wing:postgres
    #[cfg(feature = "postgres")]
    ("no listening connection for 1.2 s", 3, |scene| {
        faults::held_up_listeners(scene, Duration::from_millis(1200));
    }),
    // end wing:postgres
    // wing:postgres
    #[cfg(feature = "postgres")]
    ("no listening connection for 10 s", 3, |scene| {
        faults::held_up_listeners(scene, Duration::from_secs(10));
    }),
    // end wing:postgres
    // wing:postgres
    #[cfg(feature = "postgres")]
    ("PostgreSQL restarted", 4, |scene| {
        faults::outage(scene, "fast", Duration::ZERO);
    }),
    // end wing:postgres
    // wing:postgres
    #[cfg(feature = "postgres")]
    ("PostgreSQL crashed, away for 10 s", 4, |scene| {
        faults::outage(scene, "immediate", Duration::from_secs(10));
    }),
    // end wing:postgres
];

fn main() -> ExitCode {
    let quick = std::env::args().any(|argument| argument == "--quick");
    println!(
        "{INSTANCES} instances on {ENGINE}, machine load {}",
        machine_load()
    );
    println!("| what | measured |\n| --- | --- |");
    let mut clean = true;
    let mut scene = Scene::new(19);
    let delays = revocations(&mut scene, if quick { 50 } else { 500 });
    let count = delays.len();
    println!("| from the answer of a revocation to its effect elsewhere, {count} times | {delays} |");
    let mut judge = |what: &str, scene: Scene| {
        let tally = scene.end();
        println!("| {what} | {tally} |");
        clean &= tally.is_clean();
    };
    judge("requests meanwhile", scene);
    for (what, targets, fault) in FAULTS {
        let mut scene = Scene::new(*targets);
        fault(&mut scene);
        judge(what, scene);
    }
    println!("machine load {}", machine_load());
    if clean {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn machine_load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or_default().to_owned()
}
