//! A Chromium for the browser tests.

use std::{env, path::PathBuf};

use crate::{
    Outcome, layout, npm, packages,
    process::{command, run},
};

/// The names that distributions give it. The first has no windows, and takes two thirds of the time of the others.
const NAMES: [&str; 6] = [
    WITHOUT_WINDOWS,
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
];

const WITHOUT_WINDOWS: &str = "chromium-headless-shell";

/// Where Playwright finds Chromium.
pub(crate) enum Chromium {
    /// At this path.
    At(PathBuf),
    /// In its own cache, whose place it knows.
    OfPlaywright,
}

/// The browser in the variable `CHROMIUM`, or else the system's, or else one that is installed now.
pub(crate) fn chromium() -> Outcome<Chromium> {
    if let Some(path) = env::var_os("CHROMIUM")
        .filter(|path| !path.is_empty())
        .map(PathBuf::from)
    {
        return if path.is_file() {
            Ok(Chromium::At(path))
        } else {
            Err(format!(
                "CHROMIUM is {}, but there is no such file",
                path.display()
            ))
        };
    }
    // Debian's package before Playwright's own: it brings the libraries that the latter expects on the system.
    if let Some(path) = packages::found_or_installed(of_system, WITHOUT_WINDOWS, "one or two minutes") {
        return Ok(Chromium::At(path));
    }
    println!("Installing Playwright's own Chromium: usually one or two minutes.");
    run(command(npm::bin()?.join("playwright"), &layout::end2end()?).args(["install", "chromium"]))
        .map_err(|error| format!("Chromium is missing: install it, or set CHROMIUM to its path ({error})"))?;
    Ok(Chromium::OfPlaywright)
}

fn of_system() -> Option<PathBuf> {
    NAMES.iter().find_map(|name| packages::on_path(name))
}
