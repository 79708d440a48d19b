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
    use std::{
        collections::BTreeMap,
        fs,
        path::{Path, PathBuf},
    };

    use super::{figures, list::wings, marks, remove::theirs};
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

    /// By hand, somebody would notice: the compiler does not see a file that nothing includes.
    #[test]
    fn without_any_one_wing_every_source_is_part_of_a_crate_and_every_path_of_the_others_is_there() {
        let root = root();
        let wings = wings(root).expect("they are listed");
        let files = tree::all_files(root).expect("git lists them");
        let is_source = |file: &&PathBuf| file.extension().is_some_and(|kind| kind == "rs");
        let sources: BTreeMap<&PathBuf, String> = files
            .iter()
            .filter(is_source)
            .map(|file| (file, fs::read_to_string(root.join(file)).expect("a file is read")))
            .collect();
        let mut wrong = Vec::new();
        for wing in &wings {
            let gone = theirs(&wings, &[wing]);
            let stays = |file: &Path| !gone.iter().any(|path| file.starts_with(path));
            let left: BTreeMap<&Path, String> = sources
                .iter()
                .filter(|(file, _)| stays(file))
                .map(|(file, text)| {
                    let without = marks::without(text, &[&wing.name]).expect("marks are understood");
                    (
                        file.as_path(),
                        without.map_or(text.clone(), |without| without.text),
                    )
                })
                .collect();
            let lost = left.keys().filter(|file| !is_included(file, &left));
            wrong.extend(lost.map(|file| format!("without {}: {}", wing.name, file.display())));
            let list = &left[Path::new("xtask/src/wings/list.rs")];
            for path in wings.iter().flat_map(|other| &other.paths) {
                let is_there = files.iter().any(|file| file.starts_with(path) && stays(file));
                if !is_there && list.contains(&format!("\"{path}\"")) {
                    wrong.push(format!("without {}: {path} is listed", wing.name));
                }
            }
        }
        assert_eq!(wrong, [""; 0]);
    }

    /// Whether a source is the root of a crate, or another one includes it.
    fn is_included(file: &Path, sources: &BTreeMap<&Path, String>) -> bool {
        let name = |path: &Path| {
            path.file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned()
        };
        let (mut module, mut folder) = (name(file), file.parent().expect("a file is in a folder"));
        let targets = ["src/bin", "benches", "examples", "tests"];
        if ["main", "lib", "build"].contains(&&*module)
            || targets.iter().any(|target| folder.ends_with(target))
        {
            return true;
        }
        if module == "mod" {
            (module, folder) = (name(folder), folder.parent().expect("a folder is in another"));
        }
        let declares = |text: &String| {
            ["pub mod", "pub(crate) mod", "mod"]
                .iter()
                .any(|word| text.contains(&format!("{word} {module};")))
        };
        let parents = ["mod.rs", "lib.rs", "main.rs"].map(|parent| folder.join(parent));
        let parents = parents
            .iter()
            .chain([&folder.with_extension("rs")])
            .any(|parent| sources.get(parent.as_path()).is_some_and(declares));
        let by_path = format!("/{module}.rs\"]");
        parents || sources.values().any(|text| text.contains(&by_path))
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
