//! `cargo xtask seed`: people for a fresh database.

use crate::{Outcome, cargo::cargo_like_leptos, process::run, steps::Steps, tools};

/// The command: `server seed` of the server that `cargo xtask dev` has built.
pub(crate) fn seed(_: &mut Steps, _: &[String]) -> Outcome {
    tools::for_leptos()?;
    run(&mut cargo_like_leptos([
        "run",
        "--package",
        "server",
        "--no-default-features",
        "--",
        "seed",
    ])?)
}
