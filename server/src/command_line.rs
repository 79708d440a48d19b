//! What commands beside the server have in common.

use std::net::SocketAddr;

// wing:admin,clients,data-rights,mail
use auth::db::{Database, Schema};
// end wing:admin,clients,data-rights,mail
use auth::{Config, Problem, Vars};

// wing:admin,clients,data-rights,mail
use crate::serve::Failure;
// end wing:admin,clients,data-rights,mail
use crate::{config::listens_on, log};

/// What these commands read from the environment: which database, and how long snapshots live. Nothing else in the
/// environment has to be set or valid.
///
/// # Errors
/// What is wrong with it.
pub fn config(vars: &Vars) -> Result<Config, Vec<Problem>> {
    let mut problems = Vec::new();
    let config = Config::from_vars(vars, "http://127.0.0.1", false, &mut problems);
    problems.retain(|problem| ["DATABASE_URL", "SNAPSHOT_TTL"].contains(&problem.variable.as_str()));
    vars.parsed("RUST_LOG", (), &mut problems, log::check);
    problems.extend_from_slice(vars.unreadable());
    unless(problems, config)
}

/// Where the running server listens.
///
/// # Errors
/// What is wrong with the variable.
pub fn addr(vars: &Vars) -> Result<SocketAddr, Vec<Problem>> {
    let mut problems = vars.unreadable().to_vec();
    let addr = listens_on(vars, &mut problems);
    unless(problems, addr)
}

fn unless<T>(problems: Vec<Problem>, value: T) -> Result<T, Vec<Problem>> {
    if problems.is_empty() {
        Ok(value)
    } else {
        Err(problems)
    }
}

// wing:admin,clients,data-rights,mail
/// The database of the running servers.
///
/// # Errors
/// If it cannot be opened, or has another schema.
pub(crate) async fn open(config: &Config) -> Result<Database, Failure> {
    let db = Database::open(&config.database_url).await?;
    match db.schema().await? {
        Schema::Current => Ok(db),
        other => Err(other.into()),
    }
}
// end wing:admin,clients,data-rights,mail

// wing:admin,clients
/// A text from elsewhere, escaped so that it cannot control the terminal it is shown on.
pub(crate) fn printable(text: &str) -> String {
    text.escape_debug().to_string()
}
// end wing:admin,clients
