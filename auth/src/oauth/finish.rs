//! The end of a flow: `GET /auth/callback/{provider}`.

use uuid::Uuid;

use super::{
    Configured, FlowError, Intent, OAuth,
    callback::{Answer, Callback, Outcome},
    discovery::Endpoints,
    excerpt,
    flow::{self, Browser, Flow},
    microsoft,
    preset::Known,
    provider::Provider,
};
use crate::{
    accounts::{self, Identity},
    audit::NewEvent,
    client::Client,
    db::Tx,
    error::Error,
    keys::Purpose,
    return_to::ReturnTo,
    session::{LiveSession, RequestAuth},
};

/// How a callback ended. Session cookies are planned in the [`RequestAuth`] already.
#[derive(Debug)]
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
    /// The database does not answer, or not as it should.
    Unavailable(Error),
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

impl OAuth {
    /// Ends a flow: signs in, connects, or fails. `query` is the address's, as it came; `browser` is the
    /// value of the flow cookie.
    pub async fn finish(
        &self,
        provider: &str,
        query: &str,
        request: &RequestAuth,
        client: &Client,
        browser: Option<&str>,
    ) -> Finished {
        let Some(configured) = self.configured(provider) else {
            return Finished::UnknownProvider;
        };
        let provider = &configured.provider;
        let callback = Callback::parse(query);
        let flow = match self.take(&callback).await {
            Ok(flow) => flow,
            Err(error) => return Finished::Unavailable(error),
        };
        let Some(flow) = flow else {
            return match request.session() {
                Some(_) if callback.outcome.is_ok() => Finished::AlreadySignedIn,
                _ => report(provider, None, FlowError::Expired, "there is no such flow"),
            };
        };
        if flow.was_left() {
            return report(
                provider,
                Some(&flow),
                FlowError::Expired,
                "its browser has signed out",
            );
        }
        let browser = Browser::of(browser);
        if let Err(cause) = flow.belongs(browser.as_ref(), &provider.id) {
            // Nothing of the flow goes to whom it does not belong.
            return report(provider, None, FlowError::Expired, cause);
        }
        if flow.has_expired(self.0.clock.now()) {
            return report(provider, Some(&flow), FlowError::Expired, "the flow has expired");
        }
        match self
            .complete(configured, &flow, callback, request, client, browser.as_ref())
            .await
        {
            Ok(finished) => finished,
            Err(Stop::Failed(error, cause)) => report(provider, Some(&flow), error, &cause),
            Err(Stop::Error(error)) => Finished::Unavailable(error),
        }
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
        client: &Client,
        browser: Option<&Browser>,
    ) -> Result<Finished, Stop> {
        let Configured { provider, discovery } = configured;
        let Outcome { answer, iss, user } = callback
            .outcome
            .map_err(|cause| failed(FlowError::Provider, cause))?;
        let code = match answer {
            Answer::Code(code) => code,
            Answer::Error(code) if DENIED.contains(&code.as_str()) => {
                return Err(failed(FlowError::Denied, "the person said no"));
            }
            Answer::Error(code) => {
                return Err(failed(
                    FlowError::Provider,
                    format!("the provider answered {}", excerpt(&code)),
                ));
            }
        };
        let live = match intent_of(flow) {
            Intent::SignIn => None,
            Intent::Link => Some(same_session(flow, request).await?),
        };
        let from_provider = |cause| failed(FlowError::Provider, cause);
        let endpoints = discovery
            .endpoints(provider, &self.0.http, self.0.clock.unix())
            .await
            .map_err(from_provider)?;
        check_issuer(provider, &endpoints, iss.as_deref()).map_err(from_provider)?;
        let identity = self
            .identify(configured, &endpoints, flow, code, user.as_deref())
            .await
            .map_err(from_provider)?;
        match live {
            Some(live) => self.link(identity, live, flow, request, client).await,
            None => self.sign_in(identity, flow, request, client, browser).await,
        }
    }

    /// Signs in as the identity's user; makes one, with the account, if there is none.
    async fn sign_in(
        &self,
        identity: Identity,
        flow: &Flow,
        request: &RequestAuth,
        client: &Client,
        browser: Option<&Browser>,
    ) -> Result<Finished, Stop> {
        let (keys, now) = (&self.0.keys, self.0.clock.now());
        // Twice, for who loses a race against the first sign-in of the same person in another tab.
        for _ in 0..2 {
            let mut tx = self.0.db.begin().await?;
            // Before the account is looked for: where another first sign-in of this person ends in between, its
            // user would be found without the account, and taken for somebody else.
            let address_owner = self.address_owner(&mut tx, &identity).await?;
            let user_id = match accounts::owner(&mut tx, &identity).await? {
                Some(owner) if owner.disabled => {
                    return Err(failed(FlowError::Provider, "the user is disabled"));
                }
                Some(owner) => {
                    accounts::refresh(&mut tx, keys, &identity, now).await?;
                    self.0
                        .users
                        .upsert(&mut tx, Some(owner.user_id), identity.user(), now)
                        .await?
                }
                None => match address_owner {
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
                        self.remember(&mut tx, &identity, browser, owner).await?;
                        tx.commit().await?;
                        return Err(failed(FlowError::LinkRequired, "the address is another user's"));
                    }
                    None => match self.register(&mut tx, &identity, client).await? {
                        Some(user_id) => user_id,
                        None => continue,
                    },
                },
            };
            self.complete_pending(&mut tx, browser.map(Browser::as_str), user_id)
                .await?;
            match request
                .sign_in(tx, user_id, &identity.provider, false, client)
                .await
            {
                Ok(_) => {}
                Err(Error::InvalidCredentials) => {
                    return Err(failed(FlowError::Provider, "the user was disabled meanwhile"));
                }
                Err(error) => return Err(error.into()),
            }
            return Ok(Finished::SignedIn {
                return_to: ReturnTo::or_default(flow.return_to.as_deref()),
            });
        }
        Err(Error::internal("two sign-ins of one person keep overtaking each other").into())
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
        client: &Client,
    ) -> Result<Option<Uuid>, Error> {
        let now = self.0.clock.now();
        let user_id = match self.0.users.upsert(tx, None, identity.user(), now).await {
            Ok(user_id) => user_id,
            Err(Error::EmailTaken) => return Ok(None),
            Err(error) => return Err(error),
        };
        if !accounts::insert(tx, &self.0.keys, user_id, identity, now).await? {
            return Ok(None);
        }
        NewEvent::of(user_id, "register")
            .from(client.ip)
            .note(&identity.provider)
            .record(tx, now)
            .await?;
        Ok(Some(user_id))
    }

    /// Keeps an identity for the owner of its address, who has ten minutes to sign in in this browser.
    async fn remember(
        &self,
        tx: &mut Tx,
        identity: &Identity,
        browser: &Browser,
        owner: Uuid,
    ) -> Result<(), Error> {
        let json = serde_json::to_string(identity).map_err(Error::internal)?;
        let sealed = self.0.keys.seal(Purpose::PendingLink, &json);
        flow::insert_pending(
            tx,
            browser,
            &identity.provider,
            owner,
            &sealed,
            self.0.clock.now(),
        )
        .await
    }

    /// Connects the identity with the signed-in user.
    async fn link(
        &self,
        identity: Identity,
        live: LiveSession,
        flow: &Flow,
        request: &RequestAuth,
        client: &Client,
    ) -> Result<Finished, Stop> {
        let (keys, now) = (&self.0.keys, self.0.clock.now());
        let (user_id, session_id) = (live.user_id(), live.session_id());
        let mut tx = self.0.db.begin().await?;
        if accounts::insert(&mut tx, keys, user_id, &identity, now).await? {
            self.0
                .users
                .upsert(&mut tx, Some(user_id), identity.user(), now)
                .await?;
            NewEvent::of(user_id, "link")
                .session(session_id)
                .from(client.ip)
                .note(&identity.provider)
                .record(&mut tx, now)
                .await?;
        } else {
            match accounts::owner(&mut tx, &identity).await? {
                Some(owner) if owner.user_id == user_id => {
                    accounts::refresh(&mut tx, keys, &identity, now).await?;
                }
                _ => return Err(failed(FlowError::Taken, "the account is another user's")),
            }
        }
        match request.cycle(tx, live, false).await {
            Ok(()) => {}
            Err(Error::NotSignedIn) => return Err(failed(FlowError::Expired, "the session ended meanwhile")),
            Err(error) => return Err(error.into()),
        }
        tracing::info!(user = %user_id, session = %session_id, provider = identity.provider, "connected an account");
        Ok(Finished::Linked {
            return_to: return_to(flow),
        })
    }
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

/// A callback says whose it is (RFC 9207), so that one provider's code is never sent to another.
fn check_issuer(provider: &Provider, endpoints: &Endpoints, iss: Option<&str>) -> Result<(), String> {
    let Some(issuer) = endpoints.issuer.as_deref() else {
        return Ok(());
    };
    let template = provider.preset.endpoints == Known::MicrosoftTenant && issuer.contains('{');
    match iss {
        None if endpoints.iss_required => Err("iss is missing in the callback".to_owned()),
        None => Ok(()),
        Some(iss) if iss == issuer || (template && microsoft::fits(issuer, iss)) => Ok(()),
        Some(_) => Err("iss in the callback is another issuer's".to_owned()),
    }
}

fn intent_of(flow: &Flow) -> Intent {
    // The column has no other value than the two we write: the table checks it.
    if flow.intent == Intent::Link.as_str() {
        Intent::Link
    } else {
        Intent::SignIn
    }
}

fn return_to(flow: &Flow) -> Option<ReturnTo> {
    flow.return_to.as_deref().and_then(ReturnTo::parse)
}

/// Logs a failure and tells as much of it as the person may know.
fn report(provider: &Provider, flow: Option<&Flow>, error: FlowError, cause: &str) -> Finished {
    tracing::warn!(
        provider = provider.id,
        error = error.code(),
        cause,
        "a provider flow failed"
    );
    Finished::Failed {
        error,
        intent: flow.map_or(Intent::SignIn, intent_of),
        return_to: flow.and_then(return_to),
    }
}
