//! The commands that the documentation shows. The tests of each program that they call parse them.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A command on a page.
#[derive(Debug)]
pub(crate) struct Shown {
    /// The page, and the whole command.
    place: String,
    /// The words after the program's own.
    pub(crate) words: Vec<String>,
    /// Whether it is in a block, to be copied: then no argument may be missing.
    pub(crate) is_whole: bool,
}

impl std::fmt::Display for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.place)
    }
}

/// All commands on the pages of the project at `root` that begin with these words. The first one may be a path.
pub(crate) fn commands(root: &Path, program: &[&str]) -> Vec<Shown> {
    let mut found = Vec::new();
    for page in pages(root) {
        let text = fs::read_to_string(&page).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
        for (command, is_whole) in written(&text) {
            let words: Vec<String> = words(&command)
                .into_iter()
                .skip_while(|word| leads(word))
                .collect();
            let begins = words.len() >= program.len()
                && words.iter().zip(program).enumerate().all(|(at, (word, wanted))| {
                    word == wanted || (at == 0 && word.ends_with(&format!("/{wanted}")))
                });
            if begins {
                let page = page.strip_prefix(root).unwrap_or(&page).display();
                found.push(Shown {
                    place: format!("{page}: {}", words.join(" ")),
                    words: words[program.len()..].to_vec(),
                    is_whole,
                });
            }
        }
    }
    found
}

/// The README, and everything below `docs`.
fn pages(root: &Path) -> Vec<PathBuf> {
    let mut pages = vec![root.join("README.md")];
    let mut folders = vec![root.join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the folder is there") {
            let path = entry.expect("it is listed").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "md") {
                pages.push(path);
            }
        }
    }
    pages
}

/// What may be a command: each line of a block for a shell, and each piece of code in the text.
fn written(text: &str) -> Vec<(String, bool)> {
    let mut found = Vec::new();
    let mut prose = String::new();
    let mut fence: Option<&str> = None;
    let mut line = String::new();
    for raw in text.lines() {
        match (raw.trim_start().strip_prefix("```"), fence) {
            (Some(language), None) => fence = Some(language.trim()),
            (Some(_), Some(_)) => fence = None,
            (None, None) => {
                prose.push_str(raw);
                prose.push('\n');
            }
            (None, Some("sh")) => match raw.strip_suffix('\\') {
                Some(begun) => line.push_str(begun),
                None => {
                    line.push_str(raw.split(" #").next().unwrap_or_default());
                    found.extend(line.split(" && ").map(|command| (command.to_owned(), true)));
                    line.clear();
                }
            },
            (None, Some(_)) => {}
        }
    }
    found.extend(
        prose
            .split('`')
            .skip(1)
            .step_by(2)
            .map(|code| (code.to_owned(), false)),
    );
    found
}

/// The words of a command as a shell has them, up to where its output goes.
fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    for letter in command.chars().chain([' ']) {
        match quote {
            Some(end) if letter == end => quote = None,
            None if letter == '"' || letter == '\'' => quote = Some(letter),
            None if letter.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            _ => word.push(letter),
        }
    }
    let end = words.iter().position(|word| word == ">" || word == "|");
    words.truncate(end.unwrap_or(words.len()));
    words
}

/// Whether a word only leads to the command: a variable, or `sudo`.
fn leads(word: &str) -> bool {
    let is_variable = |name: &str| name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    word == "sudo" || word.split_once('=').is_some_and(|(name, _)| is_variable(name))
}

#[test]
fn commands_are_read_as_a_shell_reads_them() {
    let page = "`a b`\n```sh\nX=1 sudo a --name \"My app\" \\\n  c > file   # and more\nd && a e\n```\n```rust\na f\n```\n";
    let read: Vec<(Vec<String>, bool)> = written(page)
        .into_iter()
        .map(|(command, is_whole)| {
            (
                words(&command)
                    .into_iter()
                    .skip_while(|word| leads(word))
                    .collect(),
                is_whole,
            )
        })
        .collect();
    let said: Vec<(String, bool)> = read
        .iter()
        .map(|(words, is_whole)| (words.join("|"), *is_whole))
        .collect();
    let expected = [
        ("a|--name|My app|c", true),
        ("d", true),
        ("a|e", true),
        ("a|b", false),
    ];
    assert_eq!(said, expected.map(|(text, is_whole)| (text.to_owned(), is_whole)));
}
