//! One piece of work for many callers: all at once, and for some of it a little later.

use std::{
    collections::{HashMap, VecDeque},
    future::Future,
    hash::Hash,
    sync::Arc,
};

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::watch;

use crate::{detached::Detached, error::Error};

/// The most flights under way at one provider: each may wait for it, and its callers may be gone.
const MAX_FLYING: usize = 1024;
/// The most results kept for later callers; the oldest goes first.
const MAX_KEPT: usize = 4096;

/// What a flight brings, and until when it is kept for later callers, in Unix seconds; if at all.
pub(super) struct Landed<T> {
    pub(super) cargo: T,
    pub(super) until: Option<i64>,
}

/// Why a flight brings nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Missed {
    /// Too many are under way.
    #[error("too many concurrent requests to the provider")]
    Full,
    /// It ended in a panic.
    #[error("the request ended without a result")]
    Lost,
}

impl From<Missed> for Error {
    fn from(missed: Missed) -> Self {
        match missed {
            Missed::Full => Self::ProviderUnavailable(missed.to_string()),
            Missed::Lost => Self::internal(missed),
        }
    }
}

type Answer<T> = watch::Receiver<Option<Arc<T>>>;

/// The flights under way and what landed lately, by what they are about.
#[derive(Debug)]
pub(super) struct Flights<K, T> {
    board: Arc<Mutex<Board<K, T>>>,
    detached: Detached,
}

#[derive(Debug)]
struct Board<K, T> {
    flying: HashMap<K, Answer<T>>,
    kept: HashMap<K, Arc<T>>,
    /// When what is kept goes, in the order in which it came.
    order: VecDeque<(i64, K)>,
}

impl<K, T> Flights<K, T>
where
    K: Copy + Eq + Hash + Send + 'static,
    T: Send + Sync + 'static,
{
    pub(super) fn new(detached: Detached) -> Self {
        let board = Board {
            flying: HashMap::new(),
            kept: HashMap::new(),
            order: VecDeque::new(),
        };
        Self {
            board: Arc::new(Mutex::new(board)),
            detached,
        }
    }

    /// What the work about this brings: that which is under way, or has landed and is kept. If there is none,
    /// `work` is begun.
    ///
    /// It runs by itself: its callers may go away, and it goes on to its end all the same.
    pub(super) async fn join<F>(&self, key: K, now: i64, work: impl FnOnce() -> F) -> Result<Arc<T>, Missed>
    where
        F: Future<Output = Landed<T>> + Send + 'static,
    {
        let mut answer = {
            let mut board = lock(&self.board);
            board.forget(now);
            if let Some(kept) = board.kept.get(&key) {
                return Ok(Arc::clone(kept));
            }
            match board.flying.get(&key) {
                Some(answer) => answer.clone(),
                None if board.flying.len() >= MAX_FLYING => return Err(Missed::Full),
                None => {
                    let (sender, answer) = watch::channel(None);
                    board.flying.insert(key, answer.clone());
                    let mut landing = Landing {
                        board: Arc::clone(&self.board),
                        key,
                        kept: None,
                    };
                    let work = work();
                    let flight = async move {
                        let Landed { cargo, until } = work.await;
                        let cargo = Arc::new(cargo);
                        landing.kept = until.map(|until| (until, Arc::clone(&cargo)));
                        drop(landing);
                        sender.send_replace(Some(cargo));
                    };
                    self.detached.spawn(flight);
                    answer
                }
            }
        };
        let landed = answer.wait_for(Option::is_some).await;
        let landed = landed.map_err(|_| Missed::Lost)?;
        landed.clone().ok_or(Missed::Lost)
    }

    /// What has landed and is kept.
    pub(super) fn kept(&self, key: K, now: i64) -> Option<Arc<T>> {
        let mut board = lock(&self.board);
        board.forget(now);
        board.kept.get(&key).cloned()
    }

    /// Forgets what has been kept long enough.
    pub(super) fn forget(&self, now: i64) {
        lock(&self.board).forget(now);
    }
}

impl<K: Copy + Eq + Hash, T> Board<K, T> {
    fn keep(&mut self, key: K, until: i64, cargo: Arc<T>) {
        if self.order.len() >= MAX_KEPT
            && let Some((_, oldest)) = self.order.pop_front()
        {
            self.kept.remove(&oldest);
        }
        self.kept.insert(key, cargo);
        self.order.push_back((until, key));
    }

    fn forget(&mut self, now: i64) {
        while let Some((until, key)) = self.order.front()
            && *until <= now
        {
            self.kept.remove(key);
            self.order.pop_front();
        }
    }
}

fn lock<K, T>(board: &Mutex<Board<K, T>>) -> MutexGuard<'_, Board<K, T>> {
    board.lock()
}

/// Takes a flight off the list when it is over, also when it ends in a panic.
struct Landing<K: Copy + Eq + Hash, T> {
    board: Arc<Mutex<Board<K, T>>>,
    key: K,
    kept: Option<(i64, Arc<T>)>,
}

impl<K: Copy + Eq + Hash, T> Drop for Landing<K, T> {
    fn drop(&mut self) {
        let mut board = lock(&self.board);
        board.flying.remove(&self.key);
        if let Some((until, cargo)) = self.kept.take() {
            board.keep(self.key, until, cargo);
        }
    }
}

/// The same error for one more caller.
pub(super) fn again(error: &Error) -> Error {
    match error {
        Error::NotFound => Error::NotFound,
        Error::SignInAtProvider => Error::SignInAtProvider,
        Error::ProviderUnavailable(cause) => Error::ProviderUnavailable(cause.clone()),
        Error::Unavailable(cause) => {
            Error::Unavailable(sqlx::Error::Io(std::io::Error::other(cause.to_string())))
        }
        other => Error::internal(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Notify;

    use super::*;

    fn flights() -> Flights<usize, &'static str> {
        Flights::new(Detached::default())
    }

    async fn lands(cargo: &'static str, until: Option<i64>) -> Landed<&'static str> {
        Landed { cargo, until }
    }

    #[tokio::test]
    async fn work_goes_on_when_the_caller_that_began_it_goes_away() {
        let (flights, count, gate) = (flights(), Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let work = || {
            let (count, gate) = (Arc::clone(&count), Arc::clone(&gate));
            async move {
                gate.notified().await;
                count.fetch_add(1, Ordering::SeqCst);
                lands("token", None).await
            }
        };
        {
            let first = flights.join(1, 0, work);
            tokio::pin!(first);
            assert!(
                tokio::time::timeout(std::time::Duration::ZERO, &mut first)
                    .await
                    .is_err()
            );
        }
        let second = flights.join(1, 0, work);
        gate.notify_one();
        assert_eq!(*second.await.unwrap(), "token");
        assert_eq!(count.load(Ordering::SeqCst), 1);
        assert!(lock(&flights.board).flying.is_empty());
    }

    #[tokio::test]
    async fn a_panic_is_an_error_and_the_work_can_begin_anew() {
        let flights = flights();
        let panics = async { panic!("on purpose") };
        assert_eq!(flights.join(1, 0, || panics).await, Err(Missed::Lost));
        assert!(flights.join(1, 0, || lands("token", None)).await.is_ok());
    }

    #[tokio::test]
    async fn a_result_is_kept_for_its_time_and_up_to_a_number() {
        let flights = flights();
        assert_eq!(
            *flights.join(0, 0, || lands("first", Some(60))).await.unwrap(),
            "first"
        );
        assert_eq!(
            *flights.join(0, 59, || lands("second", None)).await.unwrap(),
            "first"
        );
        assert_eq!(
            *flights.join(0, 60, || lands("second", None)).await.unwrap(),
            "second"
        );
        assert_eq!(
            *flights.join(0, 60, || lands("third", None)).await.unwrap(),
            "third"
        );
        for key in 0..=MAX_KEPT {
            flights.join(key, 100, || lands("kept", Some(160))).await.unwrap();
        }
        assert_eq!(
            *flights.join(0, 100, || lands("anew", None)).await.unwrap(),
            "anew"
        );
        assert_eq!(
            *flights.join(1, 100, || lands("anew", None)).await.unwrap(),
            "kept"
        );
        flights.forget(160);
        let board = lock(&flights.board);
        assert!(board.kept.is_empty() && board.order.is_empty());
    }

    #[tokio::test]
    async fn the_number_under_way_is_limited_and_joining_one_is_not_counted() {
        let flights = flights();
        for key in 0..MAX_FLYING {
            let begun = flights.join(key, 0, std::future::pending);
            assert!(futures_util::poll!(Box::pin(begun)).is_pending());
        }
        assert_eq!(
            flights.join(MAX_FLYING, 0, std::future::pending).await,
            Err(Missed::Full)
        );
        let joined = flights.join(0, 0, std::future::pending);
        assert!(futures_util::poll!(Box::pin(joined)).is_pending());
    }
}
