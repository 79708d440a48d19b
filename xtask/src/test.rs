//! `cargo xtask test`: all that a change has to pass, the quickest answers first.

use std::path::Path;

use crate::{
    Outcome,
    browser::{self, Chromium},
    build,
    cargo::{NATIVE, POSTGRES, cargo, cargo_like_leptos},
    dev,
    dev_provider, // wing:dev-provider
    layout,
    lint,
    npm,
    postgres::{self, Cluster},
    process::{command, run},
    steps::Steps,
    tools,
};

/// The command.
pub(crate) fn test(steps: &mut Steps, _: &[String]) -> Outcome {
    let mut chromium = Chromium::OfPlaywright;
    steps.run("tools", || {
        tools::for_leptos()?;
        tools::cargo_deny()?;
        tools::cargo_nextest()?;
        postgres::programs()?;
        postgres::pgbouncer()?;
        npm::packages()?;
        chromium = browser::chromium()?;
        Ok(())
    })?;
    lint::check(steps)?;

    // Below the workspace: nextest's reports do not follow CARGO_TARGET_DIR.
    let report = layout::workspace()?.join("target/nextest/default/junit.xml");
    steps.run_tests("tests", &report, || {
        run(cargo_like_leptos(["nextest", "run"])?.args(NATIVE))
    })?;
    steps.run_tests("tests, PostgreSQL", &report, || {
        let cluster = Cluster::start()?;
        // The workspace as before, so that little is compiled anew; what knows no engine was just tested.
        run(cluster.known_to(
            cargo_like_leptos(["nextest", "run"])?
                .args(NATIVE)
                .args(POSTGRES)
                .args(["-E", "package(auth) | package(server)"]),
        ))
    })?;
    instances(steps, "instances", &[])?;
    instances(steps, "instances, PostgreSQL", &POSTGRES)?;
    steps.run("documentation tests", || {
        run(cargo_like_leptos(["test", "--doc"])?.args(NATIVE))
    })?;
    steps.run("debug build", || run(&mut cargo(["leptos", "build"])?))?;

    let report = layout::target()?.join("playwright.xml");
    steps.run_tests("browser tests", &report, || playwright(&chromium, &report))?;

    // After all that runs the debug server: for watching, leptos is compiled otherwise, and the server and
    // the site above it as well.
    steps.run("development server", dev::try_out)?;

    steps.run("release build", || build::release(&[]))?;
    dev_provider::is_not_released(steps)?; // wing:dev-provider
    steps.run("wasm budget", build::within_budget)
}

/// Several servers on one database, one test after the other. On PostgreSQL beside a cluster of their own, which
/// they stop and start.
fn instances(steps: &mut Steps, name: &'static str, features: &[&str]) -> Outcome {
    let report = layout::workspace()?.join("target/nextest/instances/junit.xml");
    steps.run_tests(name, &report, || {
        let mut tests = cargo_like_leptos(["nextest", "run", "--profile", "instances"])?;
        tests.args(NATIVE).args(features);
        if features.is_empty() {
            return run(&mut tests);
        }
        run(Cluster::start()?.known_to(&mut tests))
    })
}

/// Playwright starts the servers itself: it is told where the debug server and the site are.
fn playwright(chromium: &Chromium, report: &Path) -> Outcome {
    // Called by its path: npx in between would answer an interruption before Playwright has.
    let mut playwright = command(npm::bin()?.join("playwright"), &layout::end2end()?);
    playwright
        .args(["test", "--reporter=list,junit"])
        .env("PLAYWRIGHT_JUNIT_OUTPUT_FILE", report)
        .env("SERVER_BIN", layout::server("debug")?)
        .env("LEPTOS_SITE_ROOT", layout::site()?);
    if let Chromium::At(path) = chromium {
        playwright.env("CHROMIUM", path);
    }
    run(&mut playwright)
}
