//! `cargo xtask wings`: takes each wing out of a copy of the project, and builds and tests what is left.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use super::{
    list::{Wing, wings},
    marks::mentions,
    remove::{chosen, settle, take_out},
};
use crate::{
    Outcome,
    cargo::{NATIVE, cargo_like_leptos, cargo_wasm},
    layout,
    process::run,
    steps::Steps,
    tree,
};

/// The command: `--quick`, or the names of wings to remove together, or nothing for everything.
pub(crate) fn prove(steps: &mut Steps, arguments: &[String]) -> Outcome {
    let root = layout::workspace()?;
    let known = wings(&root)?;
    let gone = chosen(&known, arguments)?;
    let copy = Copy::new(root)?;
    copy.without(&gone)?;
    steps.run("clippy", || {
        run(copy.cargo(cargo_like_leptos(["clippy"])?).args(NATIVE).args([
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ]))
    })?;
    if !gone.iter().any(|wing| wing.name == "postgres") {
        steps.run("clippy, PostgreSQL", || {
            run(copy.cargo(cargo_like_leptos(["clippy"])?).args(NATIVE).args([
                "--features",
                "postgres",
                "--all-targets",
                "--",
                "-D",
                "warnings",
            ]))
        })?;
    }
    steps.run("wasm", || {
        run(copy
            .cargo(cargo_wasm(["clippy", "--package", "frontend"])?)
            .args(["--", "-D", "warnings"]))
    })
}

/// A copy of the project. Cargo knows crates by their path, so the copy always lies at the same place, and only the
/// files that differ from what was there are written: then only what they are part of is compiled anew.
struct Copy {
    root: PathBuf,
    target: PathBuf,
    project: PathBuf,
}

impl Copy {
    fn new(root: PathBuf) -> Outcome<Self> {
        let target = layout::target()?;
        let project = target.join("wings/project");
        Ok(Self {
            root,
            target,
            project,
        })
    }

    /// Makes it the project without some wings.
    fn without(&self, gone: &[&Wing]) -> Outcome {
        let stage = self.target.join("wings/stage");
        match fs::remove_dir_all(&stage) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(format!("cannot empty {}: {error}", stage.display()));
            }
            _ => {}
        }
        let files = tree::all_files(&self.root)?;
        for file in &files {
            write(&stage.join(file), &read(&self.root.join(file))?)?;
        }
        take_out(&stage, &files, gone)?;
        settle(&stage)?;
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
        keep_only(&self.project, &left)
    }

    /// A call of cargo, made in the copy.
    fn cargo(&self, mut command: Command) -> Command {
        command
            .current_dir(&self.project)
            .env("CARGO_TARGET_DIR", &self.target);
        command
    }
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
        if path.is_dir() && !path.is_symlink() {
            if name != "target" && name != "node_modules" {
                keep_only(&path, files)?;
                fs::remove_dir(&path).ok();
            }
        } else if !files.contains(&path) && name != "node_modules" {
            fs::remove_file(&path).map_err(|error| format!("cannot delete {}: {error}", path.display()))?;
        }
    }
    Ok(())
}
