//! A session as its browser holds it, and what is known of its fate: every answer is judged by that.

use std::{
    fmt, io,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use super::{client::Connection, fleet::Fleet};

/// The guarantee: no instance accepts a revoked session longer than this after the revocation was
/// answered, and the one that answered does not accept it at all.
pub const BOUND: Duration = Duration::from_secs(2);

/// How long a revocation is tried again while the database is away, or the disk does not keep up.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Stands for an instance that is no more, or does not know what it did.
const NOBODY: usize = usize::MAX;
/// The password of everybody here.
pub const PASSWORD: &str = "correct horse battery staple";

/// One browser, signed in.
pub struct Session {
    email: String,
    session_id: String,
    id: String,
    former: String,
    snapshot: Mutex<String>,
    fate: Mutex<Fate>,
}

/// What is known of a session.
#[derive(Clone, Copy)]
enum Fate {
    Live,
    /// Its revocation was sent: both answers are right.
    Ending,
    /// Its revocation was answered by this instance at this time.
    Ended(usize, Instant),
}

/// Which cookies a request carries.
#[derive(Clone, Copy, PartialEq)]
pub enum With {
    Both,
    /// The snapshot as it was at sign-in, beside the id.
    Former,
    /// Without a snapshot the authority has to be asked.
    IdOnly,
}

/// What an answer says of a session.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Seen {
    Accepted,
    Refused,
    /// 503: nothing is known.
    Unavailable,
}

/// Every answer to every request, counted.
#[derive(Default)]
pub struct Tally {
    accepted: AtomicU64,
    refused: AtomicU64,
    unavailable: AtomicU64,
    /// Connections that broke, or could not be made.
    lost: AtomicU64,
    /// Acceptances of a revoked session that must not be.
    late: AtomicU64,
    /// Live sessions that were refused, or lost a cookie.
    signed_out: AtomicU64,
    /// Answers about somebody else, and answers nobody expects.
    wrong: AtomicU64,
    notes: Mutex<Vec<String>>,
}

impl Tally {
    fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub fn lost(&self) {
        Self::count(&self.lost);
    }

    fn violation(&self, counter: &AtomicU64, note: String) {
        Self::count(counter);
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        if notes.len() < 10 {
            notes.push(note);
        }
    }

    /// Whether nothing happened that must not.
    pub fn is_clean(&self) -> bool {
        [&self.late, &self.signed_out, &self.wrong]
            .iter()
            .all(|counter| counter.load(Ordering::Relaxed) == 0)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (counter, name) in [
            (&self.accepted, "accepted"),
            (&self.refused, "refused"),
            (&self.unavailable, "503"),
            (&self.lost, "connections lost"),
            (&self.late, "accepted after the bound"),
            (&self.signed_out, "live ones signed out"),
            (&self.wrong, "other wrong answers"),
        ] {
            write!(f, "{} {name}, ", counter.load(Ordering::Relaxed))?;
        }
        let notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.iter().try_for_each(|note| write!(f, "\n  {note}"))
    }
}

impl Session {
    /// Registers a person.
    pub fn register(fleet: &Fleet, instance: usize) -> Self {
        let email = format!("{}@example.com", uuid::Uuid::now_v7());
        Self::begin(fleet, instance, "register", email)
    }

    /// Another session of the same person.
    pub fn again(&self, fleet: &Fleet, instance: usize) -> Self {
        Self::begin(fleet, instance, "login", self.email.clone())
    }

    fn begin(fleet: &Fleet, instance: usize, function: &str, email: String) -> Self {
        let mut connection = fleet.connect(instance).unwrap();
        let fields = [("email", email.as_str()), ("password", PASSWORD)];
        let answer = connection.call(function, "", &fields).unwrap();
        let [id, snapshot] = ["id", "auth"].map(|name| {
            let mut cookies = answer.cookies.iter();
            match cookies.find(|cookie| cookie.0 == name) {
                Some((_, value)) => value.clone(),
                None => panic!("{function}: {} sets no cookie {name}", answer.status),
            }
        });
        let answer = connection.session(&format!("id={id}; auth={snapshot}")).unwrap();
        let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        Self {
            session_id: body["session_id"].as_str().unwrap().to_owned(),
            email,
            id,
            former: snapshot.clone(),
            snapshot: Mutex::new(snapshot),
            fate: Mutex::new(Fate::Live),
        }
    }

    /// What a request carries.
    pub fn cookies(&self, with: With) -> String {
        match with {
            With::IdOnly => format!("id={}", self.id),
            With::Former => format!("id={}; auth={}", self.id, self.former),
            With::Both => {
                let snapshot = self.snapshot.lock().unwrap_or_else(PoisonError::into_inner);
                format!("id={}; auth={snapshot}", self.id)
            }
        }
    }

    fn fate(&self) -> Fate {
        *self.fate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn becomes(&self, fate: Fate) {
        *self.fate.lock().unwrap_or_else(PoisonError::into_inner) = fate;
    }

    /// Asks an instance who is signed in, takes up the cookies it sets, and judges what it says.
    pub fn ask(
        &self,
        instance: usize,
        connection: &mut Connection,
        with: With,
        tally: &Tally,
    ) -> io::Result<Seen> {
        let sent = Instant::now();
        let answer = connection.session(&self.cookies(with))?;
        // As it is known by now: a revocation that was sent meanwhile excuses a refusal.
        let fate = self.fate();
        let clears = answer.cookies.iter().any(|(_, value)| value.is_empty());
        let renewed = answer.cookies.iter().find(|(name, _)| name == "auth");
        if let Some((_, snapshot)) = renewed.filter(|_| !clears) {
            *self.snapshot.lock().unwrap_or_else(PoisonError::into_inner) = snapshot.clone();
        }
        let seen = match (answer.status, answer.body.as_slice()) {
            (200, b"null") => Seen::Refused,
            (200, body) => {
                let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
                if body["session_id"] != self.session_id || body["email"] != self.email {
                    tally.violation(&tally.wrong, format!("instance {instance} answers {body}"));
                }
                Seen::Accepted
            }
            (503, _) => Seen::Unavailable,
            (status, _) => {
                tally.violation(&tally.wrong, format!("instance {instance} answers {status}"));
                Seen::Unavailable
            }
        };
        Tally::count(match seen {
            Seen::Accepted => &tally.accepted,
            Seen::Refused => &tally.refused,
            Seen::Unavailable => &tally.unavailable,
        });
        match fate {
            Fate::Live if seen == Seen::Refused || clears => tally.violation(
                &tally.signed_out,
                format!(
                    "instance {instance} answers a live session with {}",
                    answer.status
                ),
            ),
            Fate::Ended(by, at) if seen == Seen::Accepted => {
                let bound = if by == instance { Duration::ZERO } else { BOUND };
                if sent > at + bound {
                    let late = sent - at;
                    tally.violation(
                        &tally.late,
                        format!(
                            "instance {instance} accepts a request sent {late:?} after instance {by} revoked"
                        ),
                    );
                }
            }
            _ => {}
        }
        Ok(seen)
    }

    /// Has another session of the same person revoked, however often it takes; the time of the answer.
    pub fn revoke(&self, fleet: &Fleet, by: usize, target: &Self) -> Instant {
        target.becomes(Fate::Ending);
        let start = Instant::now();
        let fields = [("session_id", target.session_id.as_str())];
        while start.elapsed() < PATIENCE {
            let answer = fleet.connect(by).and_then(|mut connection| {
                connection.call("revoke_session", &self.cookies(With::IdOnly), &fields)
            });
            match answer.map(|answer| answer.status) {
                // 404: a try that got no answer had done it.
                Ok(200 | 404) => {
                    let at = Instant::now();
                    target.becomes(Fate::Ended(by, at));
                    return at;
                }
                Ok(503) | Err(_) => thread::sleep(Duration::from_millis(10)),
                Ok(status) => panic!("a revocation is answered {status}"),
            }
        }
        panic!("no revocation was answered in {PATIENCE:?}");
    }

    /// Sends a revocation whose answer nobody hears.
    pub fn revoke_unheard(&self, fleet: &Fleet, by: usize, target: &Self) {
        target.becomes(Fate::Ending);
        let fields = [("session_id", target.session_id.as_str())];
        if let Ok(mut connection) = fleet.connect(by) {
            drop(connection.call("revoke_session", &self.cookies(With::IdOnly), &fields));
        }
    }

    /// What has become of it, as the authority says through this instance.
    pub fn settle(&self, fleet: &Fleet, instance: usize, tally: &Tally) {
        let seen = fleet
            .connect(instance)
            .and_then(|mut connection| self.ask(instance, &mut connection, With::IdOnly, tally));
        self.becomes(match seen.unwrap() {
            Seen::Refused => Fate::Ended(NOBODY, Instant::now()),
            _ => Fate::Live,
        });
    }
}
