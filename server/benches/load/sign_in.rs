//! Signing in with passwords: as fast as the cores can hash, and other routes hardly notice.

use std::{
    net::{IpAddr, Ipv4Addr},
    thread,
    time::Instant,
};

use auth::{
    limits::AddressLimits,
    password::{
        Password,
        hash::{Attempts, Checked, PasswordHash, Passwords},
    },
};
use secrecy::SecretString;

use crate::{
    Outcome, Rounds,
    database::TestDatabase,
    load::{Load, NEXT_ADDRESS, Target, middle},
    process::{PASSWORD, Server},
    report::{Report, median},
    seed::Rows,
};

/// Accounts in turn, so that none has many sessions at once.
const PEOPLE: u32 = 2000;
/// Of each connection that looks at the session meanwhile, between an answer and the next request.
const PAUSE_MILLIS: u32 = 10;

/// Sign-ins a second, and what they cost others.
pub(crate) fn measure(database: &TestDatabase, rounds: Rounds, report: &Report) -> Outcome {
    let cores = thread::available_parallelism()?.get();
    let alone = hash_seconds(1)?;
    let all = hash_seconds(cores)?;
    report.row("hash time, one at a time", &format!("{:.1} ms", alone * 1e3));
    report.row(
        &format!("hash time, {cores} at a time (one a core)"),
        &format!("{:.1} ms", all * 1e3),
    );

    let server = Server::start(database)?;
    let person = server.register("ada@example.com")?;
    Rows::open(database)?.people(PEOPLE)?;
    let Seen {
        sign_ins,
        quiet,
        meanwhile,
    } = Seen::of(&server, &person, rounds, false)?;
    let per_second = median(sign_ins);
    report.row("sign-ins with a password", &format!("{per_second:.1}/s"));
    report.at_least(
        "sign-ins ÷ (cores ÷ hash time, one at a time)",
        per_second * alone / cores as f64,
        0.9,
        "",
    );
    report.row(
        "sign-ins ÷ (cores ÷ hash time, one a core)",
        &format!("{:.2}", per_second * all / cores as f64),
    );
    for (what, loads) in [
        ("`GET /api/session` at a fixed pace", &quiet),
        ("the same during sign-ins", &meanwhile),
    ] {
        let Load {
            per_second,
            p99_micros,
            ..
        } = middle(loads);
        report.row(
            what,
            &format!("{per_second:.0} req/s, p99 {:.2} ms", p99_micros / 1e3),
        );
    }
    report.at_most(
        "its p99 during sign-ins ÷ before",
        slower(&quiet, &meanwhile),
        2.0,
        "",
    );
    report.row(
        "resident memory, at most, during sign-ins",
        &format!("{:.1} MB", server.peak_resident_mb()?),
    );
    drop(server);

    let equal = Seen::of(&Server::start_back(database)?, &person, rounds, true)?;
    report.row(
        "the same p99 where the threads that hash do not stand back behind the others",
        &format!(
            "{:.2} ms, ÷ before {:.2}",
            middle(&equal.meanwhile).p99_micros / 1e3,
            slower(&equal.quiet, &equal.meanwhile)
        ),
    );
    Ok(())
}

/// What a server does when nobody signs in, and when many do.
#[derive(Default)]
struct Seen {
    /// Sign-ins a second.
    sign_ins: Vec<f64>,
    quiet: Vec<Load>,
    meanwhile: Vec<Load>,
}

impl Seen {
    fn of(server: &Server, person: &str, rounds: Rounds, stands_back: bool) -> Outcome<Self> {
        let target = |path, cookies, script| Target {
            stands_back,
            ..Target::new(server, path, cookies).scripted(script)
        };
        let pause = format!("function delay() return {PAUSE_MILLIS} end");
        let session = target("/api/session", person, pause);
        let mut seen = Self::default();
        // Of sign-ins so far, with room to spare: an address has thirty a minute.
        let mut from = 0;
        for _ in 0..rounds.number {
            seen.quiet.push(session.load(rounds.time)?);
            // The flood begins before and ends after.
            let flood = target("/api/login", "", signing_in(from)).start(rounds.time * 2)?;
            from += 100_000;
            thread::sleep(rounds.time / 3);
            seen.meanwhile.push(session.load(rounds.time)?);
            seen.sign_ins.push(flood.finish()?.1);
        }
        Ok(seen)
    }
}

/// The median of the ratios of the 99th percentiles, round by round.
fn slower(quiet: &[Load], meanwhile: &[Load]) -> f64 {
    median(
        quiet
            .iter()
            .zip(meanwhile)
            .map(|(quiet, meanwhile)| meanwhile.p99_micros / quiet.p99_micros),
    )
}

/// What checking a password takes when so many are checked at once and nothing else runs.
fn hash_seconds(at_once: usize) -> Outcome<f64> {
    let runtime = tokio::runtime::Builder::new_multi_thread().build()?;
    let passwords = Passwords::new(15, "app.example", AddressLimits::default());
    let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let password = SecretString::from(PASSWORD);
    let stored: PasswordHash = runtime.block_on(passwords.hash(Password::new(&password)?, here, None))?;
    let mut seconds = Vec::new();
    for _ in 0..20 {
        let started = Instant::now();
        let checks: Vec<_> = (0..at_once)
            .map(|_| {
                let (passwords, password, stored) = (passwords.clone(), password.clone(), stored.clone());
                runtime.spawn(async move {
                    let attempts = Attempts::default();
                    passwords.verify(&password, Some(stored), here, attempts).await
                })
            })
            .collect();
        for check in checks {
            if runtime.block_on(check)?? != Checked::Right {
                return Err("a password is not its hash's".into());
            }
        }
        seconds.push(started.elapsed().as_secs_f64());
    }
    Ok(median(seconds))
}

/// A different account and a different address each time.
fn signing_in(from: u32) -> String {
    format!(
        r#"
        local count = {from}
        function request()
            {NEXT_ADDRESS}
            local headers = {{
                ["Accept"] = "application/json",
                ["Content-Type"] = "application/x-www-form-urlencoded",
                ["X-Forwarded-For"] = address,
            }}
            local body = string.format("email=person%d%%40example.com&password={PASSWORD}", count % {PEOPLE})
            return wrk.format("POST", nil, headers, body)
        end
        "#
    )
}
