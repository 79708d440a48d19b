//! The documentation is checked as far as a machine can: its links lead somewhere, and what it names exists.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use crate::{COMMANDS, layout, tree};

#[test]
fn every_link_leads_to_a_file_and_to_a_heading_in_it() {
    let mut broken = Vec::new();
    let mut seen = 0;
    for page in pages() {
        for link in links(&read(&page)) {
            seen += 1;
            if !leads_somewhere(&page, &link) {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(seen > 50, "only {seen} links were found");
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_command_that_is_named_exists() {
    let mut unknown = BTreeSet::new();
    let mut seen = 0;
    for page in pages() {
        let text = read(&page);
        for rest in text.split("cargo xtask ").skip(1) {
            let name: String = rest.chars().take_while(char::is_ascii_lowercase).collect();
            seen += 1;
            if !name.is_empty() && !COMMANDS.iter().any(|command| command.name == name) {
                unknown.insert(format!("{}: cargo xtask {name}", page.display()));
            }
        }
    }
    assert!(seen > 20, "only {seen} commands were found");
    assert!(unknown.is_empty(), "{unknown:#?}");
}

/// Each protection in docs/security.md is proven by the test beside it.
#[test]
fn every_test_that_security_rests_on_exists() {
    let sources: String = ["server/tests", "end2end/tests"]
        .iter()
        .flat_map(|folder| files(folder, &["rs", "ts"]))
        .map(|file| read(&file))
        .collect();
    let page = read(&root().join("docs/security.md"));
    let tests: BTreeSet<&str> = page
        .lines()
        .filter(|line| line.starts_with("| "))
        .filter_map(|line| line.split(" | ").nth(2))
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .filter(|name| !name.contains(['.', '/']))
        .collect();
    assert!(tests.len() > 30, "only {} tests were found", tests.len());
    let missing: Vec<_> = tests
        .into_iter()
        .filter(|name| !sources.contains(&format!("fn {name}(")) && !sources.contains(&format!("'{name}'")))
        .collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

fn root() -> PathBuf {
    layout::workspace().expect("cargo runs the tests")
}

fn pages() -> Vec<PathBuf> {
    files("", &["md"])
}

/// The files of these kinds below a folder, as git lists them.
fn files(folder: &str, kinds: &[&str]) -> Vec<PathBuf> {
    let root = root();
    let is_one = |file: &PathBuf| {
        let kind = file.extension().and_then(|kind| kind.to_str());
        file.starts_with(folder) && kind.is_some_and(|kind| kinds.contains(&kind))
    };
    let all = tree::all_files(&root).expect("git lists them");
    all.into_iter()
        .filter(is_one)
        .map(|file| root.join(file))
        .collect()
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The targets of `[text](target)`, outside of code.
fn links(text: &str) -> Vec<String> {
    prose(text)
        .split("](")
        .skip(1)
        .filter_map(|rest| Some(rest.split_once(')')?.0.to_owned()))
        .collect()
}

/// Without what is fenced.
fn prose(text: &str) -> String {
    let mut fenced = false;
    text.lines()
        .filter(|line| {
            let fence = line.trim_start().starts_with("```");
            fenced ^= fence;
            !fence && !fenced
        })
        .collect::<Vec<_>>()
        .join("\n")
}

fn leads_somewhere(page: &Path, link: &str) -> bool {
    if link.contains("://") {
        // Nothing outside of this machine is asked.
        return link.starts_with("https://");
    }
    let (file, heading) = match link.split_once('#') {
        Some((file, heading)) => (file, Some(heading)),
        None => (link, None),
    };
    let target = if file.is_empty() {
        page.to_owned()
    } else {
        page.parent().expect("a page is in a folder").join(file)
    };
    target.exists() && heading.is_none_or(|heading| headings(&read(&target)).contains(heading))
}

/// The names that a page's headings have in links.
fn headings(text: &str) -> BTreeSet<String> {
    prose(text)
        .lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| {
            // A comment, such as a mark of a wing, is no part of it.
            let line = line.split("<!--").next().unwrap_or_default();
            line.trim_start_matches('#')
                .trim()
                .to_lowercase()
                .chars()
                .filter(|letter| letter.is_alphanumeric() || [' ', '-', '_'].contains(letter))
                .map(|letter| if letter == ' ' { '-' } else { letter })
                .collect()
        })
        .collect()
}

#[test]
fn links_and_headings_are_read_as_they_are_written() {
    let page = "# A page: it's `here`\n[one](a.md#b) and [two](#a-page-its-here)\n```\n[no](x)\n```\n## B <!-- a comment -->";
    assert_eq!(links(page), ["a.md#b", "#a-page-its-here"]);
    assert_eq!(headings(page), ["a-page-its-here", "b"].map(str::to_owned).into());
}
