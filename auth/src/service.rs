//! Everything that authenticates, put together once at start.

use std::{ops::Deref, sync::Arc};

use crate::{
    buckets::Buckets,
    clock::Clock,
    config::Config,
    cookies::Cookies,
    credentials::Passwords,
    db::Database,
    error::Result,
    keys::KeyRing,
    limits::Limits,
    oauth::OAuth,
    public_url::PublicUrl,
    session::{LiveSession, RequestAuth, Sessions},
    users,
    wire::{User, WaysIn},
};

/// The handle handlers and server functions work with. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Auth(Arc<Parts>);

/// What [`Auth`] is made of.
#[derive(Debug)]
pub struct Parts {
    /// The database.
    pub db: Database,
    /// The clock.
    pub clock: Clock,
    /// The key ring.
    pub keys: Arc<KeyRing>,
    /// How cookies are written and read.
    pub cookies: Cookies,
    /// The application's origin.
    pub public_url: PublicUrl,
    /// Sessions.
    pub sessions: Sessions,
    /// Passwords.
    pub passwords: Passwords,
    /// Limits of attempts.
    pub limits: Limits,
    /// Providers and their flows.
    pub oauth: OAuth,
    /// Per-user data.
    pub buckets: Buckets,
}

impl Deref for Auth {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Auth {
    /// Puts the parts together over a migrated database. The stale feed is followed from here on.
    ///
    /// # Panics
    /// Without a secret in the configuration.
    pub async fn new(config: Config, db: Database, clock: Clock) -> Self {
        let keys = Arc::new(KeyRing::new(&config.secrets));
        let cookies = Cookies::new(config.public_url.secure());
        let sessions = Sessions::new(
            db.clone(),
            Arc::clone(&keys),
            clock.clone(),
            cookies,
            config.lifetimes,
        )
        .await;
        Self(Arc::new(Parts {
            passwords: Passwords::new(config.password_min_length),
            limits: Limits::new(clock.clone()),
            oauth: OAuth::new(
                config.providers,
                config.public_url.clone(),
                db.clone(),
                Arc::clone(&keys),
                clock.clone(),
                cookies,
            ),
            buckets: Buckets::new(db.clone(), clock.clone()),
            public_url: config.public_url,
            db,
            clock,
            keys,
            cookies,
            sessions,
        }))
    }

    /// The whole signed-in user, from SQL; `None` when anonymous.
    pub async fn user(&self, request: &RequestAuth) -> Result<Option<User>> {
        match request.id_hash() {
            Some(id) => users::behind_session(&self.db, &id, self.clock.now()).await,
            None => Ok(None),
        }
    }

    /// How the signed-in user can sign in.
    pub async fn ways_in(&self, live: &LiveSession) -> Result<WaysIn> {
        users::ways_in(&self.db, live.user_id()).await
    }

    /// Forgets what has expired.
    ///
    /// # Errors
    /// Of the database; the next sweep does what this one did not.
    pub async fn sweep(&self) -> Result<()> {
        self.limits.sweep();
        self.sessions.sweep().await?;
        self.oauth.sweep().await
    }
}
