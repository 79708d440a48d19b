//! Other clients: the check of a token and of a key, and what tokens cost to get.

use serde::Deserialize;

use crate::{
    Outcome, Rounds,
    database::TestDatabase,
    load::{NEXT_ADDRESS, Target, added, in_turns, middle, ratio},
    process::Server,
    report::Report,
    seed::Rows,
};

pub(crate) const CLIENT: &str = "bench";
pub(crate) const REDIRECT: &str = "https://client.example/cb";
/// RFC 7636, appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// The sessions that refresh in turns: more than there are connections, fewer than a user may authorize in a minute.
const SESSIONS: usize = 20;

/// What the server makes for a user.
#[derive(Deserialize)]
struct Made {
    key: String,
    /// Access and refresh tokens.
    tokens: Vec<(String, String)>,
}

impl Made {
    fn by(server: &Server, email: &str) -> Outcome<Self> {
        let person = server.register(email)?;
        let made = server.get(&format!("/bench/tokens/{SESSIONS}"), &person)?;
        Ok(serde_json::from_str(&made)?)
    }

    fn access(&self) -> &str {
        &self.tokens[0].0
    }
}

pub(crate) fn measure(rounds: Rounds, report: &Report) -> Outcome {
    let database = TestDatabase::new();
    let server = Server::start(&database)?;
    let made = Made::by(&server, "ada@example.com")?;
    queries(&database, report)?;
    checks(&server, &made, rounds, report)?;
    refreshes(rounds, report)
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}")
}

/// How many queries checks and refreshes cost.
fn queries(database: &TestDatabase, report: &Report) -> Outcome {
    let server = Server::start_counting(database)?;
    let made = Made::by(&server, "grace@example.com")?;
    let count = || -> Outcome<f64> { Ok(server.get("/bench/queries", "")?.parse()?) };
    for (what, token) in [("an access token", made.access()), ("a personal key", &made.key)] {
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
    let before = count()?;
    for (_, refresh) in &made.tokens {
        server.post("/oauth/token", &refresh_form(refresh))?;
    }
    let each = (count()? - before) / made.tokens.len() as f64;
    report.at_most("statements in a refresh", each, 3.0, "");
    Ok(())
}

fn refresh_form(token: &str) -> String {
    format!("grant_type=refresh_token&client_id={CLIENT}&refresh_token={token}")
}

fn checks(server: &Server, made: &Made, rounds: Rounds, report: &Report) -> Outcome {
    let (token, key) = (bearer(made.access()), bearer(&made.key));
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

/// Refreshes among a thousand sessions and among a million.
fn refreshes(rounds: Rounds, report: &Report) -> Outcome {
    let (few, many) = (Refreshing::among(1_000)?, Refreshing::among(1_000_000)?);
    let [few_loads, many_loads] = in_turns([few.target(), many.target()], rounds)?;
    for (what, loads) in [
        ("refresh among 10³ sessions", &few_loads),
        ("refresh among 10⁶ sessions", &many_loads),
    ] {
        report.row(what, &middle(loads).to_string());
    }
    let slower = ratio(&few_loads, &many_loads);
    report.at_most("time of a refresh, 10⁶ ÷ 10³ sessions", slower, 1.2, "");
    Ok(())
}

struct Refreshing {
    server: Server,
    made: Made,
    _database: TestDatabase,
}

impl Refreshing {
    fn among(others: u32) -> Outcome<Self> {
        let database = TestDatabase::new();
        // Makes the tables.
        drop(Server::start(&database)?);
        Rows::open(&database)?.sessions(0, others)?;
        let server = Server::start(&database)?;
        let made = Made::by(&server, "ada@example.com")?;
        Ok(Self {
            server,
            made,
            _database: database,
        })
    }

    /// Sessions that refresh in turns, each with the token that the last answer brought.
    fn target(&self) -> Target<'_> {
        let tokens: Vec<String> = self
            .made
            .tokens
            .iter()
            .map(|(_, refresh)| format!("{refresh:?}"))
            .collect();
        Target::new(&self.server, "/oauth/token", "").scripted(format!(
            r#"
            local tokens, index, place, count = {{ {tokens} }}, {{}}, 0, 0
            for i, token in ipairs(tokens) do index[token:sub(5, 36)] = i end
            function request()
                place = place % #tokens + 1
                {NEXT_ADDRESS}
                local headers = {{
                    ["Content-Type"] = "application/x-www-form-urlencoded", ["X-Forwarded-For"] = address
                }}
                local form = "grant_type=refresh_token&client_id={CLIENT}&refresh_token=" .. tokens[place]
                return wrk.format("POST", nil, headers, form)
            end
            function response(_, _, body)
                local token = body:match('"refresh_token":"(sar_%x+)"')
                if token then tokens[index[token:sub(5, 36)]] = token end
            end
            "#,
            tokens = tokens.join(", ")
        ))
    }
}
