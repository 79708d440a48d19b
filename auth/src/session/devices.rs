//! Trusted browsers: a user who asked for it signs in there without a code for a while.

use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    browser::{hash, random},
    client::Client,
    db::{Expired, Tx},
    error::Result,
};

/// How long a browser is trusted.
pub(crate) const TRUSTED_FOR: Duration = Duration::days(30);

/// Browsers that are no longer trusted.
pub(crate) const EXPIRED: Expired = Expired {
    table: "devices",
    key: "hash",
    when: "trusted_until <= $1",
};

/// Trusts a browser from now on. Returns the value of its cookie.
pub(crate) async fn trust(
    tx: &mut Tx,
    user_id: Uuid,
    client: &Client,
    now: OffsetDateTime,
) -> Result<String> {
    let cookie = random();
    sqlx::query("INSERT INTO devices (hash, user_id, trusted_until, user_agent) VALUES ($1, $2, $3, $4)")
        .bind(&hash(&cookie)[..])
        .bind(user_id)
        .bind(now + TRUSTED_FOR)
        .bind(client.user_agent.as_deref())
        .execute(&mut **tx)
        .await?;
    Ok(cookie)
}

/// Trusts none of a user's browsers any more.
pub(super) async fn forget(tx: &mut Tx, user_id: Uuid) -> Result<()> {
    sqlx::query("DELETE FROM devices WHERE user_id = $1")
        .bind(user_id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}
