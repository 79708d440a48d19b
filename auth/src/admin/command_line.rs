//! What only the command line does: it knows people by their address, and may end everything.

use std::sync::Arc;

use rand::RngCore;
use uuid::Uuid;

use super::{Administration, By};
use crate::{
    buckets::Buckets,
    clock::Clock,
    cookies::Cookies,
    db::{Database, ListenAddress},
    email::Email,
    error::{Error, Result},
    keys::{KeyRing, MIN_SECRET_BYTES},
    session::{Ending, Lifetimes, Sessions},
    wire::{Role, SessionInfo},
    wire_admin::PersonRow,
};

/// Sessions ended in one transaction: running servers write between two of them.
const BATCH: i64 = 200;

impl Administration {
    /// The way from the command line: over a migrated database, with the lifetimes of the running servers,
    /// which decide how long what ended must be remembered as ended.
    pub async fn at_command_line(
        db: Database,
        listen: Option<&ListenAddress>,
        clock: Clock,
        lifetimes: Lifetimes,
    ) -> Self {
        // Nothing is sealed or opened here, so any key does, and nobody has to hand over the true one.
        let mut key = vec![0; MIN_SECRET_BYTES];
        rand::rngs::OsRng.fill_bytes(&mut key);
        let keys = Arc::new(KeyRing::new(&[key.into()]));
        let buckets = Buckets::new(db.clone(), Arc::clone(&keys), clock.clone());
        let cookies = Cookies::new(true);
        let sessions = Sessions::new(db.clone(), listen, keys, clock.clone(), cookies, lifetimes).await;
        Self {
            buckets,
            db,
            clock,
            sessions,
        }
    }

    /// The person with this address.
    ///
    /// # Errors
    /// [`Error::InvalidEmail`]; [`Error::NotFound`]
    pub async fn find(&self, email: &str) -> Result<PersonRow> {
        let email: Email = email.parse()?;
        sqlx::query_as("SELECT id, email, name, role, created_at, disabled_at FROM users WHERE email = $1")
            .bind(email.as_str())
            .fetch_optional(self.db.read())
            .await?
            .ok_or(Error::NotFound)
    }

    /// Everybody with this role, the oldest first.
    pub async fn with_role(&self, role: Role) -> Result<Vec<PersonRow>> {
        Ok(sqlx::query_as(
            "SELECT id, email, name, role, created_at, disabled_at FROM users WHERE role = $1 ORDER BY id",
        )
        .bind(role)
        .fetch_all(self.db.read())
        .await?)
    }

    /// A person's sessions that are alive.
    pub async fn sessions_of(&self, user_id: Uuid) -> Result<Vec<SessionInfo>> {
        self.sessions.list_of(user_id, None).await
    }

    /// Ends the sessions of everybody; how many.
    pub async fn end_everybodys_sessions(&self) -> Result<usize> {
        let mut all = 0;
        loop {
            match self.end(By::CommandLine, Ending::Some { most: BATCH }).await? {
                0 => return Ok(all),
                ended => all += ended,
            }
        }
    }
}
