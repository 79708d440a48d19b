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
    let session = Target::new(&server, "/api/session", &person)
        .scripted(format!("function delay() return {PAUSE_MILLIS} end"));
    let (mut sign_ins, mut quiet, mut meanwhile): (Vec<f64>, Vec<Load>, Vec<Load>) = Default::default();
    // Of sign-ins so far, with room to spare: an address has thirty a minute.
    let mut from = 0;
    for _ in 0..rounds.number {
        quiet.push(session.load(rounds.time)?);
        let flood = Target::new(&server, "/api/login", "").scripted(signing_in(from));
        from += 100_000;
        // The flood begins before and ends after.
        let flood = flood.start(rounds.time * 2)?;
        thread::sleep(rounds.time / 3);
        meanwhile.push(session.load(rounds.time)?);
        sign_ins.push(flood.finish()?.1);
    }
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
    let slower = quiet
        .iter()
        .zip(&meanwhile)
        .map(|(quiet, meanwhile)| meanwhile.p99_micros / quiet.p99_micros);
    report.at_most("its p99 during sign-ins ÷ before", median(slower), 2.0, "");
    report.row(
        "resident memory, at most, during sign-ins",
        &format!("{:.1} MB", server.peak_resident_mb()?),
    );
    Ok(())
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
