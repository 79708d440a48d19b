//! How long a request waits for the database: all its steps together, however many there are.

use std::{
    future::Future,
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future::Either;
use tokio::{
    task_local,
    time::{Instant, timeout},
};

use super::opening::{LOCK_WAIT, POOL_WAIT};

/// The longest time of one step. Other work of a request (a hash, a provider's response) does not count.
const PATIENCE: Duration = LOCK_WAIT.saturating_add(POOL_WAIT);

task_local! {
    static LEFT: Arc<Left>;
}

/// Microseconds.
#[derive(Debug)]
struct Left(AtomicU64);

impl Left {
    fn get(&self) -> Duration {
        Duration::from_micros(self.0.load(Ordering::Relaxed))
    }

    fn take(&self, spent: Duration) {
        let left = u64::try_from(self.get().saturating_sub(spent).as_micros());
        self.0.store(left.unwrap_or(0), Ordering::Relaxed);
    }
}

/// Runs `work`, which waits for the database for less than five seconds in all. After that, every step that asks
/// the database fails at once.
pub fn patiently<F: Future>(work: F) -> impl Future<Output = F::Output> {
    within(PATIENCE, work)
}

fn within<F: Future>(most: Duration, work: F) -> impl Future<Output = F::Output> {
    let most = u64::try_from(most.as_micros()).unwrap_or(u64::MAX);
    LEFT.scope(Arc::new(Left(AtomicU64::new(most))), work)
}

/// Work on another task whose waiting counts against the present one.
pub(crate) fn carried<F: Future>(work: F) -> impl Future<Output = F::Output> {
    match LEFT.try_with(Arc::clone) {
        Ok(left) => Either::Left(LEFT.scope(left, work)),
        Err(_) => Either::Right(work),
    }
}

/// How much longer the present task may wait, if that is limited.
pub(super) fn left() -> Option<Duration> {
    LEFT.try_with(|left| left.get()).ok()
}

/// A step that asks the database.
pub(super) async fn step<T>(asks: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    let Ok(left) = LEFT.try_with(Arc::clone) else {
        return asks.await;
    };
    let begun = Instant::now();
    let answer = timeout(left.get(), asks).await;
    left.take(begun.elapsed());
    answer.unwrap_or_else(|_| {
        let cause = io::Error::new(io::ErrorKind::TimedOut, "timed out waiting for the database");
        Err(sqlx::Error::Io(cause))
    })
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::{task::yield_now, time::sleep};

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const SHORT: Duration = Duration::from_millis(10);

    async fn short() -> Result<(), sqlx::Error> {
        sleep(SHORT).await;
        Ok(())
    }

    fn spend_all() {
        LEFT.with(|left| left.take(HOUR));
    }

    /// A step without an end of its own.
    async fn refused() {
        let step = step(pending::<Result<(), _>>()).await;
        let error = step.map_err(crate::Error::from).unwrap_err();
        assert!(matches!(error, crate::Error::Unavailable(_)), "{error:?}");
        assert_eq!(left(), Some(Duration::ZERO));
    }

    /// Fails if `work` goes on waiting. What has ended by then is seen first, however slow the machine: only a step
    /// with a wait of its own is too late.
    async fn at_once(work: impl Future<Output = ()>) {
        let too_long = async {
            sleep(Duration::from_secs(1)).await;
            yield_now().await;
        };
        tokio::select! {
            biased;
            () = work => {}
            () = too_long => panic!("it waits, and nothing is left to wait with"),
        }
    }

    #[tokio::test]
    async fn a_request_waits_for_less_than_five_seconds() {
        assert!(PATIENCE < Duration::from_secs(5));
        assert_eq!(patiently(async { left() }).await, Some(PATIENCE));
        assert_eq!(left(), None);
    }

    #[tokio::test]
    async fn every_step_takes_its_wait_from_what_is_left_also_on_another_task_and_other_work_takes_nothing() {
        within(HOUR, async {
            short().await.unwrap();
            assert_eq!(left(), Some(HOUR));
            step(short()).await.unwrap();
            let after_one = left().unwrap();
            assert!(after_one <= HOUR - SHORT, "{after_one:?}");
            let elsewhere = tokio::spawn(carried(async { step(short()).await }));
            elsewhere.await.unwrap().unwrap();
            let after_two = left().unwrap();
            assert!(after_two <= after_one - SHORT, "{after_two:?}");
        })
        .await;
        within(SHORT, at_once(refused())).await;
    }

    #[tokio::test]
    async fn once_nothing_is_left_every_step_fails_at_once_also_on_another_task() {
        within(HOUR, async {
            spend_all();
            at_once(refused()).await;
            at_once(async { tokio::spawn(carried(refused())).await.unwrap() }).await;
        })
        .await;
        within(HOUR, async {
            tokio::spawn(carried(async { spend_all() })).await.unwrap();
            at_once(refused()).await;
        })
        .await;
    }
}
