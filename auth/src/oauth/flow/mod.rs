//! A flow: one attempt of a browser to come back from a provider, from its start to its end.

mod arrival;
mod callback;
mod claim; // wing:mail
mod finish;
mod forget;
mod identify;
mod pending;
pub(super) mod start;
mod table;
mod take_over;
