//! Administration's list of people, among a million of them.

use std::time::Instant;

use crate::{
    Outcome,
    database::TestDatabase,
    process::Server,
    report::{Report, median},
    seed::Rows,
};

const ASKED: usize = 21;

/// The time of whole pages, one after the other: authority, list and rendering.
pub(crate) fn measure(report: &Report) -> Outcome {
    let database = TestDatabase::new();
    let server = Server::start(&database)?;
    let admin = server.register("ada@example.com")?;
    let mut rows = Rows::open(&database)?;
    rows.administrator("ada@example.com")?;
    rows.people(1_000_000)?;
    for (what, path) in [
        ("the newest of 10⁶ people, a page", "/admin"),
        (
            "the same, searched by a prefix that all addresses share",
            "/admin?q=person",
        ),
        (
            "the same, searched by a prefix that one address in ten has",
            "/admin?q=person7",
        ),
    ] {
        let mut millis = Vec::new();
        for _ in 0..ASKED {
            let started = Instant::now();
            let page = server.get(path, &admin)?;
            millis.push(started.elapsed().as_secs_f64() * 1000.0);
            if !page.contains("@example.com") {
                return Err(format!("{path} shows nobody").into());
            }
        }
        report.at_most(what, median(millis), 50.0, "ms");
    }
    Ok(())
}
