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
mod admin; // wing:admin
mod admin_cli; // wing:admin
mod at_rest;
#[cfg(not(feature = "postgres"))] // wing:postgres
mod backup;
mod bar;
mod bodies;
mod clients; // wing:clients
mod concurrency;
mod connections;
mod data;
mod data_rights; // wing:data-rights
#[cfg(feature = "postgres")] // wing:postgres
mod database_connections; // wing:postgres
mod departures;
mod endings;
mod faults;
mod feed_log;
mod fixation;
mod form_pages;
mod former_ids;
mod forms;
mod fuzz;
mod gate;
mod guards;
mod headers;
mod history;
mod keys;
mod killed; // wing:dev-provider
mod last_admin; // wing:admin
mod limits;
mod mail; // wing:mail
mod moved;
mod nowhere; // wing:admin
mod oauth;
mod operation;
mod origin;
mod passkeys; // wing:passkeys
mod passwords;
mod patience;
mod permissions; // wing:admin
mod pictures; // wing:pictures
#[cfg(feature = "postgres")] // wing:postgres
mod postgres; // wing:postgres
mod private; // wing:private-data
mod proofs;
mod races;
mod revocation;
mod schema;
mod second_factors; // wing:second-factors
#[cfg(debug_assertions)]
mod seed;
mod session_endpoint;
mod sessions;
mod shown;
mod sign_out;
mod snapshot_ttl;
mod spelling;
mod typed;
mod watched;
mod well_known;
mod wire;
