//! `cargo xtask image`: the release server, linked statically, with its site, as a container image. Needs no Docker.

mod archive;
mod trial;

use std::{env, fs, path::Path};

use crate::{
    Outcome, build, layout, npm, packages,
    process::{ask, command, run},
    steps::Steps,
    tools,
};

/// What compiles C against musl.
const MUSL: &str = "musl-gcc";

/// The owner of what is in the image, and the user of its server: a number without a name or any rights.
const USER: u32 = 65532;

/// The command. Arguments are passed on to `cargo leptos build`.
pub(crate) fn image(steps: &mut Steps, arguments: &[String]) -> Outcome {
    let triple = triple()?;
    steps.run("tools", || {
        let find = || packages::on_path(MUSL);
        if packages::found_or_installed(find, "musl-tools", "a few seconds").is_none() {
            return Err(format!(
                "{MUSL} is missing: install it (Debian: `apt-get install musl-tools`)"
            ));
        }
        tools::for_leptos()?;
        tools::target(triple)?;
        npm::packages()
    })?;
    steps.run("release build", || build::release_for(triple, MUSL, arguments))?;

    let folder = layout::workspace()?.join("target/image");
    let root = folder.join("root");
    steps.run("image", || {
        assemble(&root, triple)?;
        archive::write(&folder, &root, &labels()?)
    })?;
    steps.run("trial in an empty root", || trial::run_in(&root, arguments))?;

    let archive = folder.join(archive::NAME);
    println!(
        "\n{}: `docker load --input`, `podman load --input` or `skopeo copy oci-archive:…` take it.",
        archive.display()
    );
    Ok(())
}

/// The target that needs no library of the system, for this machine's architecture.
fn triple() -> Outcome<&'static str> {
    match (env::consts::OS, env::consts::ARCH) {
        ("linux", "x86_64") => Ok("x86_64-unknown-linux-musl"),
        ("linux", "aarch64") => Ok("aarch64-unknown-linux-musl"),
        (system, architecture) => Err(format!(
            "this is {system} on {architecture}, and the image is built on Linux, on x86_64 or aarch64: build it with \
             deploy/Dockerfile instead"
        )),
    }
}

/// Puts together what the image has in it: the server, the site, and a folder for data.
fn assemble(root: &Path, triple: &str) -> Outcome {
    let built = layout::target()?.join(triple).join("release");
    let written = || {
        if root.exists() {
            fs::remove_dir_all(root)?;
        }
        fs::create_dir_all(root.join("data"))?;
        for file in ["server", "hash.txt"] {
            fs::copy(built.join(file), root.join(file))?;
        }
        Ok(())
    };
    written().map_err(|error: std::io::Error| format!("cannot put {} together: {error}", root.display()))?;
    run(command("cp", root)
        .arg("-R")
        .args([layout::site()?, root.join("site")]))?;
    // Whatever the umask was: all of it can be read, nothing but data can be written, and that by the server only.
    run(command("chmod", root).args(["-R", "u=rwX,go=rX", "."]))?;
    run(command("chmod", root).args(["0700", "data"]))
}

/// What an image says of itself: when its source was committed, in seconds since 1970, and the commit.
struct Labels {
    name: String,
    time: String,
    commit: Option<String>,
}

fn labels() -> Outcome<Labels> {
    let folder = layout::workspace()?;
    let git =
        |arguments: &[&str]| ask(command("git", &folder).args(arguments)).filter(|text| !text.is_empty());
    let time = env::var("SOURCE_DATE_EPOCH")
        .ok()
        .or_else(|| git(&["log", "-1", "--format=%ct"]))
        .unwrap_or_else(|| "0".to_owned());
    if time.parse::<u32>().is_err() {
        return Err(format!(
            "SOURCE_DATE_EPOCH is `{time}`: it must be seconds since 1970"
        ));
    }
    Ok(Labels {
        // As `.cargo/config.toml` has it, which cargo passes on.
        name: env::var("LEPTOS_OUTPUT_NAME").unwrap_or_else(|_| "server".to_owned()),
        time,
        commit: git(&["rev-parse", "HEAD"]),
    })
}
