//! Calls of cargo that share what they compile.

use std::{env, process::Command};

use crate::{Outcome, layout, process};

/// Everything that is compiled for this machine, with the features that `cargo leptos` selects. The tests and the
/// server then have the same dependencies, down to each feature, and these are built once.
pub(crate) const NATIVE: [&str; 4] = ["--workspace", "--exclude", "frontend", "--no-default-features"];

// wing:postgres
/// The other engine, in all crates that support it.
pub(crate) const POSTGRES: [&str; 2] = ["--features", "postgres"];
// end wing:postgres

/// Plain cargo.
pub(crate) fn cargo<const N: usize>(arguments: [&str; N]) -> Outcome<Command> {
    let mut command = process::command("cargo", &layout::workspace()?);
    command.args(arguments);
    Ok(command)
}

/// Cargo with exactly the flags that `cargo leptos` adds: with other flags it would compile all dependencies a second
/// time.
pub(crate) fn cargo_like_leptos<const N: usize>(arguments: [&str; N]) -> Outcome<Command> {
    let flags = env::var("RUSTFLAGS").unwrap_or_default();
    let mut command = cargo(arguments)?;
    command.env("RUSTFLAGS", format!("{flags} --cfg erase_components").trim());
    Ok(command)
}

/// Cargo for the browser's part, in the target directory that `cargo leptos` keeps for it.
pub(crate) fn cargo_wasm<const N: usize>(arguments: [&str; N]) -> Outcome<Command> {
    let mut command = cargo_like_leptos(arguments)?;
    command.args([
        "--no-default-features",
        "--profile",
        "wasm-dev",
        "--target",
        "wasm32-unknown-unknown",
        "--target-dir",
    ]);
    command.arg(layout::target()?.join("front"));
    Ok(command)
}
