//! The PostgreSQL the instances share, in the hands of whoever breaks it. `cargo xtask` tells where it is.

use std::{
    env,
    os::unix::process::CommandExt,
    process::{Command, Stdio},
};

use sqlx::{Connection, Executor, PgConnection};
use tokio::runtime::Runtime;

/// Ends the connections over which instances hear of marks.
const END_FEEDS: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = current_database() AND application_name = 'auth stale feed'";

/// A connection to the database, beside the instances'.
pub struct Operator {
    runtime: Runtime,
    connection: PgConnection,
}

impl Operator {
    pub fn new(url: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let connection = runtime.block_on(PgConnection::connect(url)).unwrap();
        Self { runtime, connection }
    }

    /// Ends the connections over which instances hear of marks.
    pub fn end_feeds(&mut self) {
        self.run(END_FEEDS);
    }

    /// The same; whoever connects has to wait from now on, until [`Self::let_in`].
    pub fn end_feeds_and_hold_up(&mut self) {
        // Every new connection reads this table.
        self.run("BEGIN");
        self.run("LOCK TABLE pg_catalog.pg_db_role_setting");
        self.run(END_FEEDS);
    }

    pub fn let_in(&mut self) {
        self.run("ROLLBACK");
    }

    /// How many connections hear of marks.
    pub fn feeds(&mut self) -> i64 {
        let count = sqlx::query_scalar(
            "SELECT count(*) FROM pg_stat_activity
             WHERE datname = current_database() AND application_name = 'auth stale feed'",
        );
        self.runtime
            .block_on(count.fetch_one(&mut self.connection))
            .unwrap()
    }

    fn run(&mut self, statement: &str) {
        self.runtime.block_on(self.connection.execute(statement)).unwrap();
    }
}

/// Stops PostgreSQL: `fast` ends the connections, `immediate` is a crash.
pub fn stop(mode: &str) {
    control(&["stop", "--mode", mode]);
}

/// Starts it anew, just as it was started before.
pub fn start() {
    control(&["restart"]);
}

fn control(arguments: &[&str]) {
    let var = |name| {
        env::var(name).unwrap_or_else(|_| {
            panic!("{name} tells where PostgreSQL is: run `cargo xtask postgres COMMAND`")
        })
    };
    let data = var("TEST_POSTGRES_DATA");
    let mut control = Command::new(format!("{}/pg_ctl", var("TEST_POSTGRES_PROGRAMS")));
    if let Ok(uid) = env::var("TEST_POSTGRES_UID") {
        control.uid(uid.parse().unwrap());
    }
    let status = control
        .args(arguments)
        .args(["--wait", "--silent", "--pgdata", &data])
        .current_dir(&data)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    assert!(status.unwrap().success(), "pg_ctl {arguments:?} failed");
}
