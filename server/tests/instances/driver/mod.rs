//! Several instances under load, what can go wrong with them, and the judge of all their answers.

pub mod client;
pub mod faults;
pub mod fleet;
mod load;
#[cfg(feature = "postgres")] // wing:postgres
pub mod postgres; // wing:postgres
pub mod revocation;
pub mod scene;
pub mod session;
