//! Flows under way: one row of `sign_in_flows` for each time somebody set out for a provider.
//!
//! A flow is bound to its browser by a cookie and found by its `state`, of which only a hash is kept. It
//! is used up by the first callback that names it, whatever becomes of that callback: the row is deleted
//! and read in one statement, so of two callbacks with one state only one goes on to the provider.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use rand::{RngCore, rngs::OsRng};
use sha2::{Digest, Sha256};
use sqlx::FromRow;
use subtle::ConstantTimeEq;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    db::{Database, Expired, Tx},
    error::Result,
};

/// How long a flow may take, in seconds.
pub(super) const LIFETIME: i64 = 600;
/// How many flows a browser may have under way; the oldest goes when another begins.
const MAX_PENDING: i64 = 20;

/// The hash of no browser: its flows have been left by signing out.
const NOBODY: &[u8] = &[];

/// 256 random bits as 43 characters.
pub(super) fn random() -> String {
    let mut bytes = [0; 32];
    OsRng.fill_bytes(&mut bytes);
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

/// The value of a browser's flow cookie. It opens nothing by itself; of somebody else's state and code
/// it makes waste.
#[derive(Clone)]
pub(super) struct Browser(String);

impl Browser {
    /// The browser with this cookie, if it is one of ours.
    pub(super) fn of(cookie: Option<&str>) -> Option<Self> {
        let cookie = cookie?;
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(cookie).ok()?;
        (bytes.len() == 32).then(|| Self(cookie.to_owned()))
    }

    /// A browser nobody has seen.
    pub(super) fn new() -> Self {
        Self(random())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    fn hash(&self) -> [u8; 32] {
        hash(&self.0)
    }
}

/// What is kept of a flow until its callback.
#[derive(FromRow)]
pub(super) struct Flow {
    browser_hash: Vec<u8>,
    provider: String,
    pub(super) pkce_verifier: Option<String>,
    pub(super) nonce: Option<String>,
    pub(super) return_to: Option<String>,
    pub(super) intent: String,
    /// Who wanted to connect an account, and in which session.
    pub(super) user_id: Option<Uuid>,
    pub(super) session_id: Option<Uuid>,
    expires_at: OffsetDateTime,
}

impl Flow {
    /// Whether this callback is the flow's own: same browser, same provider.
    pub(super) fn belongs(
        &self,
        browser: Option<&Browser>,
        provider: &str,
    ) -> std::result::Result<(), &'static str> {
        let same = browser.is_some_and(|browser| bool::from(browser.hash().ct_eq(&self.browser_hash)));
        if !same {
            return Err("the flow is another browser's");
        }
        // One provider's answer on another's path is the mix-up of RFC 9700 §4.4.
        if self.provider != provider {
            return Err("the flow is another provider's");
        }
        Ok(())
    }

    /// Whether its browser has signed out meanwhile.
    pub(super) fn was_left(&self) -> bool {
        self.browser_hash == NOBODY
    }

    /// Whether the flow took too long.
    pub(super) fn has_expired(&self, now: OffsetDateTime) -> bool {
        self.expires_at <= now
    }
}

/// What a new flow is made of.
pub(super) struct NewFlow<'a> {
    pub(super) state: &'a str,
    pub(super) browser: &'a Browser,
    pub(super) provider: &'a str,
    pub(super) pkce_verifier: Option<&'a str>,
    pub(super) nonce: Option<&'a str>,
    pub(super) return_to: Option<&'a str>,
    pub(super) intent: &'a str,
    pub(super) user_id: Option<Uuid>,
    pub(super) session_id: Option<Uuid>,
}

/// Begins a flow, and then drops the browser's oldest ones if there are too many: afterwards, so that of
/// many begun at once the last to come sees them all.
pub(super) async fn insert(db: &Database, new: NewFlow<'_>, now: OffsetDateTime) -> Result<()> {
    let browser_hash = new.browser.hash();
    // Ids are UUIDv7: they tell the order also of flows begun in the same second.
    sqlx::query(
        "INSERT INTO sign_in_flows (state_hash, id, browser_hash, provider, pkce_verifier, nonce, return_to, intent,
                                    user_id, session_id, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(&hash(new.state)[..])
    .bind(Uuid::now_v7())
    .bind(&browser_hash[..])
    .bind(new.provider)
    .bind(new.pkce_verifier)
    .bind(new.nonce)
    .bind(new.return_to)
    .bind(new.intent)
    .bind(new.user_id)
    .bind(new.session_id)
    .bind(now + Duration::seconds(LIFETIME))
    .execute(db.write())
    .await?;
    sqlx::query(
        "DELETE FROM sign_in_flows WHERE browser_hash = $1 AND intent <> 'pending_link' AND id NOT IN (
             SELECT id FROM sign_in_flows WHERE browser_hash = $1 AND intent <> 'pending_link'
             ORDER BY id DESC LIMIT $2)",
    )
    .bind(&browser_hash[..])
    .bind(MAX_PENDING)
    .execute(db.write())
    .await?;
    Ok(())
}

/// Uses up the flow with this state, whoever asks.
pub(super) async fn consume(db: &Database, state: &str) -> Result<Option<Flow>> {
    Ok(sqlx::query_as(
        "DELETE FROM sign_in_flows WHERE state_hash = $1 AND intent <> 'pending_link'
         RETURNING browser_hash, provider, pkce_verifier, nonce, return_to, intent, user_id, session_id, expires_at",
    )
    .bind(&hash(state)[..])
    .fetch_optional(db.write())
    .await?)
}

/// Keeps a provider's answer, sealed, for the owner of its address to sign in. A browser has one at most.
pub(super) async fn insert_pending(
    tx: &mut Tx,
    browser: &Browser,
    provider: &str,
    owner: Uuid,
    sealed: &str,
    now: OffsetDateTime,
) -> Result<()> {
    let browser_hash = browser.hash();
    sqlx::query("DELETE FROM sign_in_flows WHERE browser_hash = $1 AND intent = 'pending_link'")
        .bind(&browser_hash[..])
        .execute(&mut **tx)
        .await?;
    sqlx::query(
        "INSERT INTO sign_in_flows (state_hash, id, browser_hash, provider, intent, user_id, pending, expires_at)
         VALUES ($1, $2, $3, $4, 'pending_link', $5, $6, $7)",
    )
    // No state leads here: the row is found by its browser and its owner.
    .bind(&hash(&random())[..])
    .bind(Uuid::now_v7())
    .bind(&browser_hash[..])
    .bind(provider)
    .bind(owner)
    .bind(sealed)
    .bind(now + Duration::seconds(LIFETIME))
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Takes the sealed answer that waits in this browser for this user.
pub(super) async fn take_pending(
    tx: &mut Tx,
    browser: &Browser,
    owner: Uuid,
    now: OffsetDateTime,
) -> Result<Option<String>> {
    let row: Option<(Option<String>, OffsetDateTime)> = sqlx::query_as(
        "DELETE FROM sign_in_flows WHERE browser_hash = $1 AND intent = 'pending_link' AND user_id = $2
         RETURNING pending, expires_at",
    )
    .bind(&browser.hash()[..])
    .bind(owner)
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row
        .filter(|(_, expires_at)| *expires_at > now)
        .and_then(|(sealed, _)| sealed))
}

/// Forgets all that a browser has under way, by the value of its flow cookie. Of what was to connect an account
/// only that is left, so that whoever comes back with it is told where it belonged.
pub(crate) async fn forget_browser(tx: &mut Tx, cookie: Option<&str>) -> Result<()> {
    let Some(browser) = Browser::of(cookie) else {
        return Ok(());
    };
    sqlx::query("DELETE FROM sign_in_flows WHERE browser_hash = $1 AND intent <> 'link'")
        .bind(&browser.hash()[..])
        .execute(&mut **tx)
        .await?;
    sqlx::query(
        "UPDATE sign_in_flows SET browser_hash = $2, pkce_verifier = NULL, nonce = NULL, return_to = NULL
         WHERE browser_hash = $1",
    )
    .bind(&browser.hash()[..])
    .bind(NOBODY)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

const EXPIRED: Expired = Expired {
    table: "sign_in_flows",
    key: "state_hash",
    when: "expires_at <= $1",
};

/// Deletes what has expired.
pub(super) async fn sweep(db: &Database, now: OffsetDateTime) -> Result<()> {
    let swept = db.sweep(EXPIRED, now).await?;
    if swept > 0 {
        tracing::debug!(flows = swept, "swept expired flows");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_kept_only_in_the_form_it_was_given() {
        let known = Browser::new();
        assert_eq!(known.as_str().len(), 43);
        assert_eq!(
            Browser::of(Some(known.as_str())).unwrap().as_str(),
            known.as_str()
        );
        let short = &known.as_str()[1..];
        for bad in [
            "",
            "x",
            short,
            &format!("{}=", known.as_str()),
            &"+".repeat(43),
            &format!("{}A", known.as_str()),
        ] {
            assert!(Browser::of(Some(bad)).is_none(), "{bad}");
        }
        assert!(Browser::of(None).is_none());
    }

    #[test]
    fn a_flow_belongs_to_its_browser_and_provider_and_ends_at_the_boundary() {
        let (mine, other) = (Browser::new(), Browser::new());
        let now = OffsetDateTime::UNIX_EPOCH;
        let flow = Flow {
            browser_hash: mine.hash().to_vec(),
            provider: "acme".to_owned(),
            pkce_verifier: None,
            nonce: None,
            return_to: None,
            intent: "sign_in".to_owned(),
            user_id: None,
            session_id: None,
            expires_at: now + Duration::seconds(LIFETIME),
        };
        let at = |seconds| now + Duration::seconds(seconds);
        assert!(flow.belongs(Some(&mine), "acme").is_ok());
        assert!(flow.belongs(Some(&other), "acme").is_err());
        assert!(flow.belongs(None, "acme").is_err());
        assert!(flow.belongs(Some(&mine), "corp").is_err());
        assert!(!flow.has_expired(at(599)) && flow.has_expired(at(600)));
    }
}
