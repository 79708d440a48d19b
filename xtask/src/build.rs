//! `cargo xtask build`: builds what is deployed, and measures its size.

use std::{env, fs, io, iter, path::Path};

use crate::{
    Outcome,
    cargo::cargo,
    layout, npm,
    process::{command, run},
    steps::Steps,
    tools,
};

/// The highest number of bytes that a visitor's browser may have to fetch before the page is hydrated, compressed
/// with brotli: the current size plus 3 %.
const WASM_BUDGET: u64 = 315 * 1024;

/// The size of the wasm in bytes, uncompressed and as it is sent.
#[derive(Debug, Default, PartialEq)]
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
    steps.run("wasm budget", within_budget)
}

/// Builds the release site, with its files compressed, and the release server.
pub(crate) fn release(arguments: &[String]) -> Outcome {
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

/// Prints the size of the release site's wasm, and fails if it is too large.
pub(crate) fn within_budget() -> Outcome {
    let Weight { raw, gzip, brotli } = weigh(&layout::site()?)?;
    println!(
        "wasm: {} KiB raw, {} KiB gzip, {} KiB brotli",
        raw / 1024,
        gzip / 1024,
        brotli / 1024
    );
    println!("budget: {} KiB brotli", WASM_BUDGET / 1024);
    if brotli > WASM_BUDGET {
        return Err(format!(
            "the wasm is {} bytes over its budget: look for what the last change pulled in (a dependency, a \
             large type in a view), or raise WASM_BUDGET if it is worth it",
            brotli - WASM_BUDGET
        ));
    }
    Ok(())
}

/// Measures all wasm of a site that was built with its files compressed.
pub(crate) fn weigh(site: &Path) -> Outcome<Weight> {
    let package = site.join("pkg");
    let unreadable = |path: &Path, error| {
        format!(
            "cannot read {} ({error}): run `cargo xtask build` first",
            path.display()
        )
    };
    let size = |path: &Path| {
        fs::metadata(path)
            .map(|file| file.len())
            .map_err(|error| unreadable(path, error))
    };

    let mut weight = Weight::default();
    for entry in fs::read_dir(&package).map_err(|error| unreadable(&package, error))? {
        let file = entry.map_err(|error| unreadable(&package, error))?.path();
        if file.extension().is_some_and(|extension| extension == "wasm") {
            weight.raw += size(&file)?;
            weight.gzip += size(&file.with_extension("wasm.gz"))?;
            weight.brotli += size(&file.with_extension("wasm.br"))?;
        }
    }
    match weight.raw {
        0 => Err(format!(
            "there is no wasm in {}: run `cargo xtask build` first",
            package.display()
        )),
        _ => Ok(weight),
    }
}

#[cfg(test)]
mod tests {
    use std::{env, fs, process};

    use super::{Weight, recompress, weigh};

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
    fn the_wasm_is_weighed_with_its_compressed_forms() {
        let site = env::temp_dir().join(format!("xtask-site-{}", process::id()));
        let package = site.join("pkg");
        fs::create_dir_all(&package).expect("a folder is made");
        assert!(weigh(&site).expect_err("nothing to weigh").contains("no wasm"));

        for (name, size) in [
            ("app.wasm", 100),
            ("app.wasm.gz", 30),
            ("app.wasm.br", 20),
            ("app.js", 7),
        ] {
            fs::write(package.join(name), vec![0; size]).expect("a file is written");
        }
        assert_eq!(
            weigh(&site),
            Ok(Weight {
                raw: 100,
                gzip: 30,
                brotli: 20
            })
        );

        fs::remove_file(package.join("app.wasm.br")).expect("a file is removed");
        assert!(weigh(&site).expect_err("not compressed").contains("app.wasm.br"));
        fs::remove_dir_all(&site).expect("the folder is removed");
    }
}
