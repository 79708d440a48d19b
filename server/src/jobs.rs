//! What runs beside the requests.

use std::time::Duration;

use auth::{Auth, chain};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Between two sweeps.
const PERIOD: Duration = Duration::from_secs(60);
/// After a sweep that failed; doubled each time, up to [`PERIOD`].
const FIRST_RETRY: Duration = Duration::from_secs(2);

/// Forgets what has expired, again and again. A failure (the database was away) is logged and tried
/// again: a sweep that ends at its first error is one nobody misses until the disk is full.
///
/// Before them, until it has once been done, private data is sealed with the newest key, which may be a new one. <!-- wing:private-data -->
pub(crate) async fn sweep(auth: Auth, stop: CancellationToken) {
    let work = async {
        let mut retry = FIRST_RETRY;
        let mut is_sealed = false; // wing:private-data
        loop {
            // wing:private-data
            is_sealed = is_sealed || is_ok(&auth.buckets.reseal().await, "private data was not sealed anew");
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
    // Also in the midst of one: what a batch has not committed is the next one's.
    tokio::select! { () = work => {}, () = stop.cancelled() => {} }
}

/// Whether it went well; what did not is logged.
fn is_ok<T>(outcome: &auth::Result<T>, failed: &str) -> bool {
    if let Err(error) = outcome {
        tracing::warn!(error = %chain(error), "{failed}");
    }
    outcome.is_ok()
}
