//! Ids that sessions had until a moment ago.
//!
//! A sign-in, a confirmation or a change of what can sign in gives a browser another id while some of its requests
//! are still under way with the former one. Their responses may arrive after the browser has received its new
//! cookies. A response to a dead id clears cookies, and would then clear the new ones. So a former id is remembered
//! for longer than most requests take. It opens nothing. It only shows that this browser's cookies must not be
//! cleared, and which session the browser means when it asks only to end one: by signing out, or by signing in
//! anew.

use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::id::IdHash;
use crate::{
    db::{Database, Expired, Tx},
    error::Result,
};

/// A request that takes longer changes no session cookie.
pub(super) const REMEMBERED: Duration = Duration::seconds(60);

pub(super) const EXPIRED: Expired = Expired {
    table: "former_ids",
    key: "key_hash",
    when: "forget_at <= $1",
};

/// Remembers a session's former id, in the transaction that replaces it.
pub(super) async fn remember(
    tx: &mut Tx,
    key_hash: &[u8],
    session_id: Uuid,
    now: OffsetDateTime,
) -> Result<()> {
    sqlx::query("INSERT INTO former_ids (key_hash, session_id, forget_at) VALUES ($1, $2, $3)")
        .bind(key_hash)
        .bind(session_id)
        .bind(now + REMEMBERED)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Returns the session that had this id until a moment ago.
pub(super) async fn session_of(db: &Database, id: &IdHash, now: OffsetDateTime) -> Result<Option<Uuid>> {
    Ok(
        sqlx::query_scalar("SELECT session_id FROM former_ids WHERE key_hash = $1 AND forget_at > $2")
            .bind(id.bytes())
            .bind(now)
            .fetch_optional(db.read())
            .await?,
    )
}
