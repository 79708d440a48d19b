//! Other clients: the check of a token and of a key, what tokens cost to get ([`grants`]), and event streams
//! ([`streams`]).

mod grants;
pub(crate) mod streams;

use serde::Deserialize;

use crate::{
    Outcome, Rounds,
    database::TestDatabase,
    load::{Target, added, in_turns, middle, ratio},
    process::Server,
    report::Report,
    seed::Rows,
};

pub(crate) const CLIENT: &str = "bench";
pub(crate) const REDIRECT: &str = "https://client.example/cb";
/// RFC 7636, appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// The number of a user's sessions: more than there are connections under load, fewer than a user may authorize in a
/// minute.
const SESSIONS: usize = 20;

/// What a user has given out.
#[derive(Deserialize)]
struct GivenOut {
    key: String,
    /// Access and refresh tokens.
    tokens: Vec<(String, String)>,
}

impl GivenOut {
    /// Registers a user who creates a key, and allows the client so many sessions.
    fn by(server: &Server, email: &str) -> Outcome<Self> {
        let user = server.register(email)?;
        let given_out = server.get(&format!("/bench/tokens/{SESSIONS}"), &user)?;
        Ok(serde_json::from_str(&given_out)?)
    }

    fn access(&self) -> &str {
        &self.tokens[0].0
    }
}

pub(crate) fn measure(rounds: Rounds, report: &Report) -> Outcome {
    let database = TestDatabase::new();
    let server = Server::start(&database)?;
    let given_out = GivenOut::by(&server, "ada@example.com")?;
    queries(&database, report)?;
    checks(&server, &given_out, rounds, report)?;
    grants::measure(&database, &server, &given_out, rounds, report)?;
    grants::refreshes(rounds, report)
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}")
}

/// The queries of checks, and the statements of what gets a token or asks about one.
fn queries(database: &TestDatabase, report: &Report) -> Outcome {
    let server = Server::start_counting(database)?;
    let given_out = GivenOut::by(&server, "grace@example.com")?;
    let count = || -> Outcome<f64> { Ok(server.get("/bench/queries", "")?.parse()?) };
    for (what, token) in [
        ("an access token", given_out.access()),
        ("a personal key", &given_out.key),
    ] {
        // The first use of a key asks for it.
        server.get_with("/api/session", &bearer(token))?;
        let before = count()?;
        for _ in 0..100 {
            server.get_with("/api/session", &bearer(token))?;
        }
        report.at_most(
            &format!("queries in 100 checks of {what}"),
            count()? - before,
            0.0,
            "",
        );
    }
    let statements = |path: &str, forms: &[String]| -> Outcome<f64> {
        let before = count()?;
        for form in forms {
            server.post(path, form)?;
        }
        Ok((count()? - before) / forms.len() as f64)
    };
    let tokens = &given_out.tokens;
    let refreshes: Vec<String> = tokens
        .iter()
        .map(|(_, refresh)| grants::refresh_form(refresh))
        .collect();
    let each = statements("/oauth/token", &refreshes)?;
    report.at_most("statements in a refresh", each, 3.0, "");
    let codes = Rows::open(database)?.codes(SESSIONS)?;
    let exchanges: Vec<String> = codes.iter().map(|code| grants::exchange_form(code)).collect();
    let each = statements("/oauth/token", &exchanges)?;
    report.row("statements in the exchange of a code", &format!("{each:.1}"));
    let secrets = grants::introspecting(&server, 1)?;
    let asked: Vec<String> = tokens
        .iter()
        .map(|(access, _)| format!("{}&token={access}", secrets[0]))
        .collect();
    let each = statements("/oauth/introspect", &asked)?;
    report.row("statements in an introspection", &format!("{each:.1}"));
    Ok(())
}

fn checks(server: &Server, given_out: &GivenOut, rounds: Rounds, report: &Report) -> Outcome {
    let (token, key) = (bearer(given_out.access()), bearer(&given_out.key));
    let [bare, by_token, by_key, by_sql] = in_turns(
        [
            Target::new(server, "/bench/bare", ""),
            Target::new(server, "/bench/bearer", "").with_header(&token),
            Target::new(server, "/bench/bearer", "").with_header(&key),
            Target::new(server, "/bench/sql-bearer", "").with_header(&key),
        ],
        rounds,
    )?;
    for (what, loads) in [
        ("check of an access token", &by_token),
        ("check of a personal key", &by_key),
        ("the same check by SQL: one query by the key's hash", &by_sql),
    ] {
        report.row(what, &middle(loads).to_string());
    }
    for (what, loads) in [("access token", &by_token), ("personal key", &by_key)] {
        report.at_least(
            &format!("check of {what} ÷ bare route"),
            ratio(loads, &bare),
            0.7,
            "",
        );
        report.at_least(
            &format!("check of {what} ÷ check by SQL"),
            ratio(loads, &by_sql),
            5.0,
            "",
        );
        let cpu = added(loads, &bare);
        report.row(
            &format!("CPU added by the check of {what}"),
            &format!("{cpu:.1} µs"),
        );
    }
    Ok(())
}
