//! Work that goes on to its end, whether or not anybody still waits for it.
//!
//! hyper drops a request's future together with its connection: a browser that goes away would end a
//! transaction between any two statements, and a handler between its commit and what has to follow it.

use std::{future::Future, panic, sync::Arc, time::Duration};

use tokio::{sync::Semaphore, time::timeout};
use tokio_util::task::TaskTracker;
use tracing::Instrument;

/// How much of it goes on at once. Clients that leave make room for others to connect, so their number alone
/// bounds nothing; beyond this, the next one waits for its turn, and has not begun.
const PLACES: usize = 512;

/// Runs work detached from its caller. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Detached {
    tasks: TaskTracker,
    places: Arc<Semaphore>,
}

impl Default for Detached {
    fn default() -> Self {
        Self {
            tasks: TaskTracker::new(),
            places: Arc::new(Semaphore::new(PLACES)),
        }
    }
}

impl Detached {
    /// Runs `work` to its end and returns its output. Until there is a place for it, dropping the returned
    /// future cancels it; from then on it only gives up the output.
    ///
    /// # Panics
    /// If `work` does, with its panic.
    pub async fn run<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        let place = Arc::clone(&self.places)
            .acquire_owned()
            .await
            .expect("the semaphore is never closed");
        let task = async move {
            let output = work.await;
            drop(place);
            output
        };
        match self.tasks.spawn(task.in_current_span()).await {
            Ok(output) => output,
            Err(error) => match error.try_into_panic() {
                Ok(payload) => panic::resume_unwind(payload),
                // Cancelled: the runtime is being shut down, and this future with it.
                Err(_) => std::future::pending().await,
            },
        }
    }

    /// Begins `work` that runs to its end without a place of its own: its caller bounds how much of it there is,
    /// and holds a place while it waits for it.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(work.in_current_span());
    }

    /// Waits until all of it has ended, for so long at most; whether it has. For the end of the process,
    /// after the last request was accepted.
    pub async fn drain(&self, most: Duration) -> bool {
        self.tasks.close();
        timeout(most, self.tasks.wait()).await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use futures_util::{FutureExt, poll};
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn work_ends_although_its_caller_went_away() {
        let detached = Detached::default();
        let (go, gone) = oneshot::channel::<()>();
        let (done, is_done) = oneshot::channel();
        let mut waiting = Box::pin(detached.run(async move {
            gone.await.unwrap();
            done.send(7).unwrap();
        }));
        assert_eq!(poll!(&mut waiting), Poll::Pending);
        drop(waiting);
        assert!(!detached.drain(Duration::ZERO).await);
        go.send(()).unwrap();
        assert!(detached.drain(Duration::from_secs(5)).await);
        assert_eq!(is_done.await, Ok(7));
    }

    #[tokio::test]
    async fn what_has_no_place_has_not_begun() {
        let detached = Detached::default();
        let held: Vec<_> = (0..PLACES)
            .map(|_| {
                let mut waiting = Box::pin(detached.run(std::future::pending::<()>()));
                assert!((&mut waiting).now_or_never().is_none());
                waiting
            })
            .collect();
        let (began, has_begun) = oneshot::channel();
        let mut waiting = Box::pin(detached.run(async move { began.send(()).unwrap() }));
        assert_eq!(poll!(&mut waiting), Poll::Pending);
        drop(waiting);
        assert!(has_begun.await.is_err());
        assert_eq!(held.len(), PLACES);
    }

    #[tokio::test]
    async fn a_panic_is_the_callers() {
        let detached = Detached::default();
        let outcome = panic::AssertUnwindSafe(detached.run(async { panic!("on purpose") }))
            .catch_unwind()
            .await;
        assert_eq!(outcome.unwrap_err().downcast_ref(), Some(&"on purpose"));
        assert_eq!(detached.places.available_permits(), PLACES);
    }
}
