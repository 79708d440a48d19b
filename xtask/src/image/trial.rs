//! Runs what is in an image as a container would: with nothing else in its root.

use std::{
    env, fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{self, Command},
    thread,
    time::{Duration, Instant},
};

use rustix::process::geteuid;

use super::USER;
use crate::{
    Outcome,
    build::of_kind,
    dev::{free_addresses, get, is_ok},
    postgres::Cluster, // wing:postgres
    process::{Group, command, run},
    random,
};

/// How long the server may take to start, and to stop.
const PATIENCE: Duration = Duration::from_secs(20);

/// Migrates, serves a page and what it loads, and stops.
pub(super) fn run_in(root: &Path, arguments: &[String]) -> Outcome {
    let copy = Copy::of(root)?;
    let [address, _] = free_addresses()?;
    let settings = |database: &str| {
        Ok::<Settings, String>([
            ("LEPTOS_SITE_ADDR", address.to_string()),
            ("PUBLIC_URL", format!("http://{address}")),
            ("LEPTOS_SITE_ROOT", "/site".to_owned()),
            ("DATABASE_URL", database.to_owned()),
            ("SESSION_SECRET", random::digits::<32>()?),
        ])
    };
    // wing:postgres
    if arguments.iter().any(|argument| argument.contains("postgres")) {
        let cluster = Cluster::start()?;
        return copy.serves(address, &settings(&format!("{}/postgres", cluster.url()))?);
    }
    // end wing:postgres
    let _ = arguments;
    copy.serves(address, &settings("sqlite:/data/app.db")?)
}

type Settings = [(&'static str, String); 5];

/// A copy of the image's files that belongs to the user who runs the server. Removed when dropped.
struct Copy(PathBuf);

impl Drop for Copy {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

impl Copy {
    fn of(root: &Path) -> Outcome<Self> {
        let copy = Self(env::temp_dir().join(format!("xtask-image-trial-{}", process::id())));
        run(command("cp", root).arg("-R").args([root, &copy.0]))?;
        if geteuid().is_root() {
            let owner = format!("{USER}:{USER}");
            run(command("chown", root).args(["-R", &owner]).arg(&copy.0))?;
        }
        Ok(copy)
    }

    /// The path of the one file of this kind among what is compiled for the browser.
    fn package(&self, kind: &str) -> Outcome<String> {
        let files = of_kind(&self.0.join("site/pkg"), kind)?;
        match &files[..] {
            [file] => Ok(format!(
                "/pkg/{}",
                file.file_name().unwrap_or_default().to_string_lossy()
            )),
            _ => Err(format!(
                "the site has not one file of the kind {kind}, but {files:?}"
            )),
        }
    }

    /// The server in its root, with these variables and no others.
    fn server(&self, settings: &Settings, arguments: &[&str]) -> Command {
        // Without rights, one is root in a namespace of users of one's own.
        let mut server = if geteuid().is_root() {
            let mut chroot = command("chroot", &self.0);
            chroot.arg(format!("--userspec={USER}:{USER}"));
            chroot
        } else {
            let mut unshare = command("unshare", &self.0);
            unshare.args(["--user", "--map-root-user", "chroot"]);
            unshare
        };
        server.arg(&self.0).arg("/server").args(arguments).env_clear();
        if let Some(path) = env::var_os("PATH") {
            server.env("PATH", path);
        }
        server.envs(settings.iter().map(|(name, value)| (name, value)));
        server
    }

    fn serves(&self, address: SocketAddr, settings: &Settings) -> Outcome {
        run(&mut self.server(settings, &["migrate"]))
            .map_err(|error| format!("the server does not run in an empty root: {error}"))?;
        let mut server = Group::start(&mut self.server(settings, &[]))?;
        let start = Instant::now();
        while !get(address, "/readyz").is_some_and(|answer| is_ok(&answer)) {
            if server.has_ended()? || start.elapsed() > PATIENCE {
                return Err("the server does not start in an empty root; see its output above".to_owned());
            }
            thread::sleep(Duration::from_millis(50));
        }
        let page = get(address, "/")
            .filter(|answer| is_ok(answer))
            .unwrap_or_default();
        let style = page
            .split(['"', '\''])
            .find(|text| text.starts_with("/pkg/") && text.ends_with(".css"))
            .ok_or("the page names no style sheet in /pkg/")?;
        // The start page does not load the program, so its files are looked for in the site.
        for path in [
            style,
            "/favicon.svg",
            &self.package("wasm")?,
            &self.package("js")?,
        ] {
            if !get(address, path).is_some_and(|answer| is_ok(&answer)) {
                return Err(format!("the server does not serve {path} from its site"));
            }
        }
        server.interrupt(PATIENCE)
    }
}
