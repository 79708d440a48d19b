//! What keeps a build from succeeding and has nothing to do with the code. Each is reported in a sentence that says what
//! to do about it.

use std::{
    env, fs, io,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
};

use crate::{
    Outcome, layout,
    process::{ask, command, interrupted, run},
};

/// KiB that the first debug build of the site and the server takes.
const FIRST_BUILD: u64 = 4 * 1024 * 1024;
/// KiB that a later one may take.
const REBUILD: u64 = 512 * 1024;
/// KiB below which a disk counts as full after a command has failed.
const FULL: u64 = 100 * 1024;

/// A compiler for C, which links all programs and compiles SQLite and parts of TLS.
pub(crate) fn compiler() -> Outcome {
    let folder = layout::workspace()?;
    let program = env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    match ask(command(&program, &folder).arg("--version")) {
        Some(_) => Ok(()),
        None => Err(format!(
            "the C compiler `{program}` is missing: install one (Debian: `apt-get install build-essential`, macOS: \
             `xcode-select --install`), or set CC to its name"
        )),
    }
}

/// Room on the disk of the target directory.
pub(crate) fn room() -> Outcome {
    let target = layout::target()?;
    // What `cargo leptos` builds for the browser is there once a build has come so far.
    let (what, needed) = if target.join("front").is_dir() {
        ("A build", REBUILD)
    } else {
        ("The first build", FIRST_BUILD)
    };
    match free(&target) {
        Some(free) if free < needed => Err(format!(
            "{what} takes up to {}, and the disk of {} has {} left: free some, or set CARGO_TARGET_DIR to a folder on \
             another disk",
            megabytes(needed),
            target.display(),
            megabytes(free)
        )),
        _ => Ok(()),
    }
}

/// An address that something is going to listen on. `variable` sets another one.
pub(crate) fn is_free(address: SocketAddr, variable: &str) -> Outcome {
    match TcpListener::bind(address) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(format!(
            "something is already listening on {address}: stop it, or set {variable} to another port than {}",
            address.port()
        )),
        Err(error) => Err(format!(
            "cannot listen on {address} ({error}): set {variable} to another one"
        )),
        Ok(_) => Ok(()),
    }
}

/// Downloads the dependencies that are not there yet. Needs no network if all are.
pub(crate) fn dependencies() -> Outcome {
    let folder = layout::workspace()?;
    let host = ask(command("rustc", &folder).arg("-vV"))
        .and_then(|text| {
            Some(
                text.lines()
                    .find_map(|line| line.strip_prefix("host: "))?
                    .to_owned(),
            )
        })
        .ok_or("`rustc -vV` does not name this machine's target: is Rust installed with rustup?")?;
    explained(run(command("cargo", &folder).args([
        "fetch",
        "--locked",
        "--target",
        &host,
        "--target",
        "wasm32-unknown-unknown",
    ])))
}

/// A failure with its cause, if it is one that can be seen from here.
pub(crate) fn explained(outcome: Outcome) -> Outcome {
    outcome.map_err(|error| {
        if interrupted() {
            return error;
        }
        match full_disk().or_else(no_network) {
            Some(cause) => format!("{cause} ({error})"),
            None => error,
        }
    })
}

fn full_disk() -> Option<String> {
    [layout::target().ok(), Some(cargo_home()?), Some(env::temp_dir())]
        .into_iter()
        .flatten()
        .find_map(|folder| {
            let free = free(&folder).filter(|free| *free < FULL)?;
            Some(format!(
                "the disk of {} is full ({} left): free some space, and run the command again",
                folder.display(),
                megabytes(free)
            ))
        })
}

/// Asks for a package that is certainly there, as cargo asks: with its proxies and mirrors.
fn no_network() -> Option<String> {
    let answer = ask(command("cargo", Path::new("/"))
        .args(["info", "--quiet", "serde"])
        .env("CARGO_NET_RETRY", "0"));
    answer.is_none().then(|| {
        "cargo cannot reach its package registry: check the network, or the proxy in HTTPS_PROXY, and run the command \
         again"
            .to_owned()
    })
}

fn cargo_home() -> Option<PathBuf> {
    env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(Path::new(&env::var_os("HOME")?).join(".cargo")))
}

/// The KiB that are left on the disk of a folder, or of the nearest folder above it that exists.
pub(crate) fn free(folder: &Path) -> Option<u64> {
    let there = folder.ancestors().find(|folder| fs::metadata(folder).is_ok())?;
    available(&ask(command("df", Path::new("/")).arg("-Pk").arg(there))?)
}

/// Reads the output of `df -Pk`: the fourth column of the last line.
fn available(table: &str) -> Option<u64> {
    table.lines().last()?.split_whitespace().nth(3)?.parse().ok()
}

fn megabytes(kib: u64) -> String {
    format!("{} MB", kib / 1024)
}

#[cfg(test)]
mod tests {
    use std::{
        net::TcpListener,
        path::Path,
        thread,
        time::{Duration, Instant},
    };

    use super::{available, free, is_free};

    #[test]
    fn an_occupied_address_is_reported_with_the_variable_that_moves_it() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let error = is_free(address, "LEPTOS_SITE_ADDR").expect_err("it is in use");
        assert!(error.contains(&address.to_string()), "{error}");
        assert!(error.contains("already listening"), "{error}");
        assert!(error.contains("LEPTOS_SITE_ADDR"), "{error}");
        drop(listener);
        // A process that another test is just starting may still hold it.
        let start = Instant::now();
        while let Err(error) = is_free(address, "LEPTOS_SITE_ADDR") {
            assert!(start.elapsed() < Duration::from_secs(10), "{error}");
            thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn free_space_is_that_of_the_disk() {
        let table = "Filesystem     1024-blocks     Used Available Capacity Mounted on\n\
                     /dev/vda         258021076 71230292  22991584      76% /";
        assert_eq!(available(table), Some(22_991_584));
        assert_eq!(available("df: no such file"), None);
        assert!(free(Path::new("/no/such/folder")).is_some(), "that of the root");
    }
}
