//! Tokens at their endpoint: the exchange of a code, the introspection of an access token, and refreshes among few sessions
//! and many.

use super::{CLIENT, GivenOut, REDIRECT, VERIFIER};
use crate::{
    Outcome, Rounds,
    database::TestDatabase,
    load::{NEXT_ADDRESS, Target, TemporaryFile, in_turns, middle, ratio},
    process::Server,
    report::Report,
    seed::Rows,
};

/// The clients that introspect, each of which may ask 600 times a minute.
const INTROSPECTING: usize = 1000;
/// More than can be exchanged in a second.
const CODES_A_SECOND: usize = 8000;

pub(super) fn refresh_form(token: &str) -> String {
    format!("grant_type=refresh_token&client_id={CLIENT}&refresh_token={token}")
}

pub(super) fn exchange_form(code: &str) -> String {
    format!(
        "grant_type=authorization_code&client_id={CLIENT}&redirect_uri={REDIRECT}&code_verifier={VERIFIER}&code={code}"
    )
}

/// Registers clients that may introspect: for each, how it proves itself in a form.
pub(super) fn introspecting(server: &Server, number: usize) -> Outcome<Vec<String>> {
    let secrets = server.get(&format!("/bench/introspecting/{number}"), "")?;
    Ok(serde_json::from_str(&secrets)?)
}

/// Exchanges and introspections a second.
pub(super) fn measure(
    database: &TestDatabase,
    server: &Server,
    given_out: &GivenOut,
    rounds: Rounds,
    report: &Report,
) -> Outcome {
    let mut rows = Rows::open(database)?;
    let mut loads = Vec::new();
    for _ in 0..rounds.number {
        let codes = rows.codes(CODES_A_SECOND * rounds.time.as_secs() as usize)?;
        loads.push(exchanging(server, &codes).load(rounds.time)?);
    }
    report.row("exchange of a code", &middle(&loads).to_string());
    let secrets = introspecting(server, INTROSPECTING)?;
    let [loads] = in_turns([asking(server, &secrets, given_out)], rounds)?;
    report.row("introspection of an access token", &middle(&loads).to_string());
    Ok(())
}

/// Each request has another code, and comes from another address.
fn exchanging<'a>(server: &'a Server, codes: &[String]) -> Target<'a> {
    Target::new(server, "/oauth/token", "").scripted(format!(
        r#"
        local codes, count = {{}}, 0
        for code in ("{codes}"):gmatch("%S+") do codes[#codes + 1] = code end
        function request()
            {NEXT_ADDRESS}
            {FORM}
            return wrk.format("POST", nil, headers, "{form}" .. codes[count])
        end
        "#,
        codes = codes.join(" "),
        form = exchange_form("")
    ))
}

/// Each request comes from the next client, and is about the next token.
fn asking<'a>(server: &'a Server, secrets: &[String], given_out: &GivenOut) -> Target<'a> {
    let tokens: Vec<&str> = given_out
        .tokens
        .iter()
        .map(|(access, _)| access.as_str())
        .collect();
    Target::new(server, "/oauth/introspect", "").scripted(format!(
        r#"
        local secrets, tokens, count = {{}}, {{}}, 0
        for secret in ("{secrets}"):gmatch("%S+") do secrets[#secrets + 1] = secret end
        for token in ("{tokens}"):gmatch("%S+") do tokens[#tokens + 1] = token end
        function request()
            {NEXT_ADDRESS}
            {FORM}
            local form = secrets[count % #secrets + 1] .. "&token=" .. tokens[count % #tokens + 1]
            return wrk.format("POST", nil, headers, form)
        end
        "#,
        secrets = secrets.join(" "),
        tokens = tokens.join(" ")
    ))
}

/// Lua: the `headers` of a form from an `address`.
const FORM: &str = r#"
    local headers = { ["Content-Type"] = "application/x-www-form-urlencoded", ["X-Forwarded-For"] = address }
"#;

/// Refreshes among a thousand sessions and among a million.
pub(super) fn refreshes(rounds: Rounds, report: &Report) -> Outcome {
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
    /// The tokens, from one load to the next.
    tokens: TemporaryFile,
    _database: TestDatabase,
}

impl Refreshing {
    fn among(others: u32) -> Outcome<Self> {
        let database = TestDatabase::new();
        // Creates the tables.
        drop(Server::start(&database)?);
        Rows::open(&database)?.sessions(0, others)?;
        let server = Server::start(&database)?;
        let tokens: Vec<String> = GivenOut::by(&server, "ada@example.com")?
            .tokens
            .into_iter()
            .map(|(_, refresh)| refresh)
            .collect();
        Ok(Self {
            server,
            tokens: TemporaryFile::write(&tokens.join("\n"))?,
            _database: database,
        })
    }

    /// Sessions that refresh in turns, each with the token that the last response brought, and no session twice at once:
    /// of two responses the older could come last. The responses that a load ends too soon for are lost, and the next
    /// load presents the tokens before: a client may.
    fn target(&self) -> Target<'_> {
        Target::new(&self.server, "/oauth/token", "").scripted(format!(
            r#"
            local path, index, is_out, place, count, thread = {path:?}, {{}}, {{}}, 0, 0
            tokens = {{}}
            for token in io.lines(path) do
                tokens[#tokens + 1] = token
                index[token:sub(5, 36)] = #tokens
            end
            function setup(only)
                thread = only
            end
            function request()
                repeat place = place % #tokens + 1 until not is_out[place]
                is_out[place] = true
                {NEXT_ADDRESS}
                {FORM}
                return wrk.format("POST", nil, headers, "{form}" .. tokens[place])
            end
            function response(_, _, body)
                local token = body:match('"refresh_token":"(sar_%x+)"')
                if not token then return wrk.thread:stop() end
                local place = index[token:sub(5, 36)]
                tokens[place], is_out[place] = token, false
            end
            function done()
                local file = io.open(path, "w")
                file:write(table.concat(thread:get("tokens"), "\n"))
                file:close()
            end
            "#,
            path = self.tokens.path(),
            form = refresh_form("")
        ))
    }
}
