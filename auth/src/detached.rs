//! Work that continues to its end, whether or not its caller still waits for it.
//!
//! hyper drops a request's future together with its connection. A browser that disconnects would end a transaction
//! between any two statements, and a handler between its commit and what must follow it.

use std::{cell::Cell, future::Future, panic, sync::Arc, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task_local,
    time::timeout,
};
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::db::carried;

/// The most work under way at once. Clients that leave make room for others to connect, so the number of clients
/// alone bounds nothing. Beyond this, further work waits for its turn and has not begun.
const PLACES: usize = 512;

task_local! {
    /// The place of the work that this task runs, unless it has given it up for a while.
    static PLACE: Cell<Option<OwnedSemaphorePermit>>;
}

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
    /// A separate set of places, for work that could fill all of these. A stop waits for both.
    pub(crate) fn apart(&self, places: usize) -> Self {
        Self {
            tasks: self.tasks.clone(),
            places: Arc::new(Semaphore::new(places)),
        }
    }

    /// Runs `work` to its end and returns its output. Until a place is free, dropping the returned future cancels
    /// the work. After that, only the output is lost.
    ///
    /// # Panics
    /// If `work` does, with its panic.
    pub async fn run<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        let place = Arc::clone(&self.places)
            .acquire_owned()
            .await
            .expect("the semaphore is never closed");
        let task = PLACE.scope(Cell::new(Some(place)), carried(work));
        match self.tasks.spawn(task.in_current_span()).await {
            Ok(output) => output,
            Err(error) => match error.try_into_panic() {
                Ok(payload) => panic::resume_unwind(payload),
                // Cancelled: the runtime is shutting down, and this future with it.
                Err(_) => std::future::pending().await,
            },
        }
    }

    /// Waits for something outside in one of these places. If none is free, returns `None` at once.
    ///
    /// The surrounding work leaves its own place for that time, and waits for its turn again afterwards, so that
    /// other work can run meanwhile. If it stops waiting before the end, it continues without a place.
    pub(crate) async fn wait<T>(&self, outside: impl Future<Output = T>) -> Option<T> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        let left = PLACE.try_with(Cell::take).ok().flatten();
        let back_to = left.map(|left| Arc::clone(left.semaphore()));
        let output = outside.await;
        if let Some(places) = back_to
            && let Ok(again) = places.acquire_owned().await
        {
            PLACE.with(|place| place.set(Some(again)));
        }
        drop(place);
        Some(output)
    }

    /// Spawns `work`, which runs to its end without a place of its own. The caller bounds how much of it there is,
    /// and holds a place while it waits for it.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(carried(work).in_current_span());
    }

    /// Waits until all work has ended, at most for this long. Returns whether it has. For the end of the process,
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
    async fn work_that_waits_outside_leaves_its_place_to_others() {
        let detached = Detached::default().apart(1);
        let outside = detached.apart(1);
        let (go, gone) = oneshot::channel::<()>();
        let mut waiting = Box::pin({
            let (detached, outside) = (detached.clone(), outside.clone());
            let work = async move { outside.wait(gone).await.unwrap().unwrap() };
            async move { detached.run(work).await }
        });
        assert_eq!(poll!(&mut waiting), Poll::Pending);
        // This work gets the place first.
        detached.run(async {}).await;
        assert_eq!(outside.places.available_permits(), 0);
        // Further callers who would wait there are refused at once, and keep their places.
        let (more, kept) = (outside.clone(), Arc::clone(&detached.places));
        let refused = detached.run(async move { (more.wait(async {}).await, kept.available_permits()) });
        assert_eq!(refused.await, (None, 0));

        // After its wait, the work waits for its turn again.
        let (end, ended) = oneshot::channel::<()>();
        let mut other = Box::pin(detached.run(async move { ended.await.unwrap() }));
        assert_eq!(poll!(&mut other), Poll::Pending);
        go.send(()).unwrap();
        tokio::task::yield_now().await;
        assert_eq!(poll!(&mut waiting), Poll::Pending);
        assert_eq!(outside.places.available_permits(), 0);
        end.send(()).unwrap();
        tokio::join!(other, waiting);
        assert_eq!(outside.places.available_permits(), 1);
        assert_eq!(detached.places.available_permits(), 1);
    }

    #[tokio::test]
    async fn a_caller_without_a_place_may_wait_outside_as_well() {
        let outside = Detached::default().apart(1);
        assert_eq!(outside.wait(async { 7 }).await, Some(7));
    }

    #[tokio::test]
    async fn a_stop_waits_for_work_apart() {
        let detached = Detached::default();
        let apart = detached.apart(1);
        let mut waiting = Box::pin(apart.run(std::future::pending::<()>()));
        assert_eq!(poll!(&mut waiting), Poll::Pending);
        assert!(!detached.drain(Duration::ZERO).await);
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
