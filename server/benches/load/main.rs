//! `cargo xtask bench`: what authentication costs, as ratios within one run.
//!
//! The server runs as a process of its own (this program, started again with `serve`), so that its CPU
//! time and memory are its own. The load is made by wrk, with one thread. What is compared is measured in
//! turns, round after round, and the median of the rounds' ratios counts: whatever else the machine does
//! meets all of them alike.

mod checks;
mod clients; // wing:clients
#[path = "../../../auth/testing/database.rs"]
mod database;
mod factors; // wing:second-factors,passkeys
mod limits;
mod load;
mod mails; // wing:mail
mod marks;
mod pages;
mod people; // wing:admin
mod process;
mod renewal;
mod report;
mod seed;
mod server;
mod sign_in;

use std::{env, error::Error, time::Duration};

use self::{database::TestDatabase, process::Server, report::Report};

type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

/// How long and how often each thing is measured.
#[derive(Clone, Copy)]
struct Rounds {
    number: usize,
    time: Duration,
}

fn main() -> Outcome {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "serve") {
        return server::serve_until_stopped();
    }
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let rounds = Rounds {
        number: if quick { 3 } else { 7 },
        time: Duration::from_secs(if quick { 1 } else { 3 }),
    };
    // Parts may be named; without a name all are measured.
    let named: Vec<&str> = arguments
        .iter()
        .map(String::as_str)
        .filter(|argument| !argument.starts_with("--"))
        .collect();
    let is_wanted = |part: &str| named.is_empty() || named.contains(&part);
    let report = Report::begin();
    if is_wanted("sessions") {
        sessions_and_pages(&TestDatabase::new(), rounds, &report)?;
    }
    if is_wanted("sign_in") {
        sign_in::measure(&TestDatabase::new(), rounds, &report)?;
    }
    // wing:second-factors,passkeys
    if is_wanted("factors") {
        factors::measure(rounds, &report)?;
    }
    // end wing:second-factors,passkeys
    if is_wanted("renewal") {
        renewal::measure(rounds, &report)?;
    }
    if is_wanted("marks") {
        marks::measure(&report)?;
    }
    if is_wanted("limits") {
        limits::measure(rounds, &report)?;
    }
    // wing:mail
    if is_wanted("mails") {
        mails::measure(rounds, &report)?;
    }
    // end wing:mail
    // wing:clients
    if is_wanted("clients") {
        clients::measure(rounds, &report)?;
    }
    if is_wanted("streams") {
        clients::streams::measure(rounds, &report)?;
    }
    // end wing:clients
    // wing:admin
    if is_wanted("people") {
        people::measure(&report)?;
    }
    // end wing:admin
    if is_wanted("weight") {
        report::weight(&report)?;
    }
    Ok(())
}

/// All that needs no more than one person who is signed in.
fn sessions_and_pages(database: &TestDatabase, rounds: Rounds, report: &Report) -> Outcome {
    let server = Server::start(database)?;
    let idle = server.resident_mb()?;
    let person = server.register("ada@example.com")?;
    checks::queries(database, &person, report)?;
    checks::measure(&server, &person, rounds, report)?;
    pages::measure(&server, &person, rounds, report)?;
    report.row("resident memory, idle", &format!("{idle:.1} MB"));
    report.at_most(
        "resident memory, after the load",
        server.resident_mb()?,
        60.0,
        "MB",
    );
    Ok(())
}
