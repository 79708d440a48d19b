//! The signed-in page against the anonymous one.

use crate::{
    Outcome, Rounds,
    load::{Target, added, in_turns, middle, ratio},
    process::Server,
    report::Report,
};

/// Requests a second and CPU time.
pub(crate) fn measure(server: &Server, person: &str, rounds: Rounds, report: &Report) -> Outcome {
    server.get("/bench/hand-in", person)?;
    let targets = [
        Target::new(server, "/", ""),
        Target::new(server, "/", person),
        Target::new(server, "/bench/page-handed-in", ""),
        Target::new(server, "/bench/page", person),
    ];
    let names = [
        "page, anonymous",
        "page, signed in",
        "the same page as in the next row, with the session passed in instead of read from a cookie",
        "page behind the session layer alone, signed in",
    ];
    let mut sizes = Vec::new();
    for target in &targets {
        sizes.push(server.get(target.path, target.cookies)?.len());
    }
    let loads = in_turns(targets, rounds)?;
    for ((what, loads), size) in names.iter().zip(&loads).zip(sizes) {
        report.row(what, &format!("{}, {size} bytes", middle(loads)));
    }
    let [anonymous, signed_in, handed_in, recognised] = &loads;
    let cpu = added(signed_in, anonymous);
    report.row(
        "CPU added to the page by being signed in",
        &format!("{cpu:.1} µs"),
    );
    report.at_least(
        "page signed in ÷ anonymous",
        ratio(signed_in, anonymous),
        0.95,
        "",
    );
    let cpu = added(recognised, handed_in);
    report.row(
        "CPU added to a page of the same HTML by the session layer",
        &format!("{cpu:.1} µs"),
    );
    report.at_least(
        "the same HTML: session from a cookie ÷ session passed in",
        ratio(recognised, handed_in),
        0.95,
        "",
    );
    Ok(())
}
