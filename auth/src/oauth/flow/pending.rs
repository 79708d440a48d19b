//! A pending link: a provider account that is proven, while its address belongs to another user. The two are never
//! merged on the provider's word. The account waits, sealed, until that user signs in as usual in the same browser,
//! and only then is it connected.

use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    audit::{Deed, NewEvent},
    browser::Browser,
    db::{Expired, Tx},
    error::{Error, Result},
    keys::{Place, Purpose},
    oauth::{
        account::table::{self, Identity},
        flow::table::LIFETIME,
        state::OAuth,
    },
    session::RequestAuth,
    users::Occasion,
};

impl OAuth {
    /// Keeps an identity for the owner of its address. A browser has one at most, and the latest counts.
    pub(super) async fn keep_pending(
        &self,
        tx: &mut Tx,
        browser: &Browser,
        owner: Uuid,
        identity: &Identity,
    ) -> Result<()> {
        let browser_hash = browser.hash();
        let json = serde_json::to_string(identity).map_err(Error::internal)?;
        let sealed = self
            .0
            .keys
            .seal_at(Purpose::PendingLink, &place(&browser_hash, owner), &json);
        sqlx::query(
            "INSERT INTO pending_links (browser_hash, user_id, sealed, expires_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (browser_hash) DO UPDATE
             SET user_id = excluded.user_id, sealed = excluded.sealed, expires_at = excluded.expires_at",
        )
        .bind(&browser_hash[..])
        .bind(owner)
        .bind(sealed)
        .bind(self.0.clock.now() + Duration::seconds(LIFETIME))
        .execute(&mut **tx)
        .await?;
        Ok(())
    }

    /// Connects the account that waits in this browser for this user, who has just signed in. To be called in the
    /// transaction of that sign-in, which has locked the user.
    ///
    /// # Errors
    /// Of the database.
    pub async fn complete_pending(&self, tx: &mut Tx, request: &RequestAuth, user_id: Uuid) -> Result<()> {
        match Browser::of(request.flow_cookie()) {
            Some(browser) => self.connect_pending(tx, request, &browser, user_id).await,
            None => Ok(()),
        }
    }

    /// As [`OAuth::complete_pending`], for a browser that is known.
    pub(super) async fn connect_pending(
        &self,
        tx: &mut Tx,
        request: &RequestAuth,
        browser: &Browser,
        user_id: Uuid,
    ) -> Result<()> {
        let (keys, now) = (&self.0.keys, self.0.clock.now());
        let Some(identity) = self.take_pending(tx, browser, user_id).await? else {
            return Ok(());
        };
        if !table::insert(tx, keys, user_id, &identity, now).await? {
            return Ok(());
        }
        self.take_over(tx, request, (Occasion::Link, user_id), &identity, now)
            .await?;
        NewEvent::of(user_id, Deed::Link)
            .from(request.client())
            .note(&identity.provider)
            .record(tx, request.history())
            .await?;
        tracing::info!(user = %user_id, provider = identity.provider, "connected an account after its owner signed in");
        Ok(())
    }

    // wing:mail
    /// The user for whom an account waits in this browser.
    pub(super) async fn pending_owner(&self, tx: &mut Tx, browser: &Browser) -> Result<Option<Uuid>> {
        Ok(sqlx::query_scalar(
            "SELECT user_id FROM pending_links WHERE browser_hash = $1 AND expires_at > $2",
        )
        .bind(&browser.hash()[..])
        .bind(self.0.clock.now())
        .fetch_optional(&mut **tx)
        .await?)
    }
    // end wing:mail

    /// Takes what waits in this browser for this user. None as well if its key is gone, or the row was changed: the
    /// person starts again.
    pub(super) async fn take_pending(
        &self,
        tx: &mut Tx,
        browser: &Browser,
        owner: Uuid,
    ) -> Result<Option<Identity>> {
        let browser_hash = browser.hash();
        let row: Option<(String, OffsetDateTime)> = sqlx::query_as(
            "DELETE FROM pending_links WHERE browser_hash = $1 AND user_id = $2 RETURNING sealed, expires_at",
        )
        .bind(&browser_hash[..])
        .bind(owner)
        .fetch_optional(&mut **tx)
        .await?;
        let (keys, now) = (&self.0.keys, self.0.clock.now());
        Ok(row
            .filter(|(_, expires_at)| *expires_at > now)
            .and_then(|(sealed, _)| keys.open_at(Purpose::PendingLink, &place(&browser_hash, owner), &sealed))
            .and_then(|json| serde_json::from_str(&json).ok()))
    }
}

/// What waits is sealed for its browser and its owner, so that it opens for no other where the row was changed.
fn place(browser_hash: &[u8; 32], owner: Uuid) -> Place {
    Place::new("pending_links.sealed", &[browser_hash, owner.as_bytes()])
}

/// Forgets what waits in a browser.
pub(super) async fn forget_browser(tx: &mut Tx, browser: &Browser) -> Result<()> {
    sqlx::query("DELETE FROM pending_links WHERE browser_hash = $1")
        .bind(&browser.hash()[..])
        .execute(&mut **tx)
        .await?;
    Ok(())
}

pub(super) const EXPIRED: Expired = Expired {
    table: "pending_links",
    key: "browser_hash",
    when: "expires_at <= $1",
};
