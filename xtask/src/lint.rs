//! `cargo xtask lint`: checks the sources without running them.

use std::process::Stdio;

use crate::{
    Outcome,
    cargo::POSTGRES, // wing:postgres
    cargo::{NATIVE, cargo, cargo_like_leptos, cargo_wasm},
    process::{interrupted, run},
    steps::Steps,
    tools,
};

/// The command.
pub(crate) fn lint(steps: &mut Steps, _: &[String]) -> Outcome {
    steps.run("tools", || {
        tools::wasm_target()?;
        tools::cargo_deny()
    })?;
    check(steps)
}

/// The steps themselves, for a caller that has already provided the tools.
pub(crate) fn check(steps: &mut Steps) -> Outcome {
    steps.run("format", || run(&mut cargo(["fmt", "--all", "--", "--check"])?))?;
    steps.run("clippy, server", || {
        run(cargo_like_leptos(["clippy"])?
            .args(NATIVE)
            .args(["--all-targets", "--", "-D", "warnings"]))
    })?;
    // wing:postgres
    steps.run("clippy, PostgreSQL", || {
        run(cargo_like_leptos(["clippy"])?.args(NATIVE).args(POSTGRES).args([
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ]))
    })?;
    // end wing:postgres
    steps.run("clippy, browser", || {
        run(cargo_wasm(["clippy", "--package", "frontend"])?.args(["--", "-D", "warnings"]))?;
        // Separately: beside the frontend, a feature that is enabled by accident would go unnoticed.
        run(cargo_wasm(["clippy", "--package", "wire"])?.args(["--", "-D", "warnings"]))
    })?;
    steps.run("cargo-deny", || {
        run(&mut cargo(["deny", "check", "bans", "licenses", "sources"])?)
    })?;
    advisories(steps)
}

/// Known vulnerabilities. Their list changes daily, so it is fetched each time. If the network does not allow that,
/// the step is skipped, since an old list would only seem to give an answer.
fn advisories(steps: &mut Steps) -> Outcome {
    let name = "advisories";
    // Its error, in red, would look like that of the lints.
    match run(cargo(["deny", "fetch", "db"])?.stderr(Stdio::null())) {
        Ok(()) => steps.run(name, || run(&mut cargo(["deny", "check", "advisories"])?)),
        Err(interruption) if interrupted() => Err(interruption),
        Err(_) => {
            steps.skip(
                name,
                "the list of known vulnerabilities cannot be downloaded (`cargo deny fetch db` says why)",
            );
            Ok(())
        }
    }
}
