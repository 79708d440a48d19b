//! `cargo xtask wings`: removes each wing from a copy of the project, and builds and tests the rest.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{
    figures,
    list::{Wing, wings},
    marks::mentions,
    remove::{chosen, settle, take_out},
};
use crate::{
    Outcome,
    cargo::{NATIVE, cargo, cargo_like_leptos, cargo_wasm},
    layout, npm,
    process::{command, run},
    rename,
    steps::Steps,
    template, tree,
};
use crate::{
    cargo::POSTGRES,   // wing:postgres
    postgres::Cluster, // wing:postgres
};

/// The name of the copy without any wings.
const ANOTHER_NAME: &str = "another-name-than-before";
const MODULES: &str = "end2end/node_modules";
const STRICT: [&str; 3] = ["--", "-D", "warnings"];

/// The arguments of the command.
pub(crate) fn takes_proof(arguments: &[String]) -> Outcome {
    match arguments {
        [] => Ok(()),
        [only] if ["--quick", "--together"].contains(&only.as_str()) => Ok(()),
        names => chosen(&wings(&layout::workspace()?)?, names).map(drop),
    }
}

/// The command: `--quick`, `--together` for the last part alone, or the names of wings to remove together, or no argument
/// for everything.
pub(crate) fn prove(steps: &mut Steps, arguments: &[String]) -> Outcome {
    if arguments == ["--quick"] {
        return quick(steps);
    }
    let root = layout::workspace()?;
    let known = wings(&root)?;
    npm::packages()?;
    let copy = Copy::new(root)?;
    if arguments == ["--together"] {
        return together(steps, &copy, &known);
    }
    if !arguments.is_empty() {
        let gone = chosen(&known, arguments)?;
        copy.without(&gone, None)?;
        return whole(steps, &copy, &gone);
    }
    for wing in &known {
        println!("\nWithout {}:", wing.name);
        copy.without(&[wing], None)?;
        whole(steps, &copy, &[wing])?;
    }
    together(steps, &copy, &known)
}

/// Everything that the project's own checks have, without any wing and under another name.
fn together(steps: &mut Steps, copy: &Copy, known: &[Wing]) -> Outcome {
    println!("\nWithout any wing, under another name:");
    copy.without(&known.iter().collect::<Vec<_>>(), Some(ANOTHER_NAME))?;
    steps.run("the copy's own checks", || {
        // It installs packages, which through the link would replace those of the project.
        remove(&copy.project.join(MODULES))?;
        run(&mut copy.cargo(cargo(["xtask", "test"])?))
    })?;
    figures::print(&copy.root, known)
}

/// What every change has to pass. Without some of the wings (the presets are represented by one of them), the project
/// compiles, on either engine and for the browser; [`selections`] says without which. Without all wings, and under
/// another name, the tests compile too, and the unit tests pass.
pub(crate) fn quick(steps: &mut Steps) -> Outcome {
    let root = layout::workspace()?;
    let known = wings(&root)?;
    if known.is_empty() {
        println!("There are no wings left to remove.");
        return Ok(());
    }
    npm::packages()?;
    let copy = Copy::new(root)?;
    println!("\nWithout any wing, under another name:");
    copy.without(&known.iter().collect::<Vec<_>>(), Some(ANOTHER_NAME))?;
    steps.run("all wings removed", || {
        copy.on_sqlite()?;
        copy.in_browser()?;
        copy.browser_tests_load()?;
        run(copy
            .cargo(cargo_like_leptos(["test", "--quiet", "--lib", "--bins"])?)
            .args(NATIVE))
    })?;
    let mut presets = known.iter().filter(|wing| wing.is_preset);
    let large = known.iter().filter(|wing| !wing.is_preset);
    for gone in selections(&large.chain(presets.next()).collect::<Vec<_>>()) {
        let names: Vec<_> = gone.iter().map(|wing| wing.name.as_str()).collect();
        println!("\nWithout {}:", names.join(", "));
        copy.without(&gone, None)?;
        steps.run("wings removed", || {
            // One engine is enough, since the other engine is a wing too.
            let mut clippy = copy.cargo(cargo_like_leptos(["clippy"])?);
            clippy.args(NATIVE);
            // wing:postgres
            if copy.has_postgres() {
                clippy.args(POSTGRES);
            }
            // end wing:postgres
            run(clippy.args(STRICT))?;
            copy.in_browser()?;
            copy.browser_tests_load()
        })?;
    }
    figures::print(&copy.root, &known)
}

/// As few selections as possible in which each wing is once gone while any one other is there: what is wrong with a
/// wing's marks mostly shows beside the wings that it has to do with. Removing one at a time took twice as long.
///
/// A wing has a number with half of its bits set, and is in the selections of these bits. Of two such numbers, each
/// has a bit that the other lacks (Sperner).
fn selections<T: Clone>(wings: &[T]) -> Vec<Vec<T>> {
    let numbers = |bits: u32| (0_u32..1 << bits).filter(move |number| number.count_ones() == bits / 2);
    let bits = (2..32)
        .find(|bits| numbers(*bits).count() >= wings.len())
        .expect("there are fewer wings than such numbers");
    let gone = |bit: u32| {
        let numbered = wings.iter().zip(numbers(bits));
        let gone = numbered.filter(move |(_, number)| number >> bit & 1 == 1);
        gone.map(|(wing, _)| wing.clone())
    };
    (0..bits)
        .map(|bit| gone(bit).collect::<Vec<_>>())
        .filter(|gone| !gone.is_empty())
        .collect()
}

/// Everything that is compiled, and all tests except those in browsers. What a provider preset does has nothing to do
/// with the engine, nor with how a page is used.
fn whole(steps: &mut Steps, copy: &Copy, gone: &[&Wing]) -> Outcome {
    let only_presets = gone.iter().all(|wing| wing.is_preset);
    steps.run("clippy", || {
        copy.on_sqlite()?;
        copy.in_browser()?;
        if only_presets {
            return Ok(());
        }
        copy.on_postgres()?; // wing:postgres
        copy.browser_tests_load()
    })?;
    steps.run("tests", || {
        run(copy.cargo(cargo_like_leptos(["nextest", "run"])?).args(NATIVE))
    })?;
    // wing:postgres
    if copy.has_postgres() && !only_presets {
        steps.run("tests, PostgreSQL", || {
            let mut tests = copy.cargo(cargo_like_leptos(["nextest", "run"])?);
            tests
                .args(NATIVE)
                .args(POSTGRES)
                .args(["-E", "package(auth) | package(server)"]);
            run(Cluster::start()?.known_to(&mut tests))
        })?;
    }
    // end wing:postgres
    Ok(())
}

/// A copy of the project. It is always in the same place, and only files that differ from the previous copy are
/// written, so that only what they are part of is compiled again.
struct Copy {
    root: PathBuf,
    target: PathBuf,
    project: PathBuf,
    stage: PathBuf,
}

impl Copy {
    fn new(root: PathBuf) -> Outcome<Self> {
        let target = layout::target()?;
        let folder = target.join("wings");
        Ok(Self {
            root,
            target,
            project: folder.join("project"),
            stage: folder.join("stage"),
        })
    }

    /// Makes it the project without some wings, optionally under another name.
    fn without(&self, gone: &[&Wing], name: Option<&str>) -> Outcome {
        let stage = &self.stage;
        remove(stage)?;
        let files = tree::all_files(&self.root)?;
        for file in &files {
            write(&stage.join(file), &read(&self.root.join(file))?)?;
        }
        take_out(stage, &files, gone)?;
        if let Some(name) = name {
            let known = rename::current(stage)?;
            rename::give(stage, &files, &known, name)?;
            // As `cargo xtask rename` does.
            template::record(stage, Some(name))?;
        }
        tell_apart(&stage.join("Cargo.toml"))?;
        settle(stage)?;
        let mut left = BTreeSet::new();
        for file in files {
            let Ok(staged) = fs::read(stage.join(&file)) else {
                continue;
            };
            if let Some(name) = left_over(&staged, gone) {
                return Err(format!("{} still has marks of {name}", file.display()));
            }
            let path = self.project.join(&file);
            if fs::read(&path).ok().as_deref() != Some(&staged) {
                write(&path, &staged)?;
            }
            left.insert(path);
        }
        // For the tests in browsers: the packages they use do not change.
        link(&self.root.join(MODULES), &self.project.join(MODULES))?;
        keep_only(&self.project, &left)?;
        // Some of its tests ask git for the list of the project's files.
        run(command("git", &self.project).args(["init", "--quiet"]))
    }

    /// A call of cargo, made in the copy. This program has the variables that cargo's configuration sets for the project,
    /// such as its name. Inherited, they would stand over those of the copy.
    fn cargo(&self, mut command: Command) -> Command {
        command
            .current_dir(&self.project)
            .env("CARGO_TARGET_DIR", &self.target);
        for name in configured(&self.root.join(".cargo/config.toml")) {
            command.env_remove(name);
        }
        command
    }

    fn on_sqlite(&self) -> Outcome {
        run(self
            .cargo(cargo_like_leptos(["clippy"])?)
            .args(NATIVE)
            .arg("--all-targets")
            .args(STRICT))
    }

    fn in_browser(&self) -> Outcome {
        run(self
            .cargo(cargo_wasm(["clippy", "--package", "frontend"])?)
            .args(STRICT))
    }

    /// The tests in browsers are not compiled: what one of them lacks is only missed when it is loaded.
    fn browser_tests_load(&self) -> Outcome {
        let folder = self.project.join("end2end");
        run(command(folder.join("node_modules/.bin/playwright"), &folder)
            .args(["test", "--list"])
            .stdout(Stdio::null()))
    }

    // wing:postgres
    fn has_postgres(&self) -> bool {
        self.project.join("migrations/postgres").is_dir()
    }

    fn on_postgres(&self) -> Outcome {
        if !self.has_postgres() {
            return Ok(());
        }
        run(self
            .cargo(cargo_like_leptos(["clippy"])?)
            .args(NATIVE)
            .args(POSTGRES)
            .arg("--all-targets")
            .args(STRICT))
    }
    // end wing:postgres
}

/// The variables that a configuration of cargo sets.
fn configured(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines()
        .skip_while(|line| line.trim() != "[env]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| Some(line.split_once('=')?.0.trim().to_owned()))
        .filter(|name| !name.starts_with('#'))
        .collect()
}

/// Gives the copy's crates their own version. Cargo identifies a crate by its version and its place in its workspace:
/// with the same version, it would take the compiled copy for the compiled project. Dependencies are compiled once
/// for both.
fn tell_apart(manifest: &Path) -> Outcome {
    let text =
        String::from_utf8(read(manifest)?).map_err(|error| format!("{}: {error}", manifest.display()))?;
    let (before, rest) = text
        .split_once("\nversion = \"")
        .ok_or_else(|| format!("{} has no version of the workspace", manifest.display()))?;
    write(manifest, format!("{before}\nversion = \"0.0.0-{rest}").as_bytes())
}

/// A removed wing that still has marks in a text.
fn left_over<'a>(text: &[u8], gone: &[&'a Wing]) -> Option<&'a str> {
    let text = std::str::from_utf8(text).ok()?;
    let mut names = gone.iter().map(|wing| wing.name.as_str());
    names.find(|name| mentions(text).any(|mentioned| mentioned == *name))
}

fn read(path: &Path) -> Outcome<Vec<u8>> {
    fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

fn write(path: &Path, text: &[u8]) -> Outcome {
    let unwritable = |error| format!("cannot write {}: {error}", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(unwritable)?;
    }
    fs::write(path, text).map_err(unwritable)
}

/// Links to a folder. The target directory outlives checkouts, so a link found there may lead to another checkout, or
/// to one that is gone.
fn link(to: &Path, at: &Path) -> Outcome {
    if fs::read_link(at).is_ok_and(|target| target == to) {
        return Ok(());
    }
    remove(at)?;
    std::os::unix::fs::symlink(to, at).map_err(|error| format!("cannot link {}: {error}", at.display()))
}

/// Removes a link, or a folder with all that is in it, if it exists.
fn remove(path: &Path) -> Outcome {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    };
    removed.map_err(|error| format!("cannot remove {}: {error}", path.display()))
}

/// Deletes the files below a folder that are not in this list. Files that the tools keep there stay.
fn keep_only(folder: &Path, files: &BTreeSet<PathBuf>) -> Outcome {
    let unreadable = |error| format!("cannot read {}: {error}", folder.display());
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path.file_name().unwrap_or_default();
        if name == ".git" || name == "target" || name == "node_modules" {
            continue;
        }
        if path.is_dir() {
            keep_only(&path, files)?;
            // Succeeds only if the folder is empty.
            fs::remove_dir(&path).ok();
        } else if !files.contains(&path) {
            fs::remove_file(&path).map_err(|error| format!("cannot delete {}: {error}", path.display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_project_configures_does_not_reach_its_copy() {
        let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        let copy = Copy {
            root: root.to_owned(),
            target: root.join("target"),
            project: root.join("target/wings/project"),
            stage: root.join("target/wings/stage"),
        };
        let mut inherited = Command::new("cargo");
        inherited.env("LEPTOS_OUTPUT_NAME", "the-project");
        let command = copy.cargo(inherited);
        let given = command.get_envs().find(|(name, _)| *name == "LEPTOS_OUTPUT_NAME");
        assert_eq!(given.and_then(|(_, value)| value), None);
    }

    #[test]
    fn of_any_two_wings_each_is_removed_without_the_other() {
        for count in 1..=20 {
            let wings: Vec<usize> = (0..count).collect();
            let selections = selections(&wings);
            assert!(selections.len() <= 6, "{count}: {selections:?}");
            for one in &wings {
                assert!(selections.iter().any(|gone| gone.contains(one)), "{count}: {one}");
                for other in wings.iter().filter(|other| *other != one) {
                    let apart = |gone: &Vec<usize>| gone.contains(one) && !gone.contains(other);
                    assert!(selections.iter().any(apart), "{count}: {one} without {other}");
                }
            }
        }
    }

    #[test]
    fn a_link_of_another_checkout_is_replaced() {
        let folder = std::env::temp_dir().join(format!("xtask-link-{}", std::process::id()));
        let [before, now, at] = ["before", "now", "link"].map(|name| folder.join(name));
        for checkout in [&before, &now] {
            fs::create_dir_all(checkout).unwrap();
        }
        for checkout in [&before, &now, &now] {
            link(checkout, &at).unwrap();
            assert_eq!(fs::read_link(&at).unwrap(), *checkout);
        }
        fs::remove_dir(&now).unwrap();
        link(&before, &at).unwrap();
        assert_eq!(fs::read_link(&at).unwrap(), before);
        // What another program put there instead of the link.
        fs::remove_file(&at).unwrap();
        fs::create_dir_all(at.join("folder")).unwrap();
        link(&before, &at).unwrap();
        assert_eq!(fs::read_link(&at).unwrap(), before);
        fs::remove_dir_all(folder).unwrap();
    }
}
