//! # How a request is authenticated
//!
//! A browser holds two cookies. `__Host-id` is the session id, which is the secret. The row in `sessions` with its
//! SHA-256 is the *authority* on who is signed in. `__Host-auth` is a *snapshot*: a sealed copy of the authority's
//! last result, valid for minutes and bound to that id.
//!
//! 1. [`session_layer`] opens the snapshot. If it is valid, not expired, bound to the id beside it and not voided
//!    by a *stale mark*, the request is signed in without a query.
//! 2. Otherwise, if there is an id, one query asks the authority. If the session is alive, a new snapshot is set
//!    and the idle end moves forward. If it is dead, both cookies are cleared. A *former* id, which was replaced in
//!    this browser a moment ago, belongs to no session and clears nothing. If the authority does not respond, the
//!    response is 503 and no session is signed out.
//! 3. Handlers find a [`RequestAuth`] in the request's extensions. Its [`session()`](RequestAuth::session) is
//!    enough for rendering. Every change begins with [`require()`](RequestAuth::require), which asks the authority.
//!    A change to the ways into an account takes a [`RecentSession`], which only
//!    [`require_recent()`](RequestAuth::require_recent) creates.
//!    Looking after people takes an [`AdminSession`], of [`require_admin()`](RequestAuth::require_admin). <!-- wing:admin -->
//! 4. Ending a session deletes its row and writes a stale mark in the same transaction, and puts the mark in memory
//!    before the commit. From then on the session's snapshots are void, however long they would have lived.
//!
//! This crate is for the server only. What crosses the wire is in the crate `wire`.

pub mod admin; // wing:admin
pub mod at_rest;
mod audit;
mod auth;
mod browser;
mod ceremonies; // wing:second-factors,passkeys
pub mod client;
pub mod clients; // wing:clients
pub mod clock;
pub mod config;
pub mod cookies;
pub mod data;
pub mod data_rights; // wing:data-rights
#[cfg(test)]
#[path = "../testing/database.rs"]
mod database;
pub mod db;
mod detached;
mod email;
mod error;
pub mod form_texts;
mod http_client;
pub mod keys;
pub mod limits;
pub mod mail; // wing:mail
mod networks;
pub mod oauth;
pub mod passkeys; // wing:passkeys
pub mod password;
pub mod pictures; // wing:pictures
mod public_url;
mod return_to;
mod second_factors; // wing:second-factors
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
    session::{Change, End, SlidesNothing, Watch}, // wing:clients
    session::{
        IdHash, Lifetimes, LiveSession, Lookup, RecentSession, RequestAuth, SessionsStatus, session_layer,
    },
    users::{NewUser, Occasion, SqlUsers, UserAdapter, clean_name},
};

pub use users::Standing; // wing:mail,second-factors,passkeys
pub use wire::{AccessInfo, NewKey, Scope, Scopes}; // wing:clients
pub use wire::{AccountInfo, AuthSession, Permission, Role, SessionInfo, User, WaysIn};
