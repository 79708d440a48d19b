//! Looking after people: who there is, their sessions, their roles, and whether they may sign in.
//!
//! Everything in here takes a proof that its caller may: an [`AdminSession`], which only the authority
//! makes, or the word of the command line. Every change is one transaction with its audit event.

mod actions;
mod command_line;
mod people;
mod person;
mod session;

use std::net::IpAddr;

use uuid::Uuid;

pub use self::{
    command_line::{Candidate, Grantee},
    session::AdminSession,
};
use crate::{audit::Doer, auth::Auth, client::Client, clock::Clock, db::Database, session::Marks};

/// Who changes something.
#[derive(Clone, Copy, Debug)]
pub enum By<'a> {
    /// An administrator, from this browser.
    Admin(&'a AdminSession, &'a Client),
    /// Whoever may run the server's program on its database.
    CommandLine,
}

impl By<'_> {
    fn doer(self) -> Doer {
        match self {
            Self::Admin(admin, _) => Doer::Admin(admin.user_id()),
            Self::CommandLine => Doer::CommandLine,
        }
    }

    fn ip(self) -> Option<IpAddr> {
        match self {
            Self::Admin(_, client) => client.ip,
            Self::CommandLine => None,
        }
    }

    /// Whether this is the user themself.
    fn is(self, user_id: Uuid) -> bool {
        matches!(self, Self::Admin(admin, _) if admin.user_id() == user_id)
    }
}

/// The way to look after people. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Administration {
    db: Database,
    clock: Clock,
    marks: Marks,
}

impl Auth {
    /// The way to look after people.
    pub fn administration(&self) -> Administration {
        Administration {
            db: self.db.clone(),
            clock: self.clock.clone(),
            marks: self.sessions.marks().clone(),
        }
    }
}
