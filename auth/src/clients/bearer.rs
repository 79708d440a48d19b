//! Requests with an access token or a personal key in the header `Authorization` (RFC 6750): recognised without a query, and
//! refused at once when what they prove has been taken back.

use http::{Extensions, HeaderMap, header::AUTHORIZATION};
use uuid::Uuid;
use wire::{AuthSession, Scope, Scopes};

use super::{
    Clients,
    access::{Access, Holder},
    formats::Kind,
    registry,
};
use crate::{
    client::Client,
    error::{Error, Result},
    session::{Bearer, Lookup, RequestAuth, table},
};

/// A client that acts for itself, in the extensions of its requests.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ClientSession {
    /// The client's id.
    pub client_id: String,
    /// What its token may do.
    pub scope: Scopes,
    /// What stale marks name.
    #[serde(skip)]
    uuid: Uuid,
    #[serde(skip)]
    version: i64,
}

/// Whose request it is.
pub enum Bearing {
    /// A user's, by a client or a key.
    User(RequestAuth),
    /// A client's own. As a request of a user it is anonymous.
    Itself(ClientSession, RequestAuth),
}

impl Clients {
    /// Recognises a request by its header `Authorization`. Its cookies count as absent.
    ///
    /// # Errors
    /// [`Error::InvalidToken`] for anything but one valid access token or personal key; [`Error::TooManyAttempts`] for a
    /// sender of many invented keys; [`Error::Unavailable`] if the authority is needed and does not respond.
    pub async fn bearing(&self, headers: &HeaderMap, extensions: &Extensions) -> Result<Bearing> {
        let client = Client::of(headers, extensions);
        let token = bearer_token(headers).ok_or(Error::InvalidToken)?;
        if Kind::Key.is_claimed_by(token) {
            let (bearer, session) = self.personal_key(token, &client).await?;
            return Ok(Bearing::User(
                self.0.sessions.request_by_bearer(client, bearer, session),
            ));
        }
        let (access, is_good) = self.open_access(token).ok_or(Error::InvalidToken)?;
        match access.holder {
            Holder::User(user) => {
                let lookup = Lookup::Version(user.session_id, access.version);
                if !is_good
                    && table::find(&self.0.db, &lookup, self.0.clock.now())
                        .await?
                        .is_none()
                {
                    return Err(Error::InvalidToken);
                }
                let bearer = Bearer {
                    lookup,
                    scopes: access.scopes,
                    client_id: Some(access.client_id),
                    generation: user.generation,
                };
                let session = AuthSession::from(user);
                Ok(Bearing::User(
                    self.0.sessions.request_by_bearer(client, bearer, session),
                ))
            }
            Holder::Itself(uuid) => {
                if !is_good
                    && registry::at_version(&self.0.db, uuid, access.version)
                        .await?
                        .is_none()
                {
                    return Err(Error::InvalidToken);
                }
                let own = ClientSession {
                    client_id: access.client_id,
                    scope: access.scopes,
                    uuid,
                    version: access.version,
                };
                Ok(Bearing::Itself(own, self.0.sessions.anonymous_request(client)))
            }
        }
    }

    /// Whether a client that acts for itself may do this, by the authority: one query. Every change begins with it.
    ///
    /// # Errors
    /// [`Error::InsufficientScope`]; [`Error::InvalidToken`] if the client has been revoked; [`Error::Unavailable`]
    pub async fn require_client(&self, own: &ClientSession, scope: Scope) -> Result<()> {
        if !own.scope.allow(scope) {
            return Err(Error::InsufficientScope(scope));
        }
        match registry::at_version(&self.0.db, own.uuid, own.version).await? {
            Some(_) => Ok(()),
            None => Err(Error::InvalidToken),
        }
    }

    /// An access token of ours, and whether it is good without a query: no mark voids it, and the known marks are complete.
    /// Otherwise the authority decides. It is asked about a void token too, since a mark may be one too many: it is in
    /// memory before its transaction is committed.
    pub(super) fn open_access(&self, token: &str) -> Option<(Access, bool)> {
        let sessions = &self.0.sessions;
        // Ask before looking at the marks: they are complete for the time at which this was asked.
        let is_current = sessions.feed_is_current();
        let access = Access::open(&self.0.keys, token, self.0.clock.unix(), sessions.longest_token())?;
        let (id, version) = access.marked();
        let is_good = is_current && !sessions.marks().voids(&id, version);
        Some((access, is_good))
    }
}

/// The token of the one header `Authorization`.
fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && token.bytes().all(is_token))
        .then_some(token)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn one_header_holds_one_token() {
        let token = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(AUTHORIZATION, HeaderValue::try_from(*value).unwrap());
            }
            bearer_token(&headers).map(str::to_owned)
        };
        for good in [
            "Bearer a.b-c_d~e+f/g==",
            "bearer  a.b-c_d~e+f/g==",
            "BEARER a.b-c_d~e+f/g== ",
        ] {
            assert_eq!(token(&[good]).as_deref(), Some("a.b-c_d~e+f/g=="), "{good}");
        }
        for bad in [
            &[][..],
            &["Bearer"],
            &["Bearer "],
            &["Bearer a b"],
            &["Bearer a,b"],
            &["Bearer a", "Bearer a"],
            &["Basic a"],
            &["a"],
        ] {
            assert_eq!(token(bad), None, "{bad:?}");
        }
    }
}
