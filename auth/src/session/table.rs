//! The `sessions` table: the authority on who is signed in.

use sqlx::{FromRow, QueryBuilder};
use time::OffsetDateTime;
use uuid::Uuid;
use wire::{SessionInfo, Timestamp};

use super::{id::IdHash, live::LiveSession, proof::Lookup, records, shown::Shown};
use crate::db::HOLD; // wing:clients
use crate::{
    client::Client,
    db::{Database, Db, Expired, Tx},
    error::Result,
    users::hooks,
};

/// The condition for a live session, as SQL over sessions `s` joined with their users `u`, with the present time as
/// `$2`.
pub(crate) const ALIVE: &str = "s.idle_expires_at > $2 AND s.expires_at > $2 AND u.disabled_at IS NULL";

/// The contents of a new session.
pub(super) struct NewSession<'a> {
    pub(super) user_id: Uuid,
    pub(super) method: &'a str,
    pub(super) remember: bool,
    pub(super) client: &'a Client,
    pub(super) now: OffsetDateTime,
    pub(super) idle_expires_at: OffsetDateTime,
    pub(super) expires_at: OffsetDateTime,
}

/// Finds the live session that a proof belongs to, in one query.
pub(crate) async fn find(db: &Database, lookup: &Lookup, now: OffsetDateTime) -> Result<Option<LiveSession>> {
    let sql = format!(
        "SELECT s.id AS session_id, s.user_id, s.version, s.last_seen_at, s.idle_expires_at,
                s.expires_at, s.authenticated_at, s.remember, {}
         FROM sessions s JOIN users u ON u.id = s.user_id
         WHERE {} AND {ALIVE}",
        Shown::columns(),
        lookup.condition()
    );
    let live: Option<LiveSession> = lookup
        .bind(sqlx::query_as(&sql), now)
        .fetch_optional(db.read())
        .await?;
    let as_of = now.unix_timestamp();
    Ok(live.map(|live| LiveSession { as_of, ..live }))
}

/// Moves the idle end forward, unless another request has since `unless_since`. Of many concurrent requests, one
/// writes.
pub(crate) async fn touch(
    db: &Database,
    live: &LiveSession,
    now: OffsetDateTime,
    unless_since: OffsetDateTime,
    idle_expires_at: OffsetDateTime,
) -> Result<()> {
    sqlx::query(
        "UPDATE sessions SET last_seen_at = $2, idle_expires_at = $3
         WHERE id = $1 AND last_seen_at <= $4 AND idle_expires_at > $2",
    )
    .bind(live.session_id)
    .bind(now)
    .bind(idle_expires_at)
    .bind(unless_since)
    .execute(db.write())
    .await?;
    Ok(())
}

/// Writes a session's row and record. The caller must have locked the user, so that what is read of them here stays
/// true, and commits afterwards.
pub(super) async fn insert(
    tx: &mut Tx,
    id: &tower_sessions::session::Id,
    new: NewSession<'_>,
) -> Result<LiveSession> {
    hooks::on_session_saving(tx, new.user_id).await?;
    let hash = IdHash::of(id);
    let session_id = Uuid::now_v7();
    sqlx::query(
        "INSERT INTO sessions (id, user_id, key_hash, created_at, last_seen_at, idle_expires_at, expires_at,
                               authenticated_at, remember, method, user_agent, ip)
         VALUES ($1, $2, $3, $4, $4, $5, $6, $4, $7, $8, $9, $10)",
    )
    .bind(session_id)
    .bind(new.user_id)
    .bind(hash.bytes())
    .bind(new.now)
    .bind(new.idle_expires_at)
    .bind(new.expires_at)
    .bind(new.remember)
    .bind(new.method)
    .bind(new.client.user_agent.as_deref())
    .bind(new.client.ip.map(|ip| ip.to_string()))
    .execute(&mut **tx)
    .await?;
    records::insert(tx, id, new.expires_at).await?;
    hooks::on_session_saved(tx, new.user_id, session_id).await?;
    Ok(LiveSession {
        session_id,
        user_id: new.user_id,
        version: 1,
        last_seen_at: new.now,
        idle_expires_at: new.idle_expires_at,
        expires_at: new.expires_at,
        authenticated_at: new.now,
        remember: new.remember,
        shown: Shown::of(tx, new.user_id).await?,
        as_of: new.now.unix_timestamp(),
    })
}

/// Which sessions to end.
pub(crate) enum Ending {
    /// This one, if it belongs to the user.
    One { user_id: Uuid, session_id: Uuid },
    /// All of the user's sessions but this one.
    Others { user_id: Uuid, session_id: Uuid },
    /// All of the user's sessions.
    All { user_id: Uuid },
    /// This one, whichever user it belongs to.
    Any { session_id: Uuid },
    // wing:clients
    /// All of the user's sessions of one client.
    OfClient { user_id: Uuid, client_id: String },
    // end wing:clients
    /// All of the user's sessions that began with one account.
    Method {
        user_id: Uuid,
        method: String,
        keep: Uuid,
    },
}

impl Ending {
    /// The user, if several of their sessions may end at once.
    pub(super) fn user(&self) -> Option<Uuid> {
        match self {
            Self::One { .. } | Self::Any { .. } => None,
            Self::Others { user_id, .. } | Self::All { user_id } | Self::Method { user_id, .. } => {
                Some(*user_id)
            }
            Self::OfClient { user_id, .. } => Some(*user_id), // wing:clients
        }
    }
}

// wing:admin
/// The user whose sessions end.
pub(crate) async fn user_of(tx: &mut Tx, ending: &Ending) -> Result<Option<Uuid>> {
    match ending {
        Ending::Any { session_id } => owner(tx, *session_id).await,
        Ending::One { user_id, .. } => Ok(Some(*user_id)),
        other => Ok(other.user()),
    }
}
// end wing:admin

/// A session that has just been ended.
#[derive(FromRow)]
pub(crate) struct Ended {
    #[sqlx(rename = "id")]
    pub(crate) session_id: Uuid,
    pub(crate) user_id: Uuid,
    pub(super) key_hash: Vec<u8>,
}

/// Deletes sessions and their records. The caller must have locked [`Ending::user`]; it marks what was ended and
/// commits.
pub(super) async fn delete(tx: &mut Tx, which: Ending) -> Result<Vec<Ended>> {
    let mut query = QueryBuilder::<Db>::new("DELETE FROM sessions WHERE ");
    match which {
        Ending::Any { session_id } => query.push("id = ").push_bind(session_id),
        Ending::All { user_id } => query.push("user_id = ").push_bind(user_id),
        Ending::One { user_id, session_id } => query
            .push("user_id = ")
            .push_bind(user_id)
            .push(" AND id = ")
            .push_bind(session_id),
        Ending::Others { user_id, session_id } => query
            .push("user_id = ")
            .push_bind(user_id)
            .push(" AND id <> ")
            .push_bind(session_id),
        // wing:clients
        Ending::OfClient { user_id, client_id } => query
            .push("user_id = ")
            .push_bind(user_id)
            .push(" AND client_id = ")
            .push_bind(client_id),
        // end wing:clients
        Ending::Method {
            user_id,
            method,
            keep,
        } => query
            .push("user_id = ")
            .push_bind(user_id)
            .push(" AND method = ")
            .push_bind(method)
            .push(" AND id <> ")
            .push_bind(keep),
    };
    query.push(" RETURNING id, user_id, key_hash");
    let ended: Vec<Ended> = query.build_query_as().fetch_all(&mut **tx).await?;
    for ended in &ended {
        records::remove(tx, &ended.key_hash).await?;
    }
    Ok(ended)
}

// wing:clients
/// Which of the grants that clients have not collected yet are to be taken back.
pub(crate) enum Uncollected<'a> {
    /// All of a user's.
    Of(Uuid),
    /// All of one client's.
    Client(&'a str),
}

/// Takes back what users have granted other clients and these have not collected yet: it would begin sessions after those
/// that there are have ended. All transactions lock the grants in one order, so that no two wait for each other.
pub(crate) async fn take_back_grants(tx: &mut Tx, which: &Uncollected<'_>) -> Result<()> {
    for (table, key, uncollected) in [
        ("authorization_codes", "code_hash", "spent_at IS NULL"),
        ("device_grants", "device_hash", "state = 'approved'"),
    ] {
        let column = match which {
            Uncollected::Of(_) => "user_id",
            Uncollected::Client(_) => "client_id",
        };
        let sql = format!(
            "DELETE FROM {table} WHERE {key} IN (
                 SELECT {key} FROM {table} WHERE {column} = $1 AND {uncollected} ORDER BY {key}{HOLD})"
        );
        let query = match which {
            Uncollected::Of(id) => sqlx::query(&sql).bind(*id),
            Uncollected::Client(id) => sqlx::query(&sql).bind(*id),
        };
        query.execute(&mut **tx).await?;
    }
    Ok(())
}
// end wing:clients

/// The user a session belongs to. A session never changes its user.
pub(crate) async fn owner(tx: &mut Tx, session_id: Uuid) -> Result<Option<Uuid>> {
    Ok(sqlx::query_scalar("SELECT user_id FROM sessions WHERE id = $1")
        .bind(session_id)
        .fetch_optional(&mut **tx)
        .await?)
}

/// All of a user's sessions in browsers, and when the authority last saw each.
pub(super) async fn last_seen(tx: &mut Tx, user_id: Uuid) -> Result<Vec<(Uuid, OffsetDateTime)>> {
    Ok(
        sqlx::query_as("SELECT id, last_seen_at FROM sessions WHERE user_id = $1 AND kind = 'browser'")
            .bind(user_id)
            .fetch_all(&mut **tx)
            .await?,
    )
}

/// Gives a session another id cookie and the next version. With `confirmed`, its user has proven their identity at
/// `now`. Returns `None` if the session ended in the meantime.
pub(super) async fn cycle(
    tx: &mut Tx,
    live: LiveSession,
    old: &IdHash,
    new: &IdHash,
    now: OffsetDateTime,
    confirmed: bool,
) -> Result<Option<LiveSession>> {
    let version: Option<i64> = sqlx::query_scalar(
        "UPDATE sessions SET key_hash = $3, version = version + 1, authenticated_at = coalesce($4, authenticated_at)
         WHERE id = $1 AND key_hash = $2 RETURNING version",
    )
    .bind(live.session_id)
    .bind(old.bytes())
    .bind(new.bytes())
    .bind(confirmed.then_some(now))
    .fetch_optional(&mut **tx)
    .await?;
    let Some(version) = version else { return Ok(None) };
    records::rename(tx, old, new).await?;
    // Read after the row is locked: the next version must not carry what an earlier one was voided for.
    let shown = Shown::of(tx, live.user_id).await?;
    Ok(Some(LiveSession {
        version,
        shown,
        as_of: now.unix_timestamp(),
        ..live
    }))
}

/// Raises the version of a user's sessions: of all, or of those in browsers. Returns the (id, version) of each.
pub(super) async fn raise_versions(
    tx: &mut Tx,
    user_id: Uuid,
    in_browsers_only: bool,
) -> Result<Vec<(Uuid, i64)>> {
    Ok(sqlx::query_as(
        "UPDATE sessions SET version = version + 1 WHERE user_id = $1 AND (kind = 'browser' OR NOT $2)
         RETURNING id, version",
    )
    .bind(user_id)
    .bind(in_browsers_only)
    .fetch_all(&mut **tx)
    .await?)
}

#[derive(FromRow)]
struct ListedRow {
    id: Uuid,
    created_at: Timestamp,
    last_seen_at: Timestamp,
    expires_at: Timestamp,
    user_agent: Option<String>,
    ip: Option<String>,
    method: String,
}

/// A user's live sessions in browsers: the `current` one first, then by last touch.
pub(crate) async fn list(
    db: &Database,
    user_id: Uuid,
    current: Option<Uuid>,
    now: OffsetDateTime,
) -> Result<Vec<SessionInfo>> {
    let rows: Vec<ListedRow> = sqlx::query_as(&format!(
        "SELECT s.id, s.created_at, s.last_seen_at, s.expires_at, s.user_agent, s.ip, s.method
         FROM sessions s JOIN users u ON u.id = s.user_id
         WHERE s.user_id = $1 AND s.kind = 'browser' AND {ALIVE}
         ORDER BY CASE WHEN s.id = $3 THEN 0 ELSE 1 END, s.last_seen_at DESC, s.id DESC"
    ))
    .bind(user_id)
    .bind(now)
    .bind(current)
    .fetch_all(db.read())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| SessionInfo {
            current: Some(row.id) == current,
            session_id: row.id,
            created_at: row.created_at,
            last_seen_at: row.last_seen_at,
            expires_at: row.expires_at,
            user_agent: row.user_agent,
            ip: row.ip,
            method: row.method,
        })
        .collect())
}

const EXPIRED: Expired = Expired {
    table: "sessions",
    key: "id",
    // This is never after the absolute end, so one index finds every ended session.
    when: "idle_expires_at <= $1",
};

/// Deletes expired sessions with their records.
pub(super) async fn sweep(db: &Database, now: OffsetDateTime) -> Result<()> {
    let statement = EXPIRED.batch("key_hash");
    let mut swept = 0;
    loop {
        let mut tx = db.begin().await?;
        let expired: Vec<Vec<u8>> = sqlx::query_scalar(&statement)
            .bind(now)
            .fetch_all(&mut *tx)
            .await?;
        records::remove_all(&mut tx, &expired).await?;
        tx.commit().await?;
        swept += expired.len();
        if Expired::ends_with(expired.len()) {
            break;
        }
    }
    if swept > 0 {
        tracing::debug!(sessions = swept, "swept expired sessions");
    }
    Ok(())
}
