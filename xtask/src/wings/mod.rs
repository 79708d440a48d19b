//! Wings: features that a fork can remove.

mod figures;
mod list;
mod marks;
mod prove;
mod remove;

use std::{collections::BTreeSet, path::Path};

use crate::Outcome;

pub(crate) use self::{
    prove::{prove, quick, takes_proof},
    remove::{remove, takes_removal},
};

/// The names of the wings that the project at `root` has.
pub(crate) fn names(root: &Path) -> Outcome<BTreeSet<String>> {
    Ok(list::wings(root)?.into_iter().map(|wing| wing.name).collect())
}

/// Removes a project's last preset, if it has one, without asking cargo to tidy up. Returns one of the files that are gone.
#[cfg(test)]
pub(crate) fn take_out_a_preset(root: &Path) -> Outcome<Option<String>> {
    let known = list::wings(root)?;
    let Some(last) = known.iter().rfind(|wing| wing.is_preset) else {
        return Ok(None);
    };
    remove::take_out(root, &crate::tree::files(root)?, &[last])?;
    Ok(last.paths.first().cloned())
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::{figures, list::wings, marks};
    use crate::tree;

    /// The root of the workspace that these tests belong to.
    fn root() -> &'static Path {
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
    }

    #[test]
    fn every_mark_is_understood_and_names_a_wing_and_every_path_is_there() {
        let root = root();
        let wings = wings(root).expect("they are listed");
        for file in tree::all_files(root).expect("git lists them") {
            let Ok(text) = fs::read_to_string(root.join(&file)) else {
                continue;
            };
            marks::without(&text, &[]).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            for name in marks::mentions(&text) {
                let is_known = wings.iter().any(|wing| wing.name == name);
                assert!(is_known, "{}: there is no wing {name}", file.display());
            }
        }
        for wing in wings.iter().filter(|wing| !wing.is_preset) {
            for path in wing
                .paths
                .iter()
                .map(String::as_str)
                .chain(wing.shared.iter().copied())
            {
                assert!(root.join(path).exists(), "{}: {path} is not there", wing.name);
            }
        }
    }

    #[test]
    fn a_preset_is_a_file_and_at_most_two_lines() {
        let root = root();
        for wing in wings(root)
            .expect("they are listed")
            .iter()
            .filter(|wing| wing.is_preset)
        {
            let known = figures::known(root, wing).expect("git lists the files");
            // The list of presets and, if there is one, the logo on the button.
            assert!((1..=2).contains(&known.sources), "{}", wing.name);
        }
    }
}
