//! Logs: to stderr, one event per line, pretty on a terminal and JSON otherwise.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// What is wrong with a `RUST_LOG`, without repeating its value.
///
/// # Errors
/// As the end of a sentence.
pub fn check(filter: &str) -> Result<(), String> {
    let read = EnvFilter::try_new(filter);
    read.map(drop)
        .map_err(|_| "must be levels and targets, such as info,sqlx=warn".to_owned())
}

/// Starts logging as `RUST_LOG` states. The default is `info`, also for an invalid value, which the configuration
/// reports.
pub fn init(filter: Option<&str>) {
    let filter = filter.and_then(|filter| EnvFilter::try_new(filter).ok());
    let filter = filter.unwrap_or_else(|| EnvFilter::new("info"));
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        // Where the log cannot be written, on a full disk or to a pipe whose reader is gone, saying so on stderr would end
        // the request, or the job, that has logged.
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    // Both escape control characters, so that no input can forge a line.
    if std::io::stderr().is_terminal() {
        logs.with_target(false).init();
    } else {
        logs.json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .init();
    }
}
