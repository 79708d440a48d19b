//! Where things are: sources below the workspace's root, results below cargo's target directory.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use crate::Outcome;

/// The folder with the workspace's `Cargo.toml`.
///
/// Cargo reports it at run time. It is not compiled in, since checkouts may share one target directory.
pub(crate) fn workspace() -> Outcome<PathBuf> {
    let manifest = env::var_os("CARGO_MANIFEST_DIR")
        .ok_or("cannot find the workspace: run this program as `cargo xtask …`")?;
    let manifest = PathBuf::from(manifest);
    manifest
        .parent()
        .map(Path::to_path_buf)
        .ok_or_else(|| format!("{} is not a folder in a workspace", manifest.display()))
}

/// The text of the workspace's `Cargo.toml`.
pub(crate) fn manifest(root: &Path) -> Outcome<String> {
    let manifest = root.join("Cargo.toml");
    fs::read_to_string(&manifest).map_err(|error| format!("cannot read {}: {error}", manifest.display()))
}

/// Cargo's target directory, wherever `CARGO_TARGET_DIR` or a configuration file has put it.
pub(crate) fn target() -> Outcome<PathBuf> {
    // Cargo has built this program as `<target>/debug/xtask`, so there is no need to ask it.
    let program =
        env::current_exe().map_err(|error| format!("cannot find the path of xtask itself: {error}"))?;
    program
        .ancestors()
        .nth(2)
        .map(Path::to_path_buf)
        .ok_or_else(|| format!("{} is not in a target directory", program.display()))
}

/// The server's executable: `profile` is `debug` or `release`.
pub(crate) fn server(profile: &str) -> Outcome<PathBuf> {
    Ok(target()?.join(profile).join("server"))
}

/// The site's files: `site-root` of `Cargo.toml`, which does not follow `CARGO_TARGET_DIR`.
pub(crate) fn site() -> Outcome<PathBuf> {
    Ok(workspace()?.join("target/site"))
}

/// The folder of the browser tests.
pub(crate) fn end2end() -> Outcome<PathBuf> {
    Ok(workspace()?.join("end2end"))
}
