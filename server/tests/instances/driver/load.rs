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
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    pub fn start(fleet: &Arc<Fleet>, tally: &Arc<Tally>, sessions: Vec<Arc<Session>>) -> Self {
        let mut load = Self {
            sessions: Arc::new(RwLock::new(sessions)),
            stop: Arc::default(),
            threads: Vec::new(),
        };
        for place in 0..INSTANCES * CONNECTIONS {
            let (fleet, tally) = (Arc::clone(fleet), Arc::clone(tally));
            let (sessions, stop) = (Arc::clone(&load.sessions), Arc::clone(&load.stop));
            let ask = move || ask(place, &fleet, &tally, &sessions, &stop);
            load.threads.push(thread::spawn(ask));
        }
        load
    }

    /// From now on it asks with this session too, whatever becomes of it.
    pub fn add(&self, session: &Arc<Session>) {
        let mut sessions = self.sessions.write().unwrap_or_else(PoisonError::into_inner);
        sessions.push(Arc::clone(session));
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

fn ask(place: usize, fleet: &Fleet, tally: &Tally, sessions: &RwLock<Vec<Arc<Session>>>, stop: &AtomicBool) {
    let instance = place % INSTANCES;
    let mut connection = None;
    let mut turn = place;
    while !stop.load(Ordering::Relaxed) {
        turn += 1;
        let session = {
            let sessions = sessions.read().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(&sessions[turn % sessions.len()])
        };
        // Now and then without a snapshot: the authority is read while marks travel.
        let with = match turn % 8 {
            0 => With::IdOnly,
            4 => With::Former,
            _ => With::Both,
        };
        let asked = match &mut connection {
            Some(connection) => session.ask(instance, connection, with, tally).map(drop),
            None => fleet.connect(instance).map(|made| connection = Some(made)),
        };
        if asked.is_err() {
            tally.lost();
            connection = None;
            thread::sleep(PAUSE);
        }
    }
}
