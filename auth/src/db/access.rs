//! How a statement gets its connection.

use std::{future::Future, pin::Pin};

use futures_util::{Stream, TryFutureExt, TryStreamExt, stream};
use sqlx::{Database as Engine, Describe, Either, Execute, Executor, pool::PoolConnection};

use super::{Database, Db, Pool, patience};

/// One of the pools, as statements use it. A database that is no longer where it was opened is neither read nor
/// written.
///
/// Rows are returned together, when all of them have arrived.
#[derive(Clone, Copy, Debug)]
pub struct Access<'a> {
    db: &'a Database,
    pool: &'a Pool,
}

impl<'a> Access<'a> {
    pub(super) fn new(db: &'a Database, pool: &'a Pool) -> Self {
        Self { db, pool }
    }

    /// A connection for several statements.
    ///
    /// # Errors
    /// If none is available, or the database is not where it was.
    pub async fn acquire(&self) -> Result<PoolConnection<Db>, sqlx::Error> {
        self.look_first()?;
        let connection = self.pool.acquire().await?;
        self.db.in_place()?;
        Ok(connection)
    }

    /// Checks before a connection is created, which would open whatever is there now.
    pub(super) fn look_first(&self) -> Result<(), sqlx::Error> {
        match self.pool.num_idle() {
            0 => self.db.in_place(),
            _ => Ok(()),
        }
    }

    /// The pool itself, for callers that take a pool and do not check first.
    pub fn pool(&self) -> &'a Pool {
        self.pool
    }
}

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, sqlx::Error>> + Send + 'a>>;
type BoxStream<'a, T> = Pin<Box<dyn Stream<Item = Result<T, sqlx::Error>> + Send + 'a>>;

impl<'c> Executor<'c> for Access<'c> {
    type Database = Db;

    fn fetch_many<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxStream<'e, Either<<Db as Engine>::QueryResult, <Db as Engine>::Row>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Db>,
    {
        let fetched = patience::step(async move {
            let mut connection = self.acquire().await?;
            let fetched: Vec<_> = connection.fetch_many(query).try_collect().await?;
            Ok(stream::iter(fetched.into_iter().map(Ok)))
        });
        Box::pin(fetched.try_flatten_stream())
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Option<<Db as Engine>::Row>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Db>,
    {
        Box::pin(patience::step(async move {
            self.acquire().await?.fetch_optional(query).await
        }))
    }

    fn prepare_with<'e, 'q: 'e>(
        self,
        sql: &'q str,
        parameters: &'e [<Db as Engine>::TypeInfo],
    ) -> BoxFuture<'e, <Db as Engine>::Statement<'q>>
    where
        'c: 'e,
    {
        Box::pin(patience::step(async move {
            self.acquire().await?.prepare_with(sql, parameters).await
        }))
    }

    fn describe<'e, 'q: 'e>(self, sql: &'q str) -> BoxFuture<'e, Describe<Db>>
    where
        'c: 'e,
    {
        Box::pin(patience::step(async move {
            self.acquire().await?.describe(sql).await
        }))
    }
}
