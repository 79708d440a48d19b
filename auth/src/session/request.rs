//! One request's session: what the layer recognised, and what the handlers do with it.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use http::HeaderValue;
use time::Duration;
use tower_sessions::{Expiry, Session, session::Id};
use uuid::Uuid;

use super::{
    AdminSession, LiveSession, RECENT, RecentSession, Sessions,
    authority::{self, Ended, Ending, NewSession},
    stale::Mark,
    store::IdHash,
};
use crate::{
    audit::NewEvent,
    client::Client,
    cookies::{CookieName, Keep},
    db::Tx,
    error::{Error, Result},
    networks, users,
    wire::{AuthSession, Role, SessionInfo},
};

/// A request's way to its session; in the extensions of every request behind the session layer.
///
/// All session cookies of an answer are planned here and written by the layer, once, at the end: a
/// renewal can never overtake a sign-out of the same request.
#[derive(Clone, Debug)]
pub struct RequestAuth(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    sessions: Sessions,
    /// The well-formed id the browser presented.
    id: Option<Id>,
    session: Option<AuthSession>,
    /// What the authority said instead, where it was asked and did not agree.
    corrected: OnceLock<Option<AuthSession>>,
    planned: Mutex<Vec<HeaderValue>>,
    data: OnceLock<Session>,
}

impl RequestAuth {
    pub(super) fn new(
        sessions: Sessions,
        id: Option<Id>,
        session: Option<AuthSession>,
        planned: Vec<HeaderValue>,
    ) -> Self {
        if let Some(session) = &session {
            let now = sessions.0.clock.unix();
            sessions.0.in_use.note(session.session_id, now);
        }
        Self(Arc::new(Inner {
            sessions,
            id,
            session,
            corrected: OnceLock::new(),
            planned: Mutex::new(planned),
            data: OnceLock::new(),
        }))
    }

    /// Who is signed in, as far as the snapshot tells: no query. Good for rendering; a change begins
    /// with [`Self::require`].
    pub fn session(&self) -> Option<&AuthSession> {
        self.0.corrected.get().unwrap_or(&self.0.session).as_ref()
    }

    /// The live session, from the authority: one query.
    ///
    /// # Errors
    /// [`Error::NotSignedIn`], [`Error::Unavailable`]
    pub async fn require(&self) -> Result<LiveSession> {
        let id = self.0.id.as_ref().ok_or(Error::NotSignedIn)?;
        let sessions = &self.0.sessions.0;
        match authority::find(&sessions.db, &IdHash::of(id), sessions.clock.now()).await? {
            Some(live) => Ok(live),
            None => {
                self.plan_clear();
                Err(Error::NotSignedIn)
            }
        }
    }

    /// The live session, if its person proved who they are within [`RECENT`].
    ///
    /// # Errors
    /// As [`Self::require`], and [`Error::ReauthRequired`].
    pub async fn require_recent(&self) -> Result<RecentSession> {
        let live = self.require().await?;
        self.recent(live)
    }

    /// The live, recent session of an administrator. The role is the authority's: a snapshot that says
    /// otherwise is set right, also for what is rendered with this request.
    ///
    /// # Errors
    /// [`Error::NotFound`] for everybody else, signed in or not: whoever is no administrator does not learn
    /// that there is administration. [`Error::ReauthRequired`] as [`Self::require_recent`];
    /// [`Error::Unavailable`].
    pub async fn require_admin(&self) -> Result<AdminSession> {
        let live = match self.require().await {
            Ok(live) => live,
            Err(Error::NotSignedIn) => {
                self.correct(None);
                return Err(Error::NotFound);
            }
            Err(error) => return Err(error),
        };
        self.correct(Some(&live));
        if live.role != Role::Admin {
            return Err(Error::NotFound);
        }
        self.recent(live).map(AdminSession)
    }

    fn recent(&self, live: LiveSession) -> Result<RecentSession> {
        let age = self.0.sessions.0.clock.now() - live.authenticated_at;
        match age < RECENT {
            true => Ok(RecentSession(live)),
            false => Err(Error::ReauthRequired),
        }
    }

    /// Puts the authority's word in the place of a snapshot that differs.
    fn correct(&self, live: Option<&LiveSession>) {
        let said = live.map(AuthSession::from);
        if self.session() == said.as_ref() {
            return;
        }
        if let (Some(live), Some(id)) = (live, &self.0.id) {
            self.plan_live(live, id);
        }
        // Of two that ask at once both heard the same.
        drop(self.0.corrected.set(said));
    }

    /// The hash of the id the browser presented.
    pub(crate) fn id_hash(&self) -> Option<IdHash> {
        self.0.id.as_ref().map(IdHash::of)
    }

    /// Per-session data for a fork, kept by tower-sessions: `None` for anonymous visitors. What is
    /// changed before the handler answers is saved by the layer.
    pub fn data(&self) -> Option<&Session> {
        let session = self.0.session.as_ref()?;
        let id = self.0.id?;
        Some(self.0.data.get_or_init(|| {
            let store = Arc::clone(&self.0.sessions.0.store);
            Session::new(Some(id), store, Some(Expiry::AtDateTime(session.expires_at)))
        }))
    }

    /// Signs a user in, as the last step of the caller's transaction: ends whatever session this
    /// browser had, whoever's it was, and starts one with a new id and nothing of the old.
    ///
    /// # Errors
    /// [`Error::InvalidCredentials`] if the user is disabled or gone by now; [`Error::Unavailable`]
    pub async fn sign_in(
        &self,
        mut tx: Tx,
        user_id: Uuid,
        method: &str,
        remember: bool,
        client: &Client,
    ) -> Result<AuthSession> {
        let sessions = &self.0.sessions.0;
        let now = sessions.clock.now();
        // Whoever disables the user, or ends all the user's sessions, comes before this one begins or after.
        match users::lock(&mut tx, user_id).await? {
            Some(user) if !user.disabled => {}
            _ => return Err(Error::InvalidCredentials),
        }
        if let Some(id) = &self.0.id {
            self.end(&mut tx, Ending::Key(IdHash::of(id))).await?;
        }
        let id = Id::default();
        let expires_at = now + Duration::seconds(sessions.lifetimes.absolute(remember));
        let idle_expires_at = expires_at.min(now + Duration::seconds(sessions.lifetimes.idle(remember)));
        let new = NewSession {
            user_id,
            method,
            remember,
            client,
            now,
            idle_expires_at,
            expires_at,
        };
        let live = authority::insert(&mut tx, &id, new).await?;
        self.0.sessions.end_surplus(&mut tx, &live).await?;
        NewEvent::of(user_id, "sign_in")
            .session(live.session_id)
            .from(client.ip)
            .note(method)
            .record(&mut tx, now)
            .await?;
        networks::remember(&mut tx, user_id, client.ip, now).await?;
        tx.commit().await?;
        let ip = client.ip.map(tracing::field::display);
        tracing::info!(session = %live.session_id, user = %user_id, method, ip, "signed in");
        self.plan_live(&live, &id);
        Ok(AuthSession::from(&live))
    }

    /// Signs out: the session is gone everywhere before this returns. Without a session it does nothing.
    pub async fn sign_out(&self, client: &Client) -> Result<()> {
        let Some(id) = &self.0.id else { return Ok(()) };
        let sessions = &self.0.sessions.0;
        let mut tx = sessions.db.begin().await?;
        let ended = self.end(&mut tx, Ending::Key(IdHash::of(id))).await?;
        for Ended { session_id, user_id } in &ended {
            NewEvent::of(*user_id, "sign_out")
                .session(*session_id)
                .from(client.ip)
                .record(&mut tx, sessions.clock.now())
                .await?;
        }
        tx.commit().await?;
        if !ended.is_empty() {
            tracing::info!(session = ?ended, "signed out");
        }
        self.plan_clear();
        Ok(())
    }

    /// The person's sessions, this one first.
    pub async fn list(&self, live: &LiveSession) -> Result<Vec<SessionInfo>> {
        let sessions = &self.0.sessions.0;
        let current = Some(live.session_id);
        authority::list(&sessions.db, live.user_id, current, sessions.clock.now()).await
    }

    /// Ends one of the person's sessions; one's own is signed out.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown session and for somebody else's alike.
    pub async fn revoke(&self, live: &LiveSession, session_id: Uuid, client: &Client) -> Result<()> {
        let which = Ending::One {
            user_id: live.user_id,
            session_id,
        };
        if self.end_and_commit(live, which, client).await? == 0 {
            return Err(Error::NotFound);
        }
        if session_id == live.session_id {
            self.forget();
        }
        Ok(())
    }

    /// Makes this browser forget its session, which somebody has just ended.
    pub fn forget(&self) {
        self.plan_clear();
    }

    /// Ends all of the person's sessions but this one; how many.
    pub async fn revoke_others(&self, live: &LiveSession, client: &Client) -> Result<usize> {
        let which = Ending::Others {
            user_id: live.user_id,
            session_id: live.session_id,
        };
        self.end_and_commit(live, which, client).await
    }

    /// Ends the person's other sessions as part of the caller's transaction.
    pub(crate) async fn end_others(&self, tx: &mut Tx, live: &LiveSession) -> Result<()> {
        self.end(
            tx,
            Ending::Others {
                user_id: live.user_id,
                session_id: live.session_id,
            },
        )
        .await
        .map(drop)
    }

    /// Ends the person's other sessions that began with this sign-in method.
    pub(crate) async fn end_by_method(&self, tx: &mut Tx, live: &LiveSession, method: &str) -> Result<()> {
        let which = Ending::Method {
            user_id: live.user_id,
            method: method.to_owned(),
            keep: live.session_id,
        };
        self.end(tx, which).await.map(drop)
    }

    /// Gives the session a new id, as the last step of the caller's transaction: after every change of
    /// what can sign in, and after a confirmation (`confirmed`), a copied cookie must be worth nothing.
    pub(crate) async fn cycle(&self, mut tx: Tx, live: LiveSession, confirmed: bool) -> Result<()> {
        let old_id = self.0.id.as_ref().ok_or(Error::NotSignedIn)?;
        let sessions = &self.0.sessions.0;
        let id = Id::default();
        let now = sessions.clock.now();
        let confirmed = confirmed.then_some(now);
        let live = authority::cycle(&mut tx, live, &IdHash::of(old_id), &IdHash::of(&id), confirmed)
            .await?
            .ok_or(Error::NotSignedIn)?;
        let mark = Mark {
            session_id: live.session_id,
            min_version: live.version,
        };
        sessions.stale.mark(&mut tx, &[mark]).await?;
        tx.commit().await?;
        self.plan_live(&live, &id);
        Ok(())
    }

    async fn end_and_commit(&self, live: &LiveSession, which: Ending, client: &Client) -> Result<usize> {
        let sessions = &self.0.sessions.0;
        let mut tx = sessions.db.begin().await?;
        let ended = self.end(&mut tx, which).await?;
        for Ended { session_id, user_id } in &ended {
            NewEvent::of(*user_id, "revoke_session")
                .session(*session_id)
                .from(client.ip)
                .record(&mut tx, sessions.clock.now())
                .await?;
        }
        tx.commit().await?;
        tracing::info!(user = %live.user_id, sessions = ended.len(), "revoked");
        Ok(ended.len())
    }

    async fn end(&self, tx: &mut Tx, which: Ending) -> Result<Vec<Ended>> {
        self.0.sessions.end(tx, which).await
    }

    /// Saves a fork's per-session data, if it changed.
    pub(super) async fn save_data(&self) -> Result<()> {
        match self.0.data.get() {
            Some(data) if data.is_modified() => data.save().await.map_err(Error::internal),
            _ => Ok(()),
        }
    }

    pub(super) fn take_planned(&self) -> Vec<HeaderValue> {
        std::mem::take(&mut *self.0.planned.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn plan_live(&self, live: &LiveSession, id: &Id) {
        self.plan(self.0.sessions.live_cookies(live, id));
    }

    fn plan_clear(&self) {
        self.plan(self.0.sessions.cleared_cookies());
    }

    fn plan(&self, cookies: Vec<HeaderValue>) {
        *self.0.planned.lock().unwrap_or_else(PoisonError::into_inner) = cookies;
    }
}

impl Sessions {
    /// A user's alive sessions; `current` is the one of who asks.
    pub(crate) async fn list_of(&self, user_id: Uuid, current: Option<Uuid>) -> Result<Vec<SessionInfo>> {
        authority::list(&self.0.db, user_id, current, self.0.clock.now()).await
    }

    /// Both cookies of a live session.
    pub(super) fn live_cookies(&self, live: &LiveSession, id: &Id) -> Vec<HeaderValue> {
        let keep: Keep = self.keep(live.remember, live.expires_at);
        let snapshot = self.mint(live, &IdHash::of(id), self.0.clock.unix());
        vec![
            self.0.cookies.set(CookieName::Id, &id.to_string(), keep),
            self.0.cookies.set(CookieName::Auth, &snapshot, keep),
        ]
    }

    /// Both cookies, removed.
    pub(super) fn cleared_cookies(&self) -> Vec<HeaderValue> {
        vec![
            self.0.cookies.clear(CookieName::Id),
            self.0.cookies.clear(CookieName::Auth),
        ]
    }
}
