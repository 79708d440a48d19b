//! The tools the commands need: found, or else installed, with a word on how long that takes.

use std::{fs, path::Path, process::Command, time::Instant};

use crate::{
    Outcome, layout,
    process::{ask, command, run},
    steps::shown,
};

/// What is installed, and the range of what is accepted: below 1.0 the second number counts as major.
const CARGO_LEPTOS: &str = "0.3.10";
const CARGO_LEPTOS_OLDEST: Version = Version(0, 3, 7);
const CARGO_LEPTOS_BEFORE: Version = Version(0, 4, 0);

/// All that `cargo leptos` needs for a debug build.
pub(crate) fn for_leptos() -> Outcome {
    wasm_target()?;
    cargo_leptos()?;
    wasm_bindgen()
}

/// The compiler's part for the browser.
pub(crate) fn wasm_target() -> Outcome {
    let folder = layout::workspace()?;
    let libraries = ask(command("rustc", &folder).args([
        "--print",
        "target-libdir",
        "--target",
        "wasm32-unknown-unknown",
    ]));
    if libraries.is_some_and(|path| Path::new(&path).is_dir()) {
        return Ok(());
    }
    announced(
        "the Rust target wasm32-unknown-unknown",
        "less than a minute",
        || run(command("rustup", &folder).args(["target", "add", "wasm32-unknown-unknown"])),
    )
}

/// cargo-deny, for licences and unwanted crates.
pub(crate) fn cargo_deny() -> Outcome {
    plugin("deny", "one to four minutes")
}

/// cargo-nextest, for the tests.
pub(crate) fn cargo_nextest() -> Outcome {
    plugin("nextest", "two to six minutes")
}

/// A subcommand of cargo of which any recent version will do.
fn plugin(name: &str, takes: &str) -> Outcome {
    let folder = layout::workspace()?;
    if ask(command("cargo", &folder).args([name, "--version"])).is_some() {
        return Ok(());
    }
    let package = format!("cargo-{name}");
    announced(
        &package,
        takes,
        || run(install(&folder, &package).arg("--locked")),
    )
}

fn cargo_leptos() -> Outcome {
    let folder = layout::workspace()?;
    let installed = ask(command("cargo", &folder).args(["leptos", "--version"]));
    if installed.and_then(|text| Version::read(&text)).is_some_and(suits) {
        return Ok(());
    }
    announced(
        &format!("cargo-leptos {CARGO_LEPTOS}"),
        "five to fifteen minutes",
        || run(install(&folder, "cargo-leptos").args(["--version", CARGO_LEPTOS, "--locked"])),
    )
}

fn suits(cargo_leptos: Version) -> bool {
    (CARGO_LEPTOS_OLDEST..CARGO_LEPTOS_BEFORE).contains(&cargo_leptos)
}

/// The program must be of exactly the library's version: the two talk in a format that has no
/// version of its own. cargo-leptos takes it from PATH, and would download it if it were not there.
fn wasm_bindgen() -> Outcome {
    let folder = layout::workspace()?;
    let lock = folder.join("Cargo.lock");
    let text =
        fs::read_to_string(&lock).map_err(|error| format!("cannot read {}: {error}", lock.display()))?;
    let version = locked(&text, "wasm-bindgen").ok_or_else(|| {
        format!(
            "{} has no wasm-bindgen: run `cargo update --workspace`",
            lock.display()
        )
    })?;

    let suits = || {
        let installed = ask(command("wasm-bindgen", &folder).arg("--version"));
        installed.is_some_and(|text| text.split_whitespace().nth(1) == Some(version))
    };
    if suits() {
        return Ok(());
    }
    announced(&format!("wasm-bindgen {version}"), "one to four minutes", || {
        let install = || {
            let mut install = install(&folder, "wasm-bindgen-cli");
            install.args(["--version", version]);
            install
        };
        // Its lock file may name a crate that was withdrawn since; without it cargo finds another.
        run(install().arg("--locked")).or_else(|_| run(&mut install()))
    })?;
    match suits() {
        true => Ok(()),
        false => Err(format!(
            "wasm-bindgen {version} was installed, but PATH leads to another version or to none: put cargo's \
             `bin` folder first on PATH"
        )),
    }
}

/// `cargo install` for tools that are started a few times a day: not worth an optimiser's time.
fn install(folder: &Path, package: &str) -> Command {
    let mut install = command("cargo", folder);
    install
        .args(["install", package])
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1");
    install
}

fn announced(what: &str, takes: &str, work: impl FnOnce() -> Outcome) -> Outcome {
    println!("Installing {what}, once: usually {takes}.");
    let start = Instant::now();
    work()?;
    println!("Installed {what} in {}.", shown(start.elapsed()));
    Ok(())
}

/// The version of a package in the text of a `Cargo.lock`.
fn locked<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let after_name = lock.split_once(&format!("name = \"{package}\"\nversion = \""))?.1;
    Some(after_name.split_once('"')?.0)
}

#[derive(Debug, PartialEq, PartialOrd)]
struct Version(u32, u32, u32);

impl Version {
    /// Reads the last word of what a program says to `--version`.
    fn read(text: &str) -> Option<Self> {
        let mut numbers = text
            .split_whitespace()
            .last()?
            .split('.')
            .map(|number| number.parse().ok());
        Some(Self(numbers.next()??, numbers.next()??, numbers.next()??))
    }
}

#[cfg(test)]
mod tests {
    use super::{CARGO_LEPTOS, Version, locked, suits};

    #[test]
    fn cargo_leptos_is_accepted_within_its_range() {
        let suits = |text| Version::read(text).is_some_and(suits);
        assert!(
            suits(CARGO_LEPTOS),
            "the version that is installed is one that is accepted"
        );
        assert!(suits("cargo-leptos 0.3.7\n"));
        assert!(!suits("cargo-leptos 0.3.6"));
        assert!(!suits("cargo-leptos 0.4.0"));
        assert!(!suits("error: no such command: `leptos`"));
        assert!(!suits(""));
    }

    #[test]
    fn the_lock_file_names_the_version_of_exactly_that_package() {
        let lock = r#"
[[package]]
name = "wasm-bindgen-futures"
version = "0.4.80"

[[package]]
name = "wasm-bindgen"
version = "0.2.130"
source = "registry"
"#;
        assert_eq!(locked(lock, "wasm-bindgen"), Some("0.2.130"));
        assert_eq!(locked(lock, "leptos"), None);
    }
}
