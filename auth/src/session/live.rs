//! Sessions that the authority has just confirmed, as arguments that prove it.

use sqlx::FromRow;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;
use wire::{AuthSession, Permission, Role};

use super::shown::Shown;
use super::table::ALIVE; // wing:pictures
use crate::db::Tx; // wing:pictures
use crate::error::{Error, Result};

/// How long a confirmation of identity counts as recent.
pub(super) const RECENT: Duration = Duration::minutes(10);

/// A session that the authority has just confirmed. Only the session module creates one, so an argument of this
/// type proves that the caller has asked.
#[derive(Clone, Debug, FromRow)]
pub struct LiveSession {
    pub(crate) session_id: Uuid,
    pub(crate) user_id: Uuid,
    pub(crate) version: i64,
    pub(crate) last_seen_at: OffsetDateTime,
    pub(super) idle_expires_at: OffsetDateTime,
    pub(crate) expires_at: OffsetDateTime,
    pub(super) authenticated_at: OffsetDateTime,
    pub(super) remember: bool,
    #[sqlx(flatten)]
    pub(super) shown: Shown,
    /// When the authority was asked, in Unix seconds. Its result was true at that time, and snapshots are dated by
    /// it.
    #[sqlx(skip)]
    pub(crate) as_of: i64,
}

impl LiveSession {
    /// The user's id: the only one that a change may trust.
    pub fn user_id(&self) -> Uuid {
        self.user_id
    }

    /// The session's public handle.
    pub fn session_id(&self) -> Uuid {
        self.session_id
    }

    /// The user's role, as the authority knows it.
    pub fn role(&self) -> Role {
        self.shown.role
    }

    /// Whether the user may do this, as the authority knows it.
    pub fn can(&self, permission: Permission) -> bool {
        self.role().can(permission)
    }

    /// The same, for the beginning of a function that needs it.
    ///
    /// # Errors
    /// [`Error::NotPermitted`]
    pub fn require(&self, permission: Permission) -> Result<()> {
        if self.can(permission) {
            Ok(())
        } else {
            Err(Error::NotPermitted)
        }
    }

    // wing:pictures
    /// Refuses a session that has ended meanwhile, in a transaction that has locked the user: for what takes a while before it
    /// changes anything.
    ///
    /// # Errors
    /// [`Error::NotSignedIn`]; [`Error::Unavailable`]
    pub(crate) async fn still(&self, tx: &mut Tx, now: OffsetDateTime) -> Result<()> {
        let is_alive: bool = sqlx::query_scalar(&format!(
            "SELECT EXISTS (SELECT 1 FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id = $1 AND {ALIVE})"
        ))
        .bind(self.session_id)
        .bind(now)
        .fetch_one(&mut **tx)
        .await?;
        if is_alive { Ok(()) } else { Err(Error::NotSignedIn) }
    }
    // end wing:pictures

    /// The user's address in normal form. It need not be verified.
    pub fn email(&self) -> Option<&str> {
        self.shown.email.as_deref()
    }
}

impl From<&LiveSession> for AuthSession {
    fn from(live: &LiveSession) -> Self {
        live.shown
            .clone()
            .session(live.session_id, live.user_id, live.expires_at)
    }
}

/// A live session whose user signed in, or confirmed their identity, within [`RECENT`].
#[derive(Clone, Debug)]
pub struct RecentSession(pub(super) LiveSession);

impl RecentSession {
    pub(crate) fn into_live(self) -> LiveSession {
        self.0
    }
}

impl std::ops::Deref for RecentSession {
    type Target = LiveSession;

    fn deref(&self) -> &LiveSession {
        &self.0
    }
}
