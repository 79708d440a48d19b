//! The npm packages: Playwright for the tests, binaryen's `wasm-opt` for release builds, Lighthouse.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use crate::{
    Outcome, layout,
    process::{ask, command, run},
};

/// Installs the packages of the browser tests, unless the installed ones are newer than the lock file.
pub(crate) fn packages() -> Outcome {
    packages_in(&layout::end2end()?)
}

/// Installs the packages of a folder, unless the installed ones are newer than its lock file.
pub(crate) fn packages_in(folder: &Path) -> Outcome {
    let lock = folder.join("package-lock.json");
    let wanted = modified(&lock).map_err(|error| format!("cannot read {}: {error}", lock.display()))?;
    // npm writes this file last, so an interrupted installation is not taken for a complete one.
    if modified(&folder.join("node_modules/.package-lock.json")).is_ok_and(|installed| installed >= wanted) {
        return Ok(());
    }
    if ask(command("npm", folder).arg("--version")).is_none() {
        return Err("npm is missing: install Node.js 20 or later, which includes it".to_owned());
    }
    println!(
        "Installing the npm packages of {}: usually less than a minute.",
        folder.display()
    );
    run(command("npm", folder).args(["ci", "--no-audit", "--no-fund"]))
}

/// Where npm puts the programs of its packages.
pub(crate) fn bin() -> Outcome<PathBuf> {
    Ok(layout::end2end()?.join("node_modules/.bin"))
}

fn modified(file: &Path) -> io::Result<SystemTime> {
    fs::metadata(file)?.modified()
}
