//! The outbox: mails as rows, from the transaction that causes them until they are sent.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use time::{Duration, OffsetDateTime};
use tokio::sync::Notify;
use uuid::Uuid;

use super::{
    Mail,
    notices::verified_address,
    schedule,
    texts::{Content, Written},
};
use crate::{
    db::{Expired, Tx},
    email::Email,
    error::Result,
    keys::{Place, Purpose},
    users,
};

/// How long a row belongs to the instance that has taken it. A try takes less, so only an instance that was killed or
/// stopped leaves a row behind, which another one then takes.
pub(super) const CLAIM: Duration = Duration::seconds(60);

/// Mails whose content is no longer true. They are only left if no job has been running.
const EXPIRED: Expired = Expired {
    table: "mail_outbox",
    key: "id",
    when: "give_up_at <= $1",
};

/// What a mail is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Proves a new address.
    Verification,
    /// Leads to a new password.
    Reset,
    /// Proves the address that a user wants to have.
    EmailChange,
    /// Gives a user the former address back.
    UndoEmailChange,
    /// Signs a user in.
    SignIn,
    /// Confirms a user's identity.
    Confirmation,
    /// Registers the owner of the address.
    Registration,
    /// Invites the owner of the address.
    Invitation,
    /// Reports what was done with an account.
    Notice,
    /// Reports that the account was deleted.
    Deletion,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Verification => "verification",
            Self::Reset => "reset",
            Self::EmailChange => "email_change",
            Self::UndoEmailChange => "undo_email_change",
            Self::SignIn => "sign_in",
            Self::Confirmation => "confirmation",
            Self::Registration => "registration",
            Self::Invitation => "invitation",
            Self::Notice => "notice",
            Self::Deletion => "deletion",
        }
    }
}

/// The kind of a row that is never sent.
const NONE: &str = "none";

/// A mail to be written.
pub(crate) struct NewMail<'a> {
    pub(crate) kind: Kind,
    /// The user whom it is about. It is dropped with that user.
    pub(crate) user_id: Option<Uuid>,
    /// The recipient. Without one, the same work is done for a row that is dropped, so that neither the answer nor its
    /// time shows whether an address has a user.
    pub(crate) to: Option<&'a Email>,
    pub(crate) content: Content,
    /// How long its content is true.
    pub(crate) life: Duration,
}

/// Wakes the job when dropped. Hold it until after the commit, so that the job finds the row at once. If the
/// transaction did not commit, the job finds nothing.
#[must_use = "hold it until after the commit"]
pub(crate) struct Queued(Arc<Notify>);

impl Drop for Queued {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

/// What is sealed in `body`.
#[derive(Serialize, Deserialize)]
pub(super) struct Letter {
    /// Written once: the same at every try, even if `MAIL_FROM` changes meanwhile.
    pub(super) message_id: String,
    /// When it was written, in Unix seconds.
    pub(super) at: i64,
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: String,
}

/// A row that this instance has taken.
#[derive(FromRow)]
pub(super) struct Claimed {
    pub(super) id: Uuid,
    pub(super) kind: String,
    pub(super) recipient: Option<String>,
    body: String,
    /// How often it was tried, this time included.
    pub(super) tries: i32,
    claimed_until: OffsetDateTime,
    give_up_at: OffsetDateTime,
}

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is done.
    Sent,
    /// It is tried again later, unless its content is no longer true by then.
    Later,
    /// It is given up.
    GivenUp,
}

fn place(id: Uuid, recipient: Option<&str>) -> Place {
    Place::new(
        "mail_outbox.body",
        &[id.as_bytes(), recipient.unwrap_or_default().as_bytes()],
    )
}

impl Claimed {
    /// The mail; `None` if no key opens it.
    pub(super) fn open(&self, mail: &Mail) -> Option<Letter> {
        let place = place(self.id, self.recipient.as_deref());
        let opened = mail.0.keys.open_at(Purpose::Mail, &place, &self.body)?;
        serde_json::from_str(&opened).ok()
    }

    // wing:data-rights
    /// Whether it is all that is left of its recipient.
    pub(super) fn is_last(&self) -> bool {
        self.kind == Kind::Deletion.name()
    }
    // end wing:data-rights

    pub(super) fn is_none(&self) -> bool {
        self.kind == NONE
    }
}

impl Mail {
    /// Writes a mail into the caller's transaction. It is sent once that has committed.
    ///
    /// # Errors
    /// Of the database.
    pub(crate) async fn enqueue(&self, tx: &mut Tx, new: NewMail<'_>) -> Result<Queued> {
        self.insert(tx, new).await?;
        Ok(Queued(Arc::clone(&self.0.wake)))
    }

    /// The same for a mail with which nobody waits for the job to look.
    ///
    /// # Errors
    /// Of the database.
    pub(super) async fn insert(&self, tx: &mut Tx, new: NewMail<'_>) -> Result<()> {
        let now = self.0.clock.now();
        let id = Uuid::now_v7();
        let Written { subject, text, html } = new.content.write();
        let domain = self.0.way.as_ref().map_or("localhost", |(from, _)| from.domain());
        let letter = Letter {
            message_id: format!("<{id}@{domain}>"),
            at: now.unix_timestamp(),
            subject,
            text,
            html,
        };
        let json = serde_json::to_string(&letter).map_err(crate::Error::internal)?;
        let recipient = new.to.map(Email::as_str);
        sqlx::query(
            "INSERT INTO mail_outbox (id, kind, recipient, body, due_at, give_up_at, user_id)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(id)
        .bind(recipient.map_or(NONE, |_| new.kind.name()))
        .bind(recipient)
        .bind(self.0.keys.seal_at(Purpose::Mail, &place(id, recipient), &json))
        .bind(now)
        .bind(now + new.life)
        .bind(new.user_id)
        .execute(&mut **tx)
        .await?;
        Ok(())
    }

    /// Drops what is about no user and waits for the address of a user who is being deleted, or proves it, and its
    /// failures. What is about the user goes with the user.
    ///
    /// The former only if the user has verified the address: otherwise anyone could undo an invitation by registering with
    /// its address and leaving again.
    pub(crate) async fn forget(&self, tx: &mut Tx, user_id: Uuid) -> Result<()> {
        if let Some(email) = users::address(tx, user_id).await? {
            self.unlock(tx, email.as_str()).await?;
        }
        let Some(email) = verified_address(tx, user_id).await? else {
            return Ok(());
        };
        for statement in [
            "DELETE FROM mail_outbox WHERE recipient = $1 AND user_id IS NULL",
            "DELETE FROM mail_tokens WHERE address = $1 AND user_id IS NULL",
        ] {
            sqlx::query(statement)
                .bind(email.as_str())
                .execute(&mut **tx)
                .await?;
        }
        Ok(())
    }

    /// Takes up to so many rows that are due, the oldest first. The condition is checked again by the update itself: of
    /// two instances that read the same row, one takes it.
    pub(super) async fn claim(&self, most: usize) -> Result<Vec<Claimed>> {
        let now = self.0.clock.now();
        // A read first: most of the time there is nothing, and a write would hold up others.
        let is_any_due: Option<i32> = sqlx::query_scalar(
            "SELECT 1 FROM mail_outbox WHERE due_at <= $1 AND give_up_at > $1
             AND (claimed_until IS NULL OR claimed_until <= $1) LIMIT 1",
        )
        .bind(now)
        .fetch_optional(self.0.db.read())
        .await?;
        if is_any_due.is_none() {
            return Ok(Vec::new());
        }
        Ok(sqlx::query_as(
            "UPDATE mail_outbox SET claimed_until = $2, tries = tries + 1
             WHERE due_at <= $1 AND give_up_at > $1 AND (claimed_until IS NULL OR claimed_until <= $1) AND id IN (
                 SELECT id FROM mail_outbox WHERE due_at <= $1 AND give_up_at > $1
                 AND (claimed_until IS NULL OR claimed_until <= $1) ORDER BY due_at, id LIMIT $3)
             RETURNING id, kind, recipient, body, tries, claimed_until, give_up_at",
        )
        .bind(now)
        .bind(now + CLAIM)
        .bind(i64::try_from(most).unwrap_or(i64::MAX))
        .fetch_all(self.0.db.write())
        .await?)
    }

    /// Records what became of a row. A mail that was sent is deleted whoever has the row by now; otherwise the row is
    /// left alone if another instance has taken it meanwhile. Returns the fate: a mail that cannot be tried in time is
    /// given up.
    pub(super) async fn settle(&self, row: &Claimed, fate: Fate) -> Result<Fate> {
        let next = schedule::next(row.tries, self.0.clock.now(), row.give_up_at);
        match (fate, next) {
            (Fate::Later, Some(next)) => {
                sqlx::query(
                    "UPDATE mail_outbox SET due_at = $3, claimed_until = NULL WHERE id = $1 AND claimed_until = $2",
                )
                .bind(row.id)
                .bind(row.claimed_until)
                .bind(next)
                .execute(self.0.db.write())
                .await?;
                Ok(Fate::Later)
            }
            (Fate::Sent, _) => {
                sqlx::query("DELETE FROM mail_outbox WHERE id = $1")
                    .bind(row.id)
                    .execute(self.0.db.write())
                    .await?;
                Ok(Fate::Sent)
            }
            (Fate::GivenUp, _) | (Fate::Later, None) => {
                sqlx::query("DELETE FROM mail_outbox WHERE id = $1 AND claimed_until = $2")
                    .bind(row.id)
                    .bind(row.claimed_until)
                    .execute(self.0.db.write())
                    .await?;
                Ok(Fate::GivenUp)
            }
        }
    }

    /// How many mails wait.
    pub(super) async fn pending(&self) -> Result<i64> {
        Ok(
            sqlx::query_scalar("SELECT count(*) FROM mail_outbox WHERE kind <> 'none'")
                .fetch_one(self.0.db.read())
                .await?,
        )
    }

    /// Gives up mails whose content is no longer true.
    pub(super) async fn sweep_outbox(&self) -> Result<()> {
        let given_up = self.0.db.sweep(EXPIRED, self.0.clock.now()).await?;
        if given_up > 0 {
            tracing::warn!(
                mails = given_up,
                "mails were given up, since they could not be sent in time"
            );
            self.count_failed(given_up);
        }
        Ok(())
    }
}
