//! The routes that are neither pages nor server functions.

pub(crate) mod csp_report;
pub(crate) mod events; // wing:clients
pub(crate) mod health;
pub(crate) mod provider;
pub(crate) mod session;
