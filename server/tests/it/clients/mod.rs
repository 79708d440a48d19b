//! Clients that are no browsers, and pages that listen.

mod events;
