//! `server doctor`: checks everything that this server depends on.

use std::{path::Path, time::Duration};

use auth::{
    Auth, at_rest, chain,
    db::{Database, Schema},
    oauth::Checked,
};
use tokio::time::{sleep, timeout};

use crate::{
    config::{ServerConfig, secret_file},
    serve::{Failure, build},
};

/// Checks the database, the keys, the public URL and every provider, and prints one line for each finding.
///
/// # Errors
/// If any check failed.
pub async fn run(config: ServerConfig) -> Result<(), Failure> {
    let url = config.auth.public_url.clone();
    let mut report = Report::default();
    report.ok("configuration", "readable");
    for doubt in &config.doubts {
        report.warn("configuration", &doubt.to_string());
    }
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
    look_at_rest(&config, &mut report);
    let db = match Database::open(&config.auth.database_url).await {
        Ok(db) => db,
        Err(error) => return report.without_database(&chain(&error).to_string()),
    };
    match db.schema().await {
        Ok(Schema::Current) => match db.ready().await {
            Ok(()) => report.ok("database", "reachable and migrated"),
            Err(error) => report.bad("database", &chain(&error).to_string()),
        },
        Ok(none @ Schema::None) => {
            db.close().await;
            return report.without_database(&none.to_string());
        }
        Ok(other) => report.bad("database", &other.to_string()),
        Err(error) => report.bad("database", &chain(&error).to_string()),
    }
    match db.keeps_statements().await {
        Ok(true) => {}
        Ok(false) => report.bad(
            "database",
            "a pooler mixes up prepared statements between clients (PgBouncer must be 1.21 or later, with \
             max_prepared_statements = 200)",
        ),
        Err(error) => report.bad("database", &chain(&error).to_string()),
    }
    let (_, auth) = build(config, db.clone(), auth::Clock::system()).await;
    if auth.sessions.status().feed_is_current {
        report.ok("stale feed", "current: snapshots are trusted");
    } else {
        let trouble = trouble(&auth).await;
        report.bad(
            "stale feed",
            &format!("silent, so every request would ask the database: {trouble}"),
        );
    }
    // wing:private-data,second-factors
    match auth.sealed_with_former().await {
        Ok(0) => report.ok("sealed data", "all of it with the newest secret"),
        Ok(rows) => report.warn(
            "sealed data",
            &format!(
                "{rows} rows are not sealed with the newest secret: keep the older ones until a server that has started \
                 with all of them has resealed these"
            ),
        ),
        Err(error) => report.bad("sealed data", &chain(&error).to_string()),
    }
    // end wing:private-data,second-factors
    // wing:clients
    let keys = auth.clients.jwks()["keys"].as_array().map_or(0, Vec::len);
    report.ok(
        "token signing",
        &format!("with the key {}, {keys} published", auth.clients.signing_key()),
    );
    // end wing:clients
    // wing:mail
    match (auth.mail.server(), auth.mail.greet().await) {
        (None, _) => match auth.mail.mailbox() {
            Some(mailbox) => report.ok(
                "mail",
                &format!("kept in memory, and shown at {}", mailbox.shown_at()),
            ),
            None => report.ok("mail", "off: neither SMTP_URL nor MAIL_FROM is set"),
        },
        (Some(server), Ok(())) => report.ok("mail", &format!("{server} answers as configured")),
        (Some(server), Err(error)) => report.bad("mail", &format!("{server}: {error}")),
    }
    // end wing:mail
    for provider in auth.oauth.list() {
        // wing:dev-provider
        // The development provider is part of this server, which is not running now.
        if provider.id == auth::oauth::DEVELOPMENT {
            report.ok("provider dev", "part of this server");
            continue;
        }
        // end wing:dev-provider
        let what = format!("provider {}", provider.id);
        match auth.oauth.check(&provider.id).await {
            Ok(Checked::Answers) => report.ok(&what, "answers as configured"),
            Ok(Checked::NotAsked) => report.ok(
                &what,
                "configured, and not asked: it publishes nothing to compare, so the first sign-in is the test",
            ),
            Err(error) => report.bad(&what, &error),
        }
    }
    db.close().await;
    report.verdict()
}

/// Why the stale feed is silent. The attempt that would show the reason may not have finished.
async fn trouble(auth: &Auth) -> String {
    let found = async {
        loop {
            match auth.sessions.feed_trouble() {
                Some(trouble) => break trouble,
                None => sleep(Duration::from_millis(50)).await,
            }
        }
    };
    let found = timeout(Duration::from_secs(5), found).await;
    found.unwrap_or_else(|_| "no notifications arrive".to_owned())
}

/// Whether other users of this machine can read the stored files: a database file, the development secret, and copies
/// of them.
fn look_at_rest(config: &ServerConfig, report: &mut Report) {
    let secret = secret_file(&config.auth.database_url);
    let folder = match secret.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let stem = secret.file_stem().unwrap_or_default().to_string_lossy();
    match at_rest::exposed(folder, &stem) {
        Ok(exposed) => {
            for path in exposed {
                report.warn(
                    "files",
                    &format!("other users can read {} (run `chmod go=` on it)", path.display()),
                );
            }
        }
        Err(error) => report.warn(
            "files",
            &format!("cannot read the folder {}: {error}", folder.display()),
        ),
    }
}

#[derive(Default)]
struct Report {
    failures: usize,
}

impl Report {
    fn ok(&self, what: &str, finding: &str) {
        println!("ok    {what}: {finding}");
    }

    /// A finding that deserves a look, but does not prevent the server from working.
    fn warn(&self, what: &str, finding: &str) {
        println!("warn  {what}: {finding}");
    }

    fn bad(&mut self, what: &str, finding: &str) {
        self.failures += 1;
        println!("FAIL  {what}: {finding}");
    }

    /// The rest is checked by parts of the server, which cannot start without their tables.
    fn without_database(mut self, why: &str) -> Result<(), Failure> {
        self.bad("database", why);
        self.warn("everything else", "not checked without a database");
        self.verdict()
    }

    fn verdict(self) -> Result<(), Failure> {
        match self.failures {
            0 => Ok(()),
            failures => Err(format!("{failures} of the checks failed").into()),
        }
    }
}
