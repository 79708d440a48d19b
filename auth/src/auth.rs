//! All parts of authentication, put together once at startup.

use std::{ops::Deref, sync::Arc};

use uuid::Uuid;
use wire::{Event, User, WaysIn};

use crate::clients::{self, Clients}; // wing:clients
use crate::mail::{self, Mail, notices::verified_address}; // wing:mail
use crate::passkeys::Passkeys; // wing:passkeys
use crate::pictures::Pictures; // wing:pictures
use crate::session::devices; // wing:second-factors
use crate::{
    admin, // wing:admin
    audit::{self, Deed, History, NewEvent},
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
use crate::{browser::Browser, ceremonies, ceremonies::Owner}; // wing:second-factors,passkeys

/// The number of their own events that users see.
const OWN_EVENTS: usize = 20;

/// The handle that handlers and server functions work with. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Auth(Arc<Parts>);

/// The parts of [`Auth`].
#[derive(Debug)]
pub struct Parts {
    /// The database.
    pub db: Database,
    /// Runs work to its end even if the client disconnects.
    pub detached: Detached,
    /// The clock.
    pub clock: Clock,
    /// The audit log.
    pub(crate) history: History,
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
    /// Text typed into forms that were not completed.
    pub form_texts: FormTexts,
    /// Other clients.
    pub clients: Clients, // wing:clients
    /// Mail.
    pub mail: Mail, // wing:mail
    /// Passkeys.
    pub passkeys: Passkeys, // wing:passkeys
    /// People's pictures.
    pub pictures: Pictures, // wing:pictures
}

impl Deref for Auth {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Auth {
    /// Puts the parts together over a migrated database, and begins to follow the stale feed.
    ///
    /// # Panics
    /// If the configuration has no secret.
    pub async fn new(config: Config, db: Database, clock: Clock) -> Self {
        let users = Arc::new(SqlUsers::new(db.clone()));
        Self::with_users(config, db, clock, users).await
    }

    /// Like [`Self::new`], but with users kept by this adapter.
    ///
    /// # Panics
    /// Like [`Self::new`].
    pub async fn with_users(config: Config, db: Database, clock: Clock, users: Arc<dyn UserAdapter>) -> Self {
        let detached = Detached::default();
        let keys = Arc::new(KeyRing::new(&config.secrets));
        let cookies = Cookies::new(config.public_url.secure());
        let history = History::new(clock.clone());
        // wing:mail
        let shared = mail::Shared {
            db: &db,
            clock: &clock,
            keys: &keys,
            public_url: &config.public_url,
        };
        let mail = Mail::new(&shared, &config);
        let history = history.told_by(mail.clone());
        // end wing:mail
        let sessions = Sessions::new(
            db.clone(),
            config.listen.as_ref(),
            Arc::clone(&keys),
            history.clone(),
            cookies,
            config.lifetimes,
            &detached,
        )
        .await;
        let limits = Limits::new(clock.clone(), config.address_limits);
        // wing:clients
        let shared = clients::Shared {
            db: &db,
            clock: &clock,
            keys: &keys,
            limits: &limits,
            sessions: &sessions,
        };
        // The development client redirects to this machine only, but anyone may use it.
        let has_dev_app = cfg!(debug_assertions) && config.public_url.loopback();
        let clients = Clients::new(
            &shared,
            &config.secrets,
            config.api_lifetimes,
            config.public_url.origin(),
            has_dev_app,
        );
        // end wing:clients
        // wing:pictures
        let pictures = Pictures::new(
            db.clone(),
            clock.clone(),
            limits.clone(),
            config.provider_http.clone(),
            detached.clone(),
            sessions.marks().clone(),
        );
        // end wing:pictures
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
                history.clone(),
                Arc::clone(&users),
                detached.clone(),
                pictures.clone(), // wing:pictures
            ),
            users,
            buckets: Buckets::new(
                db.clone(),
                Arc::clone(&keys), // wing:private-data
                clock.clone(),
                sessions.marks().clone(),
            ),
            form_texts: FormTexts::new(db.clone(), Arc::clone(&keys), clock.clone(), limits.clone()),
            limits,
            clients,                                     // wing:clients
            mail,                                        // wing:mail
            passkeys: Passkeys::new(&config.public_url), // wing:passkeys
            pictures,                                    // wing:pictures
            public_url: config.public_url,
            db,
            detached,
            clock,
            history,
            keys,
            cookies,
            sessions,
        }))
    }

    /// The whole signed-in user, from SQL; `None` for anonymous visitors.
    pub async fn user(&self, request: &RequestAuth) -> Result<Option<User>> {
        match request.lookup() {
            Some(session) => self.users.get(&session, self.clock.now()).await,
            None => Ok(None),
        }
    }

    /// How the signed-in user can sign in.
    pub async fn ways_in(&self, live: &LiveSession) -> Result<WaysIn> {
        users::ways_in(&self.db, live.user_id()).await
    }

    // wing:private-data,second-factors
    /// The number of rows that the newest secret must seal before the older ones may go.
    pub async fn sealed_with_former(&self) -> Result<i64> {
        let rows = 0;
        let rows = rows + self.buckets.sealed_with_former().await?; // wing:private-data
        let rows = rows + self.factors_sealed_with_former().await?; // wing:second-factors
        Ok(rows)
    }
    // end wing:private-data,second-factors

    /// Signs out: ends this browser's session everywhere, and the flows it has under way with providers. Returns
    /// whether there was a session to end. If not, nothing is done and no cookie is set.
    ///
    /// # Errors
    /// [`Error::Unavailable`]; the browser then keeps its cookies and can try again.
    pub async fn sign_out(&self, request: &RequestAuth) -> Result<bool> {
        let Some(session_id) = request.meant() else {
            return Ok(false);
        };
        let mut tx = self.db.begin().await?;
        let event = NewEvent::system_event(Deed::SignOut).from(request.client());
        let which = vec![Ending::Any { session_id }];
        let marks = self.sessions.marks();
        let ended = marks.end_noted(&mut tx, which, event, &self.history).await?;
        // The session has already ended, and the browser has another one by now, which this request did not mean.
        if ended == 0 && request.is_late().await? {
            return Ok(false);
        }
        self.oauth.forget_browser(&mut tx, request.flow_cookie()).await?;
        // wing:second-factors,passkeys
        if let Some(browser) = Browser::of(request.flow_cookie()) {
            ceremonies::end_all_by(&mut tx, Owner(&browser.hash())).await?;
        }
        // end wing:second-factors,passkeys
        tx.commit().await?;
        request.plan_signed_out();
        if ended > 0 {
            tracing::info!(session = %session_id, "signed out");
        }
        Ok(true)
    }

    /// Deletes a user as part of the caller's transaction, with sessions, accounts and data. Audit events stay,
    /// without anything that leads to the user. From here on no session of the user is accepted, not even by its snapshot.
    ///
    /// The caller must check that this is allowed: take the id from a session, or from an administrator's request.
    /// Call this before the transaction has locked anything, since it waits for other transactions that decide who
    /// is an administrator.
    ///
    /// # Errors
    /// [`Error::NotFound`]
    // wing:admin
    /// [`Error::LastAdmin`] if it is the only administrator.
    // end wing:admin
    pub async fn delete_user(&self, tx: &mut Tx, user_id: Uuid) -> Result<()> {
        self.hold_to_delete(tx, user_id).await?;
        let told = verified_address(tx, user_id).await?; // wing:mail
        self.delete_held(tx, user_id).await?;
        self.mail.notify_of_deletion(tx, told, None).await?; // wing:mail
        Ok(())
    }

    /// The first half: locks a user, so that no sign-in happens meanwhile and nothing new refers to the user. Returns the
    /// user's address.
    pub(crate) async fn hold_to_delete(&self, tx: &mut Tx, user_id: Uuid) -> Result<Option<String>> {
        Database::alone(tx).await?;
        admin::another_admin_stays(tx, user_id).await?; // wing:admin
        users::hold(tx, user_id).await?.ok_or(Error::NotFound)
    }

    /// The second half.
    pub(crate) async fn delete_held(&self, tx: &mut Tx, user_id: Uuid) -> Result<()> {
        // The sessions first: their rows go with the user's row, and afterwards it would be unknown which to mark.
        self.sessions.marks().end_all(tx, user_id).await?;
        audit::forget(tx, user_id).await?;
        self.mail.forget(tx, user_id).await?; // wing:mail
        if !self.users.delete(tx, user_id).await? {
            return Err(Error::NotFound);
        }
        let event = NewEvent::system_event(Deed::DeleteUser);
        event.record(tx, &self.history).await
    }

    /// The newest events of the user's account, including at least the newest of each kind.
    pub async fn own_events(&self, live: &LiveSession) -> Result<Vec<Event>> {
        audit::own(&self.db, live.user_id(), OWN_EVENTS).await
    }

    /// Deletes what has expired. Each kind is swept independently, so that a problem with one table does not let
    /// the others fill the disk.
    ///
    /// # Errors
    /// The first error of the database. The next sweep does what this one did not.
    pub async fn sweep(&self) -> Result<()> {
        self.limits.sweep();
        let now = self.clock.now();
        let networks = self.db.sweep(networks::EXPIRED, now - networks::KNOWN_FOR);
        let events = self.db.sweep(audit::EXPIRED, now - audit::KEPT);
        let before = now - audit::ADDRESSES_KEPT;
        let addresses = self.db.sweep_column(audit::WITH_OLD_ADDRESS, "ip", before);
        all([
            self.sessions.sweep().await,
            self.form_texts.sweep().await,
            networks.await.map(drop),
            events.await.map(drop),
            addresses.await.map(drop),
            self.oauth.sweep().await,
            self.clients.sweep().await,                              // wing:clients
            self.mail.sweep().await,                                 // wing:mail
            self.db.sweep(ceremonies::EXPIRED, now).await.map(drop), // wing:second-factors,passkeys
            self.db.sweep(devices::EXPIRED, now).await.map(drop),    // wing:second-factors
        ])
    }
}
