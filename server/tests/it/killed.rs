//! The program is killed in the midst of many writes: whatever it has acknowledged is there, and nothing half done.

use std::{
    io::Write,
    net::{TcpListener, TcpStream},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use auth::db::Database;

use crate::support::{Folder, PASSWORD, SECRET, Server, read_to_end};

const WRITERS: usize = 6;
const ROUNDS: usize = 3;

/// What one writer was told is done.
#[derive(Debug)]
struct Done {
    email: String,
    is_updated: bool,
    /// The session's cookies after that.
    linked: Option<String>,
}

/// Somebody who registers again and again, at an address of their own each time, until the server is gone.
struct Writer<'a> {
    host: &'a str,
    address: String,
}

impl Writer<'_> {
    /// What came back, all of it; `None` if it was cut off.
    fn send(&self, method: &str, path: &str, cookies: &str, fields: &[(&str, &str)]) -> Option<String> {
        let body = serde_urlencoded::to_string(fields).unwrap();
        let mut stream = TcpStream::connect(self.host).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\nsec-fetch-site: same-origin\r\n\
             accept: application/json\r\ncontent-type: application/x-www-form-urlencoded\r\n\
             x-forwarded-for: {}\r\ncookie: {cookies}\r\ncontent-length: {}\r\n\r\n{body}",
            self.host,
            self.address,
            body.len()
        );
        stream.write_all(request.as_bytes()).ok()?;
        let answer = read_to_end(&mut stream);
        answer.contains("\r\n\r\n").then_some(answer)
    }

    /// Registers, changes something, connects a provider; `None` before anything was acknowledged.
    fn write(&self, email: &str) -> Option<Done> {
        let fields = [("email", email), ("password", PASSWORD)];
        let registered = self.send("POST", "/api/register", "", &fields)?;
        if !registered.starts_with("HTTP/1.1 200") {
            return None;
        }
        let cookies = cookies(&registered);
        let updated = self.send("POST", "/api/update_public_data", &cookies, &[("bio", email)]);
        let linked = self.link(email, &cookies);
        Some(Done {
            email: email.to_owned(),
            is_updated: updated.is_some_and(|answer| answer.starts_with("HTTP/1.1 200")),
            linked,
        })
    }

    /// The cookies of the session, which gets another id by it.
    fn link(&self, email: &str, session: &str) -> Option<String> {
        let hop = self.send("POST", "/auth/login/dev", session, &[("intent", "link")])?;
        let address = hop
            .split("<a href=\"")
            .nth(1)?
            .split('"')
            .next()?
            .replace("&amp;", "&");
        let (_, query) = address.split_once('?')?;
        let mut fields: Vec<(String, String)> = serde_urlencoded::from_str(query).ok()?;
        fields.push(("email".to_owned(), format!("dev-{email}")));
        fields.push(("name".to_owned(), "Ada".to_owned()));
        let fields: Vec<_> = fields.iter().map(|(name, value)| (&**name, &**value)).collect();
        let back = location(&self.send("POST", "/dev/idp/authorize", "", &fields)?)?;
        let path = back.strip_prefix("http://")?.strip_prefix(self.host)?.to_owned();
        let cookies_sent = format!("{session}; {}", cookies(&hop));
        let answer = self.send("GET", &path, &cookies_sent, &[])?;
        let is_linked = location(&answer)? == "/settings/accounts";
        is_linked.then(|| cookies(&answer))
    }
}

fn location(answer: &str) -> Option<String> {
    let line = answer.lines().find_map(|line| line.strip_prefix("location: "));
    line.map(str::to_owned)
}

fn cookies(answer: &str) -> String {
    let set = answer
        .lines()
        .filter_map(|line| line.strip_prefix("set-cookie: "));
    let pairs: Vec<_> = set.map(|cookie| cookie.split(';').next().unwrap()).collect();
    pairs.join("; ")
}

/// All of them write until the server is gone.
fn write_until_killed(server: &Server, round: usize) -> Vec<Done> {
    let host = server.addr.to_string();
    let linked = AtomicUsize::new(0);
    thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|place| {
                let (host, linked) = (&host, &linked);
                scope.spawn(move || {
                    let mut all = Vec::new();
                    for number in 0.. {
                        let address = format!("198.18.{}.{}", round * WRITERS + place, number);
                        let email = format!("w{round}-{place}-{number}@example.com");
                        match (Writer { host, address }).write(&email) {
                            Some(done) => {
                                linked.fetch_add(usize::from(done.linked.is_some()), Ordering::Relaxed);
                                all.push(done);
                            }
                            None => return all,
                        }
                    }
                    all
                })
            })
            .collect();
        // In the midst of it: each has done all of it some times.
        let begun = std::time::Instant::now();
        while linked.load(Ordering::Relaxed) < 2 * WRITERS && begun.elapsed().as_secs() < 20 {
            thread::sleep(Duration::from_millis(7 + round as u64));
        }
        server.signal("KILL");
        let done = writers.into_iter().flat_map(|writer| writer.join().unwrap());
        done.collect()
    })
}

/// No row without those it needs.
async fn is_whole(db: &Database) {
    for half in [
        "FROM users u WHERE password_hash IS NULL
         AND NOT EXISTS (SELECT 1 FROM accounts a WHERE a.user_id = u.id)",
        "FROM users u WHERE NOT EXISTS (SELECT 1 FROM sessions s WHERE s.user_id = u.id)",
        "FROM sessions s WHERE NOT EXISTS (SELECT 1 FROM users u WHERE u.id = s.user_id)",
        "FROM sessions s WHERE NOT EXISTS (SELECT 1 FROM audit_events e WHERE e.session_id = s.id)",
        "FROM accounts a WHERE NOT EXISTS (SELECT 1 FROM users u WHERE u.id = a.user_id)",
        "FROM user_data d WHERE NOT EXISTS (SELECT 1 FROM users u WHERE u.id = d.user_id)",
    ] {
        let found: i64 = sqlx::query_scalar(&format!("SELECT count(*) {half}"))
            .fetch_one(db.read())
            .await
            .unwrap();
        assert_eq!(found, 0, "{half}");
    }
    let records: i64 =
        sqlx::query_scalar("SELECT (SELECT count(*) FROM sessions) - (SELECT count(*) FROM tower_sessions)")
            .fetch_one(db.read())
            .await
            .unwrap();
    assert_eq!(records, 0, "sessions without a record, or the reverse");
}

async fn is_there(db: &Database, server: &Server, done: &Done) {
    let users: i64 = sqlx::query_scalar("SELECT count(*) FROM users WHERE email = $1")
        .bind(&done.email)
        .fetch_one(db.read())
        .await
        .unwrap();
    assert_eq!(users, 1, "{done:?}");
    if let Some(cookies) = &done.linked {
        let user = server.post("/api/get_user", cookies, &[]);
        assert!(user.contains(&format!("\"{}\"", done.email)), "{done:?}: {user}");
        assert!(user.contains("\"provider\":\"dev\""), "{done:?}: {user}");
    }
    if done.is_updated {
        let stored: String = sqlx::query_scalar(
            "SELECT CAST(d.data AS TEXT) FROM user_data d JOIN users u ON u.id = d.user_id
             WHERE u.email = $1 AND d.bucket = 'public'",
        )
        .bind(&done.email)
        .fetch_one(db.read())
        .await
        .unwrap();
        assert!(stored.contains(&done.email), "{done:?}: {stored}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_there_after_a_kill_in_the_midst_of_writes_and_nothing_half_done() {
    let folder = Folder::new();
    // The development provider is the server itself, which has to know its port.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (addr, url) = (port.to_string(), format!("http://{port}"));
    let vars = [
        ("PUBLIC_URL", url.as_str()),
        ("LEPTOS_SITE_ADDR", addr.as_str()),
        ("SESSION_SECRET", SECRET),
        ("TRUSTED_PROXIES", "127.0.0.1"),
    ];
    let mut all = Vec::new();
    for round in 0..ROUNDS {
        let server = Server::start(&folder, &vars);
        let done = tokio::task::block_in_place(|| write_until_killed(&server, round));
        assert_eq!(server.finish().0, None, "it was killed");
        let linked = done.iter().filter(|done| done.linked.is_some()).count();
        assert!(linked >= WRITERS, "{linked} of {}", done.len());
        all.extend(done);

        let server = Server::start(&folder, &vars);
        let db = Database::open(&folder.database_url().into()).await.unwrap();
        is_whole(&db).await;
        for done in &all {
            is_there(&db, &server, done).await;
        }
        db.close().await;
    }
}
