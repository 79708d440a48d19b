//! Sessions of kind `api`: those of clients, and personal keys.

use sqlx::FromRow;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;
use wire::{AccessInfo, AccessKind, Scopes, Timestamp};

use super::{
    Clients,
    refresh::RefreshToken,
    refusal::{Outcome, Refusal},
    registry::{self, Registration},
};
use crate::{
    audit::{Deed, NewEvent},
    client::Client,
    db::{Db, HOLD_SHARED, Tx},
    error::Result,
    session::{ALIVE, IdHash, Shown},
    users::{self, hooks},
};

/// The most sessions of clients a user can have at once, beside those in browsers.
const MAX_CLIENT_SESSIONS: usize = 50;

/// The `method` of sessions that a client began.
const BY_CLIENT: &str = "client";
/// The `method` of personal keys.
const BY_KEY: &str = "key";

/// What a user has granted a client.
pub(super) struct Granted<'a> {
    pub(super) registration: &'a Registration,
    pub(super) user_id: Uuid,
    pub(super) scope: Scopes,
    pub(super) resource: Option<&'a str>,
    /// The sender of the request.
    pub(super) client: &'a Client,
}

/// A row of kind `api` that is to be written.
pub(super) struct NewRow<'a> {
    pub(super) session_id: Uuid,
    pub(super) user_id: Uuid,
    pub(super) key_hash: IdHash,
    pub(super) client_id: Option<&'a str>,
    pub(super) name: Option<&'a str>,
    pub(super) scope: Scopes,
    pub(super) resource: Option<&'a str>,
    pub(super) idle_expires_at: OffsetDateTime,
    pub(super) expires_at: OffsetDateTime,
    pub(super) client: &'a Client,
}

impl NewRow<'_> {
    /// Writes the row. The caller must have locked the user.
    pub(super) async fn insert(self, tx: &mut Tx, now: OffsetDateTime) -> Result<()> {
        hooks::on_session_saving(tx, self.user_id).await?;
        sqlx::query(
            "INSERT INTO sessions (id, user_id, key_hash, kind, created_at, last_seen_at, idle_expires_at, expires_at,
                                   authenticated_at, remember, method, user_agent, ip, client_id, scope, name, resource)
             VALUES ($1, $2, $3, 'api', $4, $4, $5, $6, $4, FALSE, $7, $8, $9, $10, $11, $12, $13)",
        )
        .bind(self.session_id)
        .bind(self.user_id)
        .bind(self.key_hash.bytes())
        .bind(now)
        .bind(self.idle_expires_at)
        .bind(self.expires_at)
        .bind(if self.client_id.is_some() { BY_CLIENT } else { BY_KEY })
        .bind(self.client.user_agent.as_deref())
        .bind(self.client.ip.map(|ip| ip.to_string()))
        .bind(self.client_id)
        .bind(self.scope.to_string())
        .bind(self.name)
        .bind(self.resource)
        .execute(&mut **tx)
        .await?;
        hooks::on_session_saved(tx, self.user_id, self.session_id).await
    }
}

/// What is needed of a client's session to issue its tokens.
#[derive(FromRow)]
pub(super) struct ApiSession {
    pub(super) session_id: Uuid,
    pub(super) user_id: Uuid,
    pub(super) client_id: String,
    scope: String,
    pub(super) resource: Option<String>,
    pub(super) generation: i64,
    pub(super) version: i64,
    pub(super) idle_expires_at: OffsetDateTime,
    pub(super) expires_at: OffsetDateTime,
    #[sqlx(flatten)]
    pub(super) shown: Shown,
    pub(super) key_hash: Vec<u8>,
    pub(super) prev_hash: Option<Vec<u8>>,
    pub(super) salt: Option<Vec<u8>>,
    pub(super) rotated_at: Option<OffsetDateTime>,
    pub(super) confirmed: bool,
    /// When the authority was asked, in Unix seconds.
    #[sqlx(skip)]
    pub(super) as_of: i64,
}

impl ApiSession {
    /// What the user has granted.
    pub(super) fn scopes(&self) -> Scopes {
        Scopes::known_in(&self.scope)
    }
}

/// The columns of [`ApiSession`].
const COLUMNS: &str = "s.id AS session_id, s.user_id, s.client_id, s.scope, s.resource, s.generation, s.version, \
                       s.idle_expires_at, s.expires_at, s.key_hash, \
                       s.prev_hash, s.salt, s.rotated_at, s.confirmed";

impl Clients {
    /// The live session of a client.
    pub(super) async fn client_session(&self, session_id: Uuid) -> Result<Option<ApiSession>> {
        self.session_by(self.0.db.read(), session_id).await
    }

    /// The session that the caller's transaction has begun.
    pub(super) async fn begun(&self, tx: &mut Tx, session_id: Uuid) -> Result<Option<ApiSession>> {
        self.session_by(&mut **tx, session_id).await
    }

    async fn session_by<'c>(
        &self,
        executor: impl sqlx::Executor<'c, Database = Db>,
        session_id: Uuid,
    ) -> Result<Option<ApiSession>> {
        let now = self.0.clock.now();
        let found: Option<ApiSession> = sqlx::query_as(&format!(
            "SELECT {COLUMNS}, {} FROM sessions s JOIN users u ON u.id = s.user_id
             WHERE s.id = $1 AND s.kind = 'api' AND s.client_id IS NOT NULL AND {ALIVE}",
            Shown::columns()
        ))
        .bind(session_id)
        .bind(now)
        .fetch_optional(executor)
        .await?;
        let as_of = now.unix_timestamp();
        Ok(found.map(|found| ApiSession { as_of, ..found }))
    }

    /// Begins a client's session, in the caller's transaction, which must have locked both with [`Self::lock`]. Returns the
    /// session's first refresh token.
    pub(super) async fn begin(&self, tx: &mut Tx, granted: &Granted<'_>) -> Result<RefreshToken> {
        let token = RefreshToken::first(Uuid::now_v7());
        let now = self.0.clock.now();
        let lifetimes = &self.0.lifetimes;
        let expires_at = now + Duration::seconds(lifetimes.absolute);
        self.end_surplus(tx, granted.user_id).await?;
        let row = NewRow {
            session_id: token.session_id,
            user_id: granted.user_id,
            key_hash: token.hash(),
            client_id: Some(&granted.registration.id),
            name: None,
            scope: granted.scope,
            resource: granted.resource,
            idle_expires_at: expires_at.min(now + Duration::seconds(lifetimes.idle)),
            expires_at,
            client: granted.client,
        };
        row.insert(tx, now).await?;
        NewEvent::of(granted.user_id, Deed::ClientSignedIn)
            .session(token.session_id)
            .from(granted.client)
            .note(&granted.registration.name)
            .record(tx, self.0.sessions.history())
            .await?;
        Ok(token)
    }

    /// Locks the user who is to get another session, and the client that is to hold it. Both may have been disabled since
    /// they were looked at. They are locked in this order, and before what was granted. Returns whether the user may still
    /// sign in.
    ///
    /// # Errors
    /// [`Refusal::InvalidClient`] if the client has been revoked.
    pub(super) async fn lock(
        &self,
        tx: &mut Tx,
        user_id: Uuid,
        registration: &Registration,
    ) -> Outcome<bool> {
        let user = users::lock(tx, user_id).await?;
        if !registry::hold(tx, &registration.id).await? {
            return Err(Refusal::InvalidClient);
        }
        Ok(user.is_some_and(|user| !user.disabled))
    }

    /// Whether the session in which something was granted is alive. It stays so until the transaction ends: what ends it
    /// waits, and comes after what the client collects.
    pub(super) async fn is_granted_in(&self, tx: &mut Tx, session_id: Option<Uuid>) -> Result<bool> {
        let held: Option<Uuid> = sqlx::query_scalar(&format!(
            "SELECT s.id FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id = $1 AND {ALIVE}{HOLD_SHARED}"
        ))
        .bind(session_id)
        .bind(self.0.clock.now())
        .fetch_optional(&mut **tx)
        .await?;
        Ok(held.is_some())
    }

    /// Makes room for one more client's session.
    async fn end_surplus(&self, tx: &mut Tx, user_id: Uuid) -> Result<()> {
        let others: Vec<(Uuid, OffsetDateTime)> = sqlx::query_as(
            "SELECT id, last_seen_at FROM sessions
             WHERE user_id = $1 AND kind = 'api' AND client_id IS NOT NULL",
        )
        .bind(user_id)
        .fetch_all(&mut **tx)
        .await?;
        self.0
            .sessions
            .keep_most_used(tx, user_id, others, MAX_CLIENT_SESSIONS - 1)
            .await
    }

    /// What has access to a user's account beside their browsers: clients and keys, the last used first.
    ///
    /// # Errors
    /// [`Error::Unavailable`](crate::Error::Unavailable)
    pub async fn list_access(&self, live: &crate::LiveSession) -> Result<Vec<AccessInfo>> {
        let rows: Vec<ListedRow> = sqlx::query_as(&format!(
            "SELECT s.id, s.client_id, c.name AS client_name, s.name, s.scope, s.created_at, s.last_seen_at, s.expires_at,
                    s.user_agent, s.ip
             FROM sessions s JOIN users u ON u.id = s.user_id LEFT JOIN clients c ON c.id = s.client_id
             WHERE s.user_id = $1 AND s.kind = 'api' AND {ALIVE}
             ORDER BY s.last_seen_at DESC, s.id DESC"
        ))
        .bind(live.user_id())
        .bind(self.0.clock.now())
        .fetch_all(self.0.db.read())
        .await?;
        Ok(rows.into_iter().map(AccessInfo::from).collect())
    }
}

#[derive(FromRow)]
struct ListedRow {
    id: Uuid,
    client_id: Option<String>,
    client_name: Option<String>,
    name: Option<String>,
    scope: String,
    created_at: Timestamp,
    last_seen_at: Timestamp,
    expires_at: Timestamp,
    user_agent: Option<String>,
    ip: Option<String>,
}

impl From<ListedRow> for AccessInfo {
    fn from(row: ListedRow) -> Self {
        Self {
            session_id: row.id,
            kind: match row.client_id {
                Some(_) => AccessKind::Client,
                None => AccessKind::Key,
            },
            client_id: row.client_id,
            client_name: row.client_name,
            name: row.name,
            scope: Scopes::known_in(&row.scope),
            created_at: row.created_at,
            last_seen_at: row.last_seen_at,
            expires_at: row.expires_at,
            user_agent: row.user_agent,
            ip: row.ip,
        }
    }
}
