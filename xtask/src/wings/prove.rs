//! `cargo xtask wings`: takes each wing out of a copy of the project, and builds and tests what is left.

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
    tree,
};
use crate::{
    cargo::POSTGRES,   // wing:postgres
    postgres::Cluster, // wing:postgres
};

/// What the copy without any wing is called.
const ANOTHER_NAME: &str = "another-name-than-before";
const STRICT: [&str; 3] = ["--", "-D", "warnings"];

/// The command: `--quick`, or the names of wings to remove together, or nothing for everything.
pub(crate) fn prove(steps: &mut Steps, arguments: &[String]) -> Outcome {
    if arguments == ["--quick"] {
        return quick(steps);
    }
    let root = layout::workspace()?;
    let known = wings(&root)?;
    let copy = Copy::new(root)?;
    if !arguments.is_empty() {
        copy.without(&chosen(&known, arguments)?, None)?;
        return whole(steps, &copy);
    }
    for wing in &known {
        println!("\nWithout {}:", wing.name);
        copy.without(&[wing], None)?;
        whole(steps, &copy)?;
    }
    println!("\nWithout any wing, under another name:");
    copy.without(&known.iter().collect::<Vec<_>>(), Some(ANOTHER_NAME))?;
    steps.run("the copy's own gate", || {
        run(&mut copy.cargo(cargo(["xtask", "test"])?))
    })?;
    figures::print(&copy.root, &known)
}

/// What a change has to pass: each large wing and one preset by themselves compile, on both engines and for the
/// browser; without any wing, and under another name, tests compile as well, and those of the units pass.
pub(crate) fn quick(steps: &mut Steps) -> Outcome {
    let root = layout::workspace()?;
    let known = wings(&root)?;
    if known.is_empty() {
        println!("There is no wing left to take out.");
        return Ok(());
    }
    npm::packages()?;
    let copy = Copy::new(root)?;
    println!("\nWithout any wing, under another name:");
    copy.without(&known.iter().collect::<Vec<_>>(), Some(ANOTHER_NAME))?;
    steps.run("all wings removed", || {
        run(copy
            .cargo(cargo_like_leptos(["clippy"])?)
            .args(NATIVE)
            .arg("--all-targets")
            .args(STRICT))?;
        copy.in_browser()?;
        copy.browser_tests_load()?;
        run(copy
            .cargo(cargo_like_leptos(["test", "--quiet", "--lib", "--bins"])?)
            .args(NATIVE))
    })?;
    let mut presets = known.iter().filter(|wing| wing.is_preset);
    let alone = known.iter().filter(|wing| !wing.is_preset).chain(presets.next());
    for wing in alone {
        println!("\nWithout {}:", wing.name);
        copy.without(&[wing], None)?;
        steps.run("wing removed", || {
            // One engine is enough: what is of the other is a wing as well.
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

/// All that is compiled, and all tests but those in browsers.
fn whole(steps: &mut Steps, copy: &Copy) -> Outcome {
    steps.run("clippy", || {
        run(copy
            .cargo(cargo_like_leptos(["clippy"])?)
            .args(NATIVE)
            .arg("--all-targets")
            .args(STRICT))?;
        copy.on_postgres()?; // wing:postgres
        copy.in_browser()?;
        copy.browser_tests_load()
    })?;
    steps.run("tests", || {
        run(copy.cargo(cargo_like_leptos(["nextest", "run"])?).args(NATIVE))
    })?;
    // wing:postgres
    if copy.has_postgres() {
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

/// A copy of the project. It always lies at the same place, and only the files that differ from what was there are
/// written: then only what they are part of is compiled anew.
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

    /// Makes it the project without some wings, perhaps under another name.
    fn without(&self, gone: &[&Wing], name: Option<&str>) -> Outcome {
        let stage = &self.stage;
        match fs::remove_dir_all(stage) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(format!("cannot empty {}: {error}", stage.display()));
            }
            _ => {}
        }
        let files = tree::all_files(&self.root)?;
        for file in &files {
            write(&stage.join(file), &read(&self.root.join(file))?)?;
        }
        take_out(stage, &files, gone)?;
        if let Some(name) = name {
            let known = rename::current(stage)?;
            rename::give(stage, &files, &known, name)?;
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
        // For the tests in browsers: what they are written with does not change.
        let modules = self.project.join("end2end/node_modules");
        let installed = self.root.join("end2end/node_modules");
        if installed.is_dir() && !modules.exists() {
            std::os::unix::fs::symlink(&installed, &modules)
                .map_err(|error| format!("cannot link {}: {error}", modules.display()))?;
        }
        keep_only(&self.project, &left)?;
        // Some of its tests ask git what the project's files are.
        run(command("git", &self.project).args(["init", "--quiet"]))
    }

    /// A call of cargo, made in the copy.
    fn cargo(&self, mut command: Command) -> Command {
        command
            .current_dir(&self.project)
            .env("CARGO_TARGET_DIR", &self.target);
        command
    }

    fn in_browser(&self) -> Outcome {
        run(self
            .cargo(cargo_wasm(["clippy", "--package", "frontend"])?)
            .args(STRICT))
    }

    /// The tests in browsers are not compiled: what one of them lacks is only missed when it is loaded.
    fn browser_tests_load(&self) -> Outcome {
        let folder = self.project.join("end2end");
        run(command(npm::bin()?.join("playwright"), &folder)
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

/// Gives the copy's crates a version of their own. Cargo knows a crate by its version and its place in its workspace:
/// with the same, it would take what was compiled of the copy for what the project itself compiles to. What others
/// made is compiled once for both.
fn tell_apart(manifest: &Path) -> Outcome {
    let text =
        String::from_utf8(read(manifest)?).map_err(|error| format!("{}: {error}", manifest.display()))?;
    let (before, rest) = text
        .split_once("\nversion = \"")
        .ok_or_else(|| format!("{} has no version of the workspace", manifest.display()))?;
    write(manifest, format!("{before}\nversion = \"0.0.0-{rest}").as_bytes())
}

/// A wing that is gone, but has marks in a text.
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

/// Deletes what is below a folder and not among these files; what the tools keep there stays.
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
            // Only if nothing is left in it.
            fs::remove_dir(&path).ok();
        } else if !files.contains(&path) {
            fs::remove_file(&path).map_err(|error| format!("cannot delete {}: {error}", path.display()))?;
        }
    }
    Ok(())
}
