//! The composition root, the only place where everything is put together.
//!
//! [`router`](router::router) is the whole application as one tower service, so that tests run the real stack without
//! a socket.

pub mod admin; // wing:admin
pub mod backup;
mod bare_page;
pub mod clients; // wing:clients
pub mod command_line;
pub mod config;
pub mod connections;
mod dev_idp; // wing:dev-provider
mod dev_mail; // wing:mail
pub mod doctor;
pub mod export; // wing:data-rights
pub mod invite; // wing:mail
mod jobs;
pub mod log;
mod middleware;
pub mod probe;
pub mod router;
mod routes;
#[cfg(debug_assertions)]
pub mod seed;
pub mod serve;

/// Rendering a page makes thousands of small allocations. With the C library's allocator they take a third of its CPU
/// time (`docs/performance.md`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
