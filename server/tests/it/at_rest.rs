//! What lies on the disk is its owner's alone.
#![cfg(unix)]

use std::{
    fs::{self, Permissions},
    io::{BufRead, BufReader},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::support::{Folder, command};

const SITE: (&str, &str) = ("PUBLIC_URL", "http://127.0.0.1:3000");

/// Killed when the test ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Starts the program under a umask that takes nothing away, and waits until it listens.
fn serve_without_umask(folder: &Folder, vars: &[(&str, &str)]) -> Running {
    let program = command(folder, vars);
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "umask 0; exec \"$0\""])
        .arg(program.get_program())
        .current_dir(&folder.0)
        .env_clear()
        .envs(
            program
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .stderr(Stdio::piped());
    let mut child = shell.spawn().unwrap();
    let log = BufReader::new(child.stderr.take().unwrap());
    let running = Running(child);
    let mut lines = log.lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("\"message\":\"listening\"")));
    running
}

/// Everything below a folder, with its permissions.
fn below(folder: &Path) -> Vec<(PathBuf, u32)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let data = path.metadata().unwrap();
        found.push((path.clone(), data.mode() & 0o777));
        if data.is_dir() {
            found.extend(below(&path));
        }
    }
    found
}

// wing:postgres
#[cfg(feature = "postgres")]
fn url(folder: &Folder) -> String {
    folder.database_url()
}
// end wing:postgres

#[cfg(not(feature = "postgres"))] // wing:postgres
fn url(_: &Folder) -> String {
    "sqlite:data/deeper/app.db".to_owned()
}

#[test]
fn what_is_created_is_its_owners_alone_whatever_the_umask() {
    let folder = Folder::new();
    let url = url(&folder);
    let _running = serve_without_umask(&folder, &[SITE, ("DATABASE_URL", &url)]);
    let data = folder.0.join("data");
    assert_eq!(data.metadata().unwrap().mode() & 0o777, 0o700);
    let found = below(&data);
    for (path, mode) in &found {
        let expected = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(*mode, expected, "{}", path.display());
    }
    let mut names: Vec<_> = found.iter().map(|(path, _)| path.file_name().unwrap()).collect();
    names.sort();
    #[cfg(feature = "postgres")] // wing:postgres
    assert_eq!(names, ["app.secret"]); // wing:postgres
    #[cfg(not(feature = "postgres"))] // wing:postgres
    assert_eq!(
        names,
        ["app.db", "app.db-shm", "app.db-wal", "app.secret", "deeper"]
    );
}

#[test]
fn what_others_can_read_is_left_as_it_is_and_named_by_the_doctor() {
    let folder = Folder::new();
    #[cfg(feature = "postgres")] // wing:postgres
    let data = folder.0.join("data"); // wing:postgres
    #[cfg(not(feature = "postgres"))] // wing:postgres
    let data = folder.0.join("data/deeper");
    let url = url(&folder);
    let run = |argument| {
        let vars = [SITE, ("DATABASE_URL", url.as_str())];
        command(&folder, &vars).arg(argument).output().unwrap()
    };
    let doctor = || String::from_utf8(run("doctor").stdout).unwrap();
    assert!(run("migrate").status.success());
    assert!(
        !doctor().contains("warn"),
        "what the program created is nobody else's"
    );

    let set = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    let secret = data.join("app.secret");
    let copy = data.join("app.db.copy");
    fs::write(&copy, "as a backup would be").unwrap();
    set(&data, 0o750);
    set(&secret, 0o640);
    set(&copy, 0o604);
    let said = doctor();
    for name in ["app.secret ", "app.db.copy "] {
        let named = |line: &str| line.starts_with("warn  files: ") && line.contains(name);
        assert!(said.lines().any(named), "{name}: {said}");
    }
    assert_eq!(
        said.matches("warn  files: ").count(),
        3,
        "the folder as well: {said}"
    );
    for (path, mode) in [(&data, 0o750), (&secret, 0o640), (&copy, 0o604)] {
        assert_eq!(
            path.metadata().unwrap().mode() & 0o777,
            mode,
            "{}",
            path.display()
        );
    }
}
