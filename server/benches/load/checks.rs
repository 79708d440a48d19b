//! The session check: against a route without one, and against asking SQL each time.

use crate::{
    Outcome, Rounds,
    database::TestDatabase,
    load::{Target, added, in_turns, middle, ratio},
    process::Server,
    report::Report,
    server::SQL_COOKIE,
};

/// How many queries session checks cost.
pub(crate) fn queries(database: &TestDatabase, person: &str, report: &Report) -> Outcome {
    let server = Server::start_counting(database)?;
    let count = || -> Outcome<f64> { Ok(server.get("/bench/queries", "")?.parse()?) };
    for (what, path) in [
        ("queries in 100 session checks", "/api/session"),
        ("queries in 100 signed-in pages", "/"),
    ] {
        let before = count()?;
        for _ in 0..100 {
            server.get(path, person)?;
        }
        report.at_most(what, count()? - before, 0.0, "");
    }
    Ok(())
}

/// Requests a second and CPU time.
pub(crate) fn measure(server: &Server, person: &str, rounds: Rounds, report: &Report) -> Outcome {
    let sql_session = format!("{SQL_COOKIE}={}", server.get("/bench/sql-session", person)?);
    let [bare, check, sql, layers, session] = in_turns(
        [
            Target::new(server, "/bench/bare", ""),
            Target::new(server, "/bench/check", person),
            Target::new(server, "/bench/sql-check", &sql_session),
            Target::new(server, "/healthz", ""),
            Target::new(server, "/api/session", person),
        ],
        rounds,
    )?;
    let rows = [
        ("bare axum JSON route", &bare),
        ("session check: the bare route behind the session layer", &check),
        (
            "the same check by SQL: tower-sessions' record, then the user",
            &sql,
        ),
        ("`/healthz`: all layers but the session's", &layers),
        ("`GET /api/session`: all layers, an ETag", &session),
    ];
    for (what, loads) in rows {
        report.row(what, &middle(loads).to_string());
    }
    report.at_least("session check ÷ bare route", ratio(&check, &bare), 0.7, "");
    report.at_most("CPU added by the session check", added(&check, &bare), 5.0, "µs");
    report.at_least("session check ÷ check by SQL", ratio(&check, &sql), 5.0, "");
    let whole = ratio(&session, &bare);
    report.row("`GET /api/session` ÷ bare route", &format!("{whole:.2}"));
    let layered = ratio(&session, &layers);
    report.row("`GET /api/session` ÷ `/healthz`", &format!("{layered:.2}"));
    let cpu = added(&session, &layers);
    report.row(
        "CPU added to `/healthz` by `GET /api/session`",
        &format!("{cpu:.1} µs"),
    );
    Ok(())
}
