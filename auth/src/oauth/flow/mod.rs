//! A flow: one attempt of a browser to come back from a provider, from its start to its end.

mod callback;
pub(super) mod finish;
pub(super) mod identify;
pub(super) mod start;
mod table;

pub(super) use self::table::{
    Browser, Flow, LIFETIME, NewFlow, WayBack, consume, forget_browser, insert, insert_pending, random,
    sweep, take_pending, way_back,
};
