//! `cargo xtask bench`: the server's benchmarks, on both engines, with a release build of the site.

use std::{path::PathBuf, thread};

use crate::{
    Outcome,
    build::{self, Weight},
    cargo::cargo_like_leptos,
    layout,
    npm,
    packages,
    postgres::Cluster, // wing:postgres
    process::{ask, command, run},
    rebuild,
    steps::Steps,
    tools,
};

/// The command. Arguments are passed on to the benchmark, which finds its load generator, and the size of the wasm,
/// in its environment.
pub(crate) fn bench(_: &mut Steps, arguments: &[String]) -> Outcome {
    tools::for_leptos()?;
    let named: Vec<&String> = arguments.iter().filter(|name| !name.starts_with("--")).collect();
    let is_rebuild = |name: &&String| *name == rebuild::NAME;
    if named.is_empty() || named.iter().any(is_rebuild) {
        rebuild::measure()?;
    }
    if !named.is_empty() && named.iter().all(is_rebuild) {
        return Ok(());
    }
    let wrk = wrk()?;
    npm::packages()?;
    build::release(&[])?;
    let Weight { raw, gzip, brotli } = build::weigh(&layout::site()?.join("pkg"), "wasm")?;
    let benchmark = |features: &str| -> Outcome<_> {
        let mut command = cargo_like_leptos([
            "bench",
            "--package",
            "server",
            "--no-default-features",
            "--features",
            features,
            "--bench",
            "load",
            "--",
        ])?;
        command
            .args(arguments)
            .env("WRK", &wrk)
            .env("LEPTOS_SITE_ROOT", layout::site()?)
            .env("WASM_BYTES", raw.to_string())
            .env("WASM_GZIP_BYTES", gzip.to_string())
            .env("WASM_BROTLI_BYTES", brotli.to_string());
        Ok(command)
    };
    println!("\n{}\n\n## SQLite\n", machine()?);
    run(&mut benchmark("")?)?;
    // wing:postgres
    println!("\n## PostgreSQL (a temporary cluster on the same machine, without fsync)\n");
    let cluster = Cluster::start()?;
    run(cluster.known_to(&mut benchmark("postgres")?))?;
    drop(cluster);
    // end wing:postgres
    revocation(arguments)
}

/// Several servers on one database, which is also stopped and started.
fn revocation(arguments: &[String]) -> Outcome {
    let benchmark = |features: &str| -> Outcome<_> {
        let mut benchmark = cargo_like_leptos(["bench", "--package", "server", "--no-default-features"])?;
        benchmark
            .args(["--features", features, "--bench", "revocation", "--"])
            .args(arguments);
        Ok(benchmark)
    };
    println!("\n## Revocation\n");
    run(Cluster::start()?.known_to(&mut benchmark("postgres")?))?; // wing:postgres
    run(&mut benchmark("")?)
}

/// The load generator: found, or else installed.
fn wrk() -> Outcome<PathBuf> {
    let find = || packages::on_path("wrk");
    packages::found_or_installed(find, "wrk", "less than a minute").ok_or_else(|| {
        "`wrk`, which generates the load, is missing: install it (Debian, Homebrew and others have it), and put it \
         on PATH"
            .to_owned()
    })
}

/// The machine, on which the numbers depend.
fn machine() -> Outcome<String> {
    let folder = layout::workspace()?;
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let processors = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processors
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or("an unknown processor", |(_, model)| model.trim());
    let said = |program: &str, arguments: &[&str]| {
        ask(command(program, &folder).args(arguments)).unwrap_or_else(|| format!("{program} unknown"))
    };
    Ok(format!(
        "Machine: {cores} cores, {model}; {}; {}.",
        said("uname", &["-sr"]),
        said("rustc", &["--version"]),
    ))
}
