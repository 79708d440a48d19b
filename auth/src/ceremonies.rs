//! What takes more than one request: a sign-in that waits for its second factor, a factor that is being set up.
//!
//! The state is in the database, sealed, and never in a cookie, which could be sent again. Each is of one kind, and belongs
//! to one browser or one session, which has one of a kind at most: a newer one replaces it.

use serde::{Serialize, de::DeserializeOwned};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    db::{Database, Expired, Tx},
    error::{Error, Result},
    keys::{KeyRing, Place, Purpose},
};

/// The kind of a ceremony. One of a kind finishes no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A sign-in that waits for its second factor. It belongs to a browser.
    HalfWay,
    /// An authenticator app that is being set up. It belongs to a session.
    Totp,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::HalfWay => "half_way",
            Self::Totp => "totp",
        }
    }

    /// How long it may take.
    const fn life(self) -> Duration {
        match self {
            Self::HalfWay | Self::Totp => Duration::minutes(10),
        }
    }
}

/// Whose a ceremony is: the hash of a browser's flow cookie, or the id of a session.
#[derive(Clone, Copy)]
pub(crate) struct Owner<'a>(pub(crate) &'a [u8]);

pub(crate) const EXPIRED: Expired = Expired {
    table: "ceremonies",
    key: "id",
    when: "expires_at <= $1",
};

/// Where a state is stored, so that it opens for nothing else.
fn place(kind: Kind, owner: Owner<'_>, user_id: Uuid) -> Place {
    let parts = [kind.name().as_bytes(), owner.0, user_id.as_bytes()];
    Place::new("ceremonies.state", &parts)
}

/// Begins a ceremony. Ends the owner's earlier one of this kind.
pub(crate) async fn begin(
    tx: &mut Tx,
    keys: &KeyRing,
    (kind, owner): (Kind, Owner<'_>),
    user_id: Uuid,
    state: &impl Serialize,
    now: OffsetDateTime,
) -> Result<()> {
    let json = serde_json::to_string(state).map_err(Error::internal)?;
    let sealed = keys.seal_at(Purpose::Ceremony, &place(kind, owner, user_id), &json);
    sqlx::query(
        "INSERT INTO ceremonies (id, kind, owner, challenge, user_id, state, expires_at)
         VALUES ($1, $2, $3, $7, $4, $5, $6)
         ON CONFLICT (kind, owner, challenge) DO UPDATE
         SET id = excluded.id, user_id = excluded.user_id, state = excluded.state, expires_at = excluded.expires_at",
    )
    .bind(Uuid::now_v7())
    .bind(kind.name())
    .bind(owner.0)
    .bind(user_id)
    .bind(sealed)
    .bind(now + kind.life())
    .bind(&[0_u8; 0][..])
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A ceremony under way.
pub(crate) struct UnderWay<T> {
    /// Ends with the ceremony.
    pub(crate) id: Uuid,
    /// Whose sign-in or factor it is.
    pub(crate) user_id: Uuid,
    pub(crate) state: T,
}

/// The owner's ceremony of this kind. It goes on.
pub(crate) async fn find<T: DeserializeOwned>(
    db: &Database,
    keys: &KeyRing,
    (kind, owner): (Kind, Owner<'_>),
    now: OffsetDateTime,
) -> Result<Option<UnderWay<T>>> {
    let row: Option<(Uuid, Uuid, String)> = sqlx::query_as(
        "SELECT id, user_id, state FROM ceremonies WHERE kind = $1 AND owner = $2 AND expires_at > $3",
    )
    .bind(kind.name())
    .bind(owner.0)
    .bind(now)
    .fetch_optional(db.read())
    .await?;
    // What a lost key has sealed begins anew.
    Ok(row.and_then(|(id, user_id, sealed)| {
        let json = keys.open_at(Purpose::Ceremony, &place(kind, owner, user_id), &sealed)?;
        let state = serde_json::from_str(&json).ok()?;
        Some(UnderWay { id, user_id, state })
    }))
}

/// Ends a ceremony. Returns `false` if another request has ended it: of two, one goes on.
pub(crate) async fn end(tx: &mut Tx, id: Uuid) -> Result<bool> {
    let ended = sqlx::query("DELETE FROM ceremonies WHERE id = $1")
        .bind(id)
        .execute(&mut **tx)
        .await?;
    Ok(ended.rows_affected() == 1)
}

/// Ends all of a user's ceremonies, wherever they were begun.
pub(crate) async fn end_all_of(tx: &mut Tx, user_id: Uuid) -> Result<()> {
    sqlx::query("DELETE FROM ceremonies WHERE user_id = $1")
        .bind(user_id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Ends all that an owner has under way.
pub(crate) async fn end_all_by(tx: &mut Tx, owner: Owner<'_>) -> Result<()> {
    sqlx::query("DELETE FROM ceremonies WHERE owner = $1")
        .bind(owner.0)
        .execute(&mut **tx)
        .await?;
    Ok(())
}
