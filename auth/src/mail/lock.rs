//! The lock: after many failures to sign in with an address in a row, neither its password nor a code of an authenticator
//! app is accepted, until its owner signs in in another way or chooses a new password by mail.
//!
//! The count belongs to an address, whether or not a user has it: nothing tells which. Only a sign-in that was completed
//! ends it. Whoever knows the address can lock it, and its owner has the mail that opens it again.

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
    email::Email,
    error::Result,
    keys::Place,
};

/// How many failures in a row lock an address (NIST SP 800-63B-4 §3.2.2).
const MOST: i64 = 100;
/// How long failures are remembered after the last one.
pub(crate) const REMEMBERED_FOR: Duration = Duration::days(30);

/// Failures that are no longer remembered. The condition takes that time.
pub(super) const EXPIRED: Expired = Expired {
    table: "sign_in_failures",
    key: "address_hmac",
    when: "updated_at <= $1",
};

fn place(address: &str) -> Place {
    Place::new("sign_in_failures.address_hmac", &[address.as_bytes()])
}

impl Mail {
    /// Whether the lock is on for an address. The same work is done for every address.
    ///
    /// # Errors
    /// Of the database.
    pub(crate) async fn is_locked<'c>(
        &self,
        executor: impl sqlx::Executor<'c, Database = Db>,
        email: &Email,
    ) -> Result<bool> {
        if !self.is_on() {
            return Ok(false);
        }
        Ok(self.failures(executor, email).await? >= MOST)
    }

    /// The failures in a row, by whichever key their address was stored.
    async fn failures<'c>(
        &self,
        executor: impl sqlx::Executor<'c, Database = Db>,
        email: &Email,
    ) -> Result<i64> {
        let mut query = QueryBuilder::<Db>::new(
            "SELECT CAST(coalesce(sum(failures), 0) AS BIGINT) FROM sign_in_failures WHERE updated_at > ",
        );
        query.push_bind(self.remembered_since());
        self.push_address(&mut query, email.as_str());
        Ok(query.build_query_scalar().fetch_one(executor).await?)
    }

    /// Counts a failure. Of several at once, each counts. The one that locks the address tells its user, if it is the
    /// verified address of one; otherwise the same work is done for nothing.
    ///
    /// # Errors
    /// Of the database.
    pub(crate) async fn count_failure(&self, tx: &mut Tx, email: &Email, client: &Client) -> Result<()> {
        if !self.is_on() {
            return Ok(());
        }
        sqlx::query(
            "INSERT INTO sign_in_failures (address_hmac, failures, updated_at) VALUES ($1, 1, $2)
             ON CONFLICT (address_hmac) DO UPDATE
             SET failures = CASE WHEN sign_in_failures.updated_at > $3 THEN sign_in_failures.failures + 1 ELSE 1 END,
                 updated_at = excluded.updated_at",
        )
        .bind(&self.0.keys.fingerprint(&place(email.as_str()))[..])
        .bind(self.0.clock.now())
        .bind(self.remembered_since())
        .execute(&mut **tx)
        .await?;
        if self.failures(&mut **tx, email).await? != MOST {
            return Ok(());
        }
        let user_id: Option<Uuid> =
            sqlx::query_scalar("SELECT id FROM users WHERE email = $1 AND email_verified_at IS NOT NULL")
                .bind(email.as_str())
                .fetch_optional(&mut **tx)
                .await?;
        tracing::warn!("an address was locked after many failures to sign in with it");
        let to = user_id.map(|_| email);
        let doer = Doer::Holder(Some(client));
        self.notify_at(tx, user_id, to, Notice::Locked, doer).await
    }

    /// Forgets the failures of an address: somebody has signed in with it, or it leads to nobody any more.
    ///
    /// # Errors
    /// Of the database.
    pub(crate) async fn unlock(&self, tx: &mut Tx, address: &str) -> Result<()> {
        let mut query = QueryBuilder::<Db>::new("DELETE FROM sign_in_failures WHERE TRUE");
        self.push_address(&mut query, address);
        query.build().execute(&mut **tx).await?;
        Ok(())
    }

    fn push_address(&self, query: &mut QueryBuilder<'_, Db>, address: &str) {
        query.push(" AND address_hmac IN (");
        let mut marks = query.separated(", ");
        for mark in self.0.keys.fingerprints(&place(address)) {
            marks.push_bind(mark.to_vec());
        }
        query.push(")");
    }

    fn remembered_since(&self) -> OffsetDateTime {
        self.0.clock.now() - REMEMBERED_FOR
    }
}
