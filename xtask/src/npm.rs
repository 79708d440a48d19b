//! The npm packages of `end2end`: Playwright for the tests, binaryen's `wasm-opt` for release builds.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use crate::{
    Outcome, layout,
    process::{ask, command, run},
};

/// Installs the packages, unless the installed ones are newer than the lock file.
pub(crate) fn packages() -> Outcome {
    let folder = layout::end2end()?;
    let lock = folder.join("package-lock.json");
    let wanted = modified(&lock).map_err(|error| format!("cannot read {}: {error}", lock.display()))?;
    // npm writes this file last, so an interrupted installation is not taken for a complete one.
    if modified(&folder.join("node_modules/.package-lock.json")).is_ok_and(|installed| installed >= wanted) {
        return Ok(());
    }
    if ask(command("npm", &folder).arg("--version")).is_none() {
        return Err("npm is missing: install Node.js 20 or later, which includes it".to_owned());
    }
    println!("Installing the npm packages of end2end: usually less than a minute.");
    run(command("npm", &folder).args(["ci", "--no-audit", "--no-fund"]))
}

/// Where npm puts the programs of its packages.
pub(crate) fn bin() -> Outcome<PathBuf> {
    Ok(layout::end2end()?.join("node_modules/.bin"))
}

fn modified(file: &Path) -> io::Result<SystemTime> {
    fs::metadata(file)?.modified()
}
