//! The whole application as its clients meet it: the true router over a database file of its own, a clock
//! that moves only when told to, and browsers as strict about cookies as real ones.

#![expect(
    clippy::unwrap_used,
    reason = "what is unexpected ends a test, in its helpers as well"
)]

#[path = "../../../auth/testing/database.rs"]
mod database;
mod support;

mod accounts;
mod admin;
mod admin_cli;
mod concurrency;
mod data;
mod fixation;
mod forms;
mod fuzz;
mod gate;
mod guards;
mod headers;
mod history;
mod keys;
mod limits;
mod operation;
mod origin;
mod passwords;
#[cfg(feature = "postgres")]
mod postgres;
mod private;
mod races;
mod revocation;
mod session_endpoint;
mod sessions;
mod typed;
