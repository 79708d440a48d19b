//! Ids that sessions had until a moment ago.
//!
//! Whatever gives a browser another id (a sign-in, a confirmation, a change of what can sign in) leaves the
//! browser's requests under way with the former one. They may be answered after the browser has got its new
//! cookies, and an answer that clears cookies, as one to a dead id does, would then clear those. So a former id
//! is remembered for as long as such a request may take. It opens nothing; it only says that this browser is
//! not to be told to forget anything, and which session it means when it asks for nothing but an end: signing
//! out, or signing in anew.

use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::id::IdHash;
use crate::{
    db::{Database, Expired, Tx},
    error::Result,
};

/// Longer than any request takes: the server ends those that run for half a minute.
const REMEMBERED: Duration = Duration::seconds(60);

pub(super) const EXPIRED: Expired = Expired {
    table: "former_ids",
    key: "key_hash",
    when: "forget_at <= $1",
};

/// Remembers the id a session had, in the transaction that takes it away.
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

/// The session that had this id until a moment ago.
pub(super) async fn session_of(db: &Database, id: &IdHash, now: OffsetDateTime) -> Result<Option<Uuid>> {
    Ok(
        sqlx::query_scalar("SELECT session_id FROM former_ids WHERE key_hash = $1 AND forget_at > $2")
            .bind(id.bytes())
            .bind(now)
            .fetch_optional(db.read())
            .await?,
    )
}
