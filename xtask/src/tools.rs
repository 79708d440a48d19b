//! The tools that the commands need: found, or else installed, with a note on how long that takes.

use std::{fs, path::Path, time::Instant};

use crate::{
    Outcome, layout, obstacles, packages,
    process::{ask, command, interrupted, run},
    steps::shown,
};

/// A subcommand of cargo: the version that is installed if it is missing, and the range of accepted versions. Never
/// simply the newest: the tools that build and check the sources are as fixed as the dependencies.
struct Plugin {
    name: &'static str,
    version: &'static str,
    oldest: Version,
    before: Version,
    takes: &'static str,
}

/// Below 1.0 the second number counts as major.
const LEPTOS: Plugin = Plugin {
    name: "leptos",
    version: "0.3.10",
    oldest: Version(0, 3, 7),
    before: Version(0, 4, 0),
    takes: "five to fifteen minutes",
};

/// From 0.18 on, `deny.toml` is read as intended.
const DENY: Plugin = Plugin {
    name: "deny",
    version: "0.20.2",
    oldest: Version(0, 18, 0),
    before: Version(0, 21, 0),
    takes: "one to four minutes",
};

const NEXTEST: Plugin = Plugin {
    name: "nextest",
    version: "0.9.143",
    oldest: Version(0, 9, 100),
    before: Version(0, 10, 0),
    takes: "two to six minutes",
};

/// Everything that `cargo leptos` needs for a debug build.
pub(crate) fn for_leptos() -> Outcome {
    obstacles::compiler()?;
    wasm_target()?;
    plugin(&LEPTOS)?;
    wasm_bindgen()
}

/// The compiler's target for the browser.
pub(crate) fn wasm_target() -> Outcome {
    target("wasm32-unknown-unknown")
}

/// A target of the compiler.
pub(crate) fn target(triple: &str) -> Outcome {
    let folder = layout::workspace()?;
    let libraries = ask(command("rustc", &folder).args(["--print", "target-libdir", "--target", triple]));
    if libraries.is_some_and(|path| Path::new(&path).is_dir()) {
        return Ok(());
    }
    if packages::on_path("rustup").is_none() {
        return Err(format!(
            "this Rust has no target {triple}, and rustup is missing, which could add it: install Rust with rustup, or \
             your system's package for that target"
        ));
    }
    announced(&format!("the Rust target {triple}"), "less than a minute", || {
        run(command("rustup", &folder).args(["target", "add", triple]))
    })
}

/// cargo-deny, for licences and unwanted crates.
pub(crate) fn cargo_deny() -> Outcome {
    plugin(&DENY)
}

/// cargo-nextest, for the tests.
pub(crate) fn cargo_nextest() -> Outcome {
    plugin(&NEXTEST)
}

fn plugin(plugin: &Plugin) -> Outcome {
    let Plugin {
        name, version, takes, ..
    } = plugin;
    let folder = layout::workspace()?;
    let installed = ask(command("cargo", &folder).args([name, "--version"]));
    if installed.is_some_and(|text| plugin.accepts(&text)) {
        return Ok(());
    }
    let package = format!("cargo-{name}");
    announced(&format!("{package} {version}"), takes, || {
        install(&folder, &package, version)
    })
}

impl Plugin {
    /// Whether the output of `--version` has an accepted version.
    fn accepts(&self, text: &str) -> bool {
        Version::read(text).is_some_and(|version| self.oldest <= version && version < self.before)
    }
}

/// The program must have exactly the library's version, since their common format has no version of its own.
/// cargo-leptos takes the program from PATH, and would download it if it were missing.
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
        install(&folder, "wasm-bindgen-cli", version)
    })?;
    if suits() {
        Ok(())
    } else {
        Err(format!(
            "wasm-bindgen {version} was installed, but PATH finds another version or none: put cargo's \
             `bin` folder first on PATH"
        ))
    }
}

/// Downloads a program with cargo-binstall, if that is installed, and compiles it otherwise.
fn install(folder: &Path, package: &str, version: &str) -> Outcome {
    if ask(command("cargo", folder).args(["binstall", "-V"])).is_none() {
        println!("cargo-binstall would download it in seconds; without it, cargo compiles it.");
        return compile(folder, package, version);
    }
    run(command("cargo", folder).args([
        "binstall",
        "--no-confirm",
        // It would compile with all optimisations.
        "--disable-strategies",
        "compile",
        &format!("{package}@{version}"),
    ]))
    .or_else(|error| {
        if interrupted() {
            return Err(error);
        }
        println!("There is nothing to download for this machine, so cargo compiles it.");
        compile(folder, package, version)
    })
}

/// `cargo install` for tools that run a few times a day, which are not worth optimising.
fn compile(folder: &Path, package: &str, version: &str) -> Outcome {
    let compile = || {
        let mut compile = command("cargo", folder);
        compile
            .args(["install", package, "--version", version])
            .env("CARGO_PROFILE_RELEASE_LTO", "off")
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1");
        compile
    };
    // Its lock file may name a crate that has been withdrawn. Without the lock file, cargo finds another version.
    run(compile().arg("--locked")).or_else(|error| {
        if interrupted() {
            return Err(error);
        }
        run(&mut compile())
    })
}

fn announced(what: &str, takes: &str, work: impl FnOnce() -> Outcome) -> Outcome {
    println!("Installing {what}, once: usually {takes}.");
    let start = Instant::now();
    obstacles::explained(work())?;
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
    /// Reads the second word of a program's output for `--version`. The first is its name.
    fn read(text: &str) -> Option<Self> {
        let mut numbers = text
            .split_whitespace()
            .nth(1)?
            .split('.')
            .map(|number| number.parse().ok());
        Some(Self(numbers.next()??, numbers.next()??, numbers.next()??))
    }
}

#[cfg(test)]
mod tests {
    use super::{DENY, LEPTOS, NEXTEST, locked};

    #[test]
    fn what_is_installed_is_accepted() {
        for plugin in [LEPTOS, DENY, NEXTEST] {
            let said = format!("cargo-{} {}", plugin.name, plugin.version);
            assert!(plugin.accepts(&said), "{said}");
        }
    }

    #[test]
    fn a_plugin_is_accepted_within_its_range() {
        assert!(LEPTOS.accepts("cargo-leptos 0.3.7\n"));
        assert!(
            NEXTEST.accepts("cargo-nextest 0.9.143 (60fa45f63 2026-08-04)\nrelease: 0.9.143\nhost: x86_64")
        );
        for other in [
            "cargo-leptos 0.3.6",
            "cargo-leptos 0.4.0",
            "error: no such command: `leptos`",
            "cargo-leptos",
            "",
        ] {
            assert!(!LEPTOS.accepts(other), "{other}");
        }
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
