//! The files of a project, as git lists them.

use std::path::{Path, PathBuf};

use crate::{
    Outcome,
    process::{ask, command},
};

/// The files under version control, relative to the root.
pub(crate) fn files(root: &Path) -> Outcome<Vec<PathBuf>> {
    listed(root, &["--cached"])
}

/// The files under version control, and those that may come under it because they are not ignored.
pub(crate) fn all_files(root: &Path) -> Outcome<Vec<PathBuf>> {
    listed(root, &["--cached", "--others", "--exclude-standard"])
}

fn listed(root: &Path, which: &[&str]) -> Outcome<Vec<PathBuf>> {
    let listed = ask(command("git", root).args(["ls-files", "-z"]).args(which))
        .ok_or("git does not list the files here: this command needs a project under git")?;
    Ok(listed
        .split('\0')
        .filter(|path| !path.is_empty())
        .map(PathBuf::from)
        .filter(|path| root.join(path).is_file())
        .collect())
}

/// Refuses a tree with uncommitted changes, so that what a command changes can be reviewed and undone separately.
pub(crate) fn is_clean(root: &Path) -> Outcome {
    match ask(command("git", root).args(["status", "--porcelain"])) {
        Some(changes) if changes.is_empty() => Ok(()),
        Some(_) => Err(
            "there are uncommitted changes. Commit them first (`git add -A && git commit`): then \
             `git diff` shows what this command does, and `git checkout .` undoes it"
                .to_owned(),
        ),
        None => Err(
            "this project is not under git: run `git init && git add -A && git commit -m Start` first"
                .to_owned(),
        ),
    }
}
