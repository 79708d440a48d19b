//! The number of files that a typical change touches.

use std::{fs, path::Path};

use super::{list::Wing, marks::mentions};
use crate::{Outcome, tree};

/// Prints, for each wing, the number of its own files and of the other files that know it, with the figures for
/// changes that a project often needs.
pub(crate) fn print(root: &Path, wings: &[Wing]) -> Outcome {
    println!("\nFiles that mention a wing:  its own    other sources   other files (tests, docs, settings)");
    for wing in wings {
        let Known { own, sources, others } = known(root, wing)?;
        println!("  {:<24}{own:>9}{sources:>17}{others:>14}", wing.name);
    }
    println!(
        "\nA page: 2 files. A provider: 0 (two variables). A field of a user's data: 1. A table: a \
         migration per engine and a module.\nA wing removed: 1 command. A new name: 1 command. docs/changing.md has the recipes."
    );
    Ok(())
}

/// The number of files that know a wing.
pub(crate) struct Known {
    /// Those below its paths.
    pub(crate) own: usize,
    /// Those among the sources that are compiled into the application, without their tests.
    pub(crate) sources: usize,
    /// All others.
    pub(crate) others: usize,
}

/// Counts the files that know a wing.
pub(crate) fn known(root: &Path, wing: &Wing) -> Outcome<Known> {
    let mut found = Known {
        own: 0,
        sources: 0,
        others: 0,
    };
    for file in tree::all_files(root)? {
        let shared = wing.shared.iter().copied();
        let mut own = wing.paths.iter().map(String::as_str).chain(shared);
        if own.any(|path| file.starts_with(path)) {
            found.own += 1;
            continue;
        }
        let Ok(text) = fs::read_to_string(root.join(&file)) else {
            continue;
        };
        let is_source = [
            "app/src",
            "auth/src",
            "auth/wire/src",
            "frontend/src",
            "server/src",
        ]
        .iter()
        .any(|folder| file.starts_with(folder));
        // Tests are at the end of a file, sometimes marked as a whole, or in a separate file.
        let compiled = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let compiled = compiled.strip_suffix('\n').unwrap_or_default();
        let compiled = compiled.rsplit_once('\n').map_or("", |(compiled, _)| compiled);
        if is_source && !file.ends_with("tests.rs") && mentions(compiled).any(|name| name == wing.name) {
            found.sources += 1;
        } else if mentions(&text).any(|name| name == wing.name) {
            found.others += 1;
        }
    }
    Ok(found)
}
