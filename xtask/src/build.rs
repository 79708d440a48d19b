//! `cargo xtask build`: builds what is deployed, and measures its size.

use std::{
    env, fs, io, iter,
    path::{Path, PathBuf},
};

use crate::{
    Outcome,
    cargo::cargo,
    layout, npm,
    process::{command, run},
    steps::Steps,
    tools,
};

/// What a browser fetches besides the page: the kinds of files, and for each how large it may be, gzipped and with brotli.
/// The sizes reached, plus 3 %.
const BUDGETS: [Budget; 3] = [
    Budget::new("wasm", 282_200, 226_900),
    Budget::new("js", 7_200, 6_200),
    Budget::new("css", 4_300, 3_800),
];

struct Budget {
    kind: &'static str,
    gzip: u64,
    brotli: u64,
}

impl Budget {
    const fn new(kind: &'static str, gzip: u64, brotli: u64) -> Self {
        Self { kind, gzip, brotli }
    }
}

/// The size of files in bytes, uncompressed and as they are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Weight {
    /// Uncompressed.
    pub(crate) raw: u64,
    /// Compressed with gzip.
    pub(crate) gzip: u64,
    /// Compressed with brotli.
    pub(crate) brotli: u64,
}

/// The command. Arguments are passed on to `cargo leptos build`.
pub(crate) fn build(steps: &mut Steps, arguments: &[String]) -> Outcome {
    steps.run("tools", || {
        tools::for_leptos()?;
        npm::packages()
    })?;
    steps.run("release build", || release(arguments))?;
    steps.run("size budgets", within_budget)
}

/// Builds the release site, with its files compressed, and the release server.
pub(crate) fn release(arguments: &[String]) -> Outcome {
    leptos(arguments, &[])
}

/// The same, with the server for another target, whose C is compiled with `compiler`.
pub(crate) fn release_for(triple: &str, compiler: &str, arguments: &[String]) -> Outcome {
    let cc = format!("CC_{}", triple.replace('-', "_"));
    leptos(
        arguments,
        &[("LEPTOS_BIN_TARGET_TRIPLE", triple), (&cc, compiler)],
    )
}

fn leptos(arguments: &[String], variables: &[(&str, &str)]) -> Outcome {
    // cargo-leptos takes `wasm-opt` from PATH, and would download it if it were missing.
    let bin = npm::bin()?;
    let path = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths(iter::once(bin.clone()).chain(env::split_paths(&path)))
        .map_err(|error| format!("cannot put {} on PATH: {error}", bin.display()))?;
    // A name with a hash is never written twice: without this, the folder would keep the files of every build.
    let package = layout::site()?.join("pkg");
    match fs::remove_dir_all(&package) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(format!("cannot empty {}: {error}", package.display()));
        }
        _ => {}
    }
    // Hashes in release builds only: in development they would prevent the browser from reloading a style sheet.
    run(cargo(["leptos", "build", "--release", "--precompress"])?
        .args(arguments)
        .env("LEPTOS_HASH_FILES", "true")
        .envs(variables.iter().copied())
        .env("PATH", path))?;
    recompress(&layout::site()?)
}

/// Rewrites the site's `.gz` files: cargo-leptos compresses without choosing a level, and its files are a sixth
/// larger. Without names and dates, so that the same site gives the same bytes.
fn recompress(folder: &Path) -> Outcome {
    let unreadable = |error| format!("cannot read {}: {error}", folder.display());
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.path();
        if file.is_dir() {
            recompress(&file)?;
        } else if file.extension().is_some_and(|extension| extension == "gz") {
            run(command("gzip", folder)
                .args(["-9", "-n", "-k", "-f"])
                .arg(file.with_extension("")))?;
        }
    }
    Ok(())
}

/// Prints the sizes of what the release site's visitors fetch, and fails if any is too large.
pub(crate) fn within_budget() -> Outcome {
    let package = layout::site()?.join("pkg");
    println!("{:<6}{:>9}{:>9}{:>9}   budget", "", "raw", "gzip", "brotli");
    let mut all = Weight::default();
    let mut over = Vec::new();
    for Budget { kind, gzip, brotli } in BUDGETS {
        let weight = weigh(&package, kind)?;
        println!(
            "{}   {} gzip, {} brotli",
            row(kind, weight),
            kib(gzip),
            kib(brotli)
        );
        if weight.gzip > gzip || weight.brotli > brotli {
            over.push(kind);
        }
        all = Weight {
            raw: all.raw + weight.raw,
            gzip: all.gzip + weight.gzip,
            brotli: all.brotli + weight.brotli,
        };
    }
    println!("{}   KiB", row("all", all));
    if over.is_empty() {
        return Ok(());
    }
    Err(format!(
        "over budget: {}. Look for what the last change pulled in (a dependency, a large type in a view), or raise \
         BUDGETS in xtask/src/build.rs if it is worth it",
        over.join(", ")
    ))
}

fn row(name: &str, Weight { raw, gzip, brotli }: Weight) -> String {
    format!("{name:<6}{:>9}{:>9}{:>9}", kib(raw), kib(gzip), kib(brotli))
}

/// In KiB, with one decimal.
fn kib(bytes: u64) -> String {
    let tenths = (bytes * 10).div_ceil(1024);
    format!("{}.{}", tenths / 10, tenths % 10)
}

fn unreadable(path: &Path, error: io::Error) -> String {
    format!(
        "cannot read {} ({error}): run `cargo xtask build` first",
        path.display()
    )
}

/// All files of one kind in a folder.
pub(crate) fn of_kind(package: &Path, kind: &str) -> Outcome<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(package).map_err(|error| unreadable(package, error))? {
        let file = entry.map_err(|error| unreadable(package, error))?.path();
        if file.extension().is_some_and(|extension| extension == kind) {
            found.push(file);
        }
    }
    Ok(found)
}

/// Measures all files of one kind in a folder, compressed beside them.
pub(crate) fn weigh(package: &Path, kind: &str) -> Outcome<Weight> {
    let size = |path: &Path| {
        fs::metadata(path)
            .map(|file| file.len())
            .map_err(|error| unreadable(path, error))
    };

    let mut weight = Weight::default();
    for file in of_kind(package, kind)? {
        weight.raw += size(&file)?;
        weight.gzip += size(&file.with_extension(format!("{kind}.gz")))?;
        weight.brotli += size(&file.with_extension(format!("{kind}.br")))?;
    }
    match weight.raw {
        0 => Err(format!(
            "there is no {kind} in {}: run `cargo xtask build` first",
            package.display()
        )),
        _ => Ok(weight),
    }
}

#[cfg(test)]
mod tests {
    use std::{env, fs, process};

    use super::{Weight, kib, recompress, weigh};

    #[test]
    fn what_is_there_compressed_is_compressed_again_and_better() {
        let site = env::temp_dir().join(format!("xtask-gzip-{}", process::id()));
        let package = site.join("pkg");
        fs::create_dir_all(&package).expect("a folder is made");
        for (name, text) in [
            ("app.wasm", "again and ".repeat(500)),
            ("app.wasm.gz", "as cargo-leptos has it".to_owned()),
            ("app.js", "plain".to_owned()),
        ] {
            fs::write(package.join(name), text).expect("a file is written");
        }
        recompress(&site).expect("gzip is there");
        let zipped = fs::read(package.join("app.wasm.gz")).expect("a file is read");
        assert!(
            zipped.starts_with(b"\x1f\x8b") && zipped.len() < 100,
            "{}",
            zipped.len()
        );
        assert!(package.join("app.wasm").exists() && !package.join("app.js.gz").exists());
        recompress(&site).expect("gzip is there");
        assert_eq!(
            fs::read(package.join("app.wasm.gz")).expect("a file is read"),
            zipped
        );
        fs::remove_dir_all(&site).expect("the folder is removed");
    }

    #[test]
    fn files_of_a_kind_are_weighed_with_their_compressed_forms() {
        let package = env::temp_dir().join(format!("xtask-site-{}", process::id()));
        fs::create_dir_all(&package).expect("a folder is made");
        assert!(
            weigh(&package, "wasm")
                .expect_err("nothing to weigh")
                .contains("no wasm")
        );

        for (name, size) in [
            ("app.wasm", 100),
            ("app.wasm.gz", 30),
            ("app.wasm.br", 20),
            ("app.js", 7),
        ] {
            fs::write(package.join(name), vec![0; size]).expect("a file is written");
        }
        assert_eq!(
            weigh(&package, "wasm"),
            Ok(Weight {
                raw: 100,
                gzip: 30,
                brotli: 20
            })
        );

        fs::remove_file(package.join("app.wasm.br")).expect("a file is removed");
        assert!(
            weigh(&package, "wasm")
                .expect_err("not compressed")
                .contains("app.wasm.br")
        );
        fs::remove_dir_all(&package).expect("the folder is removed");
    }

    #[test]
    fn sizes_are_rounded_up() {
        assert_eq!(kib(0), "0.0");
        assert_eq!(kib(1024), "1.0");
        assert_eq!(kib(1025), "1.1");
    }
}
