//! `cargo xtask remove WING…`: removes wings from a project.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    list::{PRESET_TESTS, Wing, wings},
    marks::without,
};
use crate::{
    Outcome, layout,
    process::{command, run},
    steps::Steps,
    tree,
};

/// The file that describes a preset's variables. Its lines need no marks.
const EXAMPLE: &str = ".env.example";

/// The arguments of the command.
pub(crate) fn takes_removal(arguments: &[String]) -> Outcome {
    if arguments == ["--list"] || arguments.iter().any(|argument| argument == "--help") {
        return Ok(());
    }
    chosen(&wings(&layout::workspace()?)?, arguments).map(drop)
}

/// The command.
pub(crate) fn remove(_: &mut Steps, arguments: &[String]) -> Outcome {
    let root = layout::workspace()?;
    let known = wings(&root)?;
    if arguments == ["--list"] {
        print!("{}", list(&known));
        return Ok(());
    }
    if arguments.iter().any(|argument| argument == "--help") {
        println!("cargo xtask remove WING… | --list\n\n{}", list(&known));
        return Ok(());
    }
    let gone = chosen(&known, arguments)?;
    tree::is_clean(&root)?;
    let done = take_out(&root, &tree::files(&root)?, &gone)?;
    settle(&root)?;
    print!("{}", report(&gone, &done));
    Ok(())
}

fn list(known: &[Wing]) -> String {
    let mut text = "Wings, and what each is for (see docs/removing.md):\n".to_owned();
    for wing in known {
        text += &format!("  {:<14} {}\n", wing.name, wing.about);
    }
    text
}

/// The wings that the arguments name.
pub(crate) fn chosen<'a>(known: &'a [Wing], names: &[String]) -> Outcome<Vec<&'a Wing>> {
    if names.is_empty() {
        return Err(format!("name the wings to remove.\n\n{}", list(known)));
    }
    let mut gone = Vec::new();
    for name in names.iter().collect::<BTreeSet<_>>() {
        match known.iter().find(|wing| wing.name == *name) {
            Some(wing) => gone.push(wing),
            None => return Err(format!("there is no wing `{name}`.\n\n{}", list(known))),
        }
    }
    Ok(gone)
}

/// The result of a removal.
#[derive(Default)]
pub(crate) struct Done {
    /// The removed files.
    pub(crate) removed: Vec<PathBuf>,
    /// The shortened files, with the number of lines that each lost.
    pub(crate) changed: Vec<(PathBuf, usize)>,
}

/// Removes wings from the files of a project. Paths are relative to its root.
pub(crate) fn take_out(root: &Path, files: &[PathBuf], gone: &[&Wing]) -> Outcome<Done> {
    let names: Vec<&str> = gone.iter().map(|wing| wing.name.as_str()).collect();
    let prefixes: Vec<String> = gone
        .iter()
        .filter(|wing| wing.is_preset)
        .map(|wing| format!("#{}_", wing.name.to_uppercase().replace('-', "_")))
        .collect();
    let are_presets = |wings: &[&Wing]| wings.iter().filter(|wing| wing.is_preset).count();
    let known = wings(root)?;
    let no_preset_is_left = are_presets(gone) == are_presets(&known.iter().collect::<Vec<_>>());
    let theirs = theirs(&known, gone);
    // All files are read before the first is written, so that an invalid mark leaves the project unchanged.
    let mut done = Done::default();
    let mut texts = Vec::new();
    for file in files {
        let is_theirs = theirs.iter().any(|path| file.starts_with(path));
        if is_theirs || (no_preset_is_left && file.starts_with(PRESET_TESTS)) {
            done.removed.push(file.clone());
            continue;
        }
        let path = root.join(file);
        let Ok(text) = fs::read_to_string(&path) else {
            // A binary file, such as a picture.
            continue;
        };
        let wrong = |why| format!("{}: {why}", file.display());
        let (mut text, mut lines, mut changed) = match without(&text, &names).map_err(wrong)? {
            Some(without) => (without.text, without.lines, true),
            None => (text, 0, false),
        };
        if file == Path::new(EXAMPLE) {
            let before = text.lines().count();
            let is_theirs = |line: &str| prefixes.iter().any(|prefix| line.starts_with(prefix));
            text = text
                .split_inclusive('\n')
                .filter(|line| !is_theirs(line))
                .collect();
            let fewer = before - text.lines().count();
            lines += fewer;
            changed |= fewer > 0;
        }
        for (_, from, to) in gone
            .iter()
            .flat_map(|wing| wing.rewritten)
            .filter(|(path, _, _)| file == Path::new(path))
        {
            if !text.contains(from) {
                return Err(format!("{} no longer contains `{from}`", file.display()));
            }
            let before = text.lines().count();
            text = text.replace(from, to);
            lines += before.saturating_sub(text.lines().count());
            changed = true;
        }
        if changed {
            done.changed.push((file.clone(), lines));
            texts.push((path, text));
        }
    }
    for (path, text) in texts {
        fs::write(&path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    }
    for file in &done.removed {
        delete(root, file)?;
    }
    Ok(done)
}

/// Deletes a file, and the folders that are empty without it.
fn delete(root: &Path, file: &Path) -> Outcome {
    let path = root.join(file);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(format!("cannot delete {}: {error}", path.display()));
        }
        _ => {}
    }
    for folder in file.ancestors().skip(1).filter(|folder| *folder != Path::new("")) {
        if fs::remove_dir(root.join(folder)).is_err() {
            break;
        }
    }
    Ok(())
}

/// Removes from the lock file what nothing depends on any more, and formats the sources.
pub(crate) fn settle(root: &Path) -> Outcome {
    run(command("cargo", root).args(["update", "--workspace", "--offline", "--quiet"]))?;
    run(command("cargo", root).args(["fmt", "--all"]))
}

/// The paths that go with these wings.
pub(super) fn theirs<'a>(known: &[Wing], gone: &[&'a Wing]) -> Vec<&'a str> {
    let is_gone = |wing: &Wing| gone.iter().any(|gone| gone.name == wing.name);
    let stays = |path: &str| {
        known
            .iter()
            .any(|wing| !is_gone(wing) && wing.shared.contains(&path))
    };
    let of = |wing: &&'a Wing| {
        let own = wing.paths.iter().map(String::as_str);
        let shared = wing.shared.iter().copied();
        own.chain(shared.filter(|path| !stays(path))).collect::<Vec<_>>()
    };
    gone.iter().flat_map(of).collect()
}

fn report(gone: &[&Wing], done: &Done) -> String {
    let names: Vec<&str> = gone.iter().map(|wing| wing.name.as_str()).collect();
    let lines: usize = done.changed.iter().map(|(_, lines)| lines).sum();
    let mut text = format!("Removed {}.\n\nDeleted:\n", names.join(", "));
    for file in &done.removed {
        text += &format!("  {}\n", file.display());
    }
    text += &format!("Changed ({lines} lines removed):\n");
    for (file, lines) in &done.changed {
        text += &match lines {
            0 => format!("  {}\n", file.display()),
            lines => format!("  {} (-{lines})\n", file.display()),
        };
    }
    if done
        .changed
        .iter()
        .any(|(file, _)| file.starts_with("migrations"))
    {
        text += "\nMigrations have changed: an existing database refuses them. Delete data/ and start with a new one.\n";
    }
    text + "\nReview the changes with `git diff`, and check them with `cargo xtask lint` or, for longer, `cargo xtask test`; \
     `git checkout .` undoes them.\n"
}

#[cfg(test)]
mod tests {
    use super::{chosen, list, theirs};
    use crate::wings::list::Wing;

    fn known() -> Vec<Wing> {
        ["admin", "google"]
            .map(|name| Wing {
                name: name.to_owned(),
                about: format!("what {name} is for"),
                paths: vec![format!("src/{name}")],
                shared: vec!["src/both.rs"],
                rewritten: &[],
                is_preset: name == "google",
            })
            .into()
    }

    #[test]
    fn an_unknown_wing_is_an_error_that_lists_those_there_are() {
        let known = known();
        assert!(list(&known).contains("\n  admin          what admin is for\n"));
        let chosen = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            chosen(&known, &names).map(|wings| wings.len())
        };
        assert_eq!(chosen(&["google", "admin", "google"]), Ok(2));
        for (names, problem) in [(&["gogle"][..], "`gogle`"), (&[], "name the wings")] {
            let error = chosen(names).expect_err("it is refused");
            assert!(
                error.contains(problem) && error.contains("what google is for"),
                "{error}"
            );
        }
    }
    #[test]
    fn what_several_wings_need_goes_with_the_last() {
        let known = known();
        let [admin, google] = &known[..] else {
            panic!("there are two")
        };
        assert_eq!(theirs(&known, &[admin]), ["src/admin"]);
        assert_eq!(theirs(&known, &[google]), ["src/google"]);
        let both = theirs(&known, &[admin, google]);
        assert!(
            both.contains(&"src/both.rs") && both.contains(&"src/admin"),
            "{both:?}"
        );
    }
}
