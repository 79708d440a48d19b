//! # How a request is authenticated
//!
//! A browser holds two cookies. `__Host-id` is a session id, the secret; the row in `sessions` found by
//! its SHA-256 is the *authority* on who is signed in. `__Host-auth` is a *snapshot*: what the authority
//! last said, sealed, good for minutes, bound to that id.
//!
//! 1. [`session_layer`] opens the snapshot. Valid, in its time, beside its own id and not voided by a
//!    *stale mark*: the request is signed in, and no query was made.
//! 2. Otherwise, with an id, one query asks the authority. Alive: a new snapshot is set, and the idle
//!    end slides. Dead: both cookies are cleared; a *former* id, which the browser has been given another for a
//!    moment ago, is nobody's and clears nothing. No answer: 503, and nobody is signed out.
//! 3. Handlers find a [`RequestAuth`] in the request's extensions. For rendering its
//!    [`session()`](RequestAuth::session) is enough. Whatever changes something begins with
//!    [`require()`](RequestAuth::require), which asks the authority, and what changes the ways into an
//!    account takes a [`RecentSession`], which only [`require_recent()`](RequestAuth::require_recent) makes.
//!    Looking after people takes an [`AdminSession`], of [`require_admin()`](RequestAuth::require_admin).
//! 4. Who ends a session deletes its row and writes a stale mark in the same transaction, and in memory
//!    before the commit: from then on its snapshots are void, however long they would have lived.
//!
//! Without the feature `ssr` this crate is only the types that cross the wire.

mod role;
mod wire;
mod wire_admin;

pub use {wire::*, wire_admin::*};

#[cfg(feature = "ssr")]
pub mod accounts;
#[cfg(feature = "ssr")]
pub mod admin;
#[cfg(feature = "ssr")]
pub mod at_rest;
#[cfg(feature = "ssr")]
mod audit;
#[cfg(feature = "ssr")]
mod blocklist;
#[cfg(feature = "ssr")]
pub mod buckets;
#[cfg(feature = "ssr")]
pub mod client;
#[cfg(feature = "ssr")]
pub mod clock;
#[cfg(feature = "ssr")]
pub mod config;
#[cfg(feature = "ssr")]
pub mod cookies;
#[cfg(feature = "ssr")]
pub mod credentials;
#[cfg(all(test, feature = "ssr"))]
#[path = "../testing/database.rs"]
mod database;
#[cfg(feature = "ssr")]
pub mod db;
#[cfg(feature = "ssr")]
mod detached;
#[cfg(feature = "ssr")]
mod email;
#[cfg(feature = "ssr")]
mod env_file;
#[cfg(feature = "ssr")]
mod error;
#[cfg(feature = "ssr")]
pub mod form_texts;
#[cfg(feature = "ssr")]
mod gate;
#[cfg(feature = "ssr")]
mod hooks;
#[cfg(feature = "ssr")]
pub mod keys;
#[cfg(feature = "ssr")]
pub mod limits;
#[cfg(feature = "ssr")]
mod networks;
#[cfg(feature = "ssr")]
pub mod oauth;
#[cfg(feature = "ssr")]
mod opaque;
#[cfg(feature = "ssr")]
pub mod passwords;
#[cfg(feature = "ssr")]
mod public_url;
#[cfg(feature = "ssr")]
mod return_to;
#[cfg(feature = "ssr")]
mod service;
#[cfg(feature = "ssr")]
mod session;
#[cfg(feature = "ssr")]
pub mod shares;
#[cfg(feature = "ssr")]
mod tokens;
#[cfg(feature = "ssr")]
mod users;
#[cfg(feature = "ssr")]
mod vars;

#[cfg(feature = "ssr")]
pub use self::{
    client::{Client, ClientAddress},
    clock::Clock,
    config::Config,
    detached::Detached,
    email::Email,
    error::{Chain, Error, Result, chain},
    networks::Network,
    public_url::{PublicUrl, is_loopback},
    return_to::ReturnTo,
    service::Auth,
    session::{
        AdminSession, IdHash, Lifetimes, LiveSession, RecentSession, RequestAuth, SessionsStatus,
        session_layer,
    },
    users::{NewUser, Occasion, SqlUsers, UserAdapter},
    vars::{Problem, Vars},
};
