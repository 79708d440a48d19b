//! `cargo xtask postgres COMMAND…`: starts a temporary PostgreSQL cluster, runs the command, and stops the cluster.

use std::{
    env,
    fs::{self, DirBuilder, OpenOptions},
    io::Write,
    net::TcpListener,
    os::unix::{
        fs::{DirBuilderExt, OpenOptionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, test_kill_process};

use crate::{
    Outcome, layout,
    obstacles::free,
    packages,
    process::{ask, command, run},
    random,
    steps::Steps,
};

/// The longest time that a cluster may take to start.
const PATIENCE: Duration = Duration::from_secs(30);

/// The beginning of a cluster's folder. The rest is the process that uses it.
const FOLDER: &str = "xtask-postgres-";

/// Where Linux keeps files in memory.
const MEMORY: &str = "/dev/shm";

/// How much has to be free there, in KiB. The tests take a hundred megabytes; the benchmarks have a million sessions.
const ROOM: u64 = 4 * 1024 * 1024;

/// The arguments of the command.
pub(crate) fn takes(arguments: &[String]) -> Outcome {
    program(arguments).map(drop)
}

fn program(arguments: &[String]) -> Outcome<(&String, &[String])> {
    let named = arguments.split_first();
    named.ok_or_else(|| "name a command, as in `cargo xtask postgres psql`".to_owned())
}

/// The command. The cluster's address is in `DATABASE_URL` and `TEST_DATABASE_URL`.
pub(crate) fn postgres(_: &mut Steps, arguments: &[String]) -> Outcome {
    let (program, rest) = program(arguments)?;
    let cluster = Cluster::start()?;
    let url = format!("{}/postgres", cluster.url());
    run(cluster
        .known_to(command(program, &layout::workspace()?).args(rest))
        .env("DATABASE_URL", url))
}

/// A running cluster in a temporary folder, on a free port of loopback. Removed when dropped.
pub(crate) struct Cluster {
    programs: PathBuf,
    port: u16,
    owner: Option<u32>,
    password: String,
    pgbouncer: Option<PathBuf>,
    server: Child,
    folder: Folder,
}

/// A temporary folder. Removed when dropped, even if the cluster in it could not be created.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

impl Cluster {
    /// Creates a cluster and waits until it answers.
    pub(crate) fn start() -> Outcome<Self> {
        let programs = programs()?;
        let owner = owner()?;
        let place = place();
        remove_abandoned(&place, &programs, owner);
        let folder = place.join(format!("{FOLDER}{}", std::process::id()));
        // It also holds the cluster's socket.
        DirBuilder::new()
            .mode(0o700)
            .create(&folder)
            .map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
        let folder = Folder(folder);
        let password = random::digits::<16>()?;
        let password_file = folder.0.join("password");
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&password_file)
            .and_then(|mut file| file.write_all(password.as_bytes()))
            .map_err(|error| format!("cannot write {}: {error}", password_file.display()))?;
        if let Some(uid) = owner {
            for path in [&folder.0, &password_file] {
                chown(path, Some(uid), None)
                    .map_err(|error| format!("cannot change the owner of {}: {error}", path.display()))?;
            }
        }
        let data = folder.0.join("data");
        let mut initdb = owned(&programs.join("initdb"), &folder.0, owner);
        initdb
            .args([
                // Every user of this machine can reach the port, hence a password. Not SCRAM: its 4096 hashes for
                // each connection took a quarter of the unoptimised tests' time.
                "--auth=password",
                "--username=postgres",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
            ])
            .arg("--pwfile")
            .arg(&password_file)
            .arg("--pgdata")
            .arg(&data)
            .stdout(Stdio::null());
        run(&mut initdb)?;
        let port = free_port()?;
        // What the tests write need not survive a power failure, but it has to survive the end of the server.
        let mut server = owned(&programs.join("postgres"), &folder.0, owner);
        server
            .arg("-D")
            .arg(&data)
            .args(["-F", "-h", "127.0.0.1", "-k"])
            .arg(&folder.0)
            .args(["-p", &port.to_string(), "-c", "max_connections=300"])
            // Otherwise the log of writes grows to a gigabyte.
            .args(["-c", "max_wal_size=256MB"])
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let server = server
            .spawn()
            .map_err(|error| format!("cannot start PostgreSQL: {error}"))?;
        let cluster = Self {
            programs,
            port,
            owner,
            password,
            pgbouncer: find_pgbouncer(),
            server,
            folder,
        };
        cluster.wait()?;
        Ok(cluster)
    }

    fn wait(&self) -> Outcome {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            let mut ready = command(self.programs.join("pg_isready"), &self.folder.0);
            ready.args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()]);
            if ask(&mut ready).is_some() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(50));
        }
        Err("PostgreSQL was started, but does not answer".to_owned())
    }

    /// Its address, without the name of a database.
    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres:{}@127.0.0.1:{}", self.password, self.port)
    }

    /// Tells a command where the cluster is, and how to stop and start it.
    pub(crate) fn known_to<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .env("TEST_DATABASE_URL", self.url())
            .env("TEST_POSTGRES_PROGRAMS", &self.programs)
            .env("TEST_POSTGRES_DATA", self.folder.0.join("data"));
        if let Some(uid) = self.owner {
            command.env("TEST_POSTGRES_UID", uid.to_string());
        }
        if let Some(pgbouncer) = &self.pgbouncer {
            command.env("TEST_PGBOUNCER", pgbouncer);
        }
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        stop(&self.programs, &self.folder.0, self.owner);
        self.server.wait().ok();
    }
}

/// Where temporary clusters go: in memory if there is enough of it. Each test has a database, which is some three
/// hundred files: on a disk, making and deleting them took a third of the time of the tests.
fn place() -> PathBuf {
    let memory = Path::new(MEMORY);
    if memory.is_dir() && free(memory).is_some_and(|free| free >= ROOM) {
        memory.to_owned()
    } else {
        env::temp_dir()
    }
}

/// Stops and removes clusters whose process was killed before it could do so: they would keep their memory.
fn remove_abandoned(place: &Path, programs: &Path, owner: Option<u32>) {
    let abandoned = |folder: &Path| {
        let process = folder.file_name()?.to_str()?.strip_prefix(FOLDER)?.parse().ok()?;
        test_kill_process(Pid::from_raw(process)?).is_err().then_some(())
    };
    let folders = fs::read_dir(place).into_iter().flatten().flatten();
    for folder in folders.map(|entry| entry.path()) {
        if abandoned(&folder).is_some() {
            stop(programs, &folder, owner);
            fs::remove_dir_all(&folder).ok();
        }
    }
}

/// Stops the cluster in a folder. A test may have restarted it under another process id, which the cluster knows.
fn stop(programs: &Path, folder: &Path, owner: Option<u32>) {
    let mut stop = owned(&programs.join("pg_ctl"), folder, owner);
    stop.args(["stop", "--mode=immediate", "--silent", "--pgdata"])
        .arg(folder.join("data"))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    stop.status().ok();
}

/// A command that runs as the cluster's owner.
fn owned(program: &Path, folder: &Path, owner: Option<u32>) -> Command {
    let mut command = command(program, folder);
    if let Some(uid) = owner {
        command.uid(uid);
    }
    command
}

/// PostgreSQL refuses to run as root. In that case it runs as the user that its package created, or else as `nobody`.
fn owner() -> Outcome<Option<u32>> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    ["postgres", "nobody"]
        .iter()
        .find_map(|name| {
            ask(command("id", Path::new("/")).args(["-u", name]))?
                .parse()
                .ok()
        })
        .map(Some)
        .ok_or_else(|| {
            "PostgreSQL refuses to run as root, and there is no user `postgres` or `nobody` to run it as"
                .to_owned()
        })
}

/// The folder of initdb and the other programs: the one on PATH, or Debian's newest, or one that is installed now.
pub(crate) fn programs() -> Outcome<PathBuf> {
    let find = || on_path().or_else(of_debian);
    packages::found_or_installed(find, "postgresql", "about a minute")
        .ok_or_else(|| "`initdb` is missing: install PostgreSQL, and put its programs on PATH".to_owned())
}

/// Makes sure that the pooler, which the tests put in front of their cluster, is installed.
pub(crate) fn pgbouncer() -> Outcome {
    match packages::found_or_installed(find_pgbouncer, "pgbouncer", "less than a minute") {
        Some(_) => Ok(()),
        None => Err("`pgbouncer` is missing: install it, and put it on PATH".to_owned()),
    }
}

/// Debian keeps it outside the PATH of all users except root.
fn find_pgbouncer() -> Option<PathBuf> {
    let of_debian = || Some(PathBuf::from("/usr/sbin/pgbouncer")).filter(|path| path.is_file());
    packages::on_path("pgbouncer").or_else(of_debian)
}

fn on_path() -> Option<PathBuf> {
    // Where the link leads: the other programs are in the same folder.
    let initdb = packages::on_path("initdb")?.canonicalize().ok()?;
    complete(initdb.parent()?)
}

fn of_debian() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut versions: Vec<(u32, PathBuf)> = versions
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, complete(&entry.path().join("bin"))?))
        })
        .collect();
    versions.sort();
    versions.pop().map(|(_, programs)| programs)
}

fn complete(folder: &Path) -> Option<PathBuf> {
    ["initdb", "postgres", "pg_ctl", "pg_isready"]
        .iter()
        .all(|name| folder.join(name).is_file())
        .then(|| folder.to_owned())
}

fn free_port() -> Outcome<u16> {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|error| format!("no port is free on loopback: {error}"))
}
