//! The stale list with a million marks: what it weighs, and what a look-up costs.

use crate::{
    Outcome,
    database::TestDatabase,
    process::Server,
    report::Report,
    seed::{self, Rows},
};

/// Starts servers over the same database, without marks and with them.
pub(crate) fn measure(report: &Report) -> Outcome {
    let database = TestDatabase::new();
    drop(Server::start(&database)?);
    let mut rows = Rows::open(&database)?;
    rows.sessions(seed::KNOWN, 0)?;
    let (memory, micros) = observed(&database)?;
    rows.marks(1_000_000)?;
    let (memory_then, micros_then) = observed(&database)?;
    report.at_most(
        "memory for 10⁶ stale marks, including what loading them at start leaves behind",
        memory_then - memory,
        100.0,
        "MB",
    );
    report.row(
        "session check without HTTP (cookies read, unsealed, looked up), no marks",
        &format!("{micros:.2} µs"),
    );
    report.row("the same among 10⁶ marks", &format!("{micros_then:.2} µs"));
    let lookup = micros_then - micros;
    report.at_most("what 10⁶ marks add to a look-up", lookup, 1.0, "µs");
    Ok(())
}

/// Resident memory in MB, and the microseconds of a session check.
fn observed(database: &TestDatabase) -> Outcome<(f64, f64)> {
    let server = Server::start(database)?;
    server.wait_until_current()?;
    let memory = server.resident_mb()?;
    Ok((memory, server.get("/bench/check-micros", "")?.parse()?))
}
