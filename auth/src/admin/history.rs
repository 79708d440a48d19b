//! The history of a user.

use uuid::Uuid;
use wire::{Event, Events};

use crate::{audit::Row, db::Database, error::Result};

const PAGE: &str =
    "SELECT e.id, e.at, e.kind, e.ip, e.session_id, e.detail, e.actor_id, a.email AS actor_email
     FROM audit_events e LEFT JOIN users a ON a.id = e.actor_id
     WHERE e.user_id = $1 AND e.id < $2 ORDER BY e.id DESC LIMIT $3";

/// At most `most` events of a user, the newest first, older than `before`.
pub(super) async fn page(db: &Database, user_id: Uuid, before: Option<Uuid>, most: usize) -> Result<Events> {
    let rows: Vec<Row> = sqlx::query_as(PAGE)
        .bind(user_id)
        .bind(before.unwrap_or(Uuid::max()))
        // One more than is shown, to see whether there is a next page.
        .bind(i64::try_from(most + 1).unwrap_or(i64::MAX))
        .fetch_all(db.read())
        .await?;
    let is_more = rows.len() > most;
    let events: Vec<Event> = rows.into_iter().take(most).map(Event::from).collect();
    let next = events.last().map(|event| event.id).filter(|_| is_more);
    Ok(Events { events, next })
}
