//! The token endpoint (RFC 6749 §3.2): which grant a request is, and what it may ask for.

use http::HeaderMap;
use secrecy::SecretString;
use wire::Scopes;

use super::{
    Clients,
    parameters::Parameters,
    refusal::{Outcome, Refusal},
    registry::{Grant, Registration},
    sessions::ApiSession,
};
use crate::{
    client::Client,
    limits::{Action, Attempt, Subject},
};

/// What a client gets.
#[derive(Debug)]
pub struct Issued {
    /// For the header `Authorization`.
    pub access_token: SecretString,
    /// The life of the access token, in seconds.
    pub expires_in: i64,
    /// For the next access token.
    pub refresh_token: Option<SecretString>,
    /// What the access token may do.
    pub scope: Scopes,
}

/// What a request asks for, beyond its grant.
pub(super) struct Asked<'a> {
    scope: Option<&'a str>,
    resource: Option<&'a str>,
}

impl<'a> Asked<'a> {
    pub(super) fn of(parameters: &'a Parameters) -> Self {
        Self {
            scope: parameters.optional("scope"),
            resource: parameters.optional("resource"),
        }
    }

    /// Whether it asks for nothing in particular.
    pub(super) fn is_plain(&self) -> bool {
        self.scope.is_none() && self.resource.is_none()
    }

    /// The scopes asked for, out of these; all of them if none are named.
    pub(super) fn scopes(&self, out_of: Scopes) -> Outcome<Scopes> {
        match self.scope {
            None => Ok(out_of),
            Some(text) => Scopes::parse(text)
                .filter(|scopes| scopes.are_within(out_of))
                .ok_or(Refusal::InvalidScope),
        }
    }

    /// The resource asked for, if the client may have tokens for it.
    pub(super) fn resource(&self, registration: &Registration) -> Outcome<Option<&'a str>> {
        let is_known = |resource: &&str| registration.resources.iter().any(|known| known == resource);
        match self.resource {
            None => Ok(None),
            Some(resource) => Some(resource)
                .filter(is_known)
                .map(Some)
                .ok_or(Refusal::InvalidTarget),
        }
    }

    /// The resource of an access token under a grant. One that was named with the grant binds it: every access token is for
    /// that one. Under a grant without one, a request may name one for its own token.
    pub(super) fn under<'b>(
        &self,
        granted: Option<&'b str>,
        registration: &Registration,
    ) -> Outcome<Option<&'b str>>
    where
        'a: 'b,
    {
        match (granted, self.resource) {
            (None, _) => self.resource(registration),
            (Some(granted), None) => Ok(Some(granted)),
            (Some(granted), Some(asked)) if granted == asked => Ok(Some(granted)),
            (Some(_), Some(_)) => Err(Refusal::InvalidTarget),
        }
    }

    /// The scopes and the resource of an access token of this session.
    pub(super) fn of_session(
        &self,
        session: &ApiSession,
        registration: &Registration,
    ) -> Outcome<(Scopes, Option<String>)> {
        let scopes = self.scopes(session.scopes())?;
        let resource = self.under(session.resource.as_deref(), registration)?;
        Ok((scopes, resource.map(str::to_owned)))
    }
}

impl Clients {
    /// A request to the token endpoint.
    ///
    /// # Errors
    /// As RFC 6749 §5.2, RFC 8628 §3.5 and RFC 8707 §2 name them.
    pub async fn token(
        &self,
        headers: &HeaderMap,
        parameters: &Parameters,
        client: &Client,
    ) -> Outcome<Issued> {
        let registration = self.authenticate(headers, parameters, client).await?;
        let attempt = self.token_attempt(&registration, client)?;
        let issued = self.granted(&registration, parameters, client).await;
        match issued {
            // A device asks again and again by design, and its own rules slow it down.
            Err(
                Refusal::AuthorizationPending
                | Refusal::SlowDown
                | Refusal::AccessDenied
                | Refusal::ExpiredToken,
            ) => drop(attempt),
            _ => attempt.counts(),
        }
        issued
    }

    async fn granted(
        &self,
        registration: &Registration,
        parameters: &Parameters,
        client: &Client,
    ) -> Outcome<Issued> {
        let grant =
            Grant::from_name(parameters.required("grant_type")?).ok_or(Refusal::UnsupportedGrantType)?;
        if !registration.may(grant) {
            return Err(Refusal::UnauthorizedClient(
                "The client is not registered for this grant type.",
            ));
        }
        let asked = Asked::of(parameters);
        match grant {
            Grant::AuthorizationCode => self.exchange(registration, parameters, &asked, client).await,
            Grant::RefreshToken => {
                let token = parameters.required("refresh_token")?;
                self.refresh(registration, token, &asked, client).await
            }
            Grant::DeviceCode => {
                let code = parameters.required("device_code")?;
                self.poll(registration, code, &asked, client).await
            }
            Grant::ClientCredentials => self.for_itself(registration, &asked),
        }
    }

    /// A server refreshes for all its users from one address, so clients that have proven themselves count by themselves.
    fn token_attempt(&self, registration: &Registration, client: &Client) -> Outcome<Attempt> {
        let (action, subject) = if registration.confidential {
            (Action::TokenClient, Subject::Client(registration.id.clone()))
        } else {
            (Action::TokenAddress, Subject::address(client.limited_address()))
        };
        self.0
            .limits
            .attempt(action, &subject)
            .map_err(|refused| Refusal::TooMany(refused.retry_after))
    }
}
