//! Which devices a user has been seen with. One is new if neither its browser nor its network has been seen for a while:
//! browsers are updated, and people travel.

use sqlx::QueryBuilder;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{
    Mail,
    notices::{Doer, Notice},
};
use crate::{
    client::Client,
    db::{Db, Expired, Tx},
    error::Result,
    keys::Place,
    networks::Network,
};

/// How long a browser or a network is known after a sign-in.
pub(crate) const KNOWN_FOR: Duration = Duration::days(90);
/// The first sign-in comes with the account. In an account this young, it is no news that nothing is known.
const NEW_ACCOUNT: Duration = Duration::hours(1);

/// Marks that are no longer known. The condition takes that time.
pub(super) const EXPIRED: Expired = Expired {
    table: "seen_clients",
    key: "mark",
    when: "last_seen_at <= $1",
};

/// What is remembered of a client.
fn places(user_id: Uuid, client: &Client) -> Vec<Place> {
    let user_agent = client.user_agent.as_deref().unwrap_or_default();
    let place = |part: &[u8], text: &str| {
        Place::new("seen_clients.mark", &[user_id.as_bytes(), part, text.as_bytes()])
    };
    let network = client
        .ip
        .map(|ip| place(b"network", &Network::of(ip).to_string()));
    [place(b"browser", user_agent)]
        .into_iter()
        .chain(network)
        .collect()
}

/// Forgets all devices of a user: whoever was seen with the account may be somebody else.
///
/// # Errors
/// Of the database.
pub(super) async fn forget(tx: &mut Tx, user_id: Uuid) -> Result<()> {
    sqlx::query("DELETE FROM seen_clients WHERE user_id = $1")
        .bind(user_id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

impl Mail {
    /// Remembers the client of a sign-in, and tells the user if it is a new device, in the transaction that begins the
    /// session. The user is locked by then.
    ///
    /// # Errors
    /// Of the database.
    pub(crate) async fn see(&self, tx: &mut Tx, user_id: Uuid, client: &Client) -> Result<()> {
        let now = self.0.clock.now();
        let places = places(user_id, client);
        let keys = &self.0.keys;
        let known = places.iter().flat_map(|place| keys.fingerprints(place));
        let mut seen =
            QueryBuilder::<Db>::new("SELECT EXISTS (SELECT 1 FROM seen_clients WHERE last_seen_at > ");
        seen.push_bind(now - KNOWN_FOR).push(" AND mark IN (");
        let mut marks = seen.separated(", ");
        for mark in known {
            marks.push_bind(mark.to_vec());
        }
        seen.push("))");
        let is_known: bool = seen.build_query_scalar().fetch_one(&mut **tx).await?;
        QueryBuilder::<Db>::new("INSERT INTO seen_clients (mark, user_id, last_seen_at) ")
            .push_values(&places, |mut row, place| {
                row.push_bind(keys.fingerprint(place).to_vec())
                    .push_bind(user_id)
                    .push_bind(now);
            })
            .push(" ON CONFLICT (mark) DO UPDATE SET last_seen_at = excluded.last_seen_at")
            .build()
            .execute(&mut **tx)
            .await?;
        if is_known || is_new_account(tx, user_id, now).await? {
            return Ok(());
        }
        self.notify(tx, user_id, Notice::NewDevice, Doer::Holder(Some(client)))
            .await
    }
}

async fn is_new_account(tx: &mut Tx, user_id: Uuid, now: OffsetDateTime) -> Result<bool> {
    Ok(
        sqlx::query_scalar(
            "SELECT created_at > $2 AND NOT EXISTS (
                 SELECT 1 FROM audit_events WHERE user_id = $1 AND kind = 'sign_in') FROM users WHERE id = $1",
        )
        .bind(user_id)
        .bind(now - NEW_ACCOUNT)
        .fetch_one(&mut **tx)
        .await?,
    )
}
