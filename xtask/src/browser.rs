//! A Chromium for the browser tests.

use std::{env, path::PathBuf};

use crate::{
    Outcome, layout, npm, packages,
    process::{command, run},
};

/// The names that distributions give it.
const NAMES: [&str; 5] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
];

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
                "CHROMIUM names {}, where there is no file",
                path.display()
            ))
        };
    }
    if let Some(path) = of_system() {
        return Ok(Chromium::At(path));
    }
    // Debian's package first: it brings the libraries that Playwright's own build expects on the system.
    packages::install_from_debian("chromium", "one or two minutes");
    if let Some(path) = of_system() {
        return Ok(Chromium::At(path));
    }
    println!("Installing Playwright's own Chromium: usually one or two minutes.");
    run(command(npm::bin()?.join("playwright"), &layout::end2end()?).args(["install", "chromium"])).map_err(
        |error| format!("there is no Chromium: install one, or name one by the variable CHROMIUM ({error})"),
    )?;
    Ok(Chromium::OfPlaywright)
}

fn of_system() -> Option<PathBuf> {
    NAMES.iter().find_map(|name| packages::on_path(name))
}
