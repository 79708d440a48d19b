//! One piece of work for many who ask for it at once.

use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use secrecy::SecretString;
use tokio::sync::watch;
use tracing::Instrument;
use uuid::Uuid;

use crate::error::{Error, Result};

type Answer = Option<Arc<Result<SecretString>>>;

/// The refreshes under way, by account.
#[derive(Clone, Debug, Default)]
pub(super) struct Flights(Arc<Mutex<HashMap<Uuid, watch::Receiver<Answer>>>>);

impl Flights {
    /// The answer of the work under way for this account; if there is none, `work` is begun.
    ///
    /// It runs by itself: who asked may go away, and what a provider has exchanged is stored all the same.
    pub(super) async fn join<F>(&self, account_id: Uuid, work: impl FnOnce() -> F) -> Result<SecretString>
    where
        F: Future<Output = Result<SecretString>> + Send + 'static,
    {
        let mut answer = {
            let mut flights = self.lock();
            match flights.get(&account_id) {
                Some(answer) => answer.clone(),
                None => {
                    let (sender, answer) = watch::channel(None);
                    flights.insert(account_id, answer.clone());
                    let landing = Landing {
                        flights: self.clone(),
                        account_id,
                    };
                    let work = work();
                    let flight = async move {
                        let result = work.await;
                        drop(landing);
                        sender.send_replace(Some(Arc::new(result)));
                    };
                    tokio::spawn(flight.in_current_span());
                    answer
                }
            }
        };
        let landed = answer
            .wait_for(Option::is_some)
            .await
            .map_err(|_| Error::internal("a refresh ended without an answer"))?;
        match landed.as_deref() {
            Some(Ok(token)) => Ok(token.clone()),
            Some(Err(error)) => Err(again(error)),
            None => Err(Error::internal("a refresh ended without an answer")),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, watch::Receiver<Answer>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes a flight off the list when it is over, also when it ends in a panic.
struct Landing {
    flights: Flights,
    account_id: Uuid,
}

impl Drop for Landing {
    fn drop(&mut self) {
        self.flights.lock().remove(&self.account_id);
    }
}

/// The same error for one more who waits for it.
fn again(error: &Error) -> Error {
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

    use secrecy::ExposeSecret;
    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn work_goes_on_when_who_began_it_goes_away() {
        let (flights, count, gate) = (
            Flights::default(),
            Arc::new(AtomicUsize::new(0)),
            Arc::new(Notify::new()),
        );
        let id = Uuid::from_u128(1);
        let work = || {
            let (count, gate) = (Arc::clone(&count), Arc::clone(&gate));
            async move {
                gate.notified().await;
                count.fetch_add(1, Ordering::SeqCst);
                Ok("token".into())
            }
        };
        {
            let first = flights.join(id, work);
            tokio::pin!(first);
            assert!(
                tokio::time::timeout(std::time::Duration::ZERO, &mut first)
                    .await
                    .is_err()
            );
        }
        let second = flights.join(id, work);
        gate.notify_one();
        assert_eq!(second.await.unwrap().expose_secret(), "token");
        assert_eq!(count.load(Ordering::SeqCst), 1);
        assert!(flights.lock().is_empty());
    }

    #[tokio::test]
    async fn a_panic_is_an_error_and_in_nobodys_way() {
        let flights = Flights::default();
        let id = Uuid::from_u128(1);
        let panics = async { panic!("on purpose") };
        assert!(matches!(
            flights.join(id, || panics).await,
            Err(Error::Internal(_))
        ));
        let works = async { Ok("token".into()) };
        assert!(flights.join(id, || works).await.is_ok());
    }
}
