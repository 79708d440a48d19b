//! `cargo xtask lint`: what can be said about the sources without running them.

use crate::{
    Outcome,
    cargo::{NATIVE, POSTGRES, cargo, cargo_like_leptos, cargo_wasm},
    process::run,
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

/// The steps themselves, for a caller that has seen to the tools.
pub(crate) fn check(steps: &mut Steps) -> Outcome {
    steps.run("format", || run(&mut cargo(["fmt", "--all", "--", "--check"])?))?;
    steps.run("clippy, server", || {
        run(cargo_like_leptos(["clippy"])?
            .args(NATIVE)
            .args(["--all-targets", "--", "-D", "warnings"]))
    })?;
    steps.run("clippy, PostgreSQL", || {
        run(cargo_like_leptos(["clippy"])?.args(NATIVE).args(POSTGRES).args([
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ]))
    })?;
    steps.run("clippy, browser", || {
        run(cargo_wasm(["clippy", "--package", "frontend"])?.args(["--", "-D", "warnings"]))?;
        // On its own: beside the frontend, a feature switched on by accident would go unnoticed.
        run(cargo_wasm(["clippy", "--package", "auth"])?.args(["--", "-D", "warnings"]))
    })?;
    // Known vulnerabilities are left out: their list changes by the day, and with it the result for
    // sources that have not changed at all.
    steps.run("cargo-deny", || {
        run(&mut cargo(["deny", "check", "bans", "licenses", "sources"])?)
    })
}
