//! Administration: the list of users, their sessions, their roles, and whether they may sign in.
//!
//! Every function in here takes a proof that its caller may use it: an [`AdminSession`], which only the authority
//! creates, or being called from the command line. Every change is one transaction with its audit event.

mod actions;
mod command_line;
mod history;
mod people;
mod person;
mod session;
mod sizes;

use uuid::Uuid;
use wire::{Permission, Role};

pub use self::{
    command_line::{Candidate, Grantee},
    session::AdminSession,
};
pub use wire::UserRow;

use crate::{
    audit::{COMMAND_LINE, History, NewEvent},
    auth::Auth,
    clock::Clock,
    db::{Database, Tx},
    error::{Error, Result},
    session::Marks,
};

/// Who makes a change.
#[derive(Clone, Copy, Debug)]
pub enum By<'a> {
    /// An administrator, from this browser.
    Admin(&'a AdminSession),
    /// An operator who may run the server's program on its database.
    CommandLine,
}

impl<'a> By<'a> {
    /// Adds the actor to an event.
    pub(crate) fn sign(self, event: NewEvent<'a>) -> NewEvent<'a> {
        match self {
            Self::Admin(admin) => event.from(admin.client()).by_user(admin.user_id()),
            Self::CommandLine => event.by_other(COMMAND_LINE),
        }
    }

    /// Whether the actor is this user.
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

/// Access to administration. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Administration {
    db: Database,
    clock: Clock,
    history: History,
    marks: Marks,
}

impl Auth {
    /// Access to administration.
    pub fn administration(&self) -> Administration {
        Administration {
            db: self.db.clone(),
            clock: self.clock.clone(),
            history: self.history.clone(),
            marks: self.sessions.marks().clone(),
        }
    }
}

/// Fails if this user is the only one who may give roles and may sign in. Call it before the user stops being one, in a
/// transaction beside which no other decides who may (see [`Database::alone`]).
///
/// # Errors
/// [`Error::LastAdmin`], [`Error::Unavailable`]
pub(crate) async fn another_admin_stays(tx: &mut Tx, user_id: Uuid) -> Result<()> {
    let may = |role: &&Role| role.can(Permission::GiveRoles);
    let names: Vec<String> = Role::ALL
        .iter()
        .filter(may)
        .map(|role| format!("'{}'", role.name()))
        .collect();
    let (own, others): (i64, i64) = sqlx::query_as(&format!(
        "SELECT count(*) FILTER (WHERE id = $1), count(*) FILTER (WHERE id <> $1) FROM users
         WHERE role IN ({}) AND disabled_at IS NULL",
        names.join(", ")
    ))
    .bind(user_id)
    .fetch_one(&mut **tx)
    .await?;
    match (own, others) {
        (1.., 0) => Err(Error::LastAdmin),
        _ => Ok(()),
    }
}
