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
/// Before the first sweep that succeeds, private data is sealed with the newest key, which may be a new one.
pub(crate) async fn sweep(auth: Auth, stop: CancellationToken) {
    let mut retry = FIRST_RETRY;
    let mut is_sealed = false;
    loop {
        let swept = async {
            if !is_sealed {
                auth.buckets.reseal().await?;
                is_sealed = true;
            }
            auth.sweep().await
        };
        let pause = match swept.await {
            Ok(()) => {
                retry = FIRST_RETRY;
                PERIOD
            }
            Err(error) => {
                tracing::warn!(error = %chain(&error), "a sweep failed");
                let pause = retry;
                retry = (retry * 2).min(PERIOD);
                pause
            }
        };
        tokio::select! { () = sleep(pause) => {}, () = stop.cancelled() => return }
    }
}
