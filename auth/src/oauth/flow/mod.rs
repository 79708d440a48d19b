//! A flow: one attempt of a browser to come back from a provider, from its start to its end.

mod callback;
pub(super) mod finish;
mod forget;
pub(super) mod identify;
mod pending;
pub(super) mod start;
mod table;

pub(super) use self::table::{Browser, Flow, LIFETIME, NewFlow, WayBack, consume, insert, random, way_back};
