//! The stale feed: how an instance learns of marks written elsewhere, and how it knows that it has them all.
//!
//! A list of marks is worth something only if it is complete. So the feed *proves*, a few times a second, that
//! every mark committed before a given moment has arrived, and is trusted for [`BOUND`](super::trust::BOUND) from
//! that moment on. If a feed is silent for longer (its connection was cut, the database is down, this process was
//! stopped), the session layer asks the authority on every request: it fails closed, and signs no session out.
//! Before the feed is trusted again it reads the marks from their table.
//!
//! How the proof works depends on the engine: see `postgres.rs` and `sqlite.rs` beside this file.

use std::{sync::Arc, time::Duration};

use tokio::{task::JoinHandle, time};

#[cfg(feature = "postgres")] // wing:postgres
use super::postgres as engine; // wing:postgres
#[cfg(not(feature = "postgres"))] // wing:postgres
use super::sqlite as engine;
use super::{
    follower::{Broken, Deaf, Follower},
    marks::Marks,
    trust::{Moment, Trust},
};
use crate::db::{Database, ListenAddress};

/// The wait before a broken feed is restarted; doubled each time, up to [`LONGEST_RETRY`].
const RETRY: Duration = Duration::from_millis(100);
/// The longest wait. A hundred instances must not keep a database from recovering.
const LONGEST_RETRY: Duration = Duration::from_secs(1);
/// The longest wait where no try can succeed until an operator changes what is in between.
const LONGEST_RETRY_IF_DEAF: Duration = Duration::from_secs(60);
/// How long startup waits for the first proof, so that the first requests need not ask the authority.
const FIRST_PROOF: Duration = Duration::from_secs(2);

/// A running feed; it ends when this is dropped.
#[derive(Debug)]
pub(in crate::session) struct Feed {
    trust: Arc<Trust>,
    task: JoinHandle<()>,
    /// Wakes whatever follows a session when the feed is no longer current.
    alarm: JoinHandle<()>, // wing:clients
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.task.abort();
        self.alarm.abort(); // wing:clients
    }
}

impl Feed {
    /// Begins to follow the marks, and waits a moment for the first proof.
    ///
    /// Without an address of its own it listens where requests go.
    pub(in crate::session) async fn start(
        db: &Database,
        listen: Option<&ListenAddress>,
        marks: Marks,
    ) -> Self {
        let trust = Arc::new(Trust::new());
        // wing:clients
        let alarm = tokio::spawn({
            let (trust, wakes) = (Arc::clone(&trust), marks.wakes().clone());
            async move { trust.each_lapse(|| wakes.wake_all()).await }
        });
        // end wing:clients
        let count = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM stale_sessions");
        // If the database does not respond now, it will be asked for the marks themselves later.
        if let Ok(count) = count.fetch_one(db.read()).await {
            marks.reserve(usize::try_from(count).unwrap_or_default());
        }
        let follower = Follower {
            options: listen.map_or_else(|| db.connect_options(), ListenAddress::connect_options),
            requests: listen.map(|_| db.connect_options()), // wing:postgres
            db: db.clone(),
            marks,
            trust: Arc::clone(&trust),
        };
        let task = tokio::spawn(run(follower));
        if time::timeout(FIRST_PROOF, trust.first_proof()).await.is_err() {
            tracing::warn!("the stale feed is silent: every request asks the authority");
        }
        Self {
            trust,
            task,
            alarm, // wing:clients
        }
    }

    /// Whether a snapshot that no mark voids may be trusted.
    pub(in crate::session) fn is_current(&self) -> bool {
        self.trust.is_current(Moment::now())
    }

    // wing:clients
    /// Stops following, as a feed does whose connection hangs.
    #[cfg(test)]
    pub(in crate::session) fn hang(&self) {
        self.task.abort();
    }
    // end wing:clients

    pub(in crate::session) fn age(&self) -> Option<Duration> {
        self.trust.age(Moment::now())
    }

    /// Why nothing is proven at present, in the words of the error.
    pub(in crate::session) fn trouble(&self) -> Option<String> {
        self.trust.trouble()
    }
}

/// Follows the marks forever.
async fn run(follower: Follower) {
    let mut last = None;
    loop {
        let broken = match engine::follow(&follower).await {
            Err(broken) => broken,
            Ok(never) => match never {},
        };
        if follower.trust.broken(&*broken) {
            last = None;
        }
        let pause = pause_after(last, &broken);
        time::sleep(pause).await;
        last = Some(pause);
    }
}

/// How long to wait before the next try. `last` is the previous wait, if nothing was proven since.
fn pause_after(last: Option<Duration>, broken: &Broken) -> Duration {
    let longest = if broken.is::<Deaf>() {
        LONGEST_RETRY_IF_DEAF
    } else {
        LONGEST_RETRY
    };
    last.map_or(RETRY, |last| (last * 2).min(longest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The number of tries within this time, if each of them fails this way.
    fn tries(within: Duration, broken: &Broken) -> usize {
        let pauses = std::iter::successors(Some(pause_after(None, broken)), |last| {
            Some(pause_after(Some(*last), broken))
        });
        let ends = pauses.scan(Duration::ZERO, |end, pause| {
            *end += pause;
            Some(*end)
        });
        ends.take_while(|end| *end < within).count()
    }

    #[test]
    fn what_comes_back_is_tried_every_second_and_what_does_not_once_a_minute() {
        let hour = Duration::from_secs(3600);
        let (lost, deaf): (Broken, Broken) = ("connection refused".into(), Deaf("a pooler").into());
        assert_eq!(
            pause_after(None, &deaf),
            RETRY,
            "after a received heartbeat, a silence may be a restart"
        );
        assert!(
            (3595..=3605).contains(&tries(hour, &lost)),
            "{}",
            tries(hour, &lost)
        );
        assert!((60..=70).contains(&tries(hour, &deaf)), "{}", tries(hour, &deaf));
        // Once a pooler is taken away, no long wait remains.
        assert_eq!(pause_after(Some(LONGEST_RETRY_IF_DEAF), &lost), LONGEST_RETRY);
    }
}
