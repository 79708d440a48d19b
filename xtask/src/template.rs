//! Which commit of the template a project has: `Cargo.toml` records it.

use std::{fs, path::Path};

use crate::{Outcome, layout};

const SECTION: &str = "\n# Written by cargo xtask: the template's commit that this project has.\n\
                       [workspace.metadata.template]\ncommit = \"";

/// The recorded commit, if there is one.
pub(crate) fn recorded(root: &Path) -> Outcome<Option<String>> {
    Ok(split(&layout::manifest(root)?).map(|(_, commit, _)| commit.to_owned()))
}

/// Records a commit, or none.
pub(crate) fn record(root: &Path, commit: Option<&str>) -> Outcome {
    let text = layout::manifest(root)?;
    let (before, after) = match split(&text) {
        Some((before, _, after)) => (before, after),
        None => (text.as_str(), ""),
    };
    let section = commit
        .map(|commit| format!("{SECTION}{commit}\"\n"))
        .unwrap_or_default();
    let manifest = root.join("Cargo.toml");
    fs::write(&manifest, format!("{before}{section}{after}"))
        .map_err(|error| format!("cannot write {}: {error}", manifest.display()))
}

/// What is before the section, the commit in it, and what is after it.
fn split(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once(SECTION)?;
    let (commit, after) = rest.split_once("\"\n")?;
    Some((before, commit, after))
}
