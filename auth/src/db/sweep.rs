//! Sweeping: expired rows are deleted in batches, each in a statement or a transaction of its own. A single one for
//! a backlog of a hundred thousand rows would exceed its time limit again and again, and hold up others.

use time::OffsetDateTime;

use super::{Database, engine::SKIP_LOCKED};
use crate::error::{Result, chain};

/// Rows of a batch: it takes a fraction of a second, even on a slow disk.
const BATCH: usize = 500;

/// What to sweep.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expired {
    pub(crate) table: &'static str,
    pub(crate) key: &'static str,
    /// The condition; `$1` is the present time.
    pub(crate) when: &'static str,
}

impl Expired {
    /// The statement that deletes a batch and returns a column of each row. Rows that another sweep has locked are
    /// skipped, so that neither waits for the other.
    pub(crate) fn batch(&self, answer: &str) -> String {
        let Self { table, key, when } = self;
        format!(
            "DELETE FROM {table} WHERE {key} IN (
                 SELECT {key} FROM {table} WHERE {when} LIMIT {BATCH}{SKIP_LOCKED})
             RETURNING {answer}"
        )
    }

    /// The statement that empties a column in a batch of rows, in the same way.
    fn emptying_batch(&self, column: &str) -> String {
        let Self { table, key, when } = self;
        format!(
            "UPDATE {table} SET {column} = NULL WHERE {key} IN (
                 SELECT {key} FROM {table} WHERE {when} LIMIT {BATCH}{SKIP_LOCKED})
             RETURNING 1"
        )
    }

    /// Whether a batch of this many rows was the last.
    pub(crate) fn ends_with(rows: usize) -> bool {
        rows < BATCH
    }
}

/// The outcome of independent sweeps: the first error. Further errors are logged.
pub(crate) fn all<const N: usize>(swept: [Result<()>; N]) -> Result<()> {
    let mut failed = swept.into_iter().filter_map(Result::err);
    let first = failed.next();
    for error in failed {
        tracing::warn!(error = %chain(&error), "part of a sweep failed");
    }
    first.map_or(Ok(()), Err)
}

impl Database {
    /// Deletes what has expired. Returns the number of rows.
    ///
    /// # Errors
    /// Of the database; the batches before the error are deleted all the same.
    pub(crate) async fn sweep(&self, expired: Expired, now: OffsetDateTime) -> Result<usize> {
        self.in_batches(&expired.batch("1"), now).await
    }

    /// Empties a column whose time is over, and keeps the rows. The condition must not be true of an empty column. Returns
    /// the number of rows.
    ///
    /// # Errors
    /// Of the database; the batches before the error are emptied all the same.
    pub(crate) async fn sweep_column(
        &self,
        expired: Expired,
        column: &'static str,
        now: OffsetDateTime,
    ) -> Result<usize> {
        self.in_batches(&expired.emptying_batch(column), now).await
    }

    async fn in_batches(&self, statement: &str, now: OffsetDateTime) -> Result<usize> {
        let mut swept = 0;
        loop {
            let rows = sqlx::query(statement).bind(now).fetch_all(self.write()).await?;
            swept += rows.len();
            if Expired::ends_with(rows.len()) {
                return Ok(swept);
            }
        }
    }
}
