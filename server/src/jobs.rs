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
pub(crate) async fn sweep(auth: Auth, stop: CancellationToken) {
    let mut retry = FIRST_RETRY;
    loop {
        let pause = match auth.sweep().await {
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
