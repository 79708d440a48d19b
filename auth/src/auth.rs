//! Everything that authenticates, put together once at start.

use std::{ops::Deref, sync::Arc};

use uuid::Uuid;
use wire::{Event, User, WaysIn};

use crate::{
    admin, // wing:admin
    audit::{self, NewEvent},
    clock::Clock,
    config::Config,
    cookies::Cookies,
    data::Buckets,
    db::{Database, Tx, all},
    detached::Detached,
    error::{Error, Result},
    form_texts::FormTexts,
    keys::KeyRing,
    limits::Limits,
    networks,
    oauth::OAuth,
    password::hash::Passwords,
    public_url::PublicUrl,
    session::{Ending, LiveSession, RequestAuth, Sessions},
    users::{self, SqlUsers, UserAdapter},
};

/// The number of their own events a user sees.
const OWN_EVENTS: usize = 20;

/// The handle handlers and server functions work with. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Auth(Arc<Parts>);

/// What [`Auth`] is made of.
#[derive(Debug)]
pub struct Parts {
    /// The database.
    pub db: Database,
    /// What goes on to its end although its client went away.
    pub detached: Detached,
    /// The clock.
    pub clock: Clock,
    /// The key ring.
    pub keys: Arc<KeyRing>,
    /// How cookies are written and read.
    pub cookies: Cookies,
    /// The application's origin.
    pub public_url: PublicUrl,
    /// Users.
    pub users: Arc<dyn UserAdapter>,
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
    /// What was typed into forms that were not done.
    pub form_texts: FormTexts,
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
        let users = Arc::new(SqlUsers::new(db.clone()));
        Self::with_users(config, db, clock, users).await
    }

    /// As [`Self::new`], with users kept where this adapter keeps them.
    ///
    /// # Panics
    /// As [`Self::new`].
    pub async fn with_users(config: Config, db: Database, clock: Clock, users: Arc<dyn UserAdapter>) -> Self {
        let detached = Detached::default();
        let keys = Arc::new(KeyRing::new(&config.secrets));
        let cookies = Cookies::new(config.public_url.secure());
        let sessions = Sessions::new(
            db.clone(),
            config.listen.as_ref(),
            Arc::clone(&keys),
            clock.clone(),
            cookies,
            config.lifetimes,
            &detached,
        )
        .await;
        let limits = Limits::new(clock.clone(), config.address_limits);
        Self(Arc::new(Parts {
            passwords: Passwords::new(
                config.password_min_length,
                config.public_url.authority(),
                config.address_limits,
            ),
            oauth: OAuth::new(
                &config,
                db.clone(),
                Arc::clone(&keys),
                clock.clone(),
                cookies,
                Arc::clone(&users),
                detached.clone(),
            ),
            users,
            buckets: Buckets::new(
                db.clone(),
                Arc::clone(&keys), // wing:private-data
                clock.clone(),
            ),
            form_texts: FormTexts::new(db.clone(), Arc::clone(&keys), clock.clone(), limits.clone()),
            limits,
            public_url: config.public_url,
            db,
            detached,
            clock,
            keys,
            cookies,
            sessions,
        }))
    }

    /// The whole signed-in user, from SQL; `None` when anonymous.
    pub async fn user(&self, request: &RequestAuth) -> Result<Option<User>> {
        match request.id_hash() {
            Some(id) => self.users.get(&id, self.clock.now()).await,
            None => Ok(None),
        }
    }

    /// How the signed-in user can sign in.
    pub async fn ways_in(&self, live: &LiveSession) -> Result<WaysIn> {
        users::ways_in(&self.db, live.user_id()).await
    }

    /// Signs out: ends this browser's session everywhere, and what the browser has under way with providers. Returns
    /// whether there was a session to end; without one nothing is done, and no cookie is set.
    ///
    /// # Errors
    /// [`Error::Unavailable`]; the browser keeps its cookies then, for another try.
    pub async fn sign_out(&self, request: &RequestAuth) -> Result<bool> {
        let Some(session_id) = request.meant() else {
            return Ok(false);
        };
        let mut tx = self.db.begin().await?;
        let event = NewEvent::system_event("sign_out").from(request.client().ip);
        let which = vec![Ending::Any { session_id }];
        let ended = self.sessions.marks().end_noted(&mut tx, which, event).await?;
        // The session has ended already, and the browser is in another one by now: that one was not meant.
        if ended == 0 && request.is_late().await? {
            return Ok(false);
        }
        self.oauth.forget_browser(&mut tx, request.flow_cookie()).await?;
        tx.commit().await?;
        request.plan_signed_out();
        if ended > 0 {
            tracing::info!(session = %session_id, "signed out");
        }
        Ok(true)
    }

    /// Deletes a user as part of the caller's transaction: sessions, accounts, data, everything. Audit events
    /// stay, without a user. No session of the user is accepted from here on, not even by its snapshot.
    ///
    /// Whether this is allowed is for the caller to know: take the id from the user's session, or from an
    /// administrator. To be called before the transaction has locked anything, since it waits for others that
    /// decide who is an administrator.
    ///
    /// # Errors
    /// [`Error::NotFound`]
    // wing:admin
    /// [`Error::LastAdmin`] if it is the only administrator.
    // end wing:admin
    pub async fn delete_user(&self, tx: &mut Tx, user_id: Uuid) -> Result<()> {
        Database::alone(tx).await?;
        admin::another_admin_stays(tx, user_id).await?; // wing:admin
        // Nobody signs in meanwhile; and then the sessions, since with the user's row their rows go, and nobody
        // would know which to mark.
        users::lock(tx, user_id).await?.ok_or(Error::NotFound)?;
        self.sessions.marks().end_all(tx, user_id).await?;
        if !self.users.delete(tx, user_id).await? {
            return Err(Error::NotFound);
        }
        NewEvent::system_event("delete_user")
            .note(&user_id.to_string())
            .record(tx, self.clock.now())
            .await
    }

    /// The newest of what happened to the person's account, of each kind the newest at least.
    pub async fn own_events(&self, live: &LiveSession) -> Result<Vec<Event>> {
        audit::own(&self.db, live.user_id(), OWN_EVENTS).await
    }

    /// Forgets what has expired, each kind by itself: what is wrong with one table does not fill the disk with the
    /// others.
    ///
    /// # Errors
    /// The first one, of the database; the next sweep does what this one did not.
    pub async fn sweep(&self) -> Result<()> {
        self.limits.sweep();
        let now = self.clock.now();
        let networks = self.db.sweep(networks::EXPIRED, now - networks::KNOWN_FOR);
        let events = self.db.sweep(audit::EXPIRED, now - audit::KEPT);
        all([
            self.sessions.sweep().await,
            self.form_texts.sweep().await,
            networks.await.map(drop),
            events.await.map(drop),
            self.oauth.sweep().await,
        ])
    }
}
