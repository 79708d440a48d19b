//! The `pictures` table.

use std::collections::HashMap; // wing:admin

use sqlx::QueryBuilder; // wing:admin
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    db::Db, // wing:admin
    db::{Database, Tx},
    error::Result,
};

pub(super) async fn find(db: &Database, id: Uuid) -> Result<Option<Vec<u8>>> {
    let found: Option<Option<Vec<u8>>> = sqlx::query_scalar("SELECT webp FROM pictures WHERE id = $1")
        .bind(id)
        .fetch_optional(db.read())
        .await?;
    Ok(found.flatten())
}

// wing:admin
/// The ids of these users' pictures, by their owners.
pub(crate) async fn of_people(
    db: &Database,
    people: impl Iterator<Item = Uuid>,
) -> Result<HashMap<Uuid, Uuid>> {
    let mut query = QueryBuilder::<Db>::new(
        "SELECT user_id, id FROM pictures WHERE webp IS NOT NULL AND user_id IN (NULL",
    );
    for person in people {
        query.push(", ").push_bind(person);
    }
    query.push(")");
    let found: Vec<(Uuid, Uuid)> = query.build_query_as().fetch_all(db.read()).await?;
    Ok(found.into_iter().collect())
}
// end wing:admin

pub(super) async fn put_uploaded(tx: &mut Tx, user_id: Uuid, webp: &[u8], now: OffsetDateTime) -> Result<()> {
    sqlx::query(
        "INSERT INTO pictures (user_id, id, webp, updated_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (user_id) DO UPDATE
         SET id = excluded.id, webp = excluded.webp, source = NULL, updated_at = excluded.updated_at",
    )
    .bind(user_id)
    .bind(Uuid::new_v4())
    .bind(webp)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Removes a picture. What stays is that the user wants none.
pub(super) async fn remove(tx: &mut Tx, user_id: Uuid, now: OffsetDateTime) -> Result<()> {
    sqlx::query(
        "INSERT INTO pictures (user_id, id, updated_at) VALUES ($1, $2, $3)
         ON CONFLICT (user_id) DO UPDATE
         SET id = excluded.id, webp = NULL, source = NULL, updated_at = excluded.updated_at",
    )
    .bind(user_id)
    .bind(Uuid::new_v4())
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Whether the picture at this address of a provider would be news.
pub(super) async fn wants(db: &Database, user_id: Uuid, source: &str) -> Result<bool> {
    Ok(sqlx::query_scalar(
        "SELECT NOT EXISTS (
             SELECT 1 FROM pictures
             WHERE user_id = $1 AND (source = $2 OR source IS NULL))",
    )
    .bind(user_id)
    .bind(source)
    .fetch_one(db.read())
    .await?)
}

/// Stores a picture of a provider, unless the user has uploaded or removed one meanwhile.
pub(super) async fn put_fetched(
    tx: &mut Tx,
    user_id: Uuid,
    webp: &[u8],
    source: &str,
    now: OffsetDateTime,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO pictures (user_id, id, webp, source, updated_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (user_id) DO UPDATE
         SET id = excluded.id, webp = excluded.webp, source = excluded.source, updated_at = excluded.updated_at
         WHERE pictures.source <> excluded.source",
    )
    .bind(user_id)
    .bind(Uuid::new_v4())
    .bind(webp)
    .bind(source)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(())
}
