//! Other clients: applications, command lines and servers that act for users or for themselves, on the same sessions.
//!
//! - An authorization server for the operator's own clients (OAuth 2.1): [`registry`] knows them, [`authenticate`] is how
//!   they prove themselves. A user allows one by a browser ([`authorize`], [`codes`]) or by typing a code ([`devices`]).
//!   [`grants`] is the token endpoint, and [`refresh`] keeps a client signed in.
//! - [`bearer`] recognises requests: an access token ([`access`]) is a snapshot of another purpose, and a personal key
//!   ([`personal`]) is a session without a client. Neither costs a query, and both are void by stale marks at once.
//! - [`data`] is what a client keeps of a user.
//! - [`jwt`] signs tokens for other resource servers, and [`inspect`] tells those servers about tokens.
//!
//! Sessions of clients and keys are rows of `sessions` of the kind `api` ([`sessions`]).

mod access;
mod authenticate;
mod authorize;
mod bearer;
mod codes;
mod command_line;
mod data;
mod devices;
mod formats;
mod grants;
mod inspect;
mod jwt;
mod parameters;
mod personal;
mod pkce;
mod refresh;
mod refusal;
mod registry;
mod sessions;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use secrecy::SecretSlice;
use serde_json::Value;

pub use self::{
    authorize::{Authorization, Fault},
    bearer::{Bearing, ClientSession},
    command_line::{Added, ClientRegistry, NewClient, RegistryError},
    data::{ClientData, ClientDataRequest},
    devices::DeviceStart,
    grants::Issued,
    inspect::Introspection,
    parameters::Parameters,
    refusal::{Outcome, Refusal},
    registry::{Grant, Registration},
};
use self::{jwt::SigningKeys, personal::HeldKeys};
use crate::{
    clock::Clock,
    db::{Database, all},
    error::Result,
    keys::KeyRing,
    limits::Limits,
    session::Sessions,
};

/// The id of the client that exists in development only.
pub const DEV_APP: &str = "dev-app";

/// How long sessions of clients live, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiLifetimes {
    /// The life without a refresh: `API_SESSION_IDLE`.
    pub idle: i64,
    /// The whole life: `API_SESSION_ABSOLUTE`.
    pub absolute: i64,
    /// How long a previous refresh token is good in any case: `REFRESH_GRACE`.
    pub grace: i64,
}

impl Default for ApiLifetimes {
    fn default() -> Self {
        Self {
            idle: 1_209_600,
            absolute: 7_776_000,
            grace: 30,
        }
    }
}

/// The service for other clients. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Clients(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    db: Database,
    clock: Clock,
    keys: Arc<KeyRing>,
    limits: Limits,
    sessions: Sessions,
    lifetimes: ApiLifetimes,
    /// Who issues tokens: the origin of `PUBLIC_URL`.
    issuer: String,
    signing: SigningKeys,
    held: HeldKeys,
    /// Whether [`DEV_APP`] exists.
    has_dev_app: bool,
}

/// What [`Clients::new`] takes of the other parts.
pub(crate) struct Shared<'a> {
    pub(crate) db: &'a Database,
    pub(crate) clock: &'a Clock,
    pub(crate) keys: &'a Arc<KeyRing>,
    pub(crate) limits: &'a Limits,
    pub(crate) sessions: &'a Sessions,
}

impl Clients {
    pub(crate) fn new(
        shared: &Shared<'_>,
        secrets: &[SecretSlice<u8>],
        lifetimes: ApiLifetimes,
        issuer: &str,
        has_dev_app: bool,
    ) -> Self {
        Self(Arc::new(Inner {
            db: shared.db.clone(),
            clock: shared.clock.clone(),
            keys: Arc::clone(shared.keys),
            limits: shared.limits.clone(),
            sessions: shared.sessions.clone(),
            lifetimes,
            issuer: issuer.to_owned(),
            signing: SigningKeys::derive(secrets),
            held: HeldKeys::default(),
            has_dev_app,
        }))
    }

    /// Registers [`DEV_APP`], where it exists.
    ///
    /// # Errors
    /// [`Error::Unavailable`](crate::Error::Unavailable)
    pub async fn ensure_dev_app(&self) -> Result<()> {
        if self.0.has_dev_app {
            command_line::ensure_dev_app(&self.0.db, &self.0.clock).await?;
        }
        Ok(())
    }

    /// Records which refresh tokens have shown that they arrived. This happens by itself within a second or two; a server
    /// that stops does not wait for that.
    ///
    /// # Errors
    /// [`Error::Unavailable`](crate::Error::Unavailable)
    pub async fn record_uses(&self) -> Result<()> {
        self.0.sessions.confirmations().write(&self.0.db).await
    }

    /// Who issues tokens.
    pub fn issuer(&self) -> &str {
        &self.0.issuer
    }

    /// The public keys of the tokens for other resource servers (RFC 7517).
    pub fn jwks(&self) -> Value {
        self.0.signing.published()
    }

    /// The id of the key that signs them.
    pub fn signing_key(&self) -> &str {
        self.0.signing.current()
    }

    /// Whether there can be a client with this id here. [`DEV_APP`] may be in a database that development has left.
    fn may_exist(&self, id: &str) -> bool {
        command_line::is_id(id) && (id != DEV_APP || self.0.has_dev_app)
    }

    /// Deletes codes and secrets that nothing can come of.
    pub(crate) async fn sweep(&self) -> Result<()> {
        let (db, now) = (&self.0.db, self.0.clock.now());
        all([
            db.sweep(codes::EXPIRED, now - codes::REMEMBERED).await.map(drop),
            db.sweep(devices::EXPIRED, now - devices::REMEMBERED)
                .await
                .map(drop),
            db.sweep(registry::EXPIRED_SECRETS, now).await.map(drop),
        ])
    }
}
