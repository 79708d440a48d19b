//! Flows under way: one row of `sign_in_flows` for each time a browser set out for a provider.
//!
//! A flow is bound to its browser by a cookie and found by its `state`, of which only a hash is kept. It
//! is used up by the first callback that names it, whatever becomes of that callback: the row is deleted
//! and read in one statement, so of two callbacks with one state only one goes on to the provider.
//!
//! Where the flow would have led is kept for longer, in `ways_back`: a person who comes too late, or once
//! more, starts again and still arrives there.

use sqlx::FromRow;
use subtle::ConstantTimeEq;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    browser::{Browser, hash},
    db::{Database, Expired, Tx},
    error::Result,
    keys::{KeyRing, Place},
    oauth::outcome::{Intent, WayBack},
    return_to::ReturnTo,
};

/// How long a flow may take, in seconds.
pub(crate) const LIFETIME: i64 = 600;
/// How long a flow's way back is known, in seconds.
const REMEMBERED: i64 = 3600;
/// How many flows a browser may have under way; the oldest goes when another begins.
const MAX_PENDING: i64 = 20;

/// The hash of no browser: its flows have been left by signing out.
const NOBODY: &[u8] = &[];

/// Where a flow leads, or would have led, as it is stored.
#[derive(FromRow)]
struct Way {
    state_hash: Vec<u8>,
    intent: String,
    /// Sealed.
    return_to: Option<String>,
}

impl Way {
    fn open(&self, keys: &KeyRing) -> WayBack {
        let sealed = self.return_to.as_deref();
        WayBack {
            intent: Intent::of(&self.intent),
            return_to: sealed.and_then(|sealed| ReturnTo::open(keys, &place(&self.state_hash), sealed)),
        }
    }
}

/// Where `return_to` is stored, for both tables: their rows belong to the same flow.
fn place(state_hash: &[u8]) -> Place {
    Place::new("sign_in_flows.return_to", &[state_hash])
}

/// What is kept of a flow until its callback.
#[derive(FromRow)]
pub(crate) struct Flow {
    browser_hash: Vec<u8>,
    provider: String,
    pub(crate) pkce_verifier: Option<String>,
    pub(crate) nonce: Option<String>,
    #[sqlx(flatten)]
    way: Way,
    /// "Keep me signed in".
    pub(crate) remember: bool,
    /// The user who is to connect an account or to confirm, and the session in which the flow began.
    pub(crate) user_id: Option<Uuid>,
    pub(crate) session_id: Option<Uuid>,
    expires_at: OffsetDateTime,
}

impl Flow {
    /// Whether this callback is the flow's own: the browser that began it, if so, and at the same provider.
    pub(crate) fn owner<'a>(
        &self,
        browser: Option<&'a Browser>,
        provider: &str,
    ) -> std::result::Result<&'a Browser, &'static str> {
        let is_same = |browser: &&Browser| bool::from(browser.hash().ct_eq(&self.browser_hash));
        let browser = browser
            .filter(is_same)
            .ok_or("the flow belongs to another browser")?;
        // One provider's answer on another's path is the mix-up of RFC 9700 §4.4.
        if self.provider != provider {
            return Err("the flow belongs to another provider");
        }
        Ok(browser)
    }

    /// What it is for.
    pub(crate) fn intent(&self) -> Intent {
        Intent::of(&self.way.intent)
    }

    /// Where it leads.
    pub(crate) fn way_back(&self, keys: &KeyRing) -> WayBack {
        self.way.open(keys)
    }

    /// Whether its browser has signed out meanwhile.
    pub(crate) fn was_left(&self) -> bool {
        self.browser_hash == NOBODY
    }

    /// Whether the flow took too long.
    pub(crate) fn has_expired(&self, now: OffsetDateTime) -> bool {
        self.expires_at <= now
    }
}

/// What a new flow consists of.
pub(crate) struct NewFlow<'a> {
    pub(crate) state: &'a str,
    pub(crate) browser: &'a Browser,
    pub(crate) provider: &'a str,
    pub(crate) pkce_verifier: Option<&'a str>,
    pub(crate) nonce: Option<&'a str>,
    pub(crate) return_to: Option<&'a ReturnTo>,
    pub(crate) intent: Intent,
    pub(crate) remember: bool,
    pub(crate) user_id: Option<Uuid>,
    pub(crate) session_id: Option<Uuid>,
}

/// Begins a flow, and then drops the browser's oldest ones if there are too many: afterwards, so that of
/// many begun at once the last to come sees them all.
pub(crate) async fn insert(
    db: &Database,
    keys: &KeyRing,
    new: NewFlow<'_>,
    now: OffsetDateTime,
) -> Result<()> {
    let (state_hash, browser_hash) = (hash(new.state), new.browser.hash());
    let return_to = new.return_to.map(|path| path.seal(keys, &place(&state_hash)));
    // Ids are UUIDv7: they give the order also of flows begun in the same second.
    let id = Uuid::now_v7();
    sqlx::query(
        "INSERT INTO sign_in_flows (state_hash, id, browser_hash, provider, pkce_verifier, nonce, return_to, intent,
                                    remember, user_id, session_id, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(&state_hash[..])
    .bind(id)
    .bind(&browser_hash[..])
    .bind(new.provider)
    .bind(new.pkce_verifier)
    .bind(new.nonce)
    .bind(&return_to)
    .bind(new.intent.as_str())
    .bind(new.remember)
    .bind(new.user_id)
    .bind(new.session_id)
    .bind(now + Duration::seconds(LIFETIME))
    .execute(db.write())
    .await?;
    sqlx::query(
        "DELETE FROM sign_in_flows WHERE browser_hash = $1 AND id NOT IN (
             SELECT id FROM sign_in_flows WHERE browser_hash = $1 ORDER BY id DESC LIMIT $2)",
    )
    .bind(&browser_hash[..])
    .bind(MAX_PENDING)
    .execute(db.write())
    .await?;
    if return_to.is_none() && new.intent == Intent::SignIn {
        // As if nothing were known.
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO ways_back (state_hash, id, browser_hash, intent, return_to, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(&state_hash[..])
    .bind(id)
    .bind(&browser_hash[..])
    .bind(new.intent.as_str())
    .bind(&return_to)
    .bind(now + Duration::seconds(REMEMBERED))
    .execute(db.write())
    .await?;
    sqlx::query(
        "DELETE FROM ways_back WHERE browser_hash = $1 AND id NOT IN (
             SELECT id FROM ways_back WHERE browser_hash = $1 ORDER BY id DESC LIMIT $2)",
    )
    .bind(&browser_hash[..])
    .bind(MAX_PENDING)
    .execute(db.write())
    .await?;
    Ok(())
}

/// Where the flow with this state would have led, if this browser began it within the hour.
pub(crate) async fn way_back(
    db: &Database,
    keys: &KeyRing,
    state: &str,
    browser: &Browser,
    now: OffsetDateTime,
) -> Result<Option<WayBack>> {
    let way: Option<Way> = sqlx::query_as(
        "SELECT state_hash, intent, return_to FROM ways_back
         WHERE state_hash = $1 AND browser_hash = $2 AND expires_at > $3",
    )
    .bind(&hash(state)[..])
    .bind(&browser.hash()[..])
    .bind(now)
    .fetch_optional(db.read())
    .await?;
    Ok(way.map(|way| way.open(keys)))
}

/// Uses up the flow with this state, whichever browser brings it.
pub(crate) async fn consume(db: &Database, state: &str) -> Result<Option<Flow>> {
    Ok(sqlx::query_as(
        "DELETE FROM sign_in_flows WHERE state_hash = $1
         RETURNING state_hash, browser_hash, provider, pkce_verifier, nonce, return_to, intent, remember, user_id,
                   session_id, expires_at",
    )
    .bind(&hash(state)[..])
    .fetch_optional(db.write())
    .await?)
}

/// Forgets all that a browser has under way, and where that would have led. Of what was bound to the
/// session only that is left, so that the browser that comes back with it learns that it is over, and nothing else
/// is done.
pub(super) async fn forget_browser(tx: &mut Tx, browser: &Browser) -> Result<()> {
    let hash = browser.hash();
    for statement in [
        "DELETE FROM sign_in_flows WHERE browser_hash = $1 AND intent NOT IN ('link', 'confirm')",
        "DELETE FROM ways_back WHERE browser_hash = $1",
    ] {
        sqlx::query(statement).bind(&hash[..]).execute(&mut **tx).await?;
    }
    sqlx::query(
        "UPDATE sign_in_flows SET browser_hash = $2, pkce_verifier = NULL, nonce = NULL, return_to = NULL
         WHERE browser_hash = $1",
    )
    .bind(&hash[..])
    .bind(NOBODY)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

// wing:mail
/// Forgets the flows that are bound to a session of this user.
pub(super) async fn forget_user(tx: &mut Tx, user_id: Uuid) -> Result<()> {
    sqlx::query("DELETE FROM sign_in_flows WHERE user_id = $1")
        .bind(user_id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}
// end wing:mail

pub(super) const FLOWS: Expired = Expired {
    table: "sign_in_flows",
    key: "state_hash",
    when: "expires_at <= $1",
};

pub(super) const WAYS_BACK: Expired = Expired {
    table: "ways_back",
    ..FLOWS
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_belongs_to_its_browser_and_provider_and_ends_at_the_boundary() {
        let (mine, other) = (Browser::new(), Browser::new());
        let now = OffsetDateTime::UNIX_EPOCH;
        let flow = Flow {
            browser_hash: mine.hash().to_vec(),
            provider: "acme".to_owned(),
            pkce_verifier: None,
            nonce: None,
            way: Way {
                state_hash: Vec::new(),
                intent: "sign_in".to_owned(),
                return_to: None,
            },
            remember: false,
            user_id: None,
            session_id: None,
            expires_at: now + Duration::seconds(LIFETIME),
        };
        let at = |seconds| now + Duration::seconds(seconds);
        assert!(flow.owner(Some(&mine), "acme").is_ok());
        assert!(flow.owner(Some(&other), "acme").is_err());
        assert!(flow.owner(None, "acme").is_err());
        assert!(flow.owner(Some(&mine), "corp").is_err());
        assert!(!flow.has_expired(at(599)) && flow.has_expired(at(600)));
    }

    #[test]
    fn a_callback_is_the_same_only_with_all_its_parts() {
        let (mine, other) = (Browser::new(), Browser::new());
        let key = mine.key_of("acme", "code=a&state=s");
        assert_eq!(mine.key_of("acme", "code=a&state=s"), key);
        for (browser, provider, query) in [
            (&other, "acme", "code=a&state=s"),
            (&mine, "corp", "code=a&state=s"),
            (&mine, "acme", "code=b&state=s"),
            (&mine, "acmec", "ode=a&state=s"),
        ] {
            assert_ne!(browser.key_of(provider, query), key);
        }
    }
}
