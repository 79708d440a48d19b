//! Personal keys: sessions without a client, for a user's own scripts.
//!
//! A key carries nothing, so this instance holds what a cookie would have held: what the authority returned, by the key's
//! hash, for as long as a snapshot lives, and void by the same marks.

use hashlink::LruCache;
use parking_lot::Mutex;
use secrecy::ExposeSecret;
use time::Duration;
use uuid::Uuid;
use wire::{AuthSession, NewKey, Scope, Scopes};

use super::{Clients, formats::Kind, sessions::NewRow};
use crate::{
    audit::{Deed, NewEvent},
    client::Client,
    error::{Error, Result},
    limits::{Action, Subject},
    session::{Bearer, IdHash, Lookup, RecentSession, RequestAuth, is_in_time, table},
    users,
};

/// The most keys a user can have.
const MAX_KEYS: i64 = 50;
/// The longest name of a key, in characters.
const MAX_NAME: usize = 100;
/// The longest life of a key, in days.
const MAX_DAYS: i64 = 366;
/// A key's use is recorded at most this often, in seconds.
const TOUCH_AFTER: i64 = 60;
/// The number of keys held. The least recently used one goes first.
const HELD: usize = 10_000;

/// What is known of a key without a query.
#[derive(Clone)]
struct HeldKey {
    session: AuthSession,
    version: i64,
    scopes: Scopes,
    /// When the authority was asked, in Unix seconds.
    issued: i64,
    /// Until when it counts, in Unix seconds.
    expires: i64,
}

/// The keys that were used lately.
pub(super) struct HeldKeys(Mutex<LruCache<IdHash, HeldKey>>);

impl Default for HeldKeys {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(HELD)))
    }
}

impl std::fmt::Debug for HeldKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HeldKeys").finish_non_exhaustive()
    }
}

impl Clients {
    /// Whose key this is.
    ///
    /// # Errors
    /// [`Error::InvalidToken`], [`Error::TooManyAttempts`], [`Error::Unavailable`]
    pub(super) async fn personal_key(&self, text: &str, client: &Client) -> Result<(Bearer, AuthSession)> {
        let hash = Kind::Key.hash(text).ok_or(Error::InvalidToken)?;
        let held = match self.held(&hash) {
            Some(held) => held,
            None => self.look_up_key(hash, client).await?,
        };
        let bearer = Bearer {
            lookup: Lookup::Key(hash),
            scopes: held.scopes,
            client_id: None,
            generation: 0,
        };
        Ok((bearer, held.session))
    }

    fn held(&self, hash: &IdHash) -> Option<HeldKey> {
        let sessions = &self.0.sessions;
        // Ask before looking at the marks: they are complete for the time at which this was asked.
        if !sessions.feed_is_current() {
            return None;
        }
        let held = self.0.held.0.lock().get(hash).cloned()?;
        let counts = is_in_time(
            held.issued,
            held.expires,
            self.0.clock.unix(),
            sessions.longest_token(),
        ) && !sessions.marks().voids(&held.session.session_id, held.version);
        counts.then_some(held)
    }

    /// Asks the authority about a key that has the right form. Anyone can compute that, so those that are not found are
    /// counted.
    async fn look_up_key(&self, hash: IdHash, client: &Client) -> Result<HeldKey> {
        let address = Subject::address(client.limited_address());
        // Whether any more may fail. Those that are looked up at this moment do not count: they may all be right.
        drop(self.0.limits.attempt(Action::KeyFailedAddress, &address)?);
        let now = self.0.clock.now();
        let live = table::find(&self.0.db, &Lookup::Key(hash), now).await?;
        let Some(live) = live else {
            self.0.limits.take(Action::KeyFailedAddress, address)?;
            self.0.held.0.lock().remove(&hash);
            return Err(Error::InvalidToken);
        };
        let scope: String = sqlx::query_scalar("SELECT scope FROM sessions WHERE id = $1")
            .bind(live.session_id())
            .fetch_optional(self.0.db.read())
            .await?
            .ok_or(Error::InvalidToken)?;
        let unless_since = now - Duration::seconds(TOUCH_AFTER);
        if live.last_seen_at <= unless_since {
            table::touch(&self.0.db, &live, now, unless_since, live.expires_at).await?;
        }
        let held = HeldKey {
            session: AuthSession::from(&live),
            version: live.version,
            scopes: Scopes::known_in(&scope),
            issued: live.as_of,
            expires: (live.as_of + self.0.sessions.longest_token()).min(live.expires_at.unix_timestamp()),
        };
        self.0.held.0.lock().insert(hash, held.clone());
        Ok(held)
    }

    /// Creates a personal key. Its text is known only now.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for a name, scope or life that is not allowed; [`Error::TooManyKeys`];
    /// [`Error::TooManyAttempts`]; [`Error::Unavailable`]
    pub async fn create_key(
        &self,
        request: &RequestAuth,
        recent: &RecentSession,
        name: &str,
        scope: &str,
        days: i64,
    ) -> Result<NewKey> {
        request.require_browser()?;
        let user_id = recent.user_id();
        let name = users::clean_name(name)
            .filter(|cleaned| cleaned == name.trim() && cleaned.chars().count() <= MAX_NAME)
            .ok_or(Error::InvalidInput("name"))?;
        let scope = [Scope::Profile, Scope::App]
            .into_iter()
            .find(|known| known.name() == scope)
            .ok_or(Error::InvalidInput("scope"))?;
        if !(1..=MAX_DAYS).contains(&days) {
            return Err(Error::InvalidInput("days"));
        }
        self.0
            .limits
            .take(Action::CreateKeyUser, Subject::User(user_id))?;
        let (text, hash) = Kind::Key.mint();
        let now = self.0.clock.now();
        let expires_at = now + Duration::days(days);
        let session_id = Uuid::now_v7();
        let mut tx = self.decide(recent).await?;
        let keys: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM sessions
             WHERE user_id = $1 AND kind = 'api' AND client_id IS NULL AND expires_at > $2",
        )
        .bind(user_id)
        .bind(now)
        .fetch_one(&mut *tx)
        .await?;
        if keys >= MAX_KEYS {
            return Err(Error::TooManyKeys);
        }
        let row = NewRow {
            session_id,
            user_id,
            key_hash: hash,
            client_id: None,
            name: Some(&name),
            scope: scope.into(),
            resource: None,
            // A key has no idle end.
            idle_expires_at: expires_at,
            expires_at,
            client: request.client(),
        };
        row.insert(&mut tx, now).await?;
        NewEvent::of(user_id, Deed::CreateKey)
            .session(session_id)
            .from(request.client())
            .note(&name)
            .record(&mut tx, self.0.sessions.history())
            .await?;
        tx.commit().await?;
        Ok(NewKey {
            key: text.expose_secret().to_owned(),
            session_id,
            name,
            scope: scope.into(),
            expires_at: expires_at.into(),
        })
    }
}
