//! The documentation is checked as far as a machine can: its links lead somewhere, and what it names exists. The
//! server's commands are checked by the server's own tests.

#[path = "../testing/shown.rs"]
mod shown;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use crate::{COMMANDS, layout, rebuild, tree, wings};

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

/// Names in the place of which the reader puts another one, and a preset that a recipe adds.
const EXAMPLES: [&str; 4] = ["NAME", "WING…", "COMMAND…", "initech"];

/// What `cargo xtask test` does itself, with its steps and tests: the development server, the copies that are renamed and have
/// their wings removed, and so on.
const TRIED_BY_TEST: [&str; 10] = [
    "dev", "seed", "test", "lint", "build", "postgres", "rename", "wings", "remove", "upstream",
];

#[test]
fn every_command_is_run_by_ci() {
    let workflow = read(&root().join(".github/workflows/ci.yml"));
    for command in COMMANDS {
        let step = format!("cargo xtask {}", command.name);
        let is_step = workflow
            .lines()
            .filter_map(|line| line.split_once("run: "))
            .any(|(_, run)| run == step || run.starts_with(&format!("{step} ")));
        assert!(
            is_step || TRIED_BY_TEST.contains(&command.name),
            "no job of .github/workflows/ci.yml runs `{step}`"
        );
    }
}

#[test]
fn every_command_that_is_named_exists_and_takes_its_arguments() {
    let root = root();
    let shown = shown::commands(&root, &["cargo", "xtask"]);
    assert!(shown.len() > 20, "only {} commands were found", shown.len());
    let known = wings::names(&root).expect("they are listed");
    let mut wrong = Vec::new();
    for shown in &shown {
        let Some((name, arguments)) = shown.words.split_first() else {
            continue;
        };
        let Some(command) = COMMANDS.iter().find(|command| command.name == *name) else {
            wrong.push(format!("{shown}: there is no such command"));
            continue;
        };
        // A command is also named without what it needs. In a block it is to be copied.
        if arguments.is_empty() && !shown.is_whole {
            continue;
        }
        let is_example = |word: &String| EXAMPLES.contains(&word.as_str());
        let fill_in = |word: &String| {
            if is_example(word) {
                known.first().cloned()
            } else {
                Some(word.clone())
            }
        };
        let filled_in: Option<Vec<String>> = arguments.iter().map(fill_in).collect();
        // Without any wing, there is none to name.
        let Some(arguments) = filled_in else { continue };
        if let Err(error) = (command.takes)(&arguments) {
            wrong.push(format!("{shown}: {error}"));
        }
        let benchmarks = read(&root.join("server/benches/load/main.rs"));
        let is_benchmark =
            |word: &String| word == rebuild::NAME || benchmarks.contains(&format!("\"{word}\""));
        if name == "bench" && !arguments.iter().all(is_benchmark) {
            wrong.push(format!("{shown}: there is no such benchmark"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is not always there: folders that commands create, and a file that goes with the last preset.
const SOMETIMES: [&str; 3] = [
    "end2end/screenshots",
    "end2end/test-results",
    "server/tests/it/oauth/presets/mod.rs",
];

/// A recipe marks the files that it adds as `(new)`.
#[test]
fn every_path_in_the_documentation_leads_to_a_file() {
    let root = root();
    let all = tree::all_files(&root).expect("git lists them");
    let folders: BTreeSet<&Path> = all
        .iter()
        .filter_map(|file| file.components().next())
        .map(|first| Path::new(first.as_os_str()))
        .collect();
    let mut missing = Vec::new();
    let mut seen = 0;
    for page in pages() {
        let text = read(&page);
        let text = prose(&text);
        for path in text
            .split('`')
            .skip(1)
            .step_by(2)
            .map(|code| code.trim_end_matches('/'))
        {
            let is_plain = !path.contains(|letter: char| {
                letter.is_whitespace() || ['<', '*', '…', '{', ':'].contains(&letter)
            });
            let is_source = SOURCES.iter().any(|kind| path.ends_with(kind)) && !path.starts_with(['.', '/']);
            let is_below =
                path.contains('/') && folders.iter().any(|folder| Path::new(path).starts_with(folder));
            if !is_plain || !(is_source || is_below) {
                continue;
            }
            seen += 1;
            let exists = all
                .iter()
                .any(|file| file.ancestors().any(|part| part.ends_with(path)));
            let is_new = text.contains(&format!("`{path}` (new)"));
            if !exists && !is_new && !SOMETIMES.contains(&path) {
                missing.push(format!("{}: {path}", page.display()));
            }
        }
    }
    assert!(seen > 100, "only {seen} paths were found");
    assert!(missing.is_empty(), "{missing:#?}");
}

/// How the names of files end that are never shortened to something else.
const SOURCES: [&str; 7] = [".rs", ".ts", ".mjs", ".sql", ".css", ".md", ".toml"];

/// Variables that the server reads and an operator need not know: those that cargo-leptos sets for it, and one that means
/// something to PostgreSQL only, and is read in any case.
const NEED_NO_WORDS: [&str; 6] = [
    "LEPTOS_LIB_DIR",
    "LEPTOS_OUTPUT_NAME",
    "LEPTOS_RELOAD_PORT",
    "LEPTOS_SITE_ROOT",
    "LEPTOS_WATCH",
    "LISTEN_DATABASE_URL",
];
/// The switch of the development provider, which is described on its page.
const DEV_IDP: &str = "DEV_IDP";

#[test]
fn every_setting_is_read_by_the_server_and_described_in_both_places() {
    let settings = Settings::read();
    let sources = text_of(&["auth/src", "server/src"], &["rs"]);
    assert!(settings.described.len() > 15, "{:?}", settings.described);
    for name in &settings.described {
        assert!(
            sources.contains(&format!("\"{name}\"")),
            "docs/configuration.md: the server does not read {name}"
        );
        assert!(
            settings.listed.contains(name),
            ".env.example does not list {name}"
        );
    }
    for name in &settings.listed {
        assert!(
            settings.knows(name),
            "docs/configuration.md does not describe {name}, which .env.example lists"
        );
    }
    for call in ["vars.get(\"", "vars.parsed(\""] {
        let read = sources
            .split(call)
            .skip(1)
            .filter_map(|rest| rest.split('"').next());
        // In tests, names have one letter.
        for name in read.filter(|name| name.len() > 1 && !NEED_NO_WORDS.contains(name)) {
            assert!(
                settings.knows(name),
                "docs/configuration.md does not describe {name}, which the server reads"
            );
        }
    }
}

#[test]
fn every_variable_that_the_documentation_sets_is_one() {
    let settings = Settings::read();
    let sources = text_of(&[""], &["rs", "ts", "mjs", "toml", "yml", "yaml", "service"]);
    let quoted = sources.split('"');
    let of_node = sources
        .split("process.env.")
        .filter_map(|rest| rest.split(|letter: char| !is_letter(letter)).next());
    let read_by_tools: BTreeSet<&str> = quoted.chain(of_node).filter(|name| is_variable(name)).collect();
    let mut unknown = BTreeSet::new();
    let mut seen = 0;
    for page in pages() {
        let text = read(&page);
        // Lines of blocks, and code in the text.
        let pieces = text.lines().chain(text.split('`'));
        for piece in pieces.map(|piece| piece.trim_start_matches("export ").trim_start_matches("# ")) {
            let Some(name) = piece
                .split_once('=')
                .map(|(name, _)| name)
                .filter(|name| is_variable(name))
            else {
                continue;
            };
            seen += 1;
            let is_of_another_program = name.starts_with("FLY_");
            if !(settings.knows(name) || read_by_tools.contains(name) || is_of_another_program) {
                unknown.insert(format!("{}: {name}", page.display()));
            }
        }
    }
    assert!(seen > 30, "only {seen} variables were found");
    assert!(unknown.is_empty(), "{unknown:#?}");
}

/// The settings of the server, as they are documented.
struct Settings {
    /// In the table of docs/configuration.md.
    described: BTreeSet<String>,
    /// In `.env.example`.
    listed: BTreeSet<String>,
    /// The pages on providers.
    providers: String,
}

impl Settings {
    fn read() -> Self {
        let page = read(&root().join("docs/configuration.md"));
        let first_cells = page
            .lines()
            .filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
        let example = read(&root().join(".env.example"));
        let examples = example
            .lines()
            .filter_map(|line| line.strip_prefix('#')?.split_once('='));
        Self {
            described: first_cells
                .flat_map(|cell| cell.split('`'))
                .filter(|name| is_variable(name))
                .map(str::to_owned)
                .collect(),
            listed: examples
                .map(|(name, _)| name)
                .filter(|name| is_variable(name))
                .map(str::to_owned)
                .collect(),
            providers: text_of(&["docs/providers"], &["md"]),
        }
    }

    /// Whether a page describes the variable. That of a provider is described as `<ID>_…`, or by its own name.
    fn knows(&self, name: &str) -> bool {
        let mut parts = name.match_indices('_').map(|(at, _)| &name[at..]);
        self.described.contains(name)
            || name == DEV_IDP
            || self.providers.contains(&format!("`{name}`"))
            || self.providers.contains(&format!("{name}="))
            || parts.any(|part| self.providers.contains(&format!("`<ID>{part}`")))
    }
}

fn is_variable(name: &str) -> bool {
    name.len() > 3
        && name.starts_with(|first: char| first.is_ascii_uppercase())
        && name.chars().all(is_letter)
}

/// Whether a letter may be in the name of a variable.
fn is_letter(letter: char) -> bool {
    letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_'
}

fn text_of(folders: &[&str], kinds: &[&str]) -> String {
    folders
        .iter()
        .flat_map(|folder| files(folder, kinds))
        .map(|file| read(&file))
        .collect()
}

/// Each protection in docs/security.md is proven by the test beside it.
#[test]
fn every_test_that_security_rests_on_exists() {
    let sources = text_of(&["server/tests", "end2end/tests"], &["rs", "ts"]);
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
