//! `cargo xtask fuzz`: sends a server whatever can be made of `docs/openapi.json`, and compares the answers with it.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process, thread,
    time::{Duration, Instant},
};

use crate::{
    Outcome,
    cargo::POSTGRES, // wing:postgres
    cargo::cargo_like_leptos,
    dev::{free_addresses, get, is_ok},
    layout,
    packages,
    postgres::Cluster, // wing:postgres
    process::{Group, command, run},
    steps::Steps,
};

/// How long the server may take to start.
const START: Duration = Duration::from_secs(30);

/// The command. Arguments are passed on to schemathesis.
pub(crate) fn fuzz(_: &mut Steps, arguments: &[String]) -> Outcome {
    let schemathesis = packages::on_path("schemathesis").ok_or(
        "`schemathesis` is missing: install it (`pip install schemathesis`, in an environment of its own), and put it \
         on PATH",
    )?;
    let folder = Folder::new()?;
    // wing:postgres
    if let Some((first, rest)) = arguments.split_first()
        && first == "--postgres"
    {
        build(&POSTGRES)?;
        let cluster = Cluster::start()?;
        return attack(
            &schemathesis,
            &folder.0,
            &format!("{}/postgres", cluster.url()),
            rest,
        );
    }
    // end wing:postgres
    build(&[])?;
    let database = format!("sqlite:{}", folder.0.join("app.db").display());
    attack(&schemathesis, &folder.0, &database, arguments)
}

/// A temporary folder. Removed when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Outcome<Self> {
        let folder = env::temp_dir().join(format!("xtask-fuzz-{}", process::id()));
        fs::create_dir_all(folder.join("site/pkg"))
            .map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
        Ok(Self(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

fn build(features: &[&str]) -> Outcome {
    let mut build = cargo_like_leptos(["build", "--package", "server", "--no-default-features"])?;
    run(build.args(features))
}

fn attack(schemathesis: &Path, folder: &Path, database: &str, arguments: &[String]) -> Outcome {
    let program = layout::server("debug")?;
    let [address, _] = free_addresses()?;
    let site = format!("http://{address}");
    let _server = Group::start(
        command(&program, folder)
            .env("DATABASE_URL", database)
            .env("LEPTOS_SITE_ADDR", address.to_string())
            .env("LEPTOS_SITE_ROOT", folder.join("site"))
            .env("PUBLIC_URL", &site)
            // Requests are limited by address: with this, each comes from an address of its own.
            .env("TRUSTED_PROXIES", "127.0.0.1")
            .env("RUST_LOG", "error"),
    )?;
    let start = Instant::now();
    while !get(address, "/healthz").is_some_and(|answer| is_ok(&answer)) {
        if start.elapsed() > START {
            return Err(format!("{site} does not answer"));
        }
        thread::sleep(Duration::from_millis(100));
    }
    let settings = layout::end2end()?.join("fuzz");
    run(command(schemathesis, folder)
        .arg("--config-file")
        .arg(settings.join("schemathesis.toml"))
        .arg("run")
        .arg(layout::workspace()?.join("docs/openapi.json"))
        .args(["--url", &site])
        .args(arguments)
        .env("SCHEMATHESIS_HOOKS", settings.join("hooks.py"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("FUZZ_SITE", &site)
        .env("FUZZ_SERVER", program)
        .env("DATABASE_URL", database))
}
