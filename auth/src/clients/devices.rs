//! The device grant (RFC 8628): a user types a code that a device shows, and allows what the device asks for.

use http::HeaderMap;
use secrecy::SecretString;
use sqlx::FromRow;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;
use wire::{DeviceRequest, Scope, Scopes, Timestamp};

use super::{
    Clients,
    formats::{self, Kind},
    grants::{Asked, Issued},
    parameters::Parameters,
    refusal::{Outcome, Refusal},
    registry::{Grant, Registration},
    sessions::Granted,
};
use crate::{
    client::Client,
    db::Expired,
    error::{Error, Result},
    limits::{Action, Attempt, Subject},
    session::{IdHash, LiveSession, RequestAuth},
};

/// How long a device waits for the user.
const LIFE: i64 = 600;
/// Seconds between two polls, at first, and what each poll that comes too soon adds.
const INTERVAL: i64 = 5;
/// How long a device code is remembered after its end, to tell the device what has happened.
pub(super) const REMEMBERED: Duration = Duration::minutes(10);
/// How often another user code is tried if one is taken. There are 25 billion.
const TRIES: usize = 5;

/// The condition takes the time, less [`REMEMBERED`].
pub(super) const EXPIRED: Expired = Expired {
    table: "device_grants",
    key: "device_hash",
    when: "expires_at <= $1",
};

/// What a device shows and polls with. It has no Debug, which would show the codes.
pub struct DeviceStart {
    /// For the device.
    pub device_code: SecretString,
    /// For the user.
    pub user_code: String,
    /// The life of both, in seconds.
    pub expires_in: i64,
    /// Seconds between two polls.
    pub interval: i64,
}

#[derive(FromRow)]
struct Polled {
    client_id: String,
    scope: String,
    resource: Option<String>,
    poll_interval: i64,
    polled_at: Option<OffsetDateTime>,
    state: String,
    user_id: Option<Uuid>,
    granted_in: Option<Uuid>,
    expires_at: OffsetDateTime,
}

#[derive(FromRow)]
struct Shown {
    client_id: String, // wing:mail
    client_name: String,
    first_party: bool,
    scope: String,
    ip: Option<String>,
    user_agent: Option<String>,
    created_at: Timestamp,
}

impl Clients {
    /// A device asks for a code.
    ///
    /// # Errors
    /// As RFC 6749 §5.2 names them.
    pub async fn start_device(
        &self,
        headers: &HeaderMap,
        parameters: &Parameters,
        client: &Client,
    ) -> Outcome<DeviceStart> {
        let registration = self.authenticate(headers, parameters, client).await?;
        if !registration.may(Grant::DeviceCode) {
            return Err(Refusal::UnauthorizedClient(
                "The client is not registered for this grant type.",
            ));
        }
        self.0
            .limits
            .take(Action::DeviceAddress, Subject::address(client.limited_address()))?;
        let asked = Asked::of(parameters);
        let scope = asked.scopes(registration.scopes)?;
        let resource = asked.resource(&registration)?;
        let now = self.0.clock.now();
        let (device_code, device_hash) = Kind::Device.mint();
        for _ in 0..TRIES {
            let user_code = formats::user_code();
            let inserted = sqlx::query(
                "INSERT INTO device_grants (device_hash, user_hash, client_id, scope, resource, ip, user_agent,
                                            poll_interval, state, created_at, expires_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'pending', $9, $10)
                 ON CONFLICT (user_hash) DO NOTHING",
            )
            .bind(device_hash.bytes())
            .bind(IdHash::of_text(&user_code).bytes())
            .bind(&registration.id)
            .bind(scope.to_string())
            .bind(resource)
            .bind(client.ip.map(|ip| ip.to_string()))
            .bind(client.user_agent.as_deref())
            .bind(INTERVAL)
            .bind(now)
            .bind(now + Duration::seconds(LIFE))
            .execute(self.0.db.write())
            .await?;
            if inserted.rows_affected() == 1 {
                return Ok(DeviceStart {
                    device_code,
                    user_code: formats::shown_user_code(&user_code),
                    expires_in: LIFE,
                    interval: INTERVAL,
                });
            }
        }
        Err(Error::internal("no user code is free").into())
    }

    /// A device asks what the user has decided.
    pub(super) async fn poll(
        &self,
        registration: &Registration,
        code: &str,
        asked: &Asked<'_>,
        client: &Client,
    ) -> Outcome<Issued> {
        let hash = Kind::Device.hash(code).ok_or(Refusal::InvalidGrant)?;
        if self
            .0
            .limits
            .take(Action::PollDevice, Subject::Device(hash))
            .is_err()
        {
            return Err(Refusal::SlowDown);
        }
        let polled: Polled = sqlx::query_as(
            "SELECT client_id, scope, resource, poll_interval, polled_at, state, user_id, granted_in, expires_at
             FROM device_grants WHERE device_hash = $1",
        )
        .bind(hash.bytes())
        .fetch_optional(self.0.db.read())
        .await?
        .filter(|polled: &Polled| polled.client_id == registration.id)
        .ok_or(Refusal::InvalidGrant)?;
        match (polled.state.as_str(), polled.user_id) {
            ("used", _) => Err(Refusal::InvalidGrant),
            _ if polled.expires_at <= self.0.clock.now() => Err(Refusal::ExpiredToken),
            ("denied", _) => Err(Refusal::AccessDenied),
            ("approved", Some(user_id)) => {
                self.collect(registration, hash, &polled, user_id, asked, client)
                    .await
            }
            _ => self.not_yet(hash, &polled).await,
        }
    }

    /// Counts a poll, and slows the device down if it came too soon.
    async fn not_yet(&self, hash: IdHash, polled: &Polled) -> Outcome<Issued> {
        let now = self.0.clock.now();
        let next = polled
            .polled_at
            .map(|at| at + Duration::seconds(polled.poll_interval));
        let is_early = next.is_some_and(|next| now < next);
        // The next poll would be after the end: nothing is left to slow down.
        if is_early && polled.poll_interval >= LIFE {
            return Err(Refusal::SlowDown);
        }
        let written = sqlx::query(
            "UPDATE device_grants SET polled_at = $2, poll_interval = poll_interval + $4
             WHERE device_hash = $1 AND polled_at IS NOT DISTINCT FROM $3",
        )
        .bind(hash.bytes())
        .bind(now)
        .bind(polled.polled_at)
        .bind(if is_early { INTERVAL } else { 0 })
        .execute(self.0.db.write())
        .await?;
        // None is written if another poll of this device has come at the same time.
        if is_early || written.rows_affected() == 0 {
            return Err(Refusal::SlowDown);
        }
        Err(Refusal::AuthorizationPending)
    }

    /// The device gets what the user has approved, once.
    async fn collect(
        &self,
        registration: &Registration,
        hash: IdHash,
        polled: &Polled,
        user_id: Uuid,
        asked: &Asked<'_>,
        client: &Client,
    ) -> Outcome<Issued> {
        let granted = Scopes::known_in(&polled.scope);
        let scope = asked.scopes(granted)?;
        let resource = asked.under(polled.resource.as_deref(), registration)?;
        let mut tx = self.0.db.begin().await?;
        let may_sign_in = self.lock(&mut tx, user_id, registration).await?;
        if !may_sign_in || !self.is_granted_in(&mut tx, polled.granted_in).await? {
            return Err(Refusal::InvalidGrant);
        }
        let used = sqlx::query(
            "UPDATE device_grants SET state = 'used' WHERE device_hash = $1 AND state = 'approved' AND user_id = $2",
        )
        .bind(hash.bytes())
        .bind(user_id)
        .execute(&mut *tx)
        .await?;
        if used.rows_affected() == 0 {
            return Err(Refusal::InvalidGrant);
        }
        let grant = Granted {
            registration,
            user_id,
            scope: granted,
            resource: polled.resource.as_deref(),
            client,
        };
        let token = self.begin(&mut tx, &grant).await?;
        let issued = self
            .first_tokens(&mut tx, registration, &token, scope, resource)
            .await?;
        tx.commit().await?;
        Ok(issued)
    }

    /// The device that shows this code, for the user to decide about. Changes nothing.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown, expired or decided code: it counts as a wrong one; [`Error::TooManyAttempts`];
    /// [`Error::NotSignedIn`]; [`Error::Unavailable`]
    pub async fn device(&self, request: &RequestAuth, typed: &str) -> Result<DeviceRequest> {
        request.require_browser()?;
        let live = request.require().await?;
        let (code, shown) = self.waiting(request, &live, typed).await?;
        Ok(DeviceRequest {
            user_code: formats::shown_user_code(&code),
            client_name: shown.client_name,
            first_party: shown.first_party,
            scope: Scopes::known_in(&shown.scope),
            ip: shown.ip,
            user_agent: shown.user_agent,
            created_at: shown.created_at,
        })
    }

    /// The device that waits with this code, and the code as it is stored. A code that is not found counts as a guess.
    async fn waiting(
        &self,
        request: &RequestAuth,
        live: &LiveSession,
        typed: &str,
    ) -> Result<(String, Shown)> {
        let guess = self.guess(request, live)?;
        if let Some(code) = formats::typed_user_code(typed)
            && let Some(shown) = self.shown(&code).await?
        {
            return Ok((code, shown));
        }
        guess.into_iter().for_each(Attempt::counts);
        Err(Error::NotFound)
    }

    async fn shown(&self, code: &str) -> Result<Option<Shown>> {
        Ok(sqlx::query_as(
            "SELECT c.id AS client_id, c.name AS client_name, c.first_party, d.scope, d.ip, d.user_agent, d.created_at
             FROM device_grants d JOIN clients c ON c.id = d.client_id
             WHERE d.user_hash = $1 AND d.state = 'pending' AND d.expires_at > $2 AND c.disabled_at IS NULL",
        )
        .bind(IdHash::of_text(code).bytes())
        .bind(self.0.clock.now())
        .fetch_optional(self.0.db.read())
        .await?)
    }

    /// The user decides about the device that shows this code.
    ///
    /// # Errors
    /// Like [`Self::device`], and [`Error::ReauthRequired`] if it is worth as much as a session.
    pub async fn decide_device(&self, request: &RequestAuth, typed: &str, allow: bool) -> Result<()> {
        let live = self.decider(request).await?;
        let (code, shown) = self.waiting(request, &live, typed).await?;
        if allow && Scopes::known_in(&shown.scope).names(Scope::App) {
            request.recent(live.clone())?;
        }
        let mut tx = self.decide(&live).await?;
        let decided = sqlx::query(
            "UPDATE device_grants SET state = $3, user_id = $4, granted_in = $5
             WHERE user_hash = $1 AND state = 'pending' AND expires_at > $2",
        )
        .bind(IdHash::of_text(&code).bytes())
        .bind(self.0.clock.now())
        .bind(if allow { "approved" } else { "denied" })
        .bind(live.user_id())
        .bind(live.session_id())
        .execute(&mut *tx)
        .await?;
        if decided.rows_affected() == 0 {
            return Err(Error::NotFound);
        }
        // wing:mail
        if allow {
            self.notify_of_access(&mut tx, request, &live, &shown.client_id)
                .await?;
        }
        // end wing:mail
        tx.commit().await?;
        Ok(())
    }

    /// Counts a user code as a guess, until it is known to be right.
    fn guess(&self, request: &RequestAuth, live: &LiveSession) -> Result<[Attempt; 2]> {
        let limits = &self.0.limits;
        let address = Subject::address(request.client().limited_address());
        Ok([
            limits.attempt(Action::UserCodeUser, &Subject::User(live.user_id()))?,
            limits.attempt(Action::UserCodeAddress, &address)?,
        ])
    }
}
