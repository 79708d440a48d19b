//! What only the command line does: it knows people by their address as well, and may end everything.

use std::sync::Arc;

use rand::RngCore;
use sqlx::QueryBuilder;
use uuid::Uuid;
use wire::{PersonRow, Role, SessionInfo, WaysIn};

use super::{Administration, By};
use crate::{
    buckets::Buckets,
    clock::Clock,
    cookies::Cookies,
    db::{Database, Db, ListenAddress},
    detached::Detached,
    email::Email,
    error::{Error, Result},
    keys::{KeyRing, MIN_SECRET_BYTES},
    session::{Ending, Lifetimes, Sessions},
    users,
};

/// People whose sessions end in one transaction: running servers write between two of them.
const BATCH: i64 = 100;

/// Somebody whom an address may mean.
#[derive(Debug)]
pub struct Candidate {
    /// Who it is.
    pub person: PersonRow,
    /// How they sign in.
    pub ways_in: WaysIn,
}

/// Whom a privilege may be given to.
#[derive(Debug)]
pub enum Grantee {
    /// The person with this id, or with this address, which is verified.
    Proven(PersonRow),
    /// Nobody has proven that the address is theirs. These people gave it, or their providers did.
    Unproven(Vec<Candidate>),
}

const PERSON: &str =
    "SELECT id, email, email_verified_at IS NOT NULL AS email_verified, name, role, created_at, disabled_at
     FROM users WHERE ";

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
        let detached = Detached::default();
        let sessions = Sessions::new(
            db.clone(),
            listen,
            keys,
            clock.clone(),
            cookies,
            lifetimes,
            &detached,
        )
        .await;
        Self {
            buckets,
            db,
            clock,
            sessions,
        }
    }

    /// The person with this id, or with this address, verified or not: good for looking, and for taking
    /// something away. For giving there is [`Self::grantee`].
    ///
    /// # Errors
    /// [`Error::InvalidEmail`]; [`Error::NotFound`]
    pub async fn find(&self, who: &str) -> Result<PersonRow> {
        let mut query = QueryBuilder::<Db>::new(PERSON);
        match who.trim().parse::<Uuid>() {
            Ok(id) => query.push("id = ").push_bind(id),
            Err(_) => {
                let email: Email = who.parse()?;
                query.push("email = ").push_bind(email.as_str().to_owned())
            }
        };
        let found = query.build_query_as().fetch_optional(self.db.read()).await?;
        found.ok_or(Error::NotFound)
    }

    /// The person whom a privilege may be given to: privilege follows a proof. An address anybody may have
    /// typed is none; whoever registers it first would have it.
    ///
    /// # Errors
    /// [`Error::InvalidEmail`]; [`Error::NotFound`]
    pub async fn grantee(&self, who: &str) -> Result<Grantee> {
        let is_id = who.trim().parse::<Uuid>().is_ok();
        match self.find(who).await {
            Ok(person) if is_id || person.email_verified => return Ok(Grantee::Proven(person)),
            Ok(_) => {}
            Err(Error::NotFound) if !is_id => {}
            Err(error) => return Err(error),
        }
        let email: Email = who.parse()?;
        let people: Vec<PersonRow> = QueryBuilder::<Db>::new(PERSON)
            .push("email = ")
            .push_bind(email.as_str().to_owned())
            .push(" OR id IN (SELECT user_id FROM accounts WHERE email = ")
            .push_bind(email.as_str().to_owned())
            .push(") ORDER BY id")
            .build_query_as()
            .fetch_all(self.db.read())
            .await?;
        let mut candidates = Vec::with_capacity(people.len());
        for person in people {
            let ways_in = users::ways_in(&self.db, person.id).await?;
            candidates.push(Candidate { person, ways_in });
        }
        match candidates.is_empty() {
            true => Err(Error::NotFound),
            false => Ok(Grantee::Unproven(candidates)),
        }
    }

    /// Everybody with this role, the oldest first.
    pub async fn with_role(&self, role: Role) -> Result<Vec<PersonRow>> {
        Ok(QueryBuilder::<Db>::new(PERSON)
            .push("role = ")
            .push_bind(role)
            .push(" ORDER BY id")
            .build_query_as()
            .fetch_all(self.db.read())
            .await?)
    }

    /// A person's sessions that are alive.
    pub async fn sessions_of(&self, user_id: Uuid) -> Result<Vec<SessionInfo>> {
        self.sessions.list_of(user_id, None).await
    }

    /// Ends the sessions of everybody; how many. Who signs in meanwhile does so after it.
    pub async fn end_everybodys_sessions(&self) -> Result<usize> {
        let (mut all, mut after) = (0, Uuid::nil());
        loop {
            // In the order of ids: two of these at once lock the same people in the same order.
            let batch: Vec<Uuid> = sqlx::query_scalar(
                "SELECT DISTINCT user_id FROM sessions WHERE user_id > $1 ORDER BY user_id LIMIT $2",
            )
            .bind(after)
            .bind(BATCH)
            .fetch_all(self.db.read())
            .await?;
            let Some(last) = batch.last() else {
                return Ok(all);
            };
            after = *last;
            let everybody = batch.into_iter().map(|user_id| Ending::All { user_id });
            all += self.end(By::CommandLine, everybody.collect()).await?;
        }
    }
}
