//! Several instances under load, what can go wrong with them, and the judge of all their answers.

#![allow(
    dead_code,
    unused_imports,
    reason = "the tests and the benchmark take different parts of it, and each engine has faults of its own"
)]

mod client;
mod faults;
mod fleet;
mod load;
#[cfg(feature = "postgres")]
mod postgres;
mod revocation;
mod scene;
mod session;

pub use self::{
    faults::*,
    fleet::{Fleet, INSTANCES, SECRET},
    revocation::revocations,
    scene::Scene,
    session::{Seen, Session, Tally, With},
};
