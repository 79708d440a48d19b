//! The audit log: what happened to an account, for its user and for administrators.

mod deed;
mod history;

use std::collections::BTreeSet; // wing:mail

use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;
use wire::{Actor, Event, Timestamp};

pub(crate) use self::{deed::Deed, history::History};
use crate::mail::notices::{Doer, Notice}; // wing:mail
use crate::{
    client::Client,
    db::{Database, Expired, Tx},
    error::Result,
};

/// How long an event is kept.
pub(crate) const KEPT: Duration = Duration::days(400);

/// Events older than that. The condition takes the time.
pub(crate) const EXPIRED: Expired = Expired {
    table: "audit_events",
    key: "id",
    when: "at <= $1",
};

/// How an event shows that it was done at the command line.
pub(crate) const COMMAND_LINE: &str = "command line"; // wing:admin,data-rights,mail

/// Stands for every administrator who has been deleted.
const FORMER_ADMINISTRATOR: Uuid = Uuid::nil();

/// How long an event shows the address that it came from.
pub(crate) const ADDRESSES_KEPT: Duration = Duration::days(90);

/// Events with an address that are older than that. The condition takes the time.
pub(crate) const WITH_OLD_ADDRESS: Expired = Expired {
    table: "audit_events",
    key: "id",
    when: "ip IS NOT NULL AND at <= $1",
};

/// The contents of `detail`.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Detail {
    note: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
}

/// An event to be written.
#[derive(Clone, Copy, Debug)]
#[must_use = "it is written by `record`"]
pub(crate) struct NewEvent<'a> {
    kind: Deed,
    user_id: Option<Uuid>,
    session_id: Option<Uuid>,
    client: Option<&'a Client>,
    note: &'a str,
    actor_id: Option<Uuid>,
    by: Option<&'a str>,
}

impl<'a> NewEvent<'a> {
    /// An action of a user on their own account.
    pub(crate) fn of(user_id: Uuid, kind: Deed) -> Self {
        Self {
            user_id: Some(user_id),
            ..Self::system_event(kind)
        }
    }

    /// An event about no account, or about one that is gone.
    pub(crate) const fn system_event(kind: Deed) -> Self {
        Self {
            kind,
            user_id: None,
            session_id: None,
            client: None,
            note: "",
            actor_id: None,
            by: None,
        }
    }

    /// The same, about this user.
    pub(crate) fn about(self, user_id: Uuid) -> Self {
        Self {
            user_id: Some(user_id),
            ..self
        }
    }

    /// The session it was done in, or to.
    pub(crate) fn session(self, session_id: Uuid) -> Self {
        Self {
            session_id: Some(session_id),
            ..self
        }
    }

    /// The client that it came from. The log has its address.
    pub(crate) fn from(self, client: &'a Client) -> Self {
        Self {
            client: Some(client),
            ..self
        }
    }

    /// One more word: the provider, the method, the role.
    pub(crate) fn note(self, note: &'a str) -> Self {
        Self { note, ..self }
    }

    // wing:admin
    /// It was done by another user.
    pub(crate) fn by_user(self, actor_id: Uuid) -> Self {
        Self {
            actor_id: Some(actor_id),
            ..self
        }
    }
    // end wing:admin

    // wing:admin,data-rights,mail
    /// It was done by an actor who is not a user.
    pub(crate) fn by_other(self, actor: &'a str) -> Self {
        Self {
            by: Some(actor),
            ..self
        }
    }
    // end wing:admin,data-rights,mail

    /// Writes the event, in the transaction that makes it true.
    // wing:mail
    /// Its user is told of it, if that is to be, see [`Notice::of`].
    // end wing:mail
    ///
    /// # Errors
    /// Of the database.
    pub(crate) async fn record(self, tx: &mut Tx, history: &History) -> Result<()> {
        self.write(tx, history.clock().now()).await?;
        self.tell(tx, history).await?; // wing:mail
        Ok(())
    }

    // wing:mail
    /// Tells the user, if that is to be.
    async fn tell(self, tx: &mut Tx, history: &History) -> Result<()> {
        let doer = Doer::Holder(self.client);
        // wing:admin,data-rights
        let doer = if self.by.is_some() { Doer::Operator } else { doer };
        // end wing:admin,data-rights
        // wing:admin
        let doer = if self.actor_id.is_some() {
            Doer::Administrator
        } else {
            doer
        };
        // end wing:admin
        let told = history
            .mail()
            .zip(self.user_id)
            .zip(Notice::of(self.kind, doer, self.note));
        match told {
            Some(((mail, user_id), notice)) => mail.notify(tx, user_id, notice, doer).await,
            None => Ok(()),
        }
    }
    // end wing:mail

    /// Writes the event once for each of these sessions, of several users.
    // wing:mail
    /// Each user is told once, however many of their sessions there are.
    // end wing:mail
    ///
    /// # Errors
    /// Of the database.
    pub(crate) async fn record_for(
        self,
        tx: &mut Tx,
        history: &History,
        sessions: impl Iterator<Item = (Uuid, Uuid)>,
    ) -> Result<()> {
        let now = history.clock().now();
        let mut users = BTreeSet::new(); // wing:mail
        for (user_id, session_id) in sessions {
            self.about(user_id).session(session_id).write(tx, now).await?;
            users.insert(user_id); // wing:mail
        }
        // wing:mail
        for user_id in users {
            self.about(user_id).tell(tx, history).await?;
        }
        // end wing:mail
        Ok(())
    }

    async fn write(self, tx: &mut Tx, at: OffsetDateTime) -> Result<()> {
        let (note, by) = (self.note.to_owned(), self.by.map(str::to_owned));
        sqlx::query(
            "INSERT INTO audit_events (id, at, user_id, actor_id, session_id, kind, ip, detail)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(Uuid::now_v7())
        .bind(at)
        .bind(self.user_id)
        .bind(self.actor_id)
        .bind(self.session_id)
        .bind(self.kind.name())
        .bind(self.client.and_then(|client| client.ip).map(|ip| ip.to_string()))
        .bind(Json(Detail { note, by }))
        .execute(&mut **tx)
        .await?;
        Ok(())
    }
}

/// Removes whatever leads to a user who is being deleted. What was done to the user, and what the user did to others as an
/// administrator, stays; who that was does not.
///
/// # Errors
/// Of the database.
pub(crate) async fn forget(tx: &mut Tx, user_id: Uuid) -> Result<()> {
    sqlx::query(
        "UPDATE audit_events SET user_id = NULL, session_id = NULL, ip = NULL, detail = $2 WHERE user_id = $1",
    )
    .bind(user_id)
    .bind(Json(Detail::default()))
    .execute(&mut **tx)
    .await?;
    sqlx::query("UPDATE audit_events SET actor_id = $2, ip = NULL WHERE actor_id = $1")
        .bind(user_id)
        .bind(FORMER_ADMINISTRATOR)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// An event as it was written.
#[derive(sqlx::FromRow)]
pub(crate) struct Row {
    id: Uuid,
    at: Timestamp,
    kind: String,
    ip: Option<String>,
    session_id: Option<Uuid>,
    detail: Json<Detail>,
    actor_id: Option<Uuid>,
    actor_email: Option<String>,
}

/// The newest of a user's events of each kind, found kind by kind along the index. However many there are of one
/// kind, the others cost no more for it.
const OWN: &str = "WITH RECURSIVE
     kinds (kind) AS (
         SELECT min(kind) FROM audit_events WHERE user_id = $1
         UNION ALL
         SELECT (SELECT min(e.kind) FROM audit_events e WHERE e.user_id = $1 AND e.kind > kinds.kind)
         FROM kinds WHERE kinds.kind IS NOT NULL),
     since (kind, id) AS (
         SELECT kinds.kind, coalesce((SELECT e.id FROM audit_events e WHERE e.user_id = $1 AND e.kind = kinds.kind
                                      ORDER BY e.id DESC LIMIT 1 OFFSET $2), $3)
         FROM kinds WHERE kinds.kind IS NOT NULL),
     newest (id, place) AS (
         SELECT e.id, row_number() OVER (PARTITION BY e.kind ORDER BY e.id DESC)
         FROM since JOIN audit_events e ON e.user_id = $1 AND e.kind = since.kind AND e.id > since.id)
     SELECT e.id, e.at, e.kind, e.ip, e.session_id, e.detail, e.actor_id, a.email AS actor_email
     FROM newest JOIN audit_events e ON e.id = newest.id LEFT JOIN users a ON a.id = e.actor_id
     ORDER BY newest.place, e.id DESC LIMIT $2";

/// The newest events of a user, for that user: at least one of each kind, before others of the same kind. They do
/// not show which administrator did something, or from where.
pub(crate) async fn own(db: &Database, user_id: Uuid, most: usize) -> Result<Vec<Event>> {
    let mut rows: Vec<Row> = sqlx::query_as(OWN)
        .bind(user_id)
        .bind(i64::try_from(most).unwrap_or(i64::MAX))
        .bind(Uuid::nil())
        .fetch_all(db.read())
        .await?;
    rows.sort_by_key(|row| std::cmp::Reverse(row.id));
    Ok(rows
        .into_iter()
        .map(Event::from)
        .map(|event| match event.by {
            Actor::Admin { .. } => Event {
                ip: None,
                by: Actor::Admin {
                    user_id: None,
                    email: None,
                },
                ..event
            },
            _ => event,
        })
        .collect())
}

impl From<Row> for Event {
    fn from(row: Row) -> Self {
        let Json(Detail { note, by }) = row.detail;
        let by = match (row.actor_id, by) {
            (Some(user_id), _) => Actor::Admin {
                user_id: Some(user_id).filter(|id| *id != FORMER_ADMINISTRATOR),
                email: row.actor_email,
            },
            (None, Some(_)) => Actor::CommandLine,
            (None, None) => Actor::Oneself,
        };
        Self {
            id: row.id,
            at: row.at,
            kind: row.kind,
            note,
            ip: row.ip,
            session_id: row.session_id,
            by,
        }
    }
}
