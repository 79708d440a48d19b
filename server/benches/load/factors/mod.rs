//! What a second factor and a passkey cost at sign-in, beside a password alone. In this process and without HTTP, since every
//! answer of a passkey is signed anew, and with a clock that is moved by hand, since every code is good once.

// wing:passkeys
#[path = "../../../../auth/testing/authenticator.rs"]
mod authenticator;
// end wing:passkeys
mod person;

use std::{sync::Arc, thread, time::Instant};

use auth::Clock;
use axum::Router;
use time::Duration;
use tokio::task::JoinSet;

use self::person::Person;
use crate::{
    Outcome, Rounds,
    database::TestDatabase,
    report::{Report, median},
    server::in_process,
};

/// How many sign in, one after another on each core.
const PEOPLE: usize = 48;

/// How somebody signs in.
#[derive(Clone, Copy)]
enum Way {
    Password,
    // wing:second-factors
    /// With a password and a code.
    App,
    // end wing:second-factors
    Passkey, // wing:passkeys
}

pub(crate) fn measure(rounds: Rounds, report: &Report) -> Outcome {
    let database = TestDatabase::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let clock = Clock::manual(Clock::system().now());
        let (router, auth) = in_process(&database, &[], clock.clone()).await?;
        compare(&router, &clock, rounds, report).await?;
        auth.db.close().await;
        Ok(())
    })
}

async fn compare(router: &Router, clock: &Clock, rounds: Rounds, report: &Report) -> Outcome {
    let (mut plain, mut careful) = (Vec::new(), Vec::new());
    for n in 0..PEOPLE {
        plain.push(Arc::new(Person::register(router, clock, n).await?));
        let person = Person::register(router, clock, PEOPLE + n).await?;
        careful.push(Arc::new(person.with_factors().await?));
    }
    let ways = [
        ("a password and a code of an app", Way::App), // wing:second-factors
        ("a passkey", Way::Passkey),                   // wing:passkeys
    ];
    let mut alone = Vec::new();
    let mut others = vec![Vec::new(); ways.len()];
    for _ in 0..rounds.number {
        // The next code, and room within the limits.
        clock.advance(Duration::minutes(1));
        alone.push(per_second(&plain, Way::Password).await?);
        for ((_, way), others) in ways.iter().zip(&mut others) {
            others.push(per_second(&careful, *way).await?);
        }
    }
    let shown = |per_second: &[f64]| format!("{:.1}/s", median(per_second.iter().copied()));
    report.row("sign-ins with a password, in process", &shown(&alone));
    for ((what, _), others) in ways.iter().zip(&others) {
        report.row(&format!("sign-ins with {what}"), &shown(others));
        let ratios = others.iter().zip(&alone).map(|(other, alone)| other / alone);
        report.at_least("the same ÷ with a password alone", median(ratios), 0.9, "");
    }
    Ok(())
}

/// How many of these people sign in a second, so many at once that no core waits.
async fn per_second(people: &[Arc<Person>], way: Way) -> Outcome<f64> {
    let at_once = 2 * thread::available_parallelism()?.get();
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for share in people.chunks(people.len().div_ceil(at_once)) {
        let share = share.to_vec();
        tasks.spawn(async move {
            for person in share {
                person.signs_in(way).await?;
            }
            Outcome::Ok(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(people.len() as f64 / started.elapsed().as_secs_f64())
}
