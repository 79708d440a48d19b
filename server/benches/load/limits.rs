//! The tables of attempts under a flood of a million keys: what they weigh, what counting costs, and whether
//! somebody else can still sign in.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Instant,
};

use auth::{
    Clock,
    limits::{Action, AddressLimits, Limits, Subject},
};

use crate::{
    Outcome, Rounds,
    database::TestDatabase,
    load::{NEXT_ADDRESS, Target},
    process::{Server, own_resident_mb},
    report::{Report, median},
};

const KEYS: u32 = 1_000_000;
/// Takes that are timed together.
const TIMED: u32 = 10_000;

/// Every action that counts by address: one of them is enough to see what a take costs, all of them what the
/// tables weigh.
const BY_ADDRESS: [Action; 6] = [
    Action::SignInFailedAddress,
    Action::SignInAddress,
    Action::RegisterAddress,
    Action::CspReport,
    Action::StartAddress,
    Action::CallbackAddress,
];

/// Measures it without HTTP, and then over HTTP.
pub(crate) fn measure(rounds: Rounds, report: &Report) -> Outcome {
    tables(report);
    flood(rounds, report)
}

fn tables(report: &Report) {
    let before = own_resident_mb().unwrap_or_default();
    let limits = Limits::new(Clock::system(), AddressLimits::default());
    let take = |action: Action, n: u32| limits.take(action, Subject::address(address(n)));
    let nanos = |action: Action, from: u32| {
        let started = Instant::now();
        let passed = (from..from + TIMED).filter(|n| take(action, *n).is_ok()).count();
        assert_eq!(passed, TIMED as usize, "a new address was refused");
        started.elapsed().as_secs_f64() * 1e9 / f64::from(TIMED)
    };
    let empty = nanos(Action::CspReport, 0);
    let mut among = Vec::new();
    for action in BY_ADDRESS {
        among.extend(
            (TIMED..KEYS)
                .step_by(TIMED as usize)
                .map(|from| nanos(action, from)),
        );
    }
    let remembered = limits.len();
    report.at_most(
        "memory for 10⁶ addresses at each of six actions",
        own_resident_mb().unwrap_or(f64::NAN) - before,
        64.0,
        "MB",
    );
    report.row("windows remembered of them", &remembered.to_string());
    report.row("counting an attempt, empty tables", &format!("{empty:.0} ns"));
    among.sort_by(f64::total_cmp);
    let slowest = among.last().copied().unwrap_or(f64::NAN);
    report.at_most("counting an attempt, full tables", median(among), 2000.0, "ns");
    report.row(
        "the same, in the slowest of 10 000 in a row",
        &format!("{slowest:.0} ns"),
    );
    let started = Instant::now();
    limits.sweep();
    report.row(
        "sweeping full tables, which a background task does",
        &format!("{:.1} ms", started.elapsed().as_secs_f64() * 1e3),
    );
}

/// Reports of policy violations are free for all. Each comes from another address.
fn flood(rounds: Rounds, report: &Report) -> Outcome {
    let database = TestDatabase::new();
    let server = Server::start(&database)?;
    server.register("ada@example.com")?;
    let before = server.resident_mb()?;
    let (mut from, mut loads) = (0, Vec::new());
    // Until there were a million, and at least so often that the beginning can be compared with the end.
    while from < KEYS || loads.len() < 2 * rounds.number {
        let target = Target::new(&server, "/csp-report", "").scripted(reporting(from));
        let (requests, per_second, _) = target.start(rounds.time)?.finish()?;
        from += requests as u32 + 1000;
        loads.push(per_second);
    }
    report.row(
        "addresses that sent a report",
        &format!("{:.1} million", f64::from(from) / 1e6),
    );
    let half = loads.len() / 2;
    report.at_least(
        "reports a second, second half ÷ first half",
        median(loads[half..].iter().copied()) / median(loads[..half].iter().copied()),
        0.8,
        "",
    );
    report.at_most(
        "memory growth afterwards",
        server.resident_mb()? - before,
        30.0,
        "MB",
    );
    let mut millis = Vec::new();
    for n in 0..9 {
        let started = Instant::now();
        server.login("ada@example.com", &format!("192.0.2.{n}"))?;
        millis.push(started.elapsed().as_secs_f64() * 1e3);
    }
    report.at_most(
        "a sign-in afterwards, from an address of its own",
        median(millis),
        100.0,
        "ms",
    );
    Ok(())
}

fn address(n: u32) -> IpAddr {
    Ipv4Addr::from(0x0a00_0000 + n).into()
}

fn reporting(from: u32) -> String {
    format!(
        r#"
        local count = {from}
        function request()
            {NEXT_ADDRESS}
            return wrk.format("POST", nil, {{ ["X-Forwarded-For"] = address }}, "{{}}")
        end
        "#
    )
}
