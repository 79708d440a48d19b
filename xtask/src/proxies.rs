//! `cargo xtask proxies`: tries the files of `deploy/` with the real nginx and the real Caddy.

use crate::{
    Outcome,
    cargo::POSTGRES, // wing:postgres
    cargo::{cargo, cargo_like_leptos},
    layout,
    packages,
    postgres::Cluster, // wing:postgres
    process::{ask, command, run},
    steps::Steps,
    tools,
};

/// The proxies and what makes a certificate for them, with Debian's packages of them.
const PROGRAMS: [(&str, &str); 3] = [
    ("nginx", "nginx-light"),
    ("caddy", "caddy"),
    ("openssl", "openssl"),
];

/// The command. Builds the server, starts it behind each proxy, and sends it requests, also while it restarts.
pub(crate) fn proxies(steps: &mut Steps, _: &[String]) -> Outcome {
    steps.run("tools", || {
        tools::for_leptos()?;
        let folder = layout::workspace()?;
        if ask(command("node", &folder).arg("--version")).is_none() {
            return Err("node is missing: install Node.js 20 or later".to_owned());
        }
        for (program, package) in PROGRAMS {
            // The trial itself says what is missing: it also looks where Debian has programs for root.
            packages::found_or_installed(|| packages::on_path(program), package, "a few seconds");
        }
        Ok(())
    })?;
    steps.run("debug build", || {
        run(&mut cargo(["leptos", "build", "--frontend-only"])?)?;
        let mut server = cargo_like_leptos(["build", "--package", "server", "--no-default-features"])?;
        server.args(POSTGRES); // wing:postgres
        run(&mut server)
    })?;
    steps.run("proxies", || {
        let folder = layout::end2end()?;
        let mut trial = command("node", &folder);
        trial
            .args(["--test-reporter=spec", "proxies/trial.mjs"])
            .env("SERVER_BIN", layout::server("debug")?)
            .env("LEPTOS_SITE_ROOT", layout::site()?);
        // wing:postgres
        let cluster = Cluster::start()?;
        trial.env("DATABASE_URL", format!("{}/postgres", cluster.url()));
        // end wing:postgres
        run(&mut trial)
    })
}
