//! Refresh tokens: each use gives the next one, and a copy ends the session.
//!
//! A session holds a family of them, of which only the current one is known, by its hash. A client may lose the answer that
//! brought the next one, or send several requests at once, and must then get the same one again, although the database
//! holds only hashes. So the next secret is an HMAC, keyed with the presented secret, over a random salt in the row: who
//! presents the previous secret can be given the current one, and the database alone can compute neither.
//!
//! The previous secret stays good for [`ApiLifetimes::grace`](super::ApiLifetimes) seconds, and beyond that until the
//! client has shown that it got the current one (`confirmed`). Afterwards, whoever presents it holds a copy (RFC 9700
//! §4.14.2).

use hmac::{Hmac, Mac};
use secrecy::SecretString;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use time::Duration;
use uuid::Uuid;
use wire::Scopes;

use super::{
    Clients,
    formats::random,
    grants::{Asked, Issued},
    refusal::{Outcome, Refusal},
    registry::Registration,
    sessions::ApiSession,
};
use crate::{
    audit::{Deed, NewEvent},
    client::Client,
    error::{Error, Result},
    keys::{KeyRing, TAG},
    session::{Ending, IdHash},
};

const PREFIX: &str = "sar_";
const ID: usize = 16;
const SECRET: usize = 32;

/// A refresh token: the session's public id, a secret, and a tag that shows that we issued it. The tag tells a copy of an
/// old token from an invented one. It never admits anyone.
pub(super) struct RefreshToken {
    pub(super) session_id: Uuid,
    secret: Secret,
}

/// It has no Debug.
struct Secret([u8; SECRET]);

impl Secret {
    /// What the database holds of it.
    fn hash(&self) -> IdHash {
        IdHash::of_secret(&self.0)
    }

    /// The secret that follows this one.
    fn next(&self, salt: &[u8]) -> Self {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes any key length");
        mac.update(salt);
        Self(mac.finalize().into_bytes().into())
    }
}

impl RefreshToken {
    /// The first token of a session.
    pub(super) fn first(session_id: Uuid) -> Self {
        Self {
            session_id,
            secret: Secret(random()),
        }
    }

    /// What the database holds of it.
    pub(super) fn hash(&self) -> IdHash {
        self.secret.hash()
    }

    /// The text for the client.
    pub(super) fn text(&self, keys: &KeyRing) -> SecretString {
        let body = self.body();
        let tag = keys.tag(&body);
        format!("{PREFIX}{}{}", hex::encode(body), hex::encode(tag)).into()
    }

    fn body(&self) -> [u8; ID + SECRET] {
        let mut body = [0; ID + SECRET];
        body[..ID].copy_from_slice(self.session_id.as_bytes());
        body[ID..].copy_from_slice(&self.secret.0);
        body
    }

    /// A token in a client's hands, and whether its tag shows that it was issued here. `None` if it has not its form.
    pub(super) fn read(text: &str, keys: &KeyRing) -> Option<(Self, bool)> {
        let digits = text.strip_prefix(PREFIX)?;
        if digits.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return None;
        }
        let mut bytes = [0; ID + SECRET + TAG];
        hex::decode_to_slice(digits, &mut bytes).ok()?;
        let (body, tag) = bytes.split_at(ID + SECRET);
        let (session_id, secret) = body.split_at(ID);
        let token = Self {
            session_id: Uuid::from_slice(session_id).ok()?,
            secret: Secret(secret.try_into().ok()?),
        };
        Some((token, keys.is_tagged(body, tag)))
    }

    /// Whether a text claims to be a refresh token.
    pub(super) fn is_claimed_by(text: &str) -> bool {
        text.starts_with(PREFIX)
    }
}

/// What a refresh token is to its session at this moment.
pub(super) enum Standing {
    /// The current one.
    Current,
    /// The one before.
    Previous,
    /// Neither.
    Other,
}

impl RefreshToken {
    pub(super) fn standing(&self, session: &ApiSession) -> Standing {
        let hash = self.hash();
        let is = |stored: &[u8]| bool::from(stored.ct_eq(hash.bytes()));
        if is(&session.key_hash) {
            Standing::Current
        } else if session.prev_hash.as_deref().is_some_and(is) {
            Standing::Previous
        } else {
            Standing::Other
        }
    }
}

impl Clients {
    /// Exchanges a refresh token for the next one and an access token.
    ///
    /// # Errors
    /// [`Refusal::InvalidScope`], [`Refusal::InvalidTarget`]: nothing is spent. [`Refusal::InvalidGrant`].
    pub(super) async fn refresh(
        &self,
        registration: &Registration,
        text: &str,
        asked: &Asked<'_>,
        client: &Client,
    ) -> Outcome<Issued> {
        let (token, is_ours) = RefreshToken::read(text, &self.0.keys).ok_or(Refusal::InvalidGrant)?;
        if !asked.is_plain() {
            // What is asked for is checked before anything is spent, but only for a token that would be accepted: a stranger
            // must not learn what a session may do, and a copy must not be overlooked.
            let session = self.session_of(registration, &token).await?;
            if self.accepts(&token, &session) {
                asked.of_session(&session, registration)?;
            }
        }
        match self.rotate(registration, &token).await? {
            Some((session, next)) => self.issue_again(registration, &session, &next, asked),
            None => {
                self.not_current(registration, &token, is_ours, asked, client)
                    .await
            }
        }
    }

    /// Makes the current token the previous one. `None` if it is not the current one of a live session of this client.
    async fn rotate(
        &self,
        registration: &Registration,
        token: &RefreshToken,
    ) -> Outcome<Option<(ApiSession, RefreshToken)>> {
        let now = self.0.clock.now();
        let salt = random::<SECRET>();
        let next = RefreshToken {
            session_id: token.session_id,
            secret: token.secret.next(&salt),
        };
        let idle = now + Duration::seconds(self.0.lifetimes.idle);
        let rotated = sqlx::query(
            "UPDATE sessions
             SET key_hash = $4, prev_hash = key_hash, salt = $5, generation = generation + 1, rotated_at = $2,
                 confirmed = FALSE, last_seen_at = $2,
                 idle_expires_at = CASE WHEN expires_at < $6 THEN expires_at ELSE $6 END
             WHERE id = $1 AND key_hash = $3 AND kind = 'api' AND client_id = $7
               AND idle_expires_at > $2 AND expires_at > $2
               AND EXISTS (SELECT 1 FROM users u WHERE u.id = sessions.user_id AND u.disabled_at IS NULL)",
        )
        .bind(token.session_id)
        .bind(now)
        .bind(token.hash().bytes())
        .bind(next.hash().bytes())
        .bind(salt.as_slice())
        .bind(idle)
        .bind(&registration.id)
        .execute(self.0.db.write())
        .await?;
        if rotated.rows_affected() == 0 {
            return Ok(None);
        }
        // Read afterwards: a version that carries what an earlier one was voided for must not be issued.
        let session = self
            .client_session(token.session_id)
            .await?
            .ok_or(Refusal::InvalidGrant)?;
        Ok(Some((session, next)))
    }

    /// Decides about a token that is not the current one: of a client that lost an answer or asked twice, or a copy.
    async fn not_current(
        &self,
        registration: &Registration,
        token: &RefreshToken,
        is_ours: bool,
        asked: &Asked<'_>,
        client: &Client,
    ) -> Outcome<Issued> {
        let session = self.session_of(registration, token).await?;
        match token.standing(&session) {
            Standing::Previous if self.may_repeat(&session) => {
                let next = self.repeated(token, &session)?;
                self.issue_again(registration, &session, &next, asked)
            }
            Standing::Previous => self.copied(registration, &session, client).await,
            Standing::Other if is_ours => self.copied(registration, &session, client).await,
            // Anyone can invent a token with the public id of a session, which must not end it.
            Standing::Other => Err(Refusal::InvalidGrant),
            Standing::Current => Err(Refusal::InvalidGrant),
        }
    }

    /// The live session of this client that a token names.
    async fn session_of(&self, registration: &Registration, token: &RefreshToken) -> Outcome<ApiSession> {
        self.client_session(token.session_id)
            .await?
            .filter(|session| session.client_id == registration.id)
            .ok_or(Refusal::InvalidGrant)
    }

    /// Whether a token would be accepted now.
    pub(super) fn accepts(&self, token: &RefreshToken, session: &ApiSession) -> bool {
        match token.standing(session) {
            Standing::Current => true,
            Standing::Previous => self.may_repeat(session),
            Standing::Other => false,
        }
    }

    fn may_repeat(&self, session: &ApiSession) -> bool {
        let now = self.0.clock.now();
        let grace = Duration::seconds(self.0.lifetimes.grace);
        let is_recent = session.rotated_at.is_some_and(|at| now - at < grace);
        is_recent || !session.confirmed
    }

    /// The current token, from the previous one.
    fn repeated(&self, previous: &RefreshToken, session: &ApiSession) -> Outcome<RefreshToken> {
        let next = RefreshToken {
            session_id: previous.session_id,
            secret: previous.secret.next(session.salt.as_deref().unwrap_or_default()),
        };
        if matches!(next.standing(session), Standing::Current) {
            Ok(next)
        } else {
            Err(Error::internal("a session's salt does not lead to its refresh token").into())
        }
    }

    /// Ends a session of which a copy of a token has turned up: neither holder can be told from the other.
    async fn copied(
        &self,
        registration: &Registration,
        session: &ApiSession,
        client: &Client,
    ) -> Outcome<Issued> {
        let ids = (session.user_id, session.session_id);
        self.end_misused(registration, ids, client).await?;
        Err(Refusal::InvalidGrant)
    }

    /// Ends a session everywhere, and records that a token of it was used twice.
    pub(super) async fn end_misused(
        &self,
        registration: &Registration,
        (user_id, session_id): (Uuid, Uuid),
        client: &Client,
    ) -> Result<()> {
        let mut tx = self.0.db.begin().await?;
        let event = NewEvent::system_event(Deed::TokenReuse)
            .from(client)
            .note(&registration.name);
        let which = vec![Ending::One { user_id, session_id }];
        let sessions = &self.0.sessions;
        let ended = sessions
            .marks()
            .end_noted(&mut tx, which, event, sessions.history())
            .await?;
        tx.commit().await?;
        if ended > 0 {
            let ip = client.ip.map(tracing::field::display);
            tracing::warn!(session = %session_id, user = %user_id, ip, "a copy of a token was used: the session has ended");
        }
        Ok(())
    }

    fn issue_again(
        &self,
        registration: &Registration,
        session: &ApiSession,
        next: &RefreshToken,
        asked: &Asked<'_>,
    ) -> Outcome<Issued> {
        let (scope, resource) = asked.of_session(session, registration)?;
        self.issue(session, scope, resource.as_deref(), Some(next))
    }

    /// Issues an access token for a session, beside a refresh token.
    pub(super) fn issue(
        &self,
        session: &ApiSession,
        scope: Scopes,
        resource: Option<&str>,
        refresh: Option<&RefreshToken>,
    ) -> Outcome<Issued> {
        let (access_token, expires_in) = self.access_token(session, scope, resource)?;
        Ok(Issued {
            access_token,
            expires_in,
            refresh_token: refresh.map(|token| token.text(&self.0.keys)),
            scope,
        })
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;
    use sha2::Digest;

    use super::*;

    fn keys(byte: u8) -> KeyRing {
        KeyRing::new(&[(0..32).map(|i| byte.wrapping_add(i)).collect::<Vec<u8>>().into()])
    }

    #[test]
    fn a_token_is_read_as_it_was_written_and_its_tag_is_ours_alone() {
        let token = RefreshToken::first(Uuid::from_u128(7));
        let text = token.text(&keys(1));
        let text = text.expose_secret();
        assert_eq!(text.len(), 4 + 112);
        let (read, is_ours) = RefreshToken::read(text, &keys(1)).unwrap();
        assert!(is_ours);
        assert_eq!((read.session_id, read.hash()), (token.session_id, token.hash()));
        // A lost key recognises nothing, and takes nothing from what the database decides.
        let (read, is_ours) = RefreshToken::read(text, &keys(2)).unwrap();
        assert!(!is_ours);
        assert_eq!(read.hash(), token.hash());
        for place in 4..text.len() {
            let mut bytes = text.as_bytes().to_vec();
            bytes[place] = if bytes[place] == b'0' { b'1' } else { b'0' };
            let changed = String::from_utf8(bytes).unwrap();
            assert!(!RefreshToken::read(&changed, &keys(1)).unwrap().1, "{place}");
        }
        for other in [
            "",
            "sar_",
            &text[..text.len() - 1],
            &format!("{text}0"),
            &text.replace("sar_", "sak_"),
            &text.replace("sar_", "sar_g"),
        ] {
            assert!(RefreshToken::read(other, &keys(1)).is_none(), "{other}");
        }
    }

    #[test]
    fn the_next_secret_depends_on_the_secret_and_on_the_salt() {
        let (one, other) = (Secret([1; 32]), Secret([2; 32]));
        assert_eq!(one.next(b"a").0, one.next(b"a").0);
        assert_ne!(one.next(b"a").0, one.next(b"b").0);
        assert_ne!(one.next(b"a").0, other.next(b"a").0);
        assert_ne!(
            one.hash().bytes(),
            <[u8; 32]>::from(Sha256::digest(one.next(b"a").0)).as_slice()
        );
    }
}
