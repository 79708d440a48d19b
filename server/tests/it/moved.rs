//! The database's files are moved, deleted or replaced under a running server: nothing is acknowledged that is not
//! there after a restart, and nothing is made in their place.
#![cfg(not(feature = "postgres"))] // wing:postgres

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::support::{Folder, PASSWORD, Server};

const SITE: (&str, &str) = ("PUBLIC_URL", "http://127.0.0.1:3000");
const ADA: &str = "ada@example.com";

/// A server with one user, and where its database is.
struct Scene {
    server: Server,
    session: String,
    database: PathBuf,
    _folder: Folder,
}

impl Scene {
    fn new() -> Self {
        let folder = Folder::new();
        let database = PathBuf::from(folder.database_url().strip_prefix("sqlite:").unwrap());
        let server = Server::start(&folder, &[SITE]);
        let answer = server.post("/api/register", "", &[("email", ADA), ("password", PASSWORD)]);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let set = answer
            .lines()
            .filter_map(|line| line.strip_prefix("set-cookie: "));
        let session: Vec<_> = set.map(|cookie| cookie.split(';').next().unwrap()).collect();
        Self {
            session: session.join("; "),
            server,
            database,
            _folder: folder,
        }
    }

    fn folder(&self) -> &Path {
        self.database.parent().unwrap()
    }

    fn register(&self, email: &str) -> String {
        let fields = [("email", email), ("password", PASSWORD)];
        self.server.post("/api/register", "", &fields)
    }

    fn ready(&self) -> String {
        self.server
            .exchange(b"GET /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    }

    /// Whatever needs the database is refused, time after time, and the log says once why.
    fn is_refused(&self, case: &str) {
        let is_503 = |answer: String| assert!(answer.starts_with("HTTP/1.1 503"), "{case}: {answer}");
        for number in 0..6 {
            is_503(self.server.post("/api/get_user", &self.session, &[]));
            is_503(
                self.server
                    .post("/api/update_public_data", &self.session, &[("bio", "x")]),
            );
            is_503(self.register(&format!("{number}@example.com")));
        }
        is_503(self.ready());
        let log = self.server.log();
        let said = "was moved, deleted or replaced while it was in use: nothing";
        assert_eq!(log.matches(said).count(), 1, "{case}: {log}");
        let name = self.database.display().to_string();
        assert!(log.contains(&name), "{case}: {log}");
    }

    fn is_served(&self, case: &str) {
        let user = self.server.post("/api/get_user", &self.session, &[]);
        assert!(user.contains(ADA), "{case}: {user}");
        let changed = self
            .server
            .post("/api/update_public_data", &self.session, &[("bio", case)]);
        assert!(changed.starts_with("HTTP/1.1 200"), "{case}: {changed}");
        let ready = self.ready();
        assert!(ready.starts_with("HTTP/1.1 200"), "{case}: {ready}");
    }
}

/// The names of what is in a folder.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("app.db"))
        .collect();
    names.sort();
    names
}

fn move_all(from: &Path, to: &Path) {
    for name in names(from) {
        fs::rename(from.join(&name), to.join(&name)).unwrap();
    }
}

#[test]
fn a_database_that_is_moved_away_is_missed_until_it_is_back() {
    let scene = Scene::new();
    let away = scene.folder().join("away");
    fs::create_dir(&away).unwrap();
    move_all(scene.folder(), &away);
    scene.is_refused("moved");
    assert!(names(scene.folder()).is_empty(), "nothing is made in its place");

    move_all(&away, scene.folder());
    scene.is_served("back");
}

#[test]
fn a_database_that_is_deleted_takes_no_more_writes() {
    let scene = Scene::new();
    for name in names(scene.folder()) {
        fs::remove_file(scene.folder().join(name)).unwrap();
    }
    scene.is_refused("deleted");
    assert!(names(scene.folder()).is_empty(), "nothing is made in its place");
}

#[test]
fn a_database_that_is_replaced_is_another_one() {
    let scene = Scene::new();
    let (database, copy) = (&scene.database, scene.folder().join("copy"));
    fs::copy(database, &copy).unwrap();
    fs::rename(&copy, database).unwrap();
    scene.is_refused("replaced");
}

#[test]
fn a_log_or_an_index_that_is_missing_is_not_made_anew_beside_the_old_database() {
    for suffix in ["-wal", "-shm"] {
        let scene = Scene::new();
        let mut file = scene.database.clone().into_os_string();
        file.push(suffix);
        let (file, away) = (PathBuf::from(file), scene.folder().join("away"));
        fs::rename(&file, &away).unwrap();
        scene.is_refused(suffix);
        assert!(!file.exists(), "{suffix}");
        fs::rename(&away, &file).unwrap();
        scene.is_served(suffix);
    }
}

#[test]
fn a_database_behind_a_link_is_where_the_link_leads() {
    let folder = Folder::new();
    let database = PathBuf::from(folder.database_url().strip_prefix("sqlite:").unwrap());
    let real = folder.0.join("real.db");
    fs::write(&real, "").unwrap();
    std::os::unix::fs::symlink(&real, &database).unwrap();
    let server = Server::start(&folder, &[SITE]);
    let fields = [("email", ADA), ("password", PASSWORD)];
    let answer = server.post("/api/register", "", &fields);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}
