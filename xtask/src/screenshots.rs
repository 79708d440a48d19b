//! `cargo xtask screenshots`: the pictures of the application on its start page and in the README.

use crate::{
    Outcome,
    browser::{Chromium, chromium},
    cargo::cargo,
    layout, npm,
    process::{command, run},
    steps::Steps,
    tools,
};

/// The command. Run it after a change to the pages that are shown, and commit what it takes.
pub(crate) fn screenshots(_: &mut Steps, _: &[String]) -> Outcome {
    tools::for_leptos()?;
    npm::packages()?;
    let chromium = chromium()?;
    run(&mut cargo(["leptos", "build"])?)?;
    let mut node = command("node", &layout::end2end()?);
    node.arg("pictures/take.mjs")
        .env("SERVER_BIN", layout::server("debug")?)
        .env("LEPTOS_SITE_ROOT", layout::site()?);
    if let Chromium::At(path) = chromium {
        node.env("CHROMIUM", path);
    }
    run(&mut node)
}
