//! Authorization codes (RFC 6749 §4.1.2): what a browser brings to a client, once.

use secrecy::SecretString;
use sqlx::FromRow;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;
use wire::Scopes;

use super::{
    Clients,
    authorize::Authorization,
    formats::Kind,
    grants::{Asked, Issued},
    parameters::Parameters,
    pkce::{is_challenge_of, is_verifier},
    refresh::RefreshToken,
    refusal::{Outcome, Refusal},
    registry::Registration,
    sessions::Granted,
};
use crate::{
    client::Client,
    db::{Expired, Tx},
    error::Result,
    session::{IdHash, LiveSession},
};

/// How long a code is good for.
const LIFE: Duration = Duration::seconds(60);
/// How long a code is remembered after that: one that comes again ends the session that it began.
pub(super) const REMEMBERED: Duration = Duration::minutes(10);

/// The condition takes the time, less [`REMEMBERED`].
pub(super) const EXPIRED: Expired = Expired {
    table: "authorization_codes",
    key: "code_hash",
    when: "expires_at <= $1",
};

#[derive(FromRow)]
struct Row {
    client_id: String,
    user_id: Uuid,
    redirect_uri: String,
    challenge: String,
    scope: String,
    resource: Option<String>,
    granted_in: Option<Uuid>,
    expires_at: OffsetDateTime,
    is_spent: bool,
}

impl Row {
    fn scopes(&self) -> Scopes {
        Scopes::known_in(&self.scope)
    }
}

impl Clients {
    /// A code for what a user has allowed.
    pub(super) async fn new_code(
        &self,
        tx: &mut Tx,
        authorization: &Authorization,
        live: &LiveSession,
    ) -> Result<SecretString> {
        let (code, hash) = Kind::Code.mint();
        sqlx::query(
            "INSERT INTO authorization_codes (code_hash, client_id, user_id, redirect_uri, challenge, scope, resource,
                                              expires_at, granted_in)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(hash.bytes())
        .bind(&authorization.registration.id)
        .bind(live.user_id())
        .bind(&authorization.redirect_uri)
        .bind(&authorization.challenge)
        .bind(authorization.scope.to_string())
        .bind(authorization.resource.as_deref())
        .bind(self.0.clock.now() + LIFE)
        .bind(live.session_id())
        .execute(&mut **tx)
        .await?;
        Ok(code)
    }

    /// Exchanges a code for tokens. The first well-formed attempt of an authenticated client spends it, whatever becomes of
    /// that attempt.
    pub(super) async fn exchange(
        &self,
        registration: &Registration,
        parameters: &Parameters,
        asked: &Asked<'_>,
        client: &Client,
    ) -> Outcome<Issued> {
        let code = parameters.required("code")?;
        let redirect_uri = parameters.required("redirect_uri")?;
        let verifier = parameters.required("code_verifier")?;
        if !is_verifier(verifier) {
            return Err(Refusal::InvalidRequest(
                "`code_verifier` is not one (RFC 7636 §4.1).",
            ));
        }
        let hash = Kind::Code.hash(code).ok_or(Refusal::InvalidGrant)?;
        let row: Row = sqlx::query_as(
            "SELECT client_id, user_id, redirect_uri, challenge, scope, resource, granted_in, expires_at,
                    spent_at IS NOT NULL AS is_spent
             FROM authorization_codes WHERE code_hash = $1",
        )
        .bind(hash.bytes())
        .fetch_optional(self.0.db.read())
        .await?
        .ok_or(Refusal::InvalidGrant)?;
        let is_own = row.client_id == registration.id;
        let wanted = if is_own && !row.is_spent {
            Some((
                asked.scopes(row.scopes())?,
                asked.under(row.resource.as_deref(), registration)?,
            ))
        } else {
            None
        };
        let mut tx = self.0.db.begin().await?;
        let may_sign_in = self.lock(&mut tx, row.user_id, registration).await?;
        if !self.spend(&mut tx, hash).await? {
            // Codes stand in histories and referrers, and anyone can name a public client. Only its own client, which has the
            // verifier as well, shows by the return of a code that it was copied.
            let is_its = is_own && is_challenge_of(&row.challenge, verifier);
            if is_its && let Some(session_id) = self.begun_with(&mut tx, hash).await? {
                drop(tx);
                self.end_misused(registration, (row.user_id, session_id), client)
                    .await?;
            }
            return Err(Refusal::InvalidGrant);
        }
        let (scope, resource) = match wanted {
            Some(wanted)
                if may_sign_in
                    && self.is_granted_in(&mut tx, row.granted_in).await?
                    && row.expires_at > self.0.clock.now()
                    && row.redirect_uri == redirect_uri
                    && is_challenge_of(&row.challenge, verifier) =>
            {
                wanted
            }
            _ => {
                tx.commit().await?;
                return Err(Refusal::InvalidGrant);
            }
        };
        let granted = Granted {
            registration,
            user_id: row.user_id,
            scope: row.scopes(),
            resource: row.resource.as_deref(),
            client,
        };
        let token = self.begin(&mut tx, &granted).await?;
        sqlx::query("UPDATE authorization_codes SET session_id = $2 WHERE code_hash = $1")
            .bind(hash.bytes())
            .bind(token.session_id)
            .execute(&mut *tx)
            .await?;
        let issued = self
            .first_tokens(&mut tx, registration, &token, scope, resource)
            .await?;
        tx.commit().await?;
        Ok(issued)
    }

    /// The tokens of a session that the caller's transaction has begun. After its commit another request may end it again.
    pub(super) async fn first_tokens(
        &self,
        tx: &mut Tx,
        registration: &Registration,
        token: &RefreshToken,
        scope: Scopes,
        resource: Option<&str>,
    ) -> Outcome<Issued> {
        let session = self
            .begun(tx, token.session_id)
            .await?
            .ok_or(Refusal::InvalidGrant)?;
        let refresh = registration
            .may(super::registry::Grant::RefreshToken)
            .then_some(token);
        self.issue(&session, scope, resource, refresh)
    }

    /// Spends a code. Returns `false` if it was spent before.
    async fn spend(&self, tx: &mut Tx, hash: IdHash) -> Result<bool> {
        let spent = sqlx::query(
            "UPDATE authorization_codes SET spent_at = $2 WHERE code_hash = $1 AND spent_at IS NULL",
        )
        .bind(hash.bytes())
        .bind(self.0.clock.now())
        .execute(&mut **tx)
        .await?;
        Ok(spent.rows_affected() == 1)
    }

    /// The session that a spent code began.
    async fn begun_with(&self, tx: &mut Tx, hash: IdHash) -> Result<Option<Uuid>> {
        let found: Option<Option<Uuid>> =
            sqlx::query_scalar("SELECT session_id FROM authorization_codes WHERE code_hash = $1")
                .bind(hash.bytes())
                .fetch_optional(&mut **tx)
                .await?;
        Ok(found.flatten())
    }
}
