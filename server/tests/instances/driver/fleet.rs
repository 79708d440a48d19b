//! Several processes of the real program on one database.

use std::{
    fs::{self, File},
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use super::client::Connection;
use crate::database::TestDatabase;

/// How many processes share the database: as many as its engine is meant for.
#[cfg(feature = "postgres")] // wing:postgres
pub const INSTANCES: usize = 3; // wing:postgres
#[cfg(not(feature = "postgres"))] // wing:postgres
pub const INSTANCES: usize = 2;

/// The most a process takes to listen.
const PATIENCE: Duration = Duration::from_secs(30);
/// Lines of each log that are shown when something went wrong.
const COMPLAINTS: usize = 10;
/// The secret of all of them.
pub const SECRET: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// The processes, killed when dropped.
pub struct Fleet {
    pub database: TestDatabase,
    folder: PathBuf,
    vars: Vec<(String, String)>,
    instances: Vec<Mutex<Instance>>,
}

struct Instance {
    process: Child,
    addr: SocketAddr,
}

impl Fleet {
    /// Starts all of them, with these variables beside those they need.
    pub fn start(vars: &[(&str, &str)]) -> Self {
        let folder = std::env::temp_dir().join(format!("test-instances-{}", uuid::Uuid::now_v7()));
        fs::create_dir_all(folder.join("site")).unwrap();
        let mut fleet = Self {
            database: TestDatabase::new(),
            folder,
            vars: vars
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            instances: Vec::new(),
        };
        for number in 0..INSTANCES {
            let instance = fleet.launch(number);
            fleet.instances.push(Mutex::new(instance));
        }
        fleet
    }

    fn launch(&self, number: usize) -> Instance {
        let log = self.folder.join(format!("{number}-{}.log", uuid::Uuid::now_v7()));
        let mut process = Command::new(env!("CARGO_BIN_EXE_server"))
            .current_dir(&self.folder)
            .env_clear()
            .env("LEPTOS_SITE_ROOT", self.folder.join("site"))
            .env("LEPTOS_SITE_ADDR", "127.0.0.1:0")
            .env("PUBLIC_URL", "http://127.0.0.1:3000")
            .env("DATABASE_URL", self.database.url())
            .env("SESSION_SECRET", SECRET)
            .env("TRUSTED_PROXIES", "127.0.0.1")
            .envs(self.vars.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let start = Instant::now();
        let addr = loop {
            if let Some(addr) = listening(&log) {
                break addr;
            }
            let ended = process.try_wait().unwrap();
            if ended.is_some() || start.elapsed() > PATIENCE {
                drop(process.kill());
                panic!(
                    "an instance does not listen:\n{}",
                    fs::read_to_string(&log).unwrap()
                );
            }
            thread::sleep(Duration::from_millis(5));
        };
        Instance { process, addr }
    }

    /// What the instances complained about last.
    pub fn complaints(&self) -> String {
        let mut logs: Vec<PathBuf> = fs::read_dir(&self.folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some())
            .collect();
        logs.sort();
        let mut complaints = String::new();
        for log in logs {
            let text = fs::read_to_string(&log).unwrap();
            let lines = text.lines().filter(|line| !line.contains("\"level\":\"INFO\""));
            let lines: Vec<&str> = lines.collect();
            let last = lines[lines.len().saturating_sub(COMPLAINTS)..].join("\n");
            complaints += &format!("{}:\n{last}\n", log.display());
        }
        complaints
    }

    fn instance(&self, number: usize) -> MutexGuard<'_, Instance> {
        self.instances[number]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a connection to an instance, wherever it listens now.
    pub fn connect(&self, number: usize) -> io::Result<Connection> {
        let addr = self.instance(number).addr;
        Connection::open(addr)
    }

    /// Stops an instance in its tracks, as an overloaded machine or a debugger does.
    pub fn suspend(&self, number: usize) {
        self.signal(number, "STOP");
    }

    /// Lets it go on.
    pub fn resume(&self, number: usize) {
        self.signal(number, "CONT");
    }

    fn signal(&self, number: usize, name: &str) {
        let id = self.instance(number).process.id();
        let status = Command::new("kill")
            .args([format!("-{name}"), id.to_string()])
            .status();
        assert!(status.unwrap().success());
    }

    /// Kills an instance, which learns nothing of it.
    pub fn kill(&self, number: usize) {
        let process = &mut self.instance(number).process;
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// Starts a killed instance anew, at another address.
    pub fn relaunch(&self, number: usize) {
        let instance = self.launch(number);
        *self.instance(number) = instance;
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        for instance in &mut self.instances {
            let instance = instance.get_mut().unwrap_or_else(PoisonError::into_inner);
            drop(instance.process.kill());
            drop(instance.process.wait());
        }
        drop(fs::remove_dir_all(&self.folder));
    }
}

/// The address a log tells of.
fn listening(log: &Path) -> Option<SocketAddr> {
    let log = fs::read_to_string(log).unwrap();
    let line = log
        .lines()
        .find(|line| line.contains("\"message\":\"listening\""))?;
    // The line may be half-written yet.
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    line["addr"].as_str()?.parse().ok()
}
