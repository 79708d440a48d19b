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
    let most = u64::try_from(PATIENCE.as_micros()).unwrap_or(u64::MAX);
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
    use tokio::time::sleep;

    use super::*;

    async fn slow(millis: u64) -> Result<(), sqlx::Error> {
        sleep(Duration::from_millis(millis)).await;
        Ok(())
    }

    #[tokio::test]
    async fn all_steps_together_wait_for_less_than_five_seconds_also_on_another_task() {
        let begun = Instant::now();
        patiently(async {
            step(slow(1000)).await.unwrap();
            // This wait is not for the database.
            slow(300).await.unwrap();
            let elsewhere = tokio::spawn(carried(async { step(slow(1000)).await }));
            elsewhere.await.unwrap().unwrap();
            let error = step(slow(9000)).await.map_err(crate::Error::from).unwrap_err();
            assert!(matches!(error, crate::Error::Unavailable(_)), "{error:?}");
            step(slow(10)).await.unwrap_err();
        })
        .await;
        let waited = begun.elapsed().as_millis();
        assert!((4700..5000).contains(&waited), "{waited}");
        assert_eq!(left(), None);
    }
}
