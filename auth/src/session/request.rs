//! The session of one request: what the layer recognised, and what handlers do with it.

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, OnceLock},
};

use http::HeaderValue;
use parking_lot::Mutex;
use time::{Duration, OffsetDateTime};
use tower_sessions::{Expiry, Session, session::Id};
use uuid::Uuid;
use wire::Scope; // wing:clients
use wire::{AuthSession, SessionInfo};

use super::half_way; // wing:second-factors
use super::proof::Bearer; // wing:clients
use super::{
    Sessions,
    cookies::Planned,
    former,
    id::IdHash,
    live::{LiveSession, RECENT, RecentSession},
    proof::{Lookup, Proof},
    stale::Mark,
    table::{self, Ending, NewSession},
};
use crate::{
    audit::{Deed, History, NewEvent},
    client::Client,
    db::Tx,
    error::{Error, Result},
    networks, users,
};

/// A request's access to its session, in the extensions of every request behind the session layer.
///
/// The session cookies of a response are planned while the request runs, and the layer writes them once, at the
/// end. So a renewal can never overtake a sign-out of the same request.
#[derive(Clone)]
pub struct RequestAuth(Arc<Inner>);

/// What the browser presented, as far as it is valid.
#[derive(Clone)]
pub(super) enum Presented {
    /// No id, or one that opens nothing.
    Nothing,
    /// The proof of a live session.
    Live(Proof, AuthSession),
    /// An id that this session had until a moment ago. It opens nothing, see [`former`].
    Former(Uuid),
}

/// Where a request comes from. It has no Debug, which would show the flow cookie.
#[derive(Clone, Default)]
pub(super) struct Sender {
    pub(super) client: Client,
    pub(super) flow_cookie: Option<String>,
    pub(super) device_cookie: Option<String>, // wing:second-factors
}

struct Inner {
    sessions: Sessions,
    sender: Sender,
    presented: Presented,
    /// When it was recognised.
    begun: OffsetDateTime,
    /// What the authority returned, if it was asked and differs from the snapshot.
    corrected: OnceLock<Option<AuthSession>>,
    /// The id that this request has issued to its browser.
    given: OnceLock<Id>,
    planned: Mutex<Planned>,
    data: OnceLock<Session>,
}

/// The outcome of a repeated request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeated {
    /// The browser gets the id.
    Given,
    /// The browser already has the id.
    Same,
    /// The browser is signed in to another session by now.
    Another,
}

/// Shows whose request it is. The id and the planned cookies are secrets.
impl fmt::Debug for RequestAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestAuth")
            .field("session_id", &self.session().map(|session| session.session_id))
            .finish_non_exhaustive()
    }
}

impl RequestAuth {
    pub(super) fn new(sessions: Sessions, sender: Sender, presented: Presented, planned: Planned) -> Self {
        if let Presented::Live(_, session) = &presented {
            let now = sessions.0.clock.unix();
            sessions.0.in_use.note(session.session_id, now);
        }
        Self(Arc::new(Inner {
            begun: sessions.0.clock.now(),
            sessions,
            sender,
            presented,
            corrected: OnceLock::new(),
            given: OnceLock::new(),
            planned: Mutex::new(planned),
            data: OnceLock::new(),
        }))
    }

    /// The same request, for work that continues after it has ended. Cookies planned by that work are not part of
    /// this request's response until they are handed over with [`Self::take_over`].
    pub(crate) fn detached(&self) -> Self {
        let Inner {
            sessions,
            sender,
            presented,
            ..
        } = &*self.0;
        Self::new(
            sessions.clone(),
            sender.clone(),
            presented.clone(),
            Planned::default(),
        )
    }

    /// The session service.
    pub(crate) fn sessions(&self) -> &Sessions {
        &self.0.sessions
    }

    /// The audit log.
    pub(crate) fn history(&self) -> &History {
        &self.0.sessions.0.history
    }

    /// The client that sent the request.
    pub fn client(&self) -> &Client {
        &self.0.sender.client
    }

    /// The value of the browser's flow cookie. It finds the browser's flows with providers, and a provider account
    /// that waits to be connected.
    pub(crate) fn flow_cookie(&self) -> Option<&str> {
        self.0.sender.flow_cookie.as_deref()
    }

    // wing:second-factors
    /// The value of the cookie that marks a trusted browser.
    pub(super) fn device_cookie(&self) -> Option<&str> {
        self.0.sender.device_cookie.as_deref()
    }
    // end wing:second-factors

    /// Adds the cookies planned by detached work to the response, if there are any.
    pub(crate) fn take_over(&self, detached: &Self) {
        let planned = detached.take();
        if !planned.is_empty() {
            self.plan(planned);
        }
    }

    /// The id that this request has issued to its browser, by signing in or by a change of id.
    pub(crate) fn given(&self) -> Option<Id> {
        self.0.given.get().copied()
    }

    /// Gives the browser an id that an identical request was given, because that response may have been lost. The
    /// cookies show the session as the authority knows it now. Nothing changes for a browser that already has the
    /// id.
    ///
    /// # Errors
    /// [`Error::NotSignedIn`] if that session has ended, or has another id by now; [`Error::Unavailable`]
    pub(crate) async fn repeat(&self, given: Id) -> Result<Repeated> {
        let sessions = &self.0.sessions.0;
        let now = sessions.clock.now();
        let alive = async |id: Id| table::find(&sessions.db, &Lookup::Cookie(IdHash::of(&id)), now).await;
        let live = alive(given).await?.ok_or(Error::NotSignedIn)?;
        match self.id() {
            Some(own) if *own == given => return Ok(Repeated::Same),
            // A browser that has signed in since keeps its newer session.
            Some(own) if alive(*own).await?.is_some() => return Ok(Repeated::Another),
            _ => {}
        }
        self.plan_live(&live, &given);
        Ok(Repeated::Given)
    }

    // wing:clients
    /// What a token or a key has shown, if the request is recognised by one.
    fn bearer(&self) -> Option<&Bearer> {
        match self.proof() {
            Some(Proof::Bearer(bearer)) => Some(bearer),
            _ => None,
        }
    }

    /// The client that acts for the user; `None` for a browser and for a personal key.
    pub fn client_id(&self) -> Option<&str> {
        self.bearer().and_then(|bearer| bearer.client_id.as_deref())
    }

    /// Whether the request may do this. A browser may do everything.
    ///
    /// # Errors
    /// [`Error::InsufficientScope`]
    pub fn allow(&self, scope: Scope) -> Result<()> {
        match self.bearer() {
            Some(bearer) if !bearer.scopes.allow(scope) => Err(Error::InsufficientScope(scope)),
            _ => Ok(()),
        }
    }

    /// Whether the request comes from a browser with its cookies: for decisions that would outlive a token, and for what
    /// gives cookies.
    ///
    /// # Errors
    /// [`Error::NotByToken`]
    pub fn require_browser(&self) -> Result<()> {
        match self.bearer() {
            Some(_) => Err(Error::NotByToken),
            None => Ok(()),
        }
    }

    /// The live session, from the authority, for a request that needs less than the scope `app`: one query.
    ///
    /// # Errors
    /// [`Error::NotSignedIn`], [`Error::InsufficientScope`], [`Error::Unavailable`]
    pub async fn require_for(&self, scope: Scope) -> Result<LiveSession> {
        self.allow(scope)?;
        self.ask(self.lookup()).await
    }

    /// The same for a connection that stays open. It lasts as long as the session, and so longer than an access token.
    pub(super) async fn still(&self, scope: Scope) -> Result<LiveSession> {
        self.allow(scope)?;
        let lookup = self.lookup().map(|lookup| match lookup {
            Lookup::Version(session_id, _) => Lookup::Since(session_id),
            other => other,
        });
        self.ask(lookup).await
    }
    // end wing:clients

    /// Who is signed in, according to the snapshot and without a query. Good for rendering; a change begins with
    /// [`Self::require`].
    pub fn session(&self) -> Option<&AuthSession> {
        match (self.0.corrected.get(), &self.0.presented) {
            (Some(said), _) => said.as_ref(),
            (None, Presented::Live(_, session)) => Some(session),
            (None, Presented::Nothing | Presented::Former(_)) => None,
        }
    }

    /// The proof of the live session.
    fn proof(&self) -> Option<&Proof> {
        match &self.0.presented {
            Presented::Live(proof, _) => Some(proof),
            Presented::Nothing | Presented::Former(_) => None,
        }
    }

    /// The id of the live session the browser presented.
    fn id(&self) -> Option<&Id> {
        self.proof().and_then(Proof::id)
    }

    /// How the authority finds the live session.
    pub(crate) fn lookup(&self) -> Option<Lookup> {
        self.proof().map(Proof::lookup)
    }

    /// The session that this browser means when it signs out or signs in anew. It is identified by its session id
    /// rather than by its cookie, which may have changed while this request was under way.
    pub(crate) fn meant(&self) -> Option<Uuid> {
        match &self.0.presented {
            Presented::Nothing => None,
            Presented::Live(_, session) => Some(session.session_id),
            Presented::Former(session_id) => Some(*session_id),
        }
    }

    /// Whether the browser has been given another id than the one it presented. In that case this response must
    /// leave its cookies alone.
    pub(crate) async fn is_late(&self) -> Result<bool> {
        let sessions = &self.0.sessions.0;
        Ok(match &self.0.presented {
            Presented::Nothing => false,
            Presented::Former(_) => true,
            Presented::Live(proof, _) => match proof.id() {
                Some(id) => former::session_of(&sessions.db, &IdHash::of(id), sessions.clock.now())
                    .await?
                    .is_some(),
                None => false,
            },
        })
    }

    /// The live session, from the authority: one query.
    ///
    /// # Errors
    /// [`Error::NotSignedIn`], [`Error::Unavailable`]
    // wing:clients
    /// [`Error::InsufficientScope`] for a token or a key without the scope `app`.
    // end wing:clients
    pub async fn require(&self) -> Result<LiveSession> {
        self.allow(Scope::App)?; // wing:clients
        self.ask(self.lookup()).await
    }

    async fn ask(&self, lookup: Option<Lookup>) -> Result<LiveSession> {
        let lookup = lookup.ok_or(Error::NotSignedIn)?;
        let sessions = &self.0.sessions.0;
        if let Some(live) = table::find(&sessions.db, &lookup, sessions.clock.now()).await? {
            // wing:clients
            if self.bearer().is_some() {
                sessions
                    .confirmations
                    .settle(&sessions.db, live.session_id)
                    .await?;
            }
            // end wing:clients
            return Ok(live);
        }
        if !self.is_late().await? {
            self.plan(self.0.sessions.cleared_cookies());
        }
        Err(Error::NotSignedIn)
    }

    /// The live session, if its user proved their identity within [`RECENT`].
    ///
    /// # Errors
    /// Like [`Self::require`], and [`Error::ReauthRequired`].
    pub async fn require_recent(&self) -> Result<RecentSession> {
        let live = self.require().await?;
        self.recent(live)
    }

    pub(crate) fn recent(&self, live: LiveSession) -> Result<RecentSession> {
        // wing:clients
        // A token or a key has no user beside it who could confirm anything.
        if self.bearer().is_some() {
            return Err(Error::ReauthRequired);
        }
        // end wing:clients
        let age = self.0.sessions.0.clock.now() - live.authenticated_at;
        if age < RECENT {
            Ok(RecentSession(live))
        } else {
            Err(Error::ReauthRequired)
        }
    }

    // wing:admin
    /// Replaces a snapshot by what the authority returned, if they differ.
    pub(crate) fn correct(&self, live: Option<&LiveSession>) {
        let said = live.map(AuthSession::from);
        if self.session() == said.as_ref() {
            return;
        }
        if let (Some(live), Some(id)) = (live, self.id()) {
            self.plan_live(live, id);
        }
        // Concurrent callers got the same result, so either may win.
        drop(self.0.corrected.set(said));
    }
    // end wing:admin

    /// Per-session data for a fork, kept by tower-sessions; `None` for anonymous visitors. The layer saves what has
    /// changed before the handler returns. Do not log it: its Debug is tower-sessions' and shows the session id.
    pub fn data(&self) -> Option<&Session> {
        let Presented::Live(proof, session) = &self.0.presented else {
            return None;
        };
        let id = proof.id()?;
        Some(self.0.data.get_or_init(|| {
            let store = Arc::clone(&self.0.sessions.0.store);
            Session::new(
                Some(*id),
                store,
                Some(Expiry::AtDateTime(session.expires_at.clone().into())),
            )
        }))
    }

    /// Locks a user who is about to sign in, see [`users::lock`], together with the user this browser is signed in
    /// as, whose session ends then. Call this before the transaction has locked any other user. Both are locked in
    /// the order of their ids, so that when two browsers change to each other's users, one waits for the other.
    ///
    /// # Errors
    /// [`Error::Unavailable`]
    // wing:second-factors
    /// Whatever the transaction changes after this, a sign-in that waits for its second factor does not change.
    // end wing:second-factors
    pub(crate) async fn lock_to_sign_in(&self, tx: &mut Tx, user_id: Uuid) -> Result<Option<users::Locked>> {
        let found = self.lock_both(tx, user_id).await?;
        half_way::mark(tx).await?; // wing:second-factors
        Ok(found)
    }

    async fn lock_both(&self, tx: &mut Tx, user_id: Uuid) -> Result<Option<users::Locked>> {
        let former = match self.meant() {
            Some(session_id) => table::owner(tx, session_id).await?,
            None => None,
        };
        let mut found = None;
        for id in BTreeSet::from_iter([user_id].into_iter().chain(former)) {
            let locked = users::lock(tx, id).await?;
            if id == user_id {
                found = locked;
            }
        }
        Ok(found)
    }

    /// Signs a user in, as the last step of the caller's transaction. That transaction may have locked no users
    /// except one it created, or those locked by [`Self::lock_to_sign_in`]. Ends the session this browser had,
    /// whichever user it belonged to, and starts one with a new id and none of the old data.
    ///
    /// # Errors
    /// [`Error::InvalidCredentials`] if the user is disabled or gone by now; [`Error::Unavailable`]
    // wing:second-factors
    /// [`Error::SecondFactorRequired`]: the sign-in waits in this browser for [`Auth::second_factor`](crate::Auth).
    // end wing:second-factors
    pub async fn start_session(
        &self,
        mut tx: Tx,
        user_id: Uuid,
        method: &str,
        remember: bool,
    ) -> Result<AuthSession> {
        self.require_browser()?; // wing:clients
        self.lock_enabled(&mut tx, user_id).await?;
        // wing:second-factors
        // Every way to sign in leads through here, so none goes around the second factor.
        if self.needs_second_factor(&mut tx, user_id).await? {
            self.keep_half_way(tx, user_id, method, remember).await?;
            return Err(Error::SecondFactorRequired);
        }
        // end wing:second-factors
        self.begin(tx, user_id, method, remember).await
    }

    // wing:passkeys
    /// The same for a user who has proven two factors at once.
    ///
    /// # Errors
    /// [`Error::InvalidCredentials`] if the user is disabled or gone by now; [`Error::Unavailable`]
    pub(crate) async fn start_session_by_two_factors(
        &self,
        mut tx: Tx,
        user_id: Uuid,
        method: &str,
        remember: bool,
    ) -> Result<AuthSession> {
        self.require_browser()?; // wing:clients
        self.lock_enabled(&mut tx, user_id).await?;
        self.begin(tx, user_id, method, remember).await
    }
    // end wing:passkeys

    /// Locks a user who is about to sign in. With this lock, disabling the user or ending all their sessions happens either
    /// before this session begins or after.
    pub(super) async fn lock_enabled(&self, tx: &mut Tx, user_id: Uuid) -> Result<()> {
        match self.lock_both(tx, user_id).await? {
            Some(user) if !user.disabled => Ok(()),
            _ => Err(Error::InvalidCredentials),
        }
    }

    /// Begins the session of a user who has proven everything that is asked for.
    pub(super) async fn begin(
        &self,
        mut tx: Tx,
        user_id: Uuid,
        method: &str,
        remember: bool,
    ) -> Result<AuthSession> {
        let (sessions, client) = (&self.0.sessions.0, self.client());
        let now = sessions.clock.now();
        self.take_account_of_proofs(&mut tx, user_id).await?;
        if let Some(session_id) = self.meant() {
            for ended in self.end(&mut tx, Ending::Any { session_id }).await? {
                former::remember(&mut tx, &ended.key_hash, session_id, now).await?;
            }
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
        let live = table::insert(&mut tx, &id, new).await?;
        self.0.sessions.end_surplus(&mut tx, &live).await?;
        // wing:mail
        if let Some(mail) = sessions.history.mail() {
            mail.see(&mut tx, user_id, client).await?;
            // Only a sign-in that was completed ends a count of failures.
            if let Some(email) = live.email() {
                mail.unlock(&mut tx, email).await?;
            }
        }
        // end wing:mail
        NewEvent::of(user_id, Deed::SignIn)
            .session(live.session_id)
            .from(client)
            .note(method)
            .record(&mut tx, &sessions.history)
            .await?;
        networks::remember(&mut tx, user_id, client.ip, now).await?;
        tx.commit().await?;
        let ip = client.ip.map(tracing::field::display);
        tracing::info!(session = %live.session_id, user = %user_id, method, ip, "signed in");
        self.give(&live, id);
        Ok(AuthSession::from(&live))
    }

    /// Updates the user by what their proofs have shown by now, see [`users::verify_by_account`].
    async fn take_account_of_proofs(&self, tx: &mut Tx, user_id: Uuid) -> Result<()> {
        let now = self.0.sessions.0.clock.now();
        if users::verify_by_account(tx, user_id, now).await? {
            self.0.sessions.marks().refresh_snapshots(tx, user_id).await?;
            NewEvent::of(user_id, Deed::VerifyEmail)
                .record(tx, self.history())
                .await?;
        }
        Ok(())
    }

    /// Makes the browser forget its session and its flows with providers, because it has signed out.
    pub(crate) fn plan_signed_out(&self) {
        self.plan(self.0.sessions.signed_out_cookies());
    }

    // wing:data-rights
    /// Makes the browser forget all cookies, because its user has deleted the account.
    pub(crate) fn plan_deleted(&self) {
        self.plan(self.0.sessions.no_cookies());
    }
    // end wing:data-rights

    /// The user's sessions, this one first.
    pub async fn list(&self, live: &LiveSession) -> Result<Vec<SessionInfo>> {
        let sessions = &self.0.sessions.0;
        let current = Some(live.session_id);
        table::list(&sessions.db, live.user_id, current, sessions.clock.now()).await
    }

    /// Ends another of the user's sessions. The present one is ended by signing out: see
    /// [`Auth::sign_out`](crate::Auth::sign_out).
    ///
    /// # Errors
    /// [`Error::NotFound`] both for an unknown session and for another user's.
    pub async fn revoke(&self, live: &LiveSession, session_id: Uuid) -> Result<()> {
        let which = Ending::One {
            user_id: live.user_id,
            session_id,
        };
        match self.end_and_commit(live, which).await? {
            0 => Err(Error::NotFound),
            _ => Ok(()),
        }
    }

    /// Ends all of the user's sessions but this one. Returns their number.
    pub async fn revoke_others(&self, live: &LiveSession) -> Result<usize> {
        let which = Ending::Others {
            user_id: live.user_id,
            session_id: live.session_id,
        };
        self.end_and_commit(live, which).await
    }

    /// Ends the user's other sessions as part of the caller's transaction.
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

    /// Ends the user's other sessions that began with this sign-in method.
    pub(crate) async fn end_by_method(&self, tx: &mut Tx, live: &LiveSession, method: &str) -> Result<()> {
        let which = Ending::Method {
            user_id: live.user_id,
            method: method.to_owned(),
            keep: live.session_id,
        };
        self.end(tx, which).await.map(drop)
    }

    /// Completes a confirmation of identity, which was done in this way: records it, and gives the session a new id.
    pub(crate) async fn confirm(&self, mut tx: Tx, live: LiveSession, method: &str) -> Result<()> {
        self.record(&mut tx, &live, Deed::Confirm, method).await?;
        self.cycle(tx, live, true).await
    }

    /// Records what was done in this session.
    async fn record(&self, tx: &mut Tx, live: &LiveSession, deed: Deed, note: &str) -> Result<()> {
        NewEvent::of(live.user_id, deed)
            .session(live.session_id)
            .from(self.client())
            .note(note)
            .record(tx, self.history())
            .await
    }

    /// Gives the session a new id, as the last step of the caller's transaction. After every change of what can
    /// sign in, and after a confirmation (`confirmed`), a copied cookie must be worthless.
    pub(crate) async fn cycle(&self, mut tx: Tx, live: LiveSession, confirmed: bool) -> Result<()> {
        let old = self.id().map(IdHash::of).ok_or(Error::NotSignedIn)?;
        let sessions = &self.0.sessions.0;
        let id = Id::default();
        let now = sessions.clock.now();
        self.take_account_of_proofs(&mut tx, live.user_id).await?;
        let live = table::cycle(&mut tx, live, &old, &IdHash::of(&id), now, confirmed)
            .await?
            .ok_or(Error::NotSignedIn)?;
        former::remember(&mut tx, old.bytes(), live.session_id, now).await?;
        let mark = Mark {
            session_id: live.session_id,
            min_version: live.version,
        };
        sessions.marks.write(&mut tx, &[mark]).await?;
        tx.commit().await?;
        self.give(&live, id);
        Ok(())
    }

    // wing:second-factors,passkeys
    /// What follows from every change of factors, as the last step of its transaction: what rests on the former ones ends.
    pub(crate) async fn factors_changed(
        &self,
        mut tx: Tx,
        live: LiveSession,
        deed: Deed,
        note: &str,
    ) -> Result<()> {
        self.end_others(&mut tx, &live).await?;
        self.record(&mut tx, &live, deed, note).await?;
        self.cycle(tx, live, false).await
    }
    // end wing:second-factors,passkeys

    async fn end_and_commit(&self, live: &LiveSession, which: Ending) -> Result<usize> {
        let sessions = &self.0.sessions.0;
        let mut tx = sessions.db.begin().await?;
        let event = NewEvent::system_event(Deed::RevokeSession).from(self.client());
        let ended = sessions
            .marks
            .end_noted(&mut tx, vec![which], event, &sessions.history)
            .await?;
        tx.commit().await?;
        tracing::info!(user = %live.user_id, sessions = ended, "revoked");
        Ok(ended)
    }

    async fn end(&self, tx: &mut Tx, which: Ending) -> Result<Vec<table::Ended>> {
        self.0.sessions.marks().end(tx, which).await
    }

    /// Saves a fork's per-session data, if it changed.
    ///
    /// # Errors
    /// Of the database.
    pub async fn save_data(&self) -> Result<()> {
        match self.0.data.get() {
            Some(data) if data.is_modified() => data.save().await.map_err(Error::internal),
            _ => Ok(()),
        }
    }

    /// The cookies of the response, without those that are void by now. In that case the browser has received other
    /// cookies, or none, while this request was under way, and this response may arrive after that one. Once the request
    /// has taken longer than a former id is remembered, as a large body over a slow line does, nothing would tell of
    /// that, so there are none, except those with an id that it has issued itself.
    pub(super) fn take_planned(&self) -> Vec<HeaderValue> {
        let Inner {
            sessions,
            begun,
            given,
            ..
        } = &*self.0;
        let planned = self.take();
        let is_known = sessions.0.clock.now() - *begun < former::REMEMBERED;
        if is_known || given.get().is_some() {
            planned.unless_void(&sessions.0.marks)
        } else {
            Vec::new()
        }
    }

    fn take(&self) -> Planned {
        std::mem::take(&mut *self.0.planned.lock())
    }

    fn give(&self, live: &LiveSession, id: Id) {
        self.plan_live(live, &id);
        // A request signs in or changes its id once.
        _ = self.0.given.set(id);
    }

    fn plan_live(&self, live: &LiveSession, id: &Id) {
        self.plan(self.0.sessions.live_cookies(live, id));
    }

    // wing:second-factors,mail,passkeys
    /// Adds a cookie to those of the response.
    pub(crate) fn plan_also(&self, cookie: HeaderValue) {
        self.0.planned.lock().add(cookie);
    }
    // end wing:second-factors,mail,passkeys

    fn plan(&self, planned: Planned) {
        // wing:clients
        // A request by a token has no cookies, and its client keeps none.
        if self.bearer().is_some() {
            return;
        }
        // end wing:clients
        *self.0.planned.lock() = planned;
    }
}
