//! `cargo xtask lighthouse`: how fast a first visit is, as Lighthouse measures it.

use std::path::PathBuf;

use crate::{
    Outcome,
    browser::{Chromium, chromium},
    build, layout, npm,
    process::{ask, command, run},
    steps::Steps,
    tools,
};

/// The command. Builds what is deployed, and prints a table of scores and paints for an anonymous visitor's pages and a
/// signed-in user's.
pub(crate) fn lighthouse(_: &mut Steps, _: &[String]) -> Outcome {
    tools::for_leptos()?;
    npm::packages()?;
    let folder = layout::end2end()?.join("lighthouse");
    npm::packages_in(&folder)?;
    build::release(&[])?;
    println!("\nMeasuring three pages, each of them several times: four minutes.\n");
    run(command("node", &folder)
        .arg("measure.mjs")
        .env("SERVER_BIN", layout::server("release")?)
        .env("LEPTOS_SITE_ROOT", layout::site()?)
        .env("CHROMIUM", program(chromium()?)?))
}

fn program(chromium: Chromium) -> Outcome<PathBuf> {
    match chromium {
        Chromium::At(path) => Ok(path),
        Chromium::OfPlaywright => ask(command("node", &layout::end2end()?)
            .args(["--print", "require('@playwright/test').chromium.executablePath()"]))
        .map(|path| PathBuf::from(path.trim()))
        .ok_or_else(|| "cannot find Playwright's Chromium: set CHROMIUM to the path of one".to_owned()),
    }
}
