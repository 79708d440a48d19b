//! A release must not contain what is for development only.

use std::{fs, path::Path, process::Command};

use crate::{Outcome, cargo::cargo_like_leptos, layout, process::run, steps::Steps};

/// Addresses that must not exist in production, and what is there.
const DEVELOPMENT_ONLY: &[(&str, &str)] = &[
    ("/dev/idp", "the provider that signs in anyone who asks"), // wing:dev-provider
    ("/dev/mail", "the mailbox that anyone can read"),          // wing:mail
];

/// The packages whose code depends on whether it is a release. If one is missing here, what it has for development is
/// found.
const PACKAGES: &[&str] = &["app", "auth", "server", "wire"];

/// Searches a server without what is compiled for development only. It is not optimised like a release, but takes what
/// it depends on from the debug build: a release of that is ten minutes of compiling.
pub(crate) fn without_development(steps: &mut Steps) -> Outcome {
    steps.run("released server", || {
        let as_released = |package| format!("profile.dev.package.{package}.debug-assertions=false");
        let configured = PACKAGES
            .iter()
            .flat_map(|package| ["--config".to_owned(), as_released(package)]);
        let server = layout::server("debug")?;
        run(debug_build()?.args(configured))?;
        let found = search(&server);
        // In its place, as it was before.
        run(&mut debug_build()?)?;
        found
    })
}

fn debug_build() -> Outcome<Command> {
    cargo_like_leptos([
        "build",
        "--package",
        "server",
        "--bin",
        "server",
        "--no-default-features",
    ])
}

fn search(server: &Path) -> Outcome {
    let program = fs::read(server).map_err(|error| format!("cannot read {}: {error}", server.display()))?;
    let is_in = |address: &str| {
        program
            .windows(address.len())
            .any(|bytes| bytes == address.as_bytes())
    };
    match DEVELOPMENT_ONLY.iter().find(|(address, _)| is_in(address)) {
        Some((address, what)) => Err(format!(
            "{} contains `{address}`: {what} must be compiled for debug builds only",
            server.display()
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::{env, fs, process};

    use super::{DEVELOPMENT_ONLY, search};

    #[test]
    fn a_server_with_something_of_development_is_found_out() {
        let server = env::temp_dir().join(format!("xtask-server-{}", process::id()));
        for (address, _) in DEVELOPMENT_ONLY {
            let almost = &address[..address.len() - 1];
            fs::write(&server, format!("…{almost}…")).expect("a file is written");
            search(&server).expect("nothing is found");
            fs::write(&server, format!("…{address}/x…")).expect("a file is written");
            search(&server).expect_err("it is found");
        }
        fs::remove_file(&server).expect("the file is removed");
    }
}
