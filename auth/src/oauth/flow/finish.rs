//! The end of a flow: `GET /auth/callback/{provider}`.

use std::sync::Arc;

use tower_sessions::session::Id;
use uuid::Uuid;

use crate::{
    audit::NewEvent,
    db::Tx,
    error::Error,
    oauth::{
        Configured, FlowError, Intent, OAuth,
        account::{self, Account, Identity},
        excerpt,
        flights::{Landed, Missed},
        flow::{
            self, Browser, Flow, WayBack,
            callback::{Answer, Callback, Outcome},
            identify::Identified,
        },
        protocol::discovery::Endpoints,
        providers::{
            preset::{AuthTime, Known},
            provider::Provider,
        },
    },
    return_to::ReturnTo,
    session::{LiveSession, Repeated, RequestAuth},
    users::{self, Occasion},
};

/// How long a callback that comes once more is answered like the first, in seconds.
const REPEATED: i64 = 60;
/// Somebody who signed in at the provider longer ago has not confirmed anything now, in seconds.
const FRESH: i64 = 300;

/// How a callback ended. Session cookies are planned in the [`RequestAuth`] already.
#[derive(Clone, Debug)]
pub enum Finished {
    /// Somebody is signed in and goes on here.
    SignedIn {
        /// A page of ours.
        return_to: ReturnTo,
    },
    /// The account is connected with the signed-in user.
    Linked {
        /// A page of ours, if one was asked for.
        return_to: Option<ReturnTo>,
    },
    /// The signed-in user has proven once more who is there.
    Confirmed {
        /// A page of ours, if one was asked for.
        return_to: Option<ReturnTo>,
    },
    /// The callback was loaded again after it had succeeded: nothing was done.
    AlreadySignedIn,
    /// It failed, and the flow is gone.
    Failed {
        /// Why, as far as the person may know.
        error: FlowError,
        /// What the flow was for.
        intent: Intent,
        /// A page of ours, if one was asked for.
        return_to: Option<ReturnTo>,
    },
    /// There is no such provider: 404.
    UnknownProvider,
    /// Too many callbacks wait for their providers: nothing was done.
    Busy,
    /// The database does not answer, or not as it should.
    Unavailable(Arc<Error>),
}

/// How a callback ended, for all who send it.
pub(crate) struct Ended {
    finished: Finished,
    /// The id its browser was given: a secret, in the memory of this process for a minute, and opened by nothing
    /// but the flow cookie and the whole query.
    given: Option<Id>,
}

impl std::fmt::Debug for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ended")
            .field("finished", &self.finished)
            .finish_non_exhaustive()
    }
}

/// Why a form's callback is not sent on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RepostError {
    /// There is no such provider: 404.
    UnknownProvider,
    /// This provider does not answer by form: 405.
    NotAllowed,
}

/// What stops a callback.
enum Stop {
    /// For the person a code, for the log a cause.
    Failed(FlowError, String),
    Error(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<sqlx::Error> for Stop {
    fn from(error: sqlx::Error) -> Self {
        Self::Error(error.into())
    }
}

fn failed(error: FlowError, cause: impl Into<String>) -> Stop {
    Stop::Failed(error, cause.into())
}

/// What providers call it when a person says no: the standard, then Apple and LinkedIn.
const DENIED: [&str; 3] = [
    "access_denied",
    "user_cancelled_authorize",
    "user_cancelled_login",
];

/// What providers call it when the person would have to do something there that this request did not lead to,
/// or did not do it in time (OpenID Connect Core §3.1.2.6; Keycloak says the last of a sign-in page that was
/// left open). All of it is well when begun anew.
const TRY_AGAIN: [&str; 5] = [
    "login_required",
    "interaction_required",
    "consent_required",
    "account_selection_required",
    "temporarily_unavailable",
];

impl OAuth {
    /// Ends a flow: signs in, connects, confirms, or fails. `query` is the address's, as it came.
    ///
    /// The work goes on to its end when the caller goes away. The same browser's same callback joins it, and for
    /// a minute is answered like it.
    pub async fn finish(&self, provider: &str, query: &str, request: &RequestAuth) -> Finished {
        let Some(configured) = self.configured(provider) else {
            return Finished::UnknownProvider;
        };
        let Some(browser) = Browser::of(request.flow_cookie()) else {
            // No flow is theirs: there is no work to join.
            return self.end(configured, query, request, None).await.cargo.finished;
        };
        let detached = request.detached();
        let mut is_first = false;
        let work = || {
            is_first = true;
            let (oauth, request) = (self.clone(), detached.clone());
            let (provider, query, browser) = (provider.to_owned(), query.to_owned(), browser.clone());
            async move {
                match oauth.configured(&provider) {
                    Some(configured) => oauth.end(configured, &query, &request, Some(&browser)).await,
                    None => passing(Finished::UnknownProvider),
                }
            }
        };
        let key = browser.key_of(provider, query);
        let joined = configured.callbacks.join(key, self.0.clock.unix(), work).await;
        let ended = match joined {
            Ok(ended) => ended,
            Err(Missed::Full) => return Finished::Busy,
            Err(Missed::Lost) => return Finished::Unavailable(Arc::new(Missed::Lost.into())),
        };
        if is_first {
            request.take_over(&detached);
            return ended.finished.clone();
        }
        let Some(given) = ended.given else {
            return ended.finished.clone();
        };
        match request.repeat(given).await {
            Ok(Repeated::Given | Repeated::Same) => ended.finished.clone(),
            Ok(Repeated::Another) => Finished::AlreadySignedIn,
            // Signed out since, or ended by somebody: what the first was given opens nothing any more.
            Err(Error::NotSignedIn) => {
                let callback = Callback::parse(query);
                self.without_flow(&configured.provider, &callback, request, Some(&browser))
                    .await
            }
            Err(error) => Finished::Unavailable(Arc::new(error)),
        }
    }

    /// Does the work of a callback; its answer is kept if the flow was this browser's.
    async fn end(
        &self,
        configured: &Configured,
        query: &str,
        request: &RequestAuth,
        browser: Option<&Browser>,
    ) -> Landed<Ended> {
        let provider = &configured.provider;
        let callback = Callback::parse(query);
        let flow = match self.take(&callback).await {
            Ok(flow) => flow,
            Err(error) => return passing(Finished::Unavailable(Arc::new(error))),
        };
        let Some(flow) = flow else {
            return passing(self.without_flow(provider, &callback, request, browser).await);
        };
        if flow.was_left() {
            let way_back = Some(&flow.way_back);
            return passing(report(
                provider,
                way_back,
                FlowError::Expired,
                "its browser has signed out",
            ));
        }
        if let Err(cause) = flow.belongs(browser, &provider.id) {
            // Nothing of the flow goes to whom it does not belong.
            return passing(report(provider, None, FlowError::Expired, cause));
        }
        let completed = match flow.has_expired(self.0.clock.now()) {
            true => Err(failed(FlowError::Expired, "the flow has expired")),
            false => self.complete(configured, &flow, callback, request, browser).await,
        };
        let finished = match completed {
            Ok(finished) => finished,
            Err(Stop::Failed(error, cause)) => report(provider, Some(&flow.way_back), error, &cause),
            Err(Stop::Error(error)) => return passing(Finished::Unavailable(Arc::new(error))),
        };
        Landed {
            cargo: Ended {
                finished,
                given: request.given(),
            },
            until: Some(self.0.clock.unix() + REPEATED),
        }
    }

    /// Answers a callback without a flow: one whose flow is used up, or was swept, or never was.
    async fn without_flow(
        &self,
        provider: &Provider,
        callback: &Callback,
        request: &RequestAuth,
        browser: Option<&Browser>,
    ) -> Finished {
        if request.session().is_some() && callback.outcome.is_ok() {
            return Finished::AlreadySignedIn;
        }
        match self.way_back(callback, browser).await {
            Ok(way_back) => report(
                provider,
                way_back.as_ref(),
                FlowError::Expired,
                "there is no such flow",
            ),
            Err(error) => Finished::Unavailable(Arc::new(error)),
        }
    }

    /// Where the callback's flow would have led, if this browser began it within the hour.
    async fn way_back(
        &self,
        callback: &Callback,
        browser: Option<&Browser>,
    ) -> Result<Option<WayBack>, Error> {
        let (Some(browser), Some(state)) = (browser, callback.states.first()) else {
            return Ok(None);
        };
        flow::way_back(&self.0.db, state, browser, self.0.clock.now()).await
    }

    /// Where a callback that came as a form is sent on to. The form came from another site and so without
    /// our cookies; the address it is sent on to is visited with them. Changes nothing.
    ///
    /// # Errors
    /// See [`RepostError`].
    pub fn repost(&self, provider: &str, form_body: &str) -> Result<String, RepostError> {
        let Configured { provider, .. } = self.configured(provider).ok_or(RepostError::UnknownProvider)?;
        if !provider.preset.form_post {
            return Err(RepostError::NotAllowed);
        }
        Ok(format!(
            "{}?{}",
            provider.callback_path(),
            Callback::parse(form_body).to_query()
        ))
    }

    /// Uses up the callback's flow: before the callback is judged, and before anybody else is asked.
    async fn take(&self, callback: &Callback) -> Result<Option<Flow>, Error> {
        let mut found = None;
        for state in &callback.states {
            found = flow::consume(&self.0.db, state).await?.or(found);
        }
        Ok(found)
    }

    async fn complete(
        &self,
        configured: &Configured,
        flow: &Flow,
        callback: Callback,
        request: &RequestAuth,
        browser: Option<&Browser>,
    ) -> Result<Finished, Stop> {
        let provider = &configured.provider;
        let Outcome { answer, iss, user } = callback
            .outcome
            .map_err(|cause| failed(FlowError::Provider, cause))?;
        let code = match answer {
            Answer::Code(code) => code,
            Answer::Error(code) if DENIED.contains(&code.as_str()) => {
                return Err(failed(FlowError::Denied, "the person said no"));
            }
            Answer::Error(code) if TRY_AGAIN.contains(&code.as_str()) => {
                return Err(failed(
                    FlowError::Expired,
                    format!("the provider answered {}", excerpt(&code)),
                ));
            }
            Answer::Error(code) => {
                return Err(failed(
                    FlowError::Provider,
                    format!("the provider answered {}", excerpt(&code)),
                ));
            }
        };
        let intent = flow.way_back.intent();
        let live = match intent {
            Intent::SignIn => None,
            Intent::Link | Intent::Confirm => Some(same_session(flow, request).await?),
        };
        let from_provider = |cause| failed(FlowError::Provider, cause);
        let endpoints = configured.discovery.endpoints().await.map_err(from_provider)?;
        check_issuer(provider, &endpoints, iss.as_deref()).map_err(from_provider)?;
        let Identified {
            identity,
            signed_in_at,
        } = self
            .identify(configured, &endpoints, flow, code, user.as_deref())
            .await
            .map_err(from_provider)?;
        let Some(live) = live else {
            return self.sign_in_with(identity, flow, request, browser).await;
        };
        if intent == Intent::Link {
            return self.link(identity, live, flow, request).await;
        }
        check_fresh(provider, signed_in_at, self.0.clock.unix())
            .map_err(|cause| failed(FlowError::Expired, cause))?;
        self.confirm(identity, live, flow, request).await
    }

    /// Signs in as the identity's user; makes one, with the account, if there is none.
    async fn sign_in_with(
        &self,
        identity: Identity,
        flow: &Flow,
        request: &RequestAuth,
        browser: Option<&Browser>,
    ) -> Result<Finished, Stop> {
        let (keys, now) = (&self.0.keys, self.0.clock.now());
        // Again, for who loses a race: against the first sign-in of the same person in another tab, or against
        // the disconnection of the account.
        for _ in 0..TRIES {
            let mut tx = self.0.db.begin().await?;
            // Before the account is looked for: where another first sign-in of this person ends in between, its
            // user would be found without the account, and taken for somebody else.
            let address_owner = self.address_owner(&mut tx, &identity).await?;
            let user_id = match lock_account(&mut tx, request, &identity).await? {
                Locked::Moved => continue,
                Locked::Of(account, user) => {
                    if user.disabled {
                        return Err(failed(FlowError::Provider, "the user is disabled"));
                    }
                    judge(&account, &identity)?;
                    if !account::refresh(&mut tx, keys, &account, &identity, now).await? {
                        continue;
                    }
                    self.0
                        .users
                        .upsert(&mut tx, Occasion::SignIn(account.user_id), identity.user(), now)
                        .await?
                }
                Locked::Nobodys => match address_owner {
                    Some(_) if !identity.email_verified => {
                        return Err(failed(
                            FlowError::Unverified,
                            "the address is taken, and nobody vouches for it",
                        ));
                    }
                    Some(owner) => {
                        let Some(browser) = browser else {
                            return Err(failed(FlowError::Expired, "the flow is another browser's"));
                        };
                        // Not one who has just been deleted.
                        if users::lock(&mut tx, owner).await?.is_none() {
                            continue;
                        }
                        flow::insert_pending(&mut tx, keys, browser, owner, &identity, now).await?;
                        tx.commit().await?;
                        return Err(failed(FlowError::LinkRequired, "the address is another user's"));
                    }
                    None => match self.register(&mut tx, &identity, request).await? {
                        Some(user_id) => user_id,
                        None => continue,
                    },
                },
            };
            self.complete_pending(&mut tx, request, user_id).await?;
            match request
                .start_session(tx, user_id, &identity.provider, flow.remember)
                .await
            {
                Ok(_) => {}
                Err(Error::InvalidCredentials) => {
                    return Err(failed(FlowError::Provider, "the user was disabled meanwhile"));
                }
                Err(error) => return Err(error.into()),
            }
            return Ok(Finished::SignedIn {
                return_to: flow
                    .way_back
                    .return_to()
                    .unwrap_or_else(|| ReturnTo::or_default(None)),
            });
        }
        Err(Error::internal("sign-ins and changes of one account keep overtaking each other").into())
    }

    /// The user who has the identity's address.
    async fn address_owner(&self, tx: &mut Tx, identity: &Identity) -> Result<Option<Uuid>, Error> {
        match identity.address() {
            Some(email) => self.0.users.find_by_email(tx, &email).await,
            None => Ok(None),
        }
    }

    /// Makes a user with this account. `None`: another sign-in was faster.
    async fn register(
        &self,
        tx: &mut Tx,
        identity: &Identity,
        request: &RequestAuth,
    ) -> Result<Option<Uuid>, Error> {
        let now = self.0.clock.now();
        let user_id = match self
            .0
            .users
            .upsert(tx, Occasion::Registration, identity.user(), now)
            .await
        {
            Ok(user_id) => user_id,
            Err(Error::EmailTaken) => return Ok(None),
            Err(error) => return Err(error),
        };
        if !account::insert(tx, &self.0.keys, user_id, identity, now).await? {
            return Ok(None);
        }
        NewEvent::of(user_id, "register")
            .from(request.client().ip)
            .note(&identity.provider)
            .record(tx, now)
            .await?;
        Ok(Some(user_id))
    }

    /// Connects the identity with the signed-in user.
    async fn link(
        &self,
        identity: Identity,
        live: LiveSession,
        flow: &Flow,
        request: &RequestAuth,
    ) -> Result<Finished, Stop> {
        let (keys, now) = (&self.0.keys, self.0.clock.now());
        let (user_id, session_id) = (live.user_id(), live.session_id());
        let mut tx = self.0.db.begin().await?;
        lock_signed_in(&mut tx, user_id).await?;
        if account::insert(&mut tx, keys, user_id, &identity, now).await? {
            self.0
                .users
                .upsert(&mut tx, Occasion::Link(user_id), identity.user(), now)
                .await?;
            NewEvent::of(user_id, "link")
                .session(session_id)
                .from(request.client().ip)
                .note(&identity.provider)
                .record(&mut tx, now)
                .await?;
        } else {
            self.refresh_own(&mut tx, &identity, user_id).await?;
        }
        cycle(tx, live, request, false).await?;
        tracing::info!(user = %user_id, session = %session_id, provider = identity.provider, "connected an account");
        Ok(Finished::Linked {
            return_to: flow.way_back.return_to(),
        })
    }

    /// Takes the identity for a proof that it is the signed-in user who is there.
    async fn confirm(
        &self,
        identity: Identity,
        live: LiveSession,
        flow: &Flow,
        request: &RequestAuth,
    ) -> Result<Finished, Stop> {
        let (user_id, session_id) = (live.user_id(), live.session_id());
        let mut tx = self.0.db.begin().await?;
        lock_signed_in(&mut tx, user_id).await?;
        self.refresh_own(&mut tx, &identity, user_id).await?;
        NewEvent::of(user_id, "confirm")
            .session(session_id)
            .from(request.client().ip)
            .note(&identity.provider)
            .record(&mut tx, self.0.clock.now())
            .await?;
        cycle(tx, live, request, true).await?;
        tracing::info!(user = %user_id, session = %session_id, provider = identity.provider, "confirmed with a provider");
        Ok(Finished::Confirmed {
            return_to: flow.way_back.return_to(),
        })
    }

    /// Refreshes the account of this identity, which must be the locked user's.
    async fn refresh_own(&self, tx: &mut Tx, identity: &Identity, user_id: Uuid) -> Result<(), Stop> {
        let account = account::find(tx, identity).await?;
        let Some(account) = account.filter(|account| account.user_id == user_id) else {
            return Err(failed(FlowError::Taken, "the account is not this user's"));
        };
        judge(&account, identity)?;
        match account::refresh(tx, &self.0.keys, &account, identity, self.0.clock.now()).await? {
            true => Ok(()),
            false => Err(Error::internal("an account went away while its user was locked").into()),
        }
    }
}

/// How often a sign-in that was overtaken is tried.
const TRIES: usize = 3;

/// What is found of an identity once nobody else can change it.
enum Locked {
    /// Its account, and the user, who is locked.
    Of(Account, users::Locked),
    /// There is no account.
    Nobodys,
    /// The account was there and is no more, or has become another user's.
    Moved,
}

/// Locks the user of the identity's account, and reads the account again: whoever had the user locked may have
/// disconnected it.
async fn lock_account(tx: &mut Tx, request: &RequestAuth, identity: &Identity) -> Result<Locked, Error> {
    let Some(found) = account::find(tx, identity).await? else {
        return Ok(Locked::Nobodys);
    };
    let user = request.lock_to_sign_in(tx, found.user_id).await?;
    let again = account::find(tx, identity).await?;
    Ok(match (user, again) {
        (Some(user), Some(account)) if account.user_id == found.user_id => Locked::Of(account, user),
        _ => Locked::Moved,
    })
}

/// Locks the user of a live session, for a change of what the user signs in with.
async fn lock_signed_in(tx: &mut Tx, user_id: Uuid) -> Result<(), Stop> {
    match users::lock(tx, user_id).await? {
        Some(user) if !user.disabled => Ok(()),
        _ => Err(failed(FlowError::Expired, "the user is gone or disabled")),
    }
}

/// Refuses an identity that only looks like the account's.
fn judge(account: &Account, identity: &Identity) -> Result<(), Stop> {
    account
        .judge(identity)
        .map_err(|cause| failed(FlowError::Provider, cause))
}

/// Gives the session a new id as the last step of the transaction.
async fn cycle(tx: Tx, live: LiveSession, request: &RequestAuth, confirmed: bool) -> Result<(), Stop> {
    match request.cycle(tx, live, confirmed).await {
        Ok(()) => Ok(()),
        Err(Error::NotSignedIn) => Err(failed(FlowError::Expired, "the session ended meanwhile")),
        Err(error) => Err(error.into()),
    }
}

/// What is answered once, and to nobody who comes later.
fn passing(finished: Finished) -> Landed<Ended> {
    let cargo = Ended {
        finished,
        given: None,
    };
    Landed { cargo, until: None }
}

/// The live session that began this flow. Another one, even of the same person, may not finish it: it may
/// be somebody else's browser by now.
async fn same_session(flow: &Flow, request: &RequestAuth) -> Result<LiveSession, Stop> {
    match request.require().await {
        Ok(live) if flow.user_id == Some(live.user_id()) && flow.session_id == Some(live.session_id()) => {
            Ok(live)
        }
        Ok(_) => Err(failed(FlowError::Expired, "the flow is another session's")),
        Err(Error::NotSignedIn) => Err(failed(FlowError::Expired, "the flow's session has ended")),
        Err(error) => Err(error.into()),
    }
}

/// Somebody who is to confirm something has to have signed in at the provider just now.
fn check_fresh(provider: &Provider, signed_in_at: Option<i64>, now: i64) -> Result<(), &'static str> {
    match signed_in_at {
        Some(at) if now.saturating_sub(at) > FRESH => {
            Err("the person signed in at the provider too long ago to confirm anything")
        }
        None if provider.preset.auth_time == AuthTime::Required => {
            Err("the ID token does not say when the person signed in: auth_time is missing")
        }
        Some(_) | None => Ok(()),
    }
}

/// A callback says whose it is (RFC 9207), so that one provider's code is never sent to another.
fn check_issuer(provider: &Provider, endpoints: &Endpoints, iss: Option<&str>) -> Result<(), String> {
    let Some(issuer) = endpoints.issuer.as_deref() else {
        return Ok(());
    };
    let is_a_tenants = |iss| match provider.preset.endpoints {
        Known::Tenants(tenants) => (tenants.is_named_by)(issuer, iss),
        Known::Issuer(_) | Known::Endpoints { .. } => false,
    };
    match iss {
        None if endpoints.iss_required => Err("iss is missing in the callback".to_owned()),
        None => Ok(()),
        Some(iss) if iss == issuer || is_a_tenants(iss) => Ok(()),
        Some(iss) => Err(format!(
            "iss in the callback is {}, expected {issuer:?}",
            excerpt(iss)
        )),
    }
}

/// Logs a failure and tells as much of it as the person may know.
fn report(provider: &Provider, way_back: Option<&WayBack>, error: FlowError, cause: &str) -> Finished {
    tracing::warn!(
        provider = provider.id,
        error = error.code(),
        cause,
        "a provider flow failed"
    );
    Finished::Failed {
        error,
        intent: way_back.map_or(Intent::SignIn, WayBack::intent),
        return_to: way_back.and_then(WayBack::return_to),
    }
}
