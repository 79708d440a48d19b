//! The authorization endpoint (RFC 6749 §4.1.1): what a client asks for, and what a user decides.

use secrecy::ExposeSecret;
use url::form_urlencoded;
use wire::{ConsentRequest, Scope, Scopes};

use super::{
    Clients,
    grants::Asked,
    parameters::Parameters,
    pkce::is_challenge,
    refusal::{Outcome, Refusal},
    registry::{self, Grant, Registration},
};
use crate::mail::notices::{Doer, Notice}; // wing:mail
use crate::{
    db::Tx,
    error::{Error, Result},
    limits::{Action, Subject},
    session::{LiveSession, RequestAuth, table},
    users,
};

/// The longest `state`, in bytes.
const MAX_STATE: usize = 512;

/// The parameters of a valid request, for the form that repeats them.
const REPEATED: [&str; 8] = [
    "response_type",
    "client_id",
    "redirect_uri",
    "code_challenge",
    "code_challenge_method",
    "scope",
    "state",
    "resource",
];

/// A valid request for authorization. It has no Debug, which would show the state.
#[derive(Clone)]
pub struct Authorization {
    pub(super) registration: Registration,
    pub(super) redirect_uri: String,
    pub(super) challenge: String,
    pub(super) scope: Scopes,
    pub(super) resource: Option<String>,
    state: Option<String>,
    parameters: Vec<(String, String)>,
}

/// Why a request for authorization is not shown to the user.
#[derive(Debug)]
pub enum Fault {
    /// It is not known where the answer belongs, so nobody is sent anywhere: the text for the user.
    Unsafe(&'static str),
    /// The client is told, by sending the browser to this address.
    ToClient(String),
    /// It cannot be checked now.
    Refused(Refusal),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Refused(error.into())
    }
}

impl Authorization {
    /// What the page of consent shows.
    pub fn consent(&self) -> ConsentRequest {
        ConsentRequest {
            client_name: self.registration.name.clone(),
            first_party: self.registration.first_party,
            returns_to: destination(&self.redirect_uri).to_owned(),
            scope: self.scope,
            parameters: self.parameters.clone(),
        }
    }

    /// The address that brings an answer to the client.
    fn answer(&self, issuer: &str, name: &str, value: &str) -> String {
        answer(&self.redirect_uri, issuer, self.state.as_deref(), name, value)
    }
}

/// What an address leads to, as a person may recognise it: its host, or the scheme of an application.
fn destination(redirect_uri: &str) -> &str {
    let (scheme, rest) = redirect_uri.split_once(':').unwrap_or((redirect_uri, ""));
    match rest.strip_prefix("//") {
        Some(rest) if matches!(scheme, "http" | "https") => rest.split(['/', '?']).next().unwrap_or(rest),
        _ => scheme,
    }
}

/// The address that brings an answer to a client.
fn answer(redirect_uri: &str, issuer: &str, state: Option<&str>, name: &str, value: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair(name, value).append_pair("iss", issuer);
    if let Some(state) = state {
        query.append_pair("state", state);
    }
    let and = if redirect_uri.contains('?') { '&' } else { '?' };
    format!("{redirect_uri}{and}{}", query.finish())
}

impl Clients {
    /// Checks a request for authorization: of a query, or of the form that repeats it.
    ///
    /// # Errors
    /// [`Fault`]
    pub async fn authorization(&self, text: &[u8]) -> std::result::Result<Authorization, Fault> {
        let parameters = Parameters::parse(text)
            .map_err(|_| Fault::Unsafe("A parameter of this address occurs twice, or cannot be read."))?;
        let registration = match parameters.optional("client_id") {
            Some(id) if self.may_exist(id) => registry::find(&self.0.db, id).await?,
            _ => None,
        };
        let registration = registration
            .filter(|registration| registration.disabled_at.is_none())
            .ok_or(Fault::Unsafe("The application that sent you here is not known."))?;
        let redirect_uri = parameters
            .optional("redirect_uri")
            .filter(|address| registration.redirects_to(address))
            .ok_or(Fault::Unsafe(
                "The application that sent you here wants to be answered at an address that is not its own.",
            ))?
            .to_owned();
        let state = parameters.optional("state");
        let is_state = |state: &str| state.len() <= MAX_STATE && !state.chars().any(char::is_control);
        if state.is_some_and(|state| !is_state(state)) {
            let fault = Refusal::InvalidRequest("`state` is too long, or has a control character.");
            return Err(self.fault(&redirect_uri, None, fault));
        }
        match asked(&parameters, &registration) {
            Ok((scope, resource, challenge)) => Ok(Authorization {
                redirect_uri,
                challenge,
                scope,
                resource,
                state: state.map(str::to_owned),
                parameters: REPEATED
                    .into_iter()
                    .filter_map(|name| Some((name.to_owned(), parameters.optional(name)?.to_owned())))
                    .collect(),
                registration,
            }),
            Err(refusal) => Err(self.fault(&redirect_uri, state, refusal)),
        }
    }

    fn fault(&self, redirect_uri: &str, state: Option<&str>, refusal: Refusal) -> Fault {
        Fault::ToClient(answer(
            redirect_uri,
            &self.0.issuer,
            state,
            "error",
            refusal.code(),
        ))
    }

    /// Counts a look at the page of consent.
    ///
    /// # Errors
    /// [`Error::TooManyAttempts`]
    pub fn count_consent(&self, user_id: uuid::Uuid) -> Result<()> {
        self.0.limits.take(Action::ConsentUser, Subject::User(user_id))
    }

    /// The user allows what a client asks for. Returns the address that brings the code to the client.
    ///
    /// # Errors
    /// [`Error::NotSignedIn`]; [`Error::ReauthRequired`] if it is worth as much as a session; [`Error::TooManyAttempts`];
    /// [`Error::Unavailable`]
    pub async fn allow(&self, request: &RequestAuth, authorization: &Authorization) -> Result<String> {
        let live = self.decider(request).await?;
        // What gives a client everything that a personal key can do requires what creating a key requires.
        if authorization.scope.names(Scope::App) {
            request.recent(live.clone())?;
        }
        let mut tx = self.decide(&live).await?;
        let code = self.new_code(&mut tx, authorization, &live).await?;
        // wing:mail
        let client_id = &authorization.registration.id;
        self.notify_of_access(&mut tx, request, &live, client_id).await?;
        // end wing:mail
        tx.commit().await?;
        Ok(authorization.answer(&self.0.issuer, "code", code.expose_secret()))
    }

    /// The user denies it, or the form says neither: the address that tells the client.
    ///
    /// # Errors
    /// [`Error::NotSignedIn`], [`Error::TooManyAttempts`], [`Error::Unavailable`]
    pub async fn deny(
        &self,
        request: &RequestAuth,
        authorization: &Authorization,
        refusal: Refusal,
    ) -> Result<String> {
        self.decider(request).await?;
        Ok(authorization.answer(&self.0.issuer, "error", refusal.code()))
    }

    /// The session of the user who decides, whose decisions are counted.
    pub(super) async fn decider(&self, request: &RequestAuth) -> Result<LiveSession> {
        request.require_browser()?;
        let live = request.require().await?;
        let subject = Subject::User(live.user_id());
        self.0.limits.take(Action::AuthorizeUser, subject)?;
        Ok(live)
    }

    // wing:mail
    /// Tells the user that a client has access, unless it has had some.
    pub(super) async fn notify_of_access(
        &self,
        tx: &mut Tx,
        request: &RequestAuth,
        live: &LiveSession,
        client_id: &str,
    ) -> Result<()> {
        let Some(mail) = request.history().mail() else {
            return Ok(());
        };
        let has_access: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM sessions WHERE user_id = $1 AND client_id = $2)",
        )
        .bind(live.user_id())
        .bind(client_id)
        .fetch_one(&mut **tx)
        .await?;
        if has_access {
            return Ok(());
        }
        let doer = Doer::Holder(Some(request.client()));
        mail.notify(tx, live.user_id(), Notice::ClientAllowed, doer).await
    }
    // end wing:mail

    /// A transaction in which the user's decision is written. What ends the user's sessions comes either before, and then
    /// this session is gone, or afterwards, and then it takes back what was decided.
    ///
    /// # Errors
    /// [`Error::NotSignedIn`]
    pub(super) async fn decide(&self, live: &LiveSession) -> Result<Tx> {
        let mut tx = self.0.db.begin().await?;
        let locked = users::lock(&mut tx, live.user_id()).await?;
        let is_there = table::owner(&mut tx, live.session_id()).await?.is_some();
        match locked {
            Some(user) if !user.disabled && is_there => Ok(tx),
            _ => Err(Error::NotSignedIn),
        }
    }
}

/// What a request asks for, once it is known whom to tell of its faults.
fn asked(parameters: &Parameters, registration: &Registration) -> Outcome<(Scopes, Option<String>, String)> {
    if parameters.required("response_type")? != "code" {
        return Err(Refusal::UnsupportedResponseType);
    }
    if !registration.may(Grant::AuthorizationCode) {
        return Err(Refusal::UnauthorizedClient(
            "The client is not registered for this grant type.",
        ));
    }
    let challenge = parameters.required("code_challenge")?;
    if parameters.required("code_challenge_method")? != "S256" || !is_challenge(challenge) {
        return Err(Refusal::InvalidRequest(
            "`code_challenge` must be of the method S256.",
        ));
    }
    let asked = Asked::of(parameters);
    let scope = asked.scopes(registration.scopes)?;
    let resource = asked.resource(registration)?.map(str::to_owned);
    Ok((scope, resource, challenge.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_added_to_whatever_query_the_address_has() {
        let to = |redirect: &str, state| answer(redirect, "https://a.example", state, "code", "x y");
        assert_eq!(
            to("https://c.example/cb", Some("a&b")),
            "https://c.example/cb?code=x+y&iss=https%3A%2F%2Fa.example&state=a%26b"
        );
        assert_eq!(
            to("com.example.app:/cb?a=1", None),
            "com.example.app:/cb?a=1&code=x+y&iss=https%3A%2F%2Fa.example"
        );
    }

    #[test]
    fn a_destination_is_what_a_person_recognises() {
        for (redirect, shown) in [
            ("https://app.example/cb", "app.example"),
            ("https://app.example:8443?x", "app.example:8443"),
            ("http://127.0.0.1:7000/cb", "127.0.0.1:7000"),
            ("http://[::1]/cb", "[::1]"),
            ("com.example.app:/cb", "com.example.app"),
            ("com.example.app://bank.example/cb", "com.example.app"),
        ] {
            assert_eq!(destination(redirect), shown, "{redirect}");
        }
    }
}
