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
//!    Looking after people takes an [`AdminSession`], of [`require_admin()`](RequestAuth::require_admin). <!-- wing:admin -->
//! 4. Who ends a session deletes its row and writes a stale mark in the same transaction, and in memory
//!    before the commit: from then on its snapshots are void, however long they would have lived.
//!
//! This crate is for the server only; what crosses the wire is in the crate `wire`.

pub mod admin; // wing:admin
pub mod at_rest;
mod audit;
mod auth;
pub mod client;
pub mod clock;
pub mod config;
pub mod cookies;
pub mod data;
#[cfg(test)]
#[path = "../testing/database.rs"]
mod database;
pub mod db;
mod detached;
mod email;
mod error;
pub mod form_texts;
pub mod keys;
pub mod limits;
mod networks;
pub mod oauth;
pub mod password;
mod public_url;
mod return_to;
mod session;
pub mod shares;
mod users;

pub use self::{
    admin::AdminSession, // wing:admin
    auth::Auth,
    client::{Client, ClientAddress},
    clock::Clock,
    config::{Config, Problem, Vars},
    detached::Detached,
    email::Email,
    error::{Chain, Error, PasswordProblem, Result, chain},
    networks::Network,
    public_url::{PublicUrl, is_loopback},
    return_to::ReturnTo,
    session::{IdHash, Lifetimes, LiveSession, RecentSession, RequestAuth, SessionsStatus, session_layer},
    users::{NewUser, Occasion, SqlUsers, UserAdapter, clean_name},
};

pub use wire::{AccountInfo, AuthSession, Role, SessionInfo, User, WaysIn};
