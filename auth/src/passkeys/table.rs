//! The table `passkeys`.

use time::OffsetDateTime;
use uuid::Uuid;
use webauthn_rs::prelude::{AuthenticationResult, Passkey};
use wire::PasskeyInfo;

use super::answer::About;
use crate::{
    db::{Database, Tx},
    error::{Error, Result},
};

/// A user's passkey.
pub(super) struct Stored {
    pub(super) id: Uuid,
    pub(super) user_id: Uuid,
    /// As it is written in the table, so that a use can be recorded only if it is still the same.
    json: String,
    pub(super) passkey: Passkey,
}

fn read(json: &str) -> Result<Passkey> {
    serde_json::from_str(json).map_err(Error::internal)
}

/// The passkeys of a user, the oldest first.
pub(super) async fn list(db: &Database, user_id: Uuid) -> Result<Vec<PasskeyInfo>> {
    Ok(sqlx::query_as(
        "SELECT id, name, created_at, last_used_at, synced FROM passkeys WHERE user_id = $1 ORDER BY created_at, id",
    )
    .bind(user_id)
    .fetch_all(db.read())
    .await?)
}

/// All of a user's keys, for what only they can answer.
pub(super) async fn keys_of(db: &Database, user_id: Uuid) -> Result<Vec<Passkey>> {
    let rows: Vec<String> = sqlx::query_scalar("SELECT passkey FROM passkeys WHERE user_id = $1 ORDER BY id")
        .bind(user_id)
        .fetch_all(db.read())
        .await?;
    rows.iter().map(|json| read(json)).collect()
}

/// The passkey with this credential.
pub(super) async fn find(db: &Database, credential_id: &[u8]) -> Result<Option<Stored>> {
    let row: Option<(Uuid, Uuid, String)> =
        sqlx::query_as("SELECT id, user_id, passkey FROM passkeys WHERE credential_id = $1")
            .bind(credential_id)
            .fetch_optional(db.read())
            .await?;
    row.map(|(id, user_id, json)| {
        let passkey = read(&json)?;
        Ok(Stored {
            id,
            user_id,
            json,
            passkey,
        })
    })
    .transpose()
}

/// How many a user, who is locked, has.
pub(super) async fn count(tx: &mut Tx, user_id: Uuid) -> Result<i64> {
    Ok(
        sqlx::query_scalar("SELECT count(*) FROM passkeys WHERE user_id = $1")
            .bind(user_id)
            .fetch_one(&mut **tx)
            .await?,
    )
}

/// Stores a new one. `None` if there is one with this credential, whoever has it.
pub(super) async fn insert(
    tx: &mut Tx,
    user_id: Uuid,
    (passkey, about): (&Passkey, About),
    name: &str,
    now: OffsetDateTime,
) -> Result<Option<Uuid>> {
    let id = Uuid::now_v7();
    let inserted = sqlx::query(
        "INSERT INTO passkeys (id, user_id, credential_id, passkey, name, aaguid, synced, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (credential_id) DO NOTHING",
    )
    .bind(id)
    .bind(user_id)
    .bind(passkey.cred_id().as_slice())
    .bind(serde_json::to_string(passkey).map_err(Error::internal)?)
    .bind(name)
    .bind(about.aaguid)
    .bind(about.synced)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok((inserted.rows_affected() == 1).then_some(id))
}

/// Records a use. Returns `false` if the passkey was removed or used by another request since it was read: of two answers
/// with the same counter, one counts.
pub(super) async fn used(
    tx: &mut Tx,
    stored: &Stored,
    result: &AuthenticationResult,
    now: OffsetDateTime,
) -> Result<bool> {
    let mut passkey = stored.passkey.clone();
    passkey.update_credential(result);
    let updated = sqlx::query(
        "UPDATE passkeys SET passkey = $3, synced = $4, last_used_at = $5 WHERE id = $1 AND passkey = $2",
    )
    .bind(stored.id)
    .bind(&stored.json)
    .bind(serde_json::to_string(&passkey).map_err(Error::internal)?)
    .bind(result.backup_state())
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(updated.rows_affected() == 1)
}

/// Renames a user's passkey. Returns `false` if the user has none with this id.
pub(super) async fn rename(db: &Database, user_id: Uuid, id: Uuid, name: &str) -> Result<bool> {
    let renamed = sqlx::query("UPDATE passkeys SET name = $3 WHERE id = $1 AND user_id = $2")
        .bind(id)
        .bind(user_id)
        .bind(name)
        .execute(db.write())
        .await?;
    Ok(renamed.rows_affected() == 1)
}

/// Removes a user's passkey. Returns its name; `None` if the user has none with this id.
pub(super) async fn delete(tx: &mut Tx, user_id: Uuid, id: Uuid) -> Result<Option<String>> {
    Ok(
        sqlx::query_scalar("DELETE FROM passkeys WHERE id = $1 AND user_id = $2 RETURNING name")
            .bind(id)
            .bind(user_id)
            .fetch_optional(&mut **tx)
            .await?,
    )
}

/// Whether a user has a passkey.
pub(crate) async fn has_any(tx: &mut Tx, user_id: Uuid) -> Result<bool> {
    Ok(count(tx, user_id).await? > 0)
}

// wing:mail,admin
/// Removes all of a user's passkeys. Returns whether there were any. The caller ends the sessions.
pub(crate) async fn remove_all(tx: &mut Tx, user_id: Uuid) -> Result<bool> {
    let removed = sqlx::query("DELETE FROM passkeys WHERE user_id = $1")
        .bind(user_id)
        .execute(&mut **tx)
        .await?;
    Ok(removed.rows_affected() > 0)
}
// end wing:mail,admin

// wing:mail
/// Removes the passkeys that a user has had since this time. The caller ends the sessions.
pub(crate) async fn remove_since(tx: &mut Tx, user_id: Uuid, since: OffsetDateTime) -> Result<()> {
    sqlx::query("DELETE FROM passkeys WHERE user_id = $1 AND created_at >= $2")
        .bind(user_id)
        .bind(since)
        .execute(&mut **tx)
        .await?;
    Ok(())
}
// end wing:mail
