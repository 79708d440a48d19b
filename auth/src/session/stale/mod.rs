//! Stale marks: which snapshots are void before they expire, and how an instance knows that no mark is missing.
//!
//! - [`marks`] holds them in memory, where every request looks, and writes them to the database.
//! - [`feed`] brings the marks of other instances; `postgres.rs` and `sqlite.rs` show how.
//! - [`trust`] is the feed's proof that the marks in memory are complete.
//! - [`wakes`] wakes the event streams that a mark is about. <!-- wing:clients -->

mod feed;
mod follower;
mod marks;
#[cfg(feature = "postgres")] // wing:postgres
mod postgres; // wing:postgres
#[cfg(not(feature = "postgres"))] // wing:postgres
mod sqlite;
mod trust;
mod wakes; // wing:clients

pub(crate) use self::marks::Marks;
pub(super) use self::wakes::Follower; // wing:clients
pub(super) use self::{feed::Feed, marks::Mark};
