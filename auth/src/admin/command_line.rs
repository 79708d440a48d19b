//! What only the command line can do: it also finds users by their address, and may end all sessions.

use sqlx::QueryBuilder;
use uuid::Uuid;
use wire::{Role, SessionInfo, UserRow, WaysIn};

use super::{Administration, By};
use crate::{
    audit::History,
    clock::Clock,
    config::Config,
    db::{Database, Db},
    email::Email,
    error::{Error, Result},
    session::{Ending, Marks, table},
    users,
};

/// The number of users whose sessions end in one transaction. Running servers can write between two of them.
const BATCH: i64 = 100;

/// A user that an address may refer to.
#[derive(Debug)]
pub struct Candidate {
    /// The user.
    pub person: UserRow,
    /// How the user signs in.
    pub ways_in: WaysIn,
}

/// The result of looking for a user to give a privilege to.
#[derive(Debug)]
pub enum Grantee {
    /// The user with this id, or with this address, which is verified.
    Proven(UserRow),
    /// No user has proven that the address is theirs. These users entered it, or their providers reported it.
    Unproven(Vec<Candidate>),
}

const PERSON: &str =
    "SELECT id, email, email_verified_at IS NOT NULL AS email_verified, name, role, created_at, disabled_at
     FROM users WHERE ";

impl Administration {
    /// Administration from the command line, over a migrated database. The configuration is that of the running
    /// servers: it decides how long an ended session must be remembered as ended.
    // wing:mail
    /// Users are told what is done to them if it has mail and a secret.
    // end wing:mail
    ///
    /// # Errors
    /// [`Error::Unavailable`]
    pub async fn at_command_line(config: &Config, db: Database, clock: Clock) -> Result<Self> {
        db.agree_on_time(&clock).await?;
        let marks = Marks::new(clock.clone(), config.lifetimes.snapshot);
        let history = History::new(clock.clone());
        let history = history.told_by_command(config, &db); // wing:mail
        Ok(Self {
            db,
            clock,
            history,
            marks,
        })
    }

    /// The user with this id, or with this address, verified or not. Use it to look a user up, or to take something
    /// away. To give something, use [`Self::grantee`].
    ///
    /// # Errors
    /// [`Error::InvalidEmail`]; [`Error::NotFound`]
    pub async fn find(&self, who: &str) -> Result<UserRow> {
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

    /// The user to give a privilege to. A privilege requires a proof, and an address that anyone may have typed is
    /// not one: otherwise the first user to register it would get the privilege.
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
        let people: Vec<UserRow> = QueryBuilder::<Db>::new(PERSON)
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
        if candidates.is_empty() {
            Err(Error::NotFound)
        } else {
            Ok(Grantee::Unproven(candidates))
        }
    }

    /// All users with a role beyond the one that everyone has, the oldest first.
    pub async fn with_roles(&self) -> Result<Vec<UserRow>> {
        let mut query = QueryBuilder::<Db>::new(PERSON);
        let mut roles = query.push("role IN (").separated(", ");
        for role in Role::ALL.iter().filter(|role| **role != Role::default()) {
            roles.push_bind(*role);
        }
        Ok(query
            .push(") ORDER BY id")
            .build_query_as()
            .fetch_all(self.db.read())
            .await?)
    }

    /// A user's live sessions.
    pub async fn sessions_of(&self, user_id: Uuid) -> Result<Vec<SessionInfo>> {
        table::list(&self.db, user_id, None, self.clock.now()).await
    }

    /// Ends the sessions of all users. Returns the number of sessions. Users who sign in meanwhile may keep their
    /// new sessions.
    pub async fn end_everybodys_sessions(&self) -> Result<usize> {
        let (mut all, mut after) = (0, Uuid::nil());
        loop {
            // In the order of ids, so that two concurrent runs lock the same users in the same order.
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
