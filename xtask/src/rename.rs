//! `cargo xtask rename NAME`: gives the project its own name.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use crate::{
    Outcome, layout,
    process::{ask, command, run},
    random,
    steps::Steps,
    template, tree,
};

/// The holder of the copyright does not change with the name.
const LICENCE: &str = "LICENSE";
/// The beginning of README, which is about a template, and its replacement for a project.
const HEAD: (&str, &str) = (
    "A template for [Leptos](https://leptos.dev) applications that people sign in to:",
    "A [Leptos](https://leptos.dev) application that people sign in to:",
);

/// The arguments of the command.
pub(crate) fn takes(arguments: &[String]) -> Outcome {
    name_in(arguments).map(drop)
}

fn name_in(arguments: &[String]) -> Outcome<&String> {
    let [name] = arguments else {
        return Err("give the new name, as in `cargo xtask rename my-project`".to_owned());
    };
    is_valid(name)?;
    Ok(name)
}

/// The command.
pub(crate) fn rename(_: &mut Steps, arguments: &[String]) -> Outcome {
    let name = name_in(arguments)?;
    let root = layout::workspace()?;
    let known = current(&root)?;
    if *name == known {
        println!("The project is already called {name}.");
    } else {
        tree::is_clean(&root)?;
        let files = tree::files(&root)?;
        is_new(&root, &files, name)?;
        let changed = give(&root, &files, &known, name)?;
        // The first renaming is the first thing that happens to a copy of the template.
        if template::recorded(&root)?.is_none()
            && let Some(commit) = ask(command("git", &root).args(["rev-parse", "HEAD"]))
        {
            template::record(&root, Some(&commit))?;
        }
        run(command("cargo", &root).args(["fmt", "--all"]))?;
        println!("Renamed {known} to {name} in:");
        for file in changed {
            println!("  {}", file.display());
        }
        println!(
            "\nKeys are derived from the secret and the name: data sealed under the former name, such as \
             provider tokens, can no longer be opened. Start with a new database.\n\
             Not changed: {LICENCE}, docs/screenshot.png, the colours at the top of style/main.css.\n\
             Review the changes with `git diff`; `git checkout .` undoes them."
        );
    }
    environment(&root)
}

/// Where the code is that a new name must not occur in.
const SOURCES: [&str; 6] = ["app", "auth", "frontend", "migrations", "server", "style"];

/// Whether a name is one that cargo, browsers and file systems take as it is.
fn is_valid(name: &str) -> Outcome {
    let wrong = |why: &str| {
        Err(format!(
            "`{name}` {why}: a name is lower-case words joined by hyphens, as in `my-project`"
        ))
    };
    let is_word = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    if name.len() > 30 {
        return wrong("is longer than 30 characters");
    }
    if !name.split('-').all(is_word) {
        return wrong("contains characters other than a-z, 0-9 and single hyphens between them");
    }
    if !name.starts_with(|first: char| first.is_ascii_lowercase()) {
        return wrong("does not begin with a letter");
    }
    // These names are already in use.
    if ["app", "auth", "frontend", "server", "test", "wire", "xtask"].contains(&name) {
        return wrong("is the name of a part of the project");
    }
    Ok(())
}

/// Refuses a name that the sources have already, such as `session`: the next renaming would take each place where
/// that word stands for one of the name.
fn is_new(root: &Path, files: &[PathBuf], name: &str) -> Outcome {
    let is_source = |file: &&PathBuf| SOURCES.iter().any(|folder| file.starts_with(folder));
    for file in files.iter().filter(is_source) {
        let text = fs::read_to_string(root.join(file)).unwrap_or_default();
        if renamed(&text, name, "") != text {
            return Err(format!(
                "`{name}` occurs in {} already, so a later renaming could not tell what is meant. Choose another \
                 name, such as `my-{name}`.",
                file.display()
            ));
        }
    }
    Ok(())
}

/// What the project is called: the name of its site.
pub(crate) fn current(root: &Path) -> Outcome<String> {
    let text = layout::manifest(root)?;
    let name = text
        .split_once("[[workspace.metadata.leptos]]\nname = \"")
        .and_then(|(_, rest)| rest.split_once('"'));
    name.map(|(name, _)| name.to_owned())
        .ok_or_else(|| format!("{} does not name the site", root.join("Cargo.toml").display()))
}

/// Renames a project in these files. Returns the files that changed.
pub(crate) fn give(root: &Path, files: &[PathBuf], known: &str, name: &str) -> Outcome<Vec<PathBuf>> {
    let mut changed = Vec::new();
    for file in files.iter().filter(|file| *file != Path::new(LICENCE)) {
        let path = root.join(file);
        let Ok(text) = fs::read_to_string(&path) else {
            continue;
        };
        let mut renamed = renamed(&text, known, name);
        if file == Path::new("README.md") {
            renamed = renamed.replace(HEAD.0, HEAD.1);
        }
        if renamed != text {
            fs::write(&path, renamed).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
            changed.push(file.clone());
        }
    }
    Ok(changed)
}

/// A text with the new name, in each of its spellings.
fn renamed(text: &str, known: &str, name: &str) -> String {
    let spelled = |joint: &str| (known.replace('-', joint), name.replace('-', joint));
    let [kebab, snake, joined] = ["-", "_", ""].map(spelled);
    text.replace(&kebab.0, &kebab.1)
        .replace(&snake.0, &snake.1)
        .replace(&joined.0, &joined.1)
}

/// Creates a `.env` with its own secret, if there is no such file.
fn environment(root: &Path) -> Outcome {
    let path = root.join(".env");
    if path.exists() {
        println!("There is already a .env; it was not changed.");
        return Ok(());
    }
    let unwritable = |error| format!("cannot write {}: {error}", path.display());
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .map_err(unwritable)?;
    let secret = random::digits::<32>()?;
    write!(
        file,
        "# Local settings: git ignores this file. `.env.example` lists everything that can be set.\nSESSION_SECRET={secret}\n"
    )
    .map_err(unwritable)?;
    println!("Wrote a .env with a new SESSION_SECRET.");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{is_new, is_valid, renamed};
    use crate::{layout, tree};

    #[test]
    fn a_name_is_lower_case_words_joined_by_hyphens() {
        for good in ["acme", "my-project", "shop2", "a-b-c"] {
            assert_eq!(is_valid(good), Ok(()));
        }
        let long = "a".repeat(31);
        for bad in [
            "",
            "My-project",
            "my_project",
            "-a",
            "a-",
            "a--b",
            "2nd",
            "é",
            "a b",
            "server",
            &long,
        ] {
            let error = is_valid(bad).expect_err(bad);
            assert!(error.contains("my-project"), "{error}");
        }
    }

    #[test]
    fn a_name_that_the_sources_have_already_is_refused() {
        let root = layout::workspace().expect("the workspace is found");
        let files = tree::all_files(&root).expect("git lists them");
        assert_eq!(is_new(&root, &files, "quite-another-name"), Ok(()));
        let error = is_new(&root, &files, "session").expect_err("it is everywhere");
        assert!(error.contains("my-session"), "{error}");
    }

    #[test]
    fn every_spelling_is_renamed() {
        assert_eq!(
            renamed(
                "old-name old_name.x oldname old-name-db",
                "old-name",
                "my-new-one"
            ),
            "my-new-one my_new_one.x mynewone my-new-one-db"
        );
    }
}
