//! Looking after people: who there is, their sessions, their roles, and whether they may sign in.
//!
//! Everything in here takes a proof that its caller may: an [`AdminSession`], which only the authority
//! makes, or the word of the command line. Every change is one transaction with its audit event.

mod actions;
mod command_line;
mod history;
mod people;
mod person;
mod session;
mod sizes;

use uuid::Uuid;
use wire::Role;

pub use self::{
    command_line::{Candidate, Grantee},
    session::AdminSession,
};
pub use wire::UserRow;

use crate::{
    audit::NewEvent,
    auth::Auth,
    clock::Clock,
    db::{Database, Tx},
    error::{Error, Result},
    session::Marks,
};

/// How an event says that it was done at the command line.
const COMMAND_LINE: &str = "command line";

/// Who changes something.
#[derive(Clone, Copy, Debug)]
pub enum By<'a> {
    /// An administrator, from this browser.
    Admin(&'a AdminSession),
    /// Whoever may run the server's program on its database.
    CommandLine,
}

impl By<'_> {
    /// The event, done by them.
    fn sign(self, event: NewEvent<'_>) -> NewEvent<'_> {
        match self {
            Self::Admin(admin) => event.from(admin.ip()).by(Some(admin.user_id()), None),
            Self::CommandLine => event.by(None, Some(COMMAND_LINE)),
        }
    }

    /// Whether this is the user themself.
    fn is(self, user_id: Uuid) -> bool {
        matches!(self, Self::Admin(admin) if admin.user_id() == user_id)
    }
}

impl std::fmt::Display for By<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Admin(admin) => admin.user_id().fmt(f),
            Self::CommandLine => COMMAND_LINE.fmt(f),
        }
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

/// Refuses to go on without any administrator who may sign in, if this user is one and nobody else is. To be
/// asked in a transaction beside which nobody decides who is an administrator (see
/// [`Database::alone`]), before the user stops being one.
///
/// # Errors
/// [`Error::LastAdmin`], [`Error::Unavailable`]
pub(crate) async fn another_admin_stays(tx: &mut Tx, user_id: Uuid) -> Result<()> {
    let (own, others): (i64, i64) = sqlx::query_as(
        "SELECT count(*) FILTER (WHERE id = $1), count(*) FILTER (WHERE id <> $1) FROM users
         WHERE role = $2 AND disabled_at IS NULL",
    )
    .bind(user_id)
    .bind(Role::Admin)
    .fetch_one(&mut **tx)
    .await?;
    match (own, others) {
        (1.., 0) => Err(Error::LastAdmin),
        _ => Ok(()),
    }
}
