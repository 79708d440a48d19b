//! Several processes of the real program on one database: whoever is signed out by one of them is out
//! everywhere, whatever happens to the processes, their connections and the database.
//!
//! Nothing is timed here but the guarantee; `cargo bench --bench revocation` measures.

#![expect(
    clippy::unwrap_used,
    reason = "what is unexpected ends a test, in its helpers as well"
)]

#[path = "../../../auth/testing/database.rs"]
mod database;
mod driver;

mod events; // wing:clients
mod faults;
mod mails; // wing:mail
mod renewal;
// wing:mail
#[path = "../it/mail/smtp_server.rs"]
#[expect(dead_code, reason = "the other tests need more of it")]
mod smtp_server;
// end wing:mail
#[cfg(feature = "postgres")] // wing:postgres
mod skew; // wing:postgres
mod sql;
