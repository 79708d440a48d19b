//! Wings: features that a fork can remove.

mod figures;
mod list;
mod marks;
mod prove;
mod remove;

pub(crate) use self::{
    prove::{prove, quick},
    remove::remove,
};

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
