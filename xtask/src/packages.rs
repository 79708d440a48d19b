//! Programs of the system, found on PATH or installed from Debian's packages.

use std::{
    env,
    path::{Path, PathBuf},
};

use crate::process::{command, run};

/// A program's path, as a shell would find it.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}

/// What `find` finds or, if that is nothing, what it finds once Debian's package is installed.
pub(crate) fn found_or_installed<T>(find: impl Fn() -> Option<T>, package: &str, takes: &str) -> Option<T> {
    find().or_else(|| {
        install_from_debian(package, takes);
        find()
    })
}

/// Installs a package, if possible: on Debian and its derivatives, as root.
fn install_from_debian(package: &str, takes: &str) {
    let Some(apt) = on_path("apt-get") else { return };
    if !rustix::process::geteuid().is_root() {
        return;
    }
    println!("Installing Debian's package {package}: usually {takes}.");
    let apt = |arguments: &[&str]| {
        run(command(&apt, Path::new("/"))
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive"))
    };
    apt(&["update"])
        .and_then(|()| apt(&["install", "--yes", package]))
        .ok();
}
