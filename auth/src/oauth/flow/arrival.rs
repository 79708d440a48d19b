//! A browser has come back with its own flow: its callback is judged, the provider is asked who it is, and what the
//! flow was for is done.

use std::time::Duration;

use tokio::time::timeout;
use uuid::Uuid;
use wire::FlowError;

use crate::mail::invitation; // wing:mail
use crate::{
    audit::{Deed, NewEvent},
    browser::Browser,
    client::Client,
    db::Tx,
    error::Error,
    oauth::{
        account::table::{self as accounts, Account, Identity},
        flow::{
            callback::{Answer, Callback, Outcome},
            identify::Identified,
            table::Flow,
        },
        outcome::{Intent, Stop},
        protocol::{discovery::Endpoints, excerpt::excerpt},
        providers::{
            preset::{AuthTime, Known},
            provider::Provider,
        },
        state::{Configured, OAuth},
    },
    session::{LiveSession, RequestAuth},
    users::{self, Occasion},
};

/// How long the provider may take for all that it is asked, each response to which may take ten seconds.
const TOTAL: Duration = Duration::from_secs(20);
/// A sign-in at the provider longer ago than this confirms nothing, in seconds.
const FRESH: i64 = 300;
/// How often a sign-in that was overtaken is tried.
const TRIES: usize = 3;

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

/// A browser that has come back with its own flow, which is used up already.
pub(super) struct Arrival<'a> {
    pub(super) oauth: &'a OAuth,
    pub(super) configured: &'a Configured,
    pub(super) request: &'a RequestAuth,
    pub(super) browser: &'a Browser,
    pub(super) flow: &'a Flow,
}

impl Arrival<'_> {
    /// Does what the flow was for.
    pub(super) async fn complete(&self, callback: Callback) -> Result<(), Stop> {
        let from_provider = |cause: String| Stop::failed(FlowError::Provider, cause);
        let provider = &self.configured.provider;
        let Outcome { answer, iss, user } = callback
            .outcome
            .map_err(|cause| Stop::failed(FlowError::Provider, cause))?;
        let code = match answer {
            Answer::Code(code) => code,
            Answer::Error(code) => return Err(refusal(&code)),
        };
        let intent = self.flow.intent();
        let live = match intent {
            Intent::SignIn => None,
            Intent::Link | Intent::Confirm => Some(self.same_session().await?),
        };
        let endpoints = self
            .configured
            .discovery
            .endpoints()
            .await
            .map_err(from_provider)?;
        check_issuer(provider, &endpoints, iss.as_deref()).map_err(from_provider)?;
        let asked = self
            .oauth
            .identify(self.configured, &endpoints, self.flow, code, user.as_deref());
        let Identified {
            identity,
            signed_in_at,
        } = timeout(TOTAL, asked)
            .await
            .unwrap_or_else(|_| Err(format!("not finished within {} s", TOTAL.as_secs())))
            .map_err(from_provider)?;
        let Some(live) = live else {
            return self.sign_in(&identity).await;
        };
        if intent == Intent::Link {
            return self.link(&identity, live).await;
        }
        check_fresh(provider, signed_in_at, self.oauth.0.clock.unix())
            .map_err(|cause| Stop::failed(FlowError::Expired, cause))?;
        self.confirm(&identity, live).await
    }

    /// The live session that began this flow. Another one, even of the same person, may not finish it: it may be
    /// another person's browser by now.
    async fn same_session(&self) -> Result<LiveSession, Stop> {
        let Flow {
            user_id, session_id, ..
        } = *self.flow;
        let cause = match self.request.require().await {
            Ok(live) if user_id == Some(live.user_id()) && session_id == Some(live.session_id()) => {
                return Ok(live);
            }
            Ok(_) => "the flow belongs to another session",
            Err(Error::NotSignedIn) => "the flow's session has ended",
            Err(error) => return Err(error.into()),
        };
        Err(Stop::failed(FlowError::Expired, cause))
    }

    /// Signs in as the identity's user; creates one, with the account, if there is none.
    async fn sign_in(&self, identity: &Identity) -> Result<(), Stop> {
        let parts = &self.oauth.0;
        // Again, where it loses a race: against the first sign-in of the same person in another tab, or against
        // the disconnection of the account.
        for _ in 0..TRIES {
            let mut tx = parts.db.begin().await?;
            // Before the account is looked for: where another first sign-in of this person ends in between, its
            // user would be found without the account, and taken for another person.
            let address_owner = self.address_owner(&mut tx, identity).await?;
            let user_id = match self.lock_account(&mut tx, identity).await? {
                Locked::Moved => continue,
                Locked::Of(account, user) => {
                    if user.disabled {
                        return Err(Stop::failed(FlowError::Provider, "the user is disabled"));
                    }
                    accept(&account, identity)?;
                    let now = parts.clock.now();
                    if !accounts::refresh(&mut tx, &parts.keys, &account, identity, now).await? {
                        continue;
                    }
                    let user_id = account.user_id;
                    self.oauth
                        .take_over(&mut tx, self.request, (Occasion::SignIn, user_id), identity, now)
                        .await?;
                    user_id
                }
                // wing:mail
                Locked::Unknown if self.is_closed_to(&mut tx, identity, address_owner).await? => {
                    return Err(Stop::failed(FlowError::Closed, "the person is not invited"));
                }
                // end wing:mail
                Locked::Unknown => match address_owner {
                    Some(_) if !identity.email_verified => {
                        let cause = "the address is taken, and the provider has not verified it";
                        return Err(Stop::failed(FlowError::Unverified, cause));
                    }
                    Some(owner) => {
                        // The owner may have been deleted just now.
                        if users::lock(&mut tx, owner).await?.is_none() {
                            continue;
                        }
                        self.oauth
                            .keep_pending(&mut tx, self.browser, owner, identity)
                            .await?;
                        tx.commit().await?;
                        let cause = "the address belongs to another user";
                        return Err(Stop::failed(FlowError::LinkRequired, cause));
                    }
                    None => match self
                        .oauth
                        .register(&mut tx, identity, self.request.client())
                        .await?
                    {
                        Some(user_id) => user_id,
                        None => continue,
                    },
                },
            };
            self.oauth
                .connect_pending(&mut tx, self.request, self.browser, user_id)
                .await?;
            let started = self
                .request
                .start_session(tx, user_id, &identity.provider, self.flow.remember)
                .await;
            // wing:pictures
            if started.is_ok() {
                let at_home = self.configured.provider.at_home();
                parts
                    .pictures
                    .follow(user_id, identity.avatar_url.clone(), at_home);
            }
            // end wing:pictures
            return match started {
                Ok(_) => Ok(()),
                Err(Error::InvalidCredentials) => Err(Stop::failed(
                    FlowError::Provider,
                    "the user was disabled in the meantime",
                )),
                Err(error) => Err(error.into()),
            };
        }
        Err(Error::internal("concurrent sign-ins and changes of the account keep conflicting").into())
    }

    /// The user who has the identity's address.
    async fn address_owner(&self, tx: &mut Tx, identity: &Identity) -> Result<Option<Uuid>, Error> {
        match identity.address() {
            Some(email) => self.oauth.0.users.find_by_email(tx, &email).await,
            None => Ok(None),
        }
    }

    /// Locks the user of the identity's account, and reads the account again: whoever had the user locked may have
    /// disconnected it.
    async fn lock_account(&self, tx: &mut Tx, identity: &Identity) -> Result<Locked, Error> {
        let Some(found) = accounts::find(tx, identity).await? else {
            return Ok(Locked::Unknown);
        };
        let user = self.request.lock_to_sign_in(tx, found.user_id).await?;
        let again = accounts::find(tx, identity).await?;
        Ok(match (user, again) {
            (Some(user), Some(account)) if account.user_id == found.user_id => Locked::Of(account, user),
            _ => Locked::Moved,
        })
    }

    // wing:mail
    /// Whether an identity without an account here gets none, for lack of an invitation. If a user has verified its address,
    /// this is that user, who may connect the two.
    async fn is_closed_to(
        &self,
        tx: &mut Tx,
        identity: &Identity,
        address_owner: Option<Uuid>,
    ) -> Result<bool, Error> {
        let parts = &self.oauth.0;
        if !self.oauth.is_closed() {
            return Ok(false);
        }
        if let Some(owner) = address_owner
            && users::is_verified(tx, owner).await?
        {
            return Ok(false);
        }
        match identity.proven_address() {
            Some(email) => Ok(!invitation::is_invited(tx, &email, parts.clock.now()).await?),
            None => Ok(true),
        }
    }
    // end wing:mail

    /// Connects the identity with the signed-in user.
    async fn link(&self, identity: &Identity, live: LiveSession) -> Result<(), Stop> {
        let parts = &self.oauth.0;
        let (user_id, session_id, now) = (live.user_id(), live.session_id(), parts.clock.now());
        let mut tx = parts.db.begin().await?;
        lock_signed_in(&mut tx, user_id).await?;
        if accounts::insert(&mut tx, &parts.keys, user_id, identity, now).await? {
            self.oauth
                .take_over(&mut tx, self.request, (Occasion::Link, user_id), identity, now)
                .await?;
            self.record(&mut tx, Deed::Link, &live, identity).await?;
        } else {
            self.refresh_own(&mut tx, identity, user_id).await?;
        }
        self.cycle(tx, live, false).await?;
        tracing::info!(user = %user_id, session = %session_id, provider = identity.provider, "connected an account");
        Ok(())
    }

    /// Takes the identity for a proof that the signed-in user is there.
    async fn confirm(&self, identity: &Identity, live: LiveSession) -> Result<(), Stop> {
        let (user_id, session_id) = (live.user_id(), live.session_id());
        let mut tx = self.oauth.0.db.begin().await?;
        lock_signed_in(&mut tx, user_id).await?;
        self.refresh_own(&mut tx, identity, user_id).await?;
        self.record(&mut tx, Deed::Confirm, &live, identity).await?;
        self.cycle(tx, live, true).await?;
        tracing::info!(user = %user_id, session = %session_id, provider = identity.provider, "confirmed with a provider");
        Ok(())
    }

    /// Refreshes the account of this identity, which must be the locked user's.
    async fn refresh_own(&self, tx: &mut Tx, identity: &Identity, user_id: Uuid) -> Result<(), Stop> {
        let account = accounts::find(tx, identity).await?;
        let Some(account) = account.filter(|account| account.user_id == user_id) else {
            return Err(Stop::failed(
                FlowError::Taken,
                "the account belongs to another user",
            ));
        };
        accept(&account, identity)?;
        let parts = &self.oauth.0;
        if accounts::refresh(tx, &parts.keys, &account, identity, parts.clock.now()).await? {
            Ok(())
        } else {
            Err(Error::internal("an account was deleted while its user was locked").into())
        }
    }

    /// Records what the signed-in user has done with an account.
    async fn record(
        &self,
        tx: &mut Tx,
        deed: Deed,
        live: &LiveSession,
        identity: &Identity,
    ) -> Result<(), Error> {
        NewEvent::of(live.user_id(), deed)
            .session(live.session_id())
            .from(self.request.client())
            .note(&identity.provider)
            .record(tx, self.request.history())
            .await
    }

    /// Gives the session a new id as the last step of the transaction.
    async fn cycle(&self, tx: Tx, live: LiveSession, confirmed: bool) -> Result<(), Stop> {
        match self.request.cycle(tx, live, confirmed).await {
            Ok(()) => Ok(()),
            Err(Error::NotSignedIn) => Err(Stop::failed(
                FlowError::Expired,
                "the session ended in the meantime",
            )),
            Err(error) => Err(error.into()),
        }
    }
}

impl OAuth {
    /// Creates a user with this account. `None`: another sign-in was faster.
    pub(super) async fn register(
        &self,
        tx: &mut Tx,
        identity: &Identity,
        client: &Client,
    ) -> Result<Option<Uuid>, Error> {
        let parts = &self.0;
        let now = parts.clock.now();
        let registered = parts
            .users
            .upsert(tx, Occasion::Registration, identity.user(), now)
            .await;
        let user_id = match registered {
            Ok(user_id) => user_id,
            Err(Error::EmailTaken) => return Ok(None),
            Err(error) => return Err(error),
        };
        if !accounts::insert(tx, &parts.keys, user_id, identity, now).await? {
            return Ok(None);
        }
        // wing:mail
        if let Some(email) = identity.proven_address() {
            invitation::redeem(tx, &parts.keys, user_id, &email, now).await?;
        }
        // end wing:mail
        NewEvent::of(user_id, Deed::Register)
            .from(client)
            .note(&identity.provider)
            .record(tx, &self.0.history)
            .await?;
        Ok(Some(user_id))
    }
}

/// What is found of an identity once no other request can change it.
enum Locked {
    /// Its account, and the user, who is locked.
    Of(Account, users::Locked),
    /// There isn't an account.
    Unknown,
    /// The account was there and is no more, or has become another user's.
    Moved,
}

/// What a provider's error comes to.
fn refusal(code: &str) -> Stop {
    let cause = format!("the provider answered {}", excerpt(code));
    if DENIED.contains(&code) {
        Stop::failed(FlowError::Denied, "the user declined")
    } else if TRY_AGAIN.contains(&code) {
        Stop::failed(FlowError::Expired, cause)
    } else {
        Stop::failed(FlowError::Provider, cause)
    }
}

/// Locks the user of a live session, for a change of what the user signs in with.
async fn lock_signed_in(tx: &mut Tx, user_id: Uuid) -> Result<(), Stop> {
    match users::lock(tx, user_id).await? {
        Some(user) if !user.disabled => Ok(()),
        _ => Err(Stop::failed(
            FlowError::Expired,
            "the user was deleted or disabled",
        )),
    }
}

/// Refuses an identity that only looks like the account's.
fn accept(account: &Account, identity: &Identity) -> Result<(), Stop> {
    account
        .accept(identity)
        .map_err(|cause| Stop::failed(FlowError::Provider, cause))
}

/// A person who is to confirm something has to have signed in at the provider just now.
fn check_fresh(provider: &Provider, signed_in_at: Option<i64>, now: i64) -> Result<(), &'static str> {
    match signed_in_at {
        Some(at) if now.saturating_sub(at) > FRESH => {
            Err("the user signed in at the provider too long ago for a confirmation")
        }
        None if provider.preset.auth_time == AuthTime::Required => {
            Err("the ID token does not state when the user signed in: auth_time is missing")
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
