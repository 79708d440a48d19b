//! Access tokens: what a client carries as a browser carries a snapshot, sealed for another purpose.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use secrecy::SecretString;
use uuid::Uuid;
use wire::{AuthSession, Scopes};

use super::{
    Clients,
    grants::{Asked, Issued},
    jwt::{self, Claims},
    refusal::Outcome,
    registry::Registration,
    sessions::ApiSession,
};
use crate::{
    clock::from_unix,
    keys::{KeyRing, Purpose},
    session::{SealedShown, Shown, is_in_time},
};

/// The contents of an access token. In the token they are a sealed JSON array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Access {
    pub(super) client_id: String,
    pub(super) scopes: Scopes,
    /// The version of the session's row, or of the client's, as it was read.
    pub(super) version: i64,
    /// When the authority was asked for these contents, in Unix seconds.
    issued: i64,
    /// When the token ends, in Unix seconds.
    expires: i64,
    pub(super) holder: Holder,
}

/// For whom a client acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    /// For a user.
    User(OfUser),
    /// For itself: what stale marks name.
    Itself(Uuid),
}

/// What is known of the user without a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OfUser {
    pub(super) session_id: Uuid,
    user_id: Uuid,
    shown: Shown,
    /// The session's absolute end, in Unix seconds.
    session_expires: i64,
    /// The refresh token it was issued with, by its number in the session.
    pub(super) generation: i64,
}

impl From<OfUser> for AuthSession {
    fn from(user: OfUser) -> Self {
        let expires_at = from_unix(user.session_expires);
        user.shown.session(user.session_id, user.user_id, expires_at)
    }
}

/// The same fields by position, for the reasons that a snapshot has: the ids as one text, and times relative to `issued`.
type Sealed<'a, Text> = (&'a str, &'a str, Scopes, i64, i64, i64, Option<SealedUser<Text>>);
type SealedUser<Text> = (SealedShown<Text>, i64, i64);

impl Access {
    fn seal(&self, keys: &KeyRing) -> SecretString {
        keys.seal(Purpose::AccessToken, &self.to_json()).into()
    }

    fn to_json(&self) -> String {
        let (ids, user) = match &self.holder {
            Holder::Itself(uuid) => (uuid.as_bytes().to_vec(), None),
            Holder::User(user) => (
                [*user.session_id.as_bytes(), *user.user_id.as_bytes()].concat(),
                Some((
                    user.shown.sealed(),
                    user.session_expires - self.issued,
                    user.generation,
                )),
            ),
        };
        let ids = BASE64_URL_SAFE_NO_PAD.encode(ids);
        let fields: Sealed<'_, &str> = (
            &ids,
            &self.client_id,
            self.scopes,
            self.version,
            self.issued,
            self.expires - self.issued,
            user,
        );
        serde_json::to_string(&fields).expect("plain fields are JSON")
    }

    fn from_json(json: &str) -> Option<Self> {
        let (ids, client_id, scopes, version, issued, life, user): Sealed<'_, String> =
            serde_json::from_str(json).ok()?;
        let mut bytes = [0; 32];
        let length = BASE64_URL_SAFE_NO_PAD.decode_slice(ids, &mut bytes).ok()?;
        let (id, rest) = bytes[..length].split_first_chunk::<16>()?;
        let id = Uuid::from_bytes(*id);
        let holder = match user {
            None if rest.is_empty() => Holder::Itself(id),
            None => return None,
            Some((shown, session_life, generation)) => Holder::User(OfUser {
                session_id: id,
                user_id: Uuid::from_slice(rest).ok()?,
                shown: shown.into(),
                session_expires: issued.checked_add(session_life)?,
                generation,
            }),
        };
        Some(Self {
            client_id: client_id.to_owned(),
            scopes,
            version,
            issued,
            expires: issued.checked_add(life)?,
            holder,
        })
    }

    /// Opens a token. `None` for anything but an access token of ours that has not expired. None is accepted for longer than
    /// this instance's own `ttl`, after which it forgets stale marks.
    pub(super) fn open(keys: &KeyRing, sealed: &str, now: i64, ttl: i64) -> Option<Self> {
        let access = Self::from_json(&keys.open(Purpose::AccessToken, sealed)?)?;
        let end = match &access.holder {
            Holder::User(user) => access.expires.min(user.session_expires),
            Holder::Itself(_) => access.expires,
        };
        is_in_time(access.issued, end, now, ttl).then_some(access)
    }

    /// When the token ends, in Unix seconds.
    pub(super) fn expires(&self) -> i64 {
        self.expires
    }

    /// When the authority was asked for its contents, in Unix seconds.
    pub(super) fn issued(&self) -> i64 {
        self.issued
    }

    /// What stale marks name, and the version that they compare.
    pub(super) fn marked(&self) -> (Uuid, i64) {
        match &self.holder {
            Holder::User(user) => (user.session_id, self.version),
            Holder::Itself(uuid) => (*uuid, self.version),
        }
    }
}

impl Clients {
    /// An access token of a session: ours, or a JWT for a resource server. Returns the token and its life in seconds.
    pub(super) fn access_token(
        &self,
        session: &ApiSession,
        scope: Scopes,
        resource: Option<&str>,
    ) -> Outcome<(SecretString, i64)> {
        let end = session.expires_at.min(session.idle_expires_at).unix_timestamp();
        if let Some(resource) = resource {
            let about = About {
                subject: &session.user_id.to_string(),
                client_id: &session.client_id,
                session_id: Some(&session.session_id.to_string()),
                token_id: &Uuid::new_v4().to_string(),
            };
            return Ok(self.jwt(&about, scope, resource, end));
        }
        let life = self
            .0
            .sessions
            .longest_token()
            .min(self.0.lifetimes.idle / 2)
            .max(1);
        let expires = (session.as_of + life).min(end);
        let access = Access {
            client_id: session.client_id.clone(),
            scopes: scope,
            version: session.version,
            issued: session.as_of,
            expires,
            holder: Holder::User(OfUser {
                session_id: session.session_id,
                user_id: session.user_id,
                shown: session.shown.clone(),
                session_expires: session.expires_at.unix_timestamp(),
                generation: session.generation,
            }),
        };
        Ok((access.seal(&self.0.keys), expires - session.as_of))
    }

    /// A client that acts for itself (RFC 6749 §4.4).
    pub(super) fn for_itself(&self, registration: &Registration, asked: &Asked<'_>) -> Outcome<Issued> {
        let scope = asked.scopes(registration.scopes)?;
        let (access_token, expires_in) = match asked.resource(registration)? {
            Some(resource) => {
                let id = &registration.id;
                // Shows at an introspection whether the client has been given another secret since.
                let unique = Uuid::new_v4().simple();
                let token_id = format!("{}.{}.{unique}", registration.uuid, registration.version);
                let about = About {
                    subject: id,
                    client_id: id,
                    session_id: None,
                    token_id: &token_id,
                };
                self.jwt(&about, scope, resource, i64::MAX)
            }
            None => {
                let issued = self.0.clock.unix();
                let life = self.0.sessions.longest_token().max(1);
                let access = Access {
                    client_id: registration.id.clone(),
                    scopes: scope,
                    version: registration.version,
                    issued,
                    expires: issued + life,
                    holder: Holder::Itself(registration.uuid),
                };
                (access.seal(&self.0.keys), life)
            }
        };
        Ok(Issued {
            access_token,
            expires_in,
            refresh_token: None,
            scope,
        })
    }

    fn jwt(&self, about: &About<'_>, scope: Scopes, resource: &str, end: i64) -> (SecretString, i64) {
        let now = self.0.clock.unix();
        let expires = (now + jwt::LIFE).min(end);
        let token = self.0.signing.sign(&Claims {
            iss: &self.0.issuer,
            sub: about.subject,
            aud: resource,
            client_id: about.client_id,
            scope: &scope.to_string(),
            iat: now,
            exp: expires,
            jti: about.token_id,
            sid: about.session_id,
        });
        (token, expires - now)
    }
}

/// What a token for another server is about.
struct About<'a> {
    subject: &'a str,
    client_id: &'a str,
    session_id: Option<&'a str>,
    token_id: &'a str,
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;
    use wire::Scope;

    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn keys() -> KeyRing {
        KeyRing::new(&[(0..32).collect::<Vec<u8>>().into()])
    }

    fn access() -> Access {
        Access {
            client_id: "a".repeat(64),
            scopes: Scope::ALL.iter().copied().collect(),
            version: 3,
            issued: NOW,
            expires: NOW + 300,
            holder: Holder::User(OfUser {
                session_id: Uuid::from_u128(1),
                user_id: Uuid::from_u128(2),
                shown: Shown {
                    email: Some(format!("{}@{}.example", "a".repeat(64), "b".repeat(180))),
                    email_verified: true,
                    name: Some("Ada".to_owned()),
                    role: wire::Role::Admin,
                    picture: Some(Uuid::from_u128(3)), // wing:pictures
                },
                session_expires: NOW + 1000,
                generation: 4,
            }),
        }
    }

    #[test]
    fn opens_as_an_access_token_only_and_only_in_its_time() {
        let sealed = access().seal(&keys());
        let sealed = sealed.expose_secret();
        assert!(sealed.len() < 1024, "{}", sealed.len());
        let opens = |now, ttl| Access::open(&keys(), sealed, now, ttl);
        assert_eq!(opens(NOW, 300), Some(access()));
        for (now, ttl, is_open) in [
            (NOW + 299, 300, true),
            (NOW + 300, 300, false),
            (NOW - 60, 300, true),
            (NOW - 61, 300, false),
            (NOW + 60, 60, false),
        ] {
            assert_eq!(opens(now, ttl).is_some(), is_open, "{now} {ttl}");
        }
        assert_eq!(keys().open(Purpose::Snapshot, sealed), None);
        let snapshot = keys().seal(Purpose::Snapshot, &access().to_json());
        assert_eq!(Access::open(&keys(), &snapshot, NOW, 300), None);
    }

    #[test]
    fn a_client_s_own_token_names_no_user() {
        let own = Access {
            holder: Holder::Itself(Uuid::from_u128(3)),
            ..access()
        };
        let sealed = own.seal(&keys());
        assert_eq!(
            Access::open(&keys(), sealed.expose_secret(), NOW, 300),
            Some(own.clone())
        );
        // Neither kind can be read as the other.
        let (own, of_user) = (own.to_json(), access().to_json());
        let ids = |json: &str| json.split('"').nth(1).unwrap().to_owned();
        for (json, from, to) in [
            (&own, ids(&own), ids(&of_user)),
            (&of_user, ids(&of_user), ids(&own)),
        ] {
            assert_eq!(Access::from_json(&json.replace(&from, &to)), None);
        }
    }

    #[test]
    fn never_outlives_its_session() {
        let mut access = access();
        if let Holder::User(user) = &mut access.holder {
            user.session_expires = NOW + 10;
        }
        let sealed = access.seal(&keys());
        let opens = |now| Access::open(&keys(), sealed.expose_secret(), now, 300).is_some();
        assert_eq!([NOW + 9, NOW + 10].map(opens), [true, false]);
    }
}
