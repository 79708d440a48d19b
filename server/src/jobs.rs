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
/// Before them, until it has once been done, private data is sealed with the newest key, which may be a new one. <!-- wing:private-data -->
pub(crate) async fn sweep(auth: Auth, stop: CancellationToken) {
    let work = async {
        let mut retry = FIRST_RETRY;
        let mut is_sealed = false; // wing:private-data
        loop {
            // wing:private-data
            is_sealed =
                is_sealed || is_ok(&auth.buckets.reseal().await, "private data could not be resealed");
            // end wing:private-data
            let is_done = is_ok(&auth.sweep().await, "a sweep failed");
            let is_done = is_done && is_sealed; // wing:private-data
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
