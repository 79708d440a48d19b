//! `cargo xtask dev`: the site at work, rebuilt and reloaded at each change.

use crate::{Outcome, cargo::cargo, process::run, steps::Steps, tools};

/// The command. Arguments are passed on to `cargo leptos watch`.
pub(crate) fn dev(_: &mut Steps, arguments: &[String]) -> Outcome {
    tools::for_leptos()?;
    println!(
        "Building the site and the server: some minutes the first time, seconds after that. Ctrl-C ends it."
    );
    run(cargo(["leptos", "watch"])?.args(arguments))
}
