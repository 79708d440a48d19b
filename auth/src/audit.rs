//! The audit log: what happened to an account, for its owner and for who looks after the application.

use std::net::IpAddr;

use time::OffsetDateTime;
use uuid::Uuid;

use crate::{db::Tx, error::Result};

/// Writes an event in the transaction that makes it true.
pub(crate) async fn record(
    tx: &mut Tx,
    at: OffsetDateTime,
    user_id: Option<Uuid>,
    session_id: Option<Uuid>,
    kind: &str,
    ip: Option<IpAddr>,
    detail: &str,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO audit_events (id, at, user_id, session_id, kind, ip, detail) VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(Uuid::now_v7())
    .bind(at)
    .bind(user_id)
    .bind(session_id)
    .bind(kind)
    .bind(ip.map(|ip| ip.to_string()))
    .bind(serde_json::json!({ "note": detail }))
    .execute(&mut **tx)
    .await?;
    Ok(())
}
