//! Taking tokens back (RFC 7009), and telling resource servers about them (RFC 7662).

use http::HeaderMap;
use serde::Serialize;
use sqlx::FromRow;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Clients,
    access::Holder,
    formats::Kind,
    jwt::Verified,
    parameters::Parameters,
    refresh::{RefreshToken, Standing},
    refusal::{Outcome, Refusal},
    registry,
};
use crate::{
    audit::{Deed, NewEvent},
    client::Client,
    error::Result,
    limits::{Action, Subject},
    session::{ALIVE, Ending},
};

/// What a resource server is told of a token. Members that do not apply are absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Introspection {
    active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iat: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
}

/// A live session of kind `api`, as the authority knows it.
#[derive(FromRow)]
struct Known {
    session_id: Uuid,
    user_id: Uuid,
    client_id: Option<String>,
    scope: String,
    created_at: OffsetDateTime,
    expires_at: OffsetDateTime,
    email: Option<String>,
}

const KNOWN: &str =
    "SELECT s.id AS session_id, s.user_id, s.client_id, s.scope, s.created_at, s.expires_at, u.email
                     FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.kind = 'api'";

impl Clients {
    /// A client gives a token back: its session ends everywhere. Whatever else it sends is accepted, too.
    ///
    /// # Errors
    /// [`Refusal::InvalidClient`], [`Refusal::InvalidRequest`]; [`Refusal::Unavailable`]
    pub async fn revoke(&self, headers: &HeaderMap, parameters: &Parameters, client: &Client) -> Outcome<()> {
        let registration = self.authenticate(headers, parameters, client).await?;
        let token = parameters.required("token")?;
        let session_id = match self.named_by(token).await? {
            Some((session_id, owner)) if owner == registration.id => session_id,
            _ => return Ok(()),
        };
        let mut tx = self.0.db.begin().await?;
        let event = NewEvent::system_event(Deed::ClientSignedOut)
            .from(client)
            .note(&registration.name);
        let which = vec![Ending::Any { session_id }];
        let sessions = &self.0.sessions;
        sessions
            .marks()
            .end_noted(&mut tx, which, event, sessions.history())
            .await?;
        tx.commit().await?;
        Ok(())
    }

    /// The session that a refresh or access token belongs to, and its client.
    async fn named_by(&self, token: &str) -> Result<Option<(Uuid, String)>> {
        if RefreshToken::is_claimed_by(token) {
            let Some((token, is_ours)) = RefreshToken::read(token, &self.0.keys) else {
                return Ok(None);
            };
            let session = self.client_session(token.session_id).await?;
            // An older one than the previous counts as a token of the session as well, if it was issued here.
            return Ok(session
                .filter(|session| is_ours || !matches!(token.standing(session), Standing::Other))
                .map(|session| (session.session_id, session.client_id)));
        }
        if let Some(verified) = self.0.signing.verify(token, &self.0.issuer) {
            return Ok(verified.session_id().map(|id| (id, verified.client_id.clone())));
        }
        Ok(self
            .open_access(token)
            .and_then(|(access, _)| match access.holder {
                Holder::User(user) => Some((user.session_id, access.client_id)),
                // A client's own tokens have no session, and end with their few minutes.
                Holder::Itself(_) => None,
            }))
    }

    /// Tells a resource server whether a token is good, by the authority. A look changes nothing.
    ///
    /// # Errors
    /// [`Refusal::UnauthorizedClient`] (403) for clients that may not ask; as RFC 7662 names them.
    pub async fn introspect(
        &self,
        headers: &HeaderMap,
        parameters: &Parameters,
        client: &Client,
    ) -> Outcome<Introspection> {
        let address = Subject::address(client.limited_address());
        let failed = |refusal: Refusal| {
            let counted = self
                .0
                .limits
                .take(Action::IntrospectFailedAddress, address.clone());
            counted.err().map_or(refusal, Refusal::from)
        };
        let registration = match self.authenticate(headers, parameters, client).await {
            Ok(registration) => registration,
            Err(Refusal::InvalidClient) => return Err(failed(Refusal::InvalidClient)),
            Err(refusal) => return Err(refusal),
        };
        if !registration.may_introspect {
            return Err(failed(Refusal::MayNotIntrospect));
        }
        let subject = Subject::Client(registration.id);
        self.0.limits.take(Action::IntrospectClient, subject)?;
        let token = parameters.required("token")?;
        Ok(self.known(token).await?.unwrap_or_default())
    }

    async fn known(&self, token: &str) -> Result<Option<Introspection>> {
        if let Some(hash) = Kind::Key.hash(token) {
            let known: Option<Known> = sqlx::query_as(&format!("{KNOWN} AND s.key_hash = $1 AND {ALIVE}"))
                .bind(hash.bytes())
                .bind(self.0.clock.now())
                .fetch_optional(self.0.db.read())
                .await?;
            return Ok(known.filter(|known| known.client_id.is_none()).map(|known| {
                self.of(
                    &known,
                    known.created_at.unix_timestamp(),
                    known.expires_at.unix_timestamp(),
                )
            }));
        }
        if RefreshToken::is_claimed_by(token) {
            return self.known_refresh(token).await;
        }
        if let Some(verified) = self.0.signing.verify(token, &self.0.issuer) {
            return self.known_jwt(verified).await;
        }
        let Some((access, _)) = self.open_access(token) else {
            return Ok(None);
        };
        let (iat, exp) = (access.issued(), access.expires());
        match &access.holder {
            Holder::User(user) => {
                let known = self.session_at(user.session_id, Some(access.version)).await?;
                Ok(known.map(|known| Introspection {
                    scope: Some(access.scopes.to_string()),
                    ..self.of(&known, iat, exp)
                }))
            }
            Holder::Itself(uuid) => {
                let own = registry::at_version(&self.0.db, *uuid, access.version).await?;
                Ok(own.map(|own| Introspection {
                    scope: Some(access.scopes.to_string()),
                    ..self.of_itself(&own.id, iat, exp)
                }))
            }
        }
    }

    /// A refresh token that would be accepted: one that was replaced is shown as dead, and nothing else comes of it.
    async fn known_refresh(&self, token: &str) -> Result<Option<Introspection>> {
        let Some((token, _)) = RefreshToken::read(token, &self.0.keys) else {
            return Ok(None);
        };
        let Some(session) = self.client_session(token.session_id).await? else {
            return Ok(None);
        };
        let known = self.session_at(session.session_id, None).await?;
        Ok(known.filter(|_| self.accepts(&token, &session)).map(|known| {
            let issued = session.rotated_at.unwrap_or(known.created_at);
            self.of(
                &known,
                issued.unix_timestamp(),
                session.idle_expires_at.unix_timestamp(),
            )
        }))
    }

    async fn known_jwt(&self, verified: Verified) -> Result<Option<Introspection>> {
        if verified.exp <= self.0.clock.unix() {
            return Ok(None);
        }
        let shown = match verified.session_id() {
            Some(session_id) => self
                .session_at(session_id, None)
                .await?
                .map(|known| self.of(&known, verified.iat, verified.exp)),
            None => match verified.own_version() {
                Some((uuid, version)) => registry::at_version(&self.0.db, uuid, version)
                    .await?
                    .map(|own| self.of_itself(&own.id, verified.iat, verified.exp)),
                None => None,
            },
        };
        Ok(shown.map(|shown| Introspection {
            scope: Some(verified.scope),
            aud: Some(verified.aud),
            ..shown
        }))
    }

    /// The live session with this id, if it has this version.
    async fn session_at(&self, session_id: Uuid, version: Option<i64>) -> Result<Option<Known>> {
        Ok(sqlx::query_as(&format!(
            "{KNOWN} AND s.id = $1 AND {ALIVE} AND s.version = coalesce($3, s.version)"
        ))
        .bind(session_id)
        .bind(self.0.clock.now())
        .bind(version)
        .fetch_optional(self.0.db.read())
        .await?)
    }

    fn of(&self, known: &Known, iat: i64, exp: i64) -> Introspection {
        Introspection {
            active: true,
            token_type: Some("Bearer"),
            scope: Some(known.scope.clone()),
            client_id: known.client_id.clone(),
            sub: Some(known.user_id.to_string()),
            username: known.email.clone(),
            exp: Some(exp),
            iat: Some(iat),
            iss: Some(self.0.issuer.clone()),
            aud: None,
            sid: Some(known.session_id.to_string()),
        }
    }

    fn of_itself(&self, client_id: &str, iat: i64, exp: i64) -> Introspection {
        Introspection {
            active: true,
            token_type: Some("Bearer"),
            client_id: Some(client_id.to_owned()),
            sub: Some(client_id.to_owned()),
            exp: Some(exp),
            iat: Some(iat),
            iss: Some(self.0.issuer.clone()),
            ..Introspection::default()
        }
    }
}
