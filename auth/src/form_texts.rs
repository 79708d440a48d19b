//! Text that users typed into forms that were not completed, kept until the form's page gets it back.
//!
//! A cookie holds at most 4 KB, and a field may take more. Each text belongs to its user alone: any other user who
//! comes to the page, with the same browser or with the text's id, gets nothing.

use std::{net::IpAddr, sync::Arc};

use serde::{Deserialize, Serialize};
use time::Duration;
use uuid::Uuid;

use crate::{
    clock::Clock,
    db::{Database, Expired},
    error::Result,
    keys::{KeyRing, Purpose},
    limits::{Action, Limits, Subject},
};

/// How long a text waits for its page, in seconds: long enough to sign in again, even with a provider.
pub const LIFE: i64 = 600;
/// The largest size of a text, in bytes.
pub const MAX_BYTES: usize = 64 * 1024;
/// The most texts kept for a user. The oldest goes when another comes.
const MAX_TEXTS: i64 = 20;
/// The number of waiting texts beside which no unproven text is kept. One browser may have sent this many forms in
/// vain.
const MAX_BESIDE_UNPROVEN: i64 = 4;

/// Who typed a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typist {
    /// The user, who is signed in.
    SignedIn,
    /// A client at this address whose page was created for the user, or whose session is over. This is most likely
    /// the user, but a page and an old cookie can be in other hands.
    Unproven(IpAddr),
}

/// The texts. Cheap to clone.
#[derive(Clone, Debug)]
pub struct FormTexts {
    db: Database,
    keys: Arc<KeyRing>,
    clock: Clock,
    limits: Limits,
}

/// What is sealed. It includes the id, so that a row's text opens in no other row.
#[derive(Serialize, Deserialize)]
struct Sealed {
    id: Uuid,
    fields: Vec<(String, String)>,
}

impl FormTexts {
    pub(crate) fn new(db: Database, keys: Arc<KeyRing>, clock: Clock, limits: Limits) -> Self {
        Self {
            db,
            keys,
            clock,
            limits,
        }
    }

    /// Keeps what was typed for a user. Returns the id to take it by; `None` if it is too much, or the user is
    /// disabled or gone. Little is kept for a client who has not proven to be the user, and nothing makes room for
    /// it: with an old cookie an attacker can neither fill the table nor push texts out.
    ///
    /// # Errors
    /// Of the database.
    pub async fn keep(
        &self,
        user_id: Uuid,
        fields: Vec<(String, String)>,
        typist: Typist,
    ) -> Result<Option<Uuid>> {
        let size: usize = fields.iter().map(|(name, value)| name.len() + value.len()).sum();
        if size > MAX_BYTES {
            return Ok(None);
        }
        let beside = match typist {
            Typist::SignedIn => i64::MAX,
            Typist::Unproven(address) => {
                let address = Subject::address(address);
                let Ok(attempt) = self.limits.attempt(Action::FormTextAddress, &address) else {
                    return Ok(None);
                };
                attempt.counts();
                MAX_BESIDE_UNPROVEN
            }
        };
        let id = Uuid::now_v7();
        let json = serde_json::to_string(&Sealed { id, fields }).map_err(crate::Error::internal)?;
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        let kept = sqlx::query(
            "INSERT INTO form_texts (id, user_id, sealed, expires_at)
             SELECT $1, users.id, $3, $4 FROM users WHERE users.id = $2 AND disabled_at IS NULL
             AND (SELECT count(*) FROM form_texts WHERE user_id = $2 AND expires_at > $5) < $6",
        )
        .bind(id)
        .bind(user_id)
        .bind(self.keys.seal(Purpose::FormText, &json))
        .bind(now + Duration::seconds(LIFE))
        .bind(now)
        .bind(beside)
        .execute(&mut *tx)
        .await?;
        if kept.rows_affected() == 0 {
            return Ok(None);
        }
        // Ids are UUIDv7, so their order is that of the texts.
        sqlx::query(
            "DELETE FROM form_texts WHERE user_id = $1 AND id NOT IN (
                 SELECT id FROM form_texts WHERE user_id = $1 ORDER BY id DESC LIMIT $2)",
        )
        .bind(user_id)
        .bind(MAX_TEXTS)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(Some(id))
    }

    /// Takes a text of this user, once. `None` if it is another user's, expired or gone.
    ///
    /// # Errors
    /// Of the database.
    pub async fn take(&self, user_id: Uuid, id: Uuid) -> Result<Option<Vec<(String, String)>>> {
        let sealed: Option<String> = sqlx::query_scalar(
            "DELETE FROM form_texts WHERE id = $1 AND user_id = $2 AND expires_at > $3 RETURNING sealed",
        )
        .bind(id)
        .bind(user_id)
        .bind(self.clock.now())
        .fetch_optional(self.db.write())
        .await?;
        Ok(sealed
            .and_then(|sealed| self.keys.open(Purpose::FormText, &sealed))
            .and_then(|json| serde_json::from_str::<Sealed>(&json).ok())
            .filter(|opened| opened.id == id)
            .map(|opened| opened.fields))
    }

    /// Deletes what has expired.
    pub(crate) async fn sweep(&self) -> Result<()> {
        const EXPIRED: Expired = Expired {
            table: "form_texts",
            key: "id",
            when: "expires_at <= $1",
        };
        self.db.sweep(EXPIRED, self.clock.now()).await.map(drop)
    }
}
