//! Renewal, which asks the authority once, among a thousand sessions and among a million.

use crate::{
    Outcome, Rounds,
    database::TestDatabase,
    load::{Target, in_turns, middle, ratio},
    process::Server,
    report::Report,
    seed::{self, Rows},
};

/// Requests a second with nothing but the id cookie, a different session each time.
pub(crate) fn measure(rounds: Rounds, report: &Report) -> Outcome {
    let (few, many) = (prepared(0)?, prepared(999_000)?);
    let [few_loads, many_loads] = in_turns([renewing(&few.1), renewing(&many.1)], rounds)?;
    for (what, loads) in [
        ("renewal among 10³ sessions", &few_loads),
        ("renewal among 10⁶ sessions", &many_loads),
    ] {
        report.row(what, &middle(loads).to_string());
    }
    let slower = ratio(&few_loads, &many_loads);
    report.at_most("time of a renewal, 10⁶ ÷ 10³ sessions", slower, 1.2, "");
    Ok(())
}

fn prepared(others: u32) -> Outcome<(TestDatabase, Server)> {
    let database = TestDatabase::new();
    // Makes the tables.
    drop(Server::start(&database)?);
    Rows::open(&database)?.sessions(seed::KNOWN, others)?;
    let server = Server::start(&database)?;
    Ok((database, server))
}

fn renewing(server: &Server) -> Target<'_> {
    let ids: Vec<String> = (0..seed::KNOWN)
        .map(|n| format!("{:?}", seed::id(n).to_string()))
        .collect();
    Target::new(server, "/api/session", "").scripted(format!(
        r#"
        local requests, place = {{}}, 0
        function init()
            for i, id in ipairs({{ {} }}) do
                requests[i] = wrk.format("GET", nil, {{ ["Cookie"] = "id=" .. id }})
            end
        end
        function request()
            place = place % #requests + 1
            return requests[place]
        end
        "#,
        ids.join(", ")
    ))
}
