//! `server doctor`: is everything this server depends on as it should be?

use auth::{chain, db::Database};

use crate::{
    config::ServerConfig,
    serve::{Failure, build},
};

/// Checks the database, the keys, the public URL and every provider; says what it found, a line each.
///
/// # Errors
/// If any check failed.
pub async fn run(config: ServerConfig) -> Result<(), Failure> {
    let url = config.auth.public_url.clone();
    let mut report = Report::default();
    report.ok("configuration", "readable");
    report.ok(
        "SESSION_SECRET",
        &format!("{} in the key ring", config.auth.secrets.len()),
    );
    let scheme = if url.secure() {
        "https: cookies are Secure"
    } else {
        "http: for development on this machine only"
    };
    report.ok("PUBLIC_URL", &format!("{} ({scheme})", url.origin()));
    let db = match Database::open(&config.auth.database_url).await {
        Ok(db) => db,
        Err(error) => {
            report.bad("database", &chain(&error).to_string());
            return report.verdict();
        }
    };
    match db.ready().await {
        Ok(()) => report.ok("database", "reachable and migrated"),
        Err(error) => report.bad("database", &format!("{} (run `server migrate`)", chain(&error))),
    }
    let (_, auth) = build(config, db.clone(), auth::Clock::system()).await;
    match auth.sessions.status().feed_is_current {
        true => report.ok("stale feed", "current: snapshots are trusted"),
        false => report.bad(
            "stale feed",
            "silent: every request would ask the database (does a pooler before it keep LISTEN from working?)",
        ),
    }
    for provider in auth.oauth.list() {
        // The development provider is this server itself, which does not run now.
        if provider.id == auth::oauth::DEVELOPMENT {
            report.ok("provider dev", "part of this server");
            continue;
        }
        match auth.oauth.check(&provider.id).await {
            Ok(()) => report.ok(&format!("provider {}", provider.id), "answers as configured"),
            Err(error) => report.bad(&format!("provider {}", provider.id), &error),
        }
    }
    db.close().await;
    report.verdict()
}

#[derive(Default)]
struct Report {
    failures: usize,
}

impl Report {
    fn ok(&self, what: &str, finding: &str) {
        println!("ok    {what}: {finding}");
    }

    fn bad(&mut self, what: &str, finding: &str) {
        self.failures += 1;
        println!("FAIL  {what}: {finding}");
    }

    fn verdict(self) -> Result<(), Failure> {
        match self.failures {
            0 => Ok(()),
            failures => Err(format!("{failures} of the checks failed").into()),
        }
    }
}
