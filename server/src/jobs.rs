//! Background jobs.

use std::time::Duration;

use auth::{Auth, chain};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// The time between two sweeps.
const PERIOD: Duration = Duration::from_secs(60);
/// The wait after a failed sweep. It doubles each time, up to [`PERIOD`].
const FIRST_RETRY: Duration = Duration::from_secs(2);

/// Repeatedly deletes what has expired. A failure (the database was unreachable) is logged and tried again: if a
/// sweep ended at its first error, nobody would notice until the disk is full.
///
/// Before them, until it has once been done, what must outlive a key is sealed with the newest one, which may be new. <!-- wing:private-data,second-factors -->
pub(crate) async fn sweep(auth: Auth, stop: CancellationToken) {
    let work = async {
        let mut retry = FIRST_RETRY;
        let mut is_sealed = false; // wing:private-data,second-factors
        loop {
            is_sealed = is_sealed || reseal(&auth).await; // wing:private-data,second-factors
            let is_done = is_ok(&auth.sweep().await, "a sweep failed");
            let is_done = is_done && is_sealed; // wing:private-data,second-factors
            if is_done {
                retry = FIRST_RETRY;
                sleep(PERIOD).await;
            } else {
                sleep(retry).await;
                retry = (retry * 2).min(PERIOD);
            }
        }
    };
    // Also in the middle of a sweep: what a batch has not committed is left to the next sweep.
    tokio::select! { () = work => {}, () = stop.cancelled() => {} }
}

// wing:private-data,second-factors
/// Seals with the newest key what must outlive the older ones. Returns whether all of it is done.
async fn reseal(auth: &Auth) -> bool {
    let outcomes = [
        // wing:private-data
        is_ok(&auth.buckets.reseal().await, "private data could not be resealed"),
        // end wing:private-data
        // wing:second-factors
        is_ok(
            &auth.reseal_factors().await,
            "the secrets of apps could not be resealed",
        ),
        // end wing:second-factors
    ];
    outcomes.into_iter().all(|is_ok| is_ok)
}
// end wing:private-data,second-factors

// wing:mail
/// Sends mails.
pub(crate) async fn mail(auth: Auth, stop: CancellationToken) {
    auth.mail.run(stop).await;
}
// end wing:mail

/// Whether it succeeded. A failure is logged.
fn is_ok<T>(outcome: &auth::Result<T>, failed: &str) -> bool {
    if let Err(error) = outcome {
        tracing::warn!(error = %chain(error), "{failed}");
    }
    outcome.is_ok()
}
