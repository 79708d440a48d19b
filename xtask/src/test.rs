//! `cargo xtask test`: everything that a change has to pass, the quickest checks first.

use std::{path::Path, process::Command};

use crate::{
    Outcome,
    browser::{self, Chromium},
    build,
    cargo::POSTGRES, // wing:postgres
    cargo::{NATIVE, cargo, cargo_like_leptos},
    dev,
    layout,
    lint,
    npm,
    postgres::{self, Cluster}, // wing:postgres
    process::{command, run},
    released, // wing:dev-provider,mail
    steps::Steps,
    tools,
    wings,
};

/// The command.
pub(crate) fn test(steps: &mut Steps, _: &[String]) -> Outcome {
    let mut chromium = Chromium::OfPlaywright;
    steps.run("tools", || {
        tools::for_leptos()?;
        tools::cargo_deny()?;
        tools::cargo_nextest()?;
        postgres::programs()?; // wing:postgres
        postgres::pgbouncer()?; // wing:postgres
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
    // wing:postgres
    steps.run_tests("tests, PostgreSQL", &report, || {
        let cluster = Cluster::start()?;
        // The whole workspace again, so that little is recompiled. Crates that do not depend on the engine have just
        // been tested.
        run(cluster.known_to(
            cargo_like_leptos(["nextest", "run"])?
                .args(NATIVE)
                .args(POSTGRES)
                .args(["-E", "package(auth) | package(server)"]),
        ))
    })?;
    // end wing:postgres
    instances(steps, "instances", run)?;
    // wing:postgres
    // With a separate cluster, which the tests stop and start.
    instances(steps, "instances, PostgreSQL", |tests| {
        run(Cluster::start()?.known_to(tests.args(POSTGRES)))
    })?;
    // end wing:postgres
    steps.run("documentation tests", || {
        run(cargo_like_leptos(["test", "--doc"])?.args(NATIVE))
    })?;
    wings::quick(steps)?;
    steps.run("debug build", || run(&mut cargo(["leptos", "build"])?))?;

    // wing:clients
    // Beside the server, where the browser tests find it.
    steps.run("examples", || {
        run(&mut cargo(["build", "--package", "example-cli"])?)
    })?;
    // end wing:clients

    let report = layout::target()?.join("playwright.xml");
    steps.run_tests("browser tests", &report, || playwright(&chromium, &report))?;

    released::without_development(steps)?; // wing:dev-provider,mail

    steps.run("development server", dev::try_out)?;

    // What browsers get. The server takes four times as long, and only `cargo xtask build` optimises it.
    steps.run("release site", || build::release(&["--frontend-only".to_owned()]))?;
    steps.run("size budgets", build::within_budget)
}

/// Several servers on one database, one test after the other.
fn instances(steps: &mut Steps, name: &'static str, run: impl FnOnce(&mut Command) -> Outcome) -> Outcome {
    let report = layout::workspace()?.join("target/nextest/instances/junit.xml");
    steps.run_tests(name, &report, || {
        let mut tests = cargo_like_leptos(["nextest", "run", "--profile", "instances"])?;
        run(tests.args(NATIVE))
    })
}

/// Playwright starts the servers itself. It is given the places of the debug server and the site.
fn playwright(chromium: &Chromium, report: &Path) -> Outcome {
    // Called by its path: npx in between would react to an interruption before Playwright does.
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
