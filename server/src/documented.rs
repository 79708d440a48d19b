//! The commands in the documentation are commands of this program.

#[path = "../../xtask/testing/shown.rs"]
mod shown;

use std::path::Path;

use clap::{Parser, error::ErrorKind};

use crate::Cli;

/// Stands for every word that the reader replaces, such as `USER_ID`.
const ANY: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
/// The role in the recipe for a new one.
const NEW_ROLE: &str = "editor";

#[test]
fn every_command_of_the_server_in_the_documentation_is_understood() {
    let folder = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo runs the tests");
    let root = Path::new(&folder)
        .parent()
        .expect("the server is a folder in the project");
    let shown = shown::commands(root, &["server"]);
    assert!(shown.len() > 5, "only {} commands were found", shown.len());
    let mut wrong = Vec::new();
    for command in &shown {
        if let Err(error) = Cli::try_parse_from(["server"].into_iter().chain(filled_in(&command.words))) {
            let is_only_begun = matches!(
                error.kind(),
                ErrorKind::MissingRequiredArgument | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
            );
            if command.is_whole || !is_only_begun {
                wrong.push(format!("{command}: {error}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The words with something in place of those that the reader replaces.
fn filled_in(words: &[String]) -> impl Iterator<Item = &str> {
    let is_placeholder = |word: &str| word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    words
        .iter()
        .filter(|word| *word != "…")
        .map(move |word| match word.as_str() {
            NEW_ROLE => "admin",
            word if is_placeholder(word) => ANY,
            word => word,
        })
}
