//! The composition root: everything is put together here, and nowhere else.
//!
//! [`router`](router::router) is the whole application as one tower service, so that tests run the true
//! stack without a socket.

pub mod admin;
mod bare_page;
pub mod config;
#[cfg(debug_assertions)]
mod dev_idp;
pub mod doctor;
mod jobs;
pub mod log;
mod middleware;
pub mod router;
mod routes;
pub mod serve;
