//! Requests without end, to all instances, with live sessions and with revoked ones.

use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use super::{
    client::Connection,
    fleet::{Fleet, INSTANCES},
    session::{Session, Tally, With},
};

/// Connections to each instance.
const CONNECTIONS: usize = 4;
/// Between two tries to connect to an instance that is down.
const PAUSE: Duration = Duration::from_millis(20);

/// The threads that ask.
pub struct Load {
    sessions: Arc<RwLock<Vec<Arc<Session>>>>,
    rest: Arc<AtomicBool>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    pub fn start(fleet: &Arc<Fleet>, tally: &Arc<Tally>, sessions: Vec<Arc<Session>>) -> Self {
        let mut load = Self {
            sessions: Arc::new(RwLock::new(sessions)),
            rest: Arc::default(),
            stop: Arc::default(),
            threads: Vec::new(),
        };
        for place in 0..INSTANCES * CONNECTIONS {
            let (fleet, tally) = (Arc::clone(fleet), Arc::clone(tally));
            let sessions = Arc::clone(&load.sessions);
            let (rest, stop) = (Arc::clone(&load.rest), Arc::clone(&load.stop));
            let ask = move || {
                let mut connection = None;
                let mut turn = place;
                while !stop.load(Ordering::Relaxed) {
                    turn += 1;
                    if rest.load(Ordering::Relaxed) {
                        thread::sleep(PAUSE);
                    } else {
                        ask(
                            &fleet,
                            place % INSTANCES,
                            &mut connection,
                            &tally,
                            pick(&sessions, turn),
                        );
                    }
                }
            };
            load.threads.push(thread::spawn(ask));
        }
        load
    }

    /// From now on it asks with this session too, whatever becomes of it.
    pub fn add(&self, session: &Arc<Session>) {
        let mut sessions = self.sessions.write().unwrap_or_else(PoisonError::into_inner);
        sessions.push(Arc::clone(session));
    }

    /// Does without requests while this is done, which takes all the machine has.
    pub fn resting<T>(&self, work: impl FnOnce() -> T) -> T {
        self.rest.store(true, Ordering::Relaxed);
        let done = work();
        self.rest.store(false, Ordering::Relaxed);
        done
    }

    /// Stops when all answers are there.
    pub fn stop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        // A test that fails does not wait for them.
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// A session, and which of its cookies to send.
fn pick(sessions: &RwLock<Vec<Arc<Session>>>, turn: usize) -> (Arc<Session>, With) {
    let sessions = sessions.read().unwrap_or_else(PoisonError::into_inner);
    // Now and then without a snapshot: the authority is read while marks travel.
    let with = match turn % 8 {
        0 => With::IdOnly,
        4 => With::Former,
        _ => With::Both,
    };
    (Arc::clone(&sessions[turn % sessions.len()]), with)
}

fn ask(
    fleet: &Fleet,
    instance: usize,
    connection: &mut Option<Connection>,
    tally: &Tally,
    (session, with): (Arc<Session>, With),
) {
    let asked = match connection {
        Some(connection) => session.ask(instance, connection, with, tally).map(drop),
        None => fleet.connect(instance).map(|made| *connection = Some(made)),
    };
    if asked.is_err() {
        tally.lost();
        *connection = None;
        thread::sleep(PAUSE);
    }
}
