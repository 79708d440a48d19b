//! What takes more than one request: a sign-in that waits for its second factor, a factor that is being set up, a challenge
//! that waits for a passkey's answer.
//!
//! The state is in the database, sealed, and never in a cookie, which could be sent again. Each is of one kind, and belongs
//! to one browser or one session. Of most kinds it has one at most: a newer one replaces it. Of those with a challenge it has
//! several, one for each tab.

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
    // wing:second-factors
    /// A sign-in that waits for its second factor. It belongs to a browser.
    HalfWay,
    /// An authenticator app that is being set up. It belongs to a session.
    Totp,
    // end wing:second-factors
    // wing:passkeys
    /// A passkey that is being made. It belongs to a session.
    NewPasskey,
    /// A sign-in with a passkey. It belongs to a browser, and nobody knows yet whose it is.
    PasskeySignIn,
    /// A confirmation of identity with a passkey. It belongs to a session.
    PasskeyConfirmation,
    // end wing:passkeys
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            // wing:second-factors
            Self::HalfWay => "half_way",
            Self::Totp => "totp",
            // end wing:second-factors
            // wing:passkeys
            Self::NewPasskey => "new_passkey",
            Self::PasskeySignIn => "passkey_sign_in",
            Self::PasskeyConfirmation => "passkey_confirmation",
            // end wing:passkeys
        }
    }

    /// How long it may take.
    const fn life(self) -> Duration {
        match self {
            Self::HalfWay | Self::Totp => Duration::minutes(10), // wing:second-factors
            // wing:passkeys
            // As long as the browser lets a user take.
            Self::NewPasskey | Self::PasskeySignIn | Self::PasskeyConfirmation => Duration::minutes(5),
            // end wing:passkeys
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
fn place(kind: Kind, owner: Owner<'_>, user_id: Option<Uuid>) -> Place {
    let user_id = user_id.as_ref().map_or(&[][..], |id| id.as_bytes());
    Place::new("ceremonies.state", &[kind.name().as_bytes(), owner.0, user_id])
}

/// For what one owner has one of at most.
const NO_CHALLENGE: &[u8] = &[]; // wing:second-factors

// wing:passkeys
/// How many of a kind an owner may have under way at most. The oldest gives way.
const MOST: i64 = 20;
// end wing:passkeys

/// A ceremony that begins.
struct New<'a> {
    kind: Kind,
    owner: Owner<'a>,
    /// The hash of the challenge, or [`NO_CHALLENGE`].
    challenge: &'a [u8],
    user_id: Option<Uuid>,
}

impl New<'_> {
    async fn insert(
        &self,
        tx: &mut Tx,
        keys: &KeyRing,
        state: &impl Serialize,
        now: OffsetDateTime,
    ) -> Result<()> {
        let json = serde_json::to_string(state).map_err(Error::internal)?;
        let place = place(self.kind, self.owner, self.user_id);
        sqlx::query(
            "INSERT INTO ceremonies (id, kind, owner, challenge, user_id, state, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (kind, owner, challenge) DO UPDATE
             SET id = excluded.id, user_id = excluded.user_id, state = excluded.state, expires_at = excluded.expires_at",
        )
        .bind(Uuid::now_v7())
        .bind(self.kind.name())
        .bind(self.owner.0)
        .bind(self.challenge)
        .bind(self.user_id)
        .bind(keys.seal_at(Purpose::Ceremony, &place, &json))
        .bind(now + self.kind.life())
        .execute(&mut **tx)
        .await?;
        Ok(())
    }
}

fn open<T: DeserializeOwned>(
    keys: &KeyRing,
    (kind, owner): (Kind, Owner<'_>),
    user_id: Option<Uuid>,
    sealed: &str,
) -> Option<T> {
    let json = keys.open_at(Purpose::Ceremony, &place(kind, owner, user_id), sealed)?;
    serde_json::from_str(&json).ok()
}

// wing:second-factors
/// Begins a ceremony. Ends the owner's earlier one of this kind.
pub(crate) async fn begin(
    tx: &mut Tx,
    keys: &KeyRing,
    (kind, owner): (Kind, Owner<'_>),
    user_id: Uuid,
    state: &impl Serialize,
    now: OffsetDateTime,
) -> Result<()> {
    let new = New {
        kind,
        owner,
        challenge: NO_CHALLENGE,
        user_id: Some(user_id),
    };
    new.insert(tx, keys, state, now).await
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
        let state = open(keys, (kind, owner), Some(user_id), &sealed)?;
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
// end wing:second-factors

// wing:passkeys
/// Begins a ceremony with a challenge, of which the hash is given. If the owner has too many of this kind, the oldest end.
pub(crate) async fn begin_with_challenge(
    tx: &mut Tx,
    keys: &KeyRing,
    (kind, owner): (Kind, Owner<'_>),
    (challenge, user_id): (&[u8], Option<Uuid>),
    state: &impl Serialize,
    now: OffsetDateTime,
) -> Result<()> {
    let new = New {
        kind,
        owner,
        challenge,
        user_id,
    };
    new.insert(tx, keys, state, now).await?;
    sqlx::query(
        "DELETE FROM ceremonies WHERE kind = $1 AND owner = $2 AND id NOT IN (
             SELECT id FROM ceremonies WHERE kind = $1 AND owner = $2 ORDER BY id DESC LIMIT $3)",
    )
    .bind(kind.name())
    .bind(owner.0)
    .bind(MOST)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Takes the ceremony with this challenge, and whose it is. With that it has ended, whatever becomes of the answer, so that
/// no challenge is answered twice.
pub(crate) async fn take<T: DeserializeOwned>(
    db: &Database,
    keys: &KeyRing,
    (kind, owner): (Kind, Owner<'_>),
    challenge: &[u8],
    now: OffsetDateTime,
) -> Result<Option<(Option<Uuid>, T)>> {
    let row: Option<(Option<Uuid>, String)> = sqlx::query_as(
        "DELETE FROM ceremonies WHERE kind = $1 AND owner = $2 AND challenge = $3 AND expires_at > $4
         RETURNING user_id, state",
    )
    .bind(kind.name())
    .bind(owner.0)
    .bind(challenge)
    .bind(now)
    .fetch_optional(db.write())
    .await?;
    Ok(row.and_then(|(user_id, sealed)| {
        let state = open(keys, (kind, owner), user_id, &sealed)?;
        Some((user_id, state))
    }))
}
// end wing:passkeys

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
