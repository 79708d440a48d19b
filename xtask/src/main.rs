//! Developer commands: `cargo xtask help` lists them.

#[cfg(not(unix))]
compile_error!("xtask uses process groups, which only Unix has: on Windows, run it inside WSL");

mod bench;
mod browser;
mod build;
mod cargo;
mod dev;
#[cfg(test)]
mod docs;
mod fuzz; // wing:clients
mod image;
mod layout;
mod lighthouse;
mod lint;
mod notices;
mod npm;
mod obstacles;
mod packages;
mod postgres; // wing:postgres
mod process;
mod proxies;
mod random;
mod rebuild;
mod released; // wing:dev-provider,mail
mod rename;
mod screenshots;
mod seed;
mod steps;
mod template;
mod test;
mod tools;
mod tree;
mod upstream;
mod wings;

use std::process::ExitCode;

use steps::Steps;

/// The result of a command. An error is a sentence for the developer.
type Outcome<T = ()> = Result<T, String>;

struct Command {
    name: &'static str,
    about: &'static str,
    /// Refuses arguments that it does not know, before anything is done.
    takes: fn(&[String]) -> Outcome,
    run: fn(&mut Steps, &[String]) -> Outcome,
}

const COMMANDS: &[Command] = &[
    Command {
        name: "dev",
        about: "serve the site, and rebuild it on each change",
        takes: passes_on,
        run: dev::dev,
    },
    Command {
        name: "seed",
        about: "fill a fresh database with a dozen people, so that no page is empty",
        takes: takes_none,
        run: seed::seed,
    },
    Command {
        name: "test",
        about: "run every check that a change must pass, as CI does",
        takes: takes_none,
        run: test::test,
    },
    Command {
        name: "lint",
        about: "run only formatting, clippy and cargo-deny",
        takes: takes_none,
        run: lint::lint,
    },
    Command {
        name: "build",
        about: "build the release site and server, and show the size of a first visit",
        takes: passes_on,
        run: build::build,
    },
    Command {
        name: "image",
        about: "build a container image with a static server, without Docker (Linux)",
        takes: passes_on,
        run: image::image,
    },
    Command {
        name: "proxies",
        about: "try the files of deploy/ with the real nginx and Caddy",
        takes: takes_none,
        run: proxies::proxies,
    },
    // wing:postgres
    Command {
        name: "postgres",
        about: "run a command with a temporary PostgreSQL",
        takes: postgres::takes,
        run: postgres::postgres,
    },
    // end wing:postgres
    Command {
        name: "rename",
        about: "rename the project, and create a .env with a secret",
        takes: rename::takes,
        run: rename::rename,
    },
    Command {
        name: "wings",
        about: "prove that each wing can be removed; `--quick` compiles instead of running all tests",
        takes: wings::takes_proof,
        run: wings::prove,
    },
    Command {
        name: "remove",
        about: "remove wings (optional features) from the project; `remove --list` lists them",
        takes: wings::takes_removal,
        run: wings::remove,
    },
    Command {
        name: "upstream",
        about: "take over what the template has changed since this project was made from it",
        takes: upstream::takes,
        run: upstream::upstream,
    },
    // wing:clients
    Command {
        name: "fuzz",
        about: "send a server what schemathesis makes of docs/openapi.json; arguments are passed on",
        takes: passes_on,
        run: fuzz::fuzz,
    },
    // end wing:clients
    Command {
        name: "bench",
        about: "run the server's benchmarks; arguments are passed on",
        takes: passes_on,
        run: bench::bench,
    },
    Command {
        name: "lighthouse",
        about: "measure how fast the first page of a visit is",
        takes: takes_none,
        run: lighthouse::lighthouse,
    },
    Command {
        name: "screenshots",
        about: "take the pictures of the start page and of the README again",
        takes: takes_none,
        run: screenshots::screenshots,
    },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (name, rest) = match arguments.split_first() {
        Some((name, rest)) => (name.as_str(), rest),
        None => ("help", &[][..]),
    };
    if matches!(name, "help" | "--help" | "-h") {
        print!("{}", help());
        return ExitCode::SUCCESS;
    }
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        eprint!("Unknown command `{name}`.\n\n{}", help());
        return ExitCode::from(2);
    };

    let mut steps = Steps::default();
    let outcome = (command.takes)(rest)
        .and_then(|()| process::forward_signals())
        .and_then(|()| (command.run)(&mut steps, rest));
    if let Err(error) = &outcome {
        eprintln!("\ncargo xtask {name}: {error}");
    }
    steps.summarise();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) if process::interrupted() => ExitCode::from(130),
        Err(_) => ExitCode::FAILURE,
    }
}

/// For a command whose arguments are those of the program that it runs.
fn passes_on(_: &[String]) -> Outcome {
    Ok(())
}

fn takes_none(arguments: &[String]) -> Outcome {
    match arguments {
        [] => Ok(()),
        [first, ..] => Err(format!("it takes no arguments, so not `{first}`")),
    }
}

fn help() -> String {
    let lines = COMMANDS
        .iter()
        .map(|command| format!("  cargo xtask {:<10} {}\n", command.name, command.about));
    format!(
        "Commands:\n{}  cargo xtask {:<10} show this list\n",
        lines.collect::<String>(),
        "help"
    )
}

#[cfg(test)]
mod tests {
    use super::{COMMANDS, help};

    #[test]
    fn help_has_one_line_for_each_command() {
        for command in COMMANDS {
            assert_eq!(
                help().matches(&format!("xtask {} ", command.name)).count(),
                1,
                "{}",
                command.name
            );
        }
    }
}
