//! What is forgotten of flows: when it has expired, and when its browser signs out.

use uuid::Uuid; // wing:mail

use crate::{
    browser::Browser,
    db::{self, Tx},
    error::Result,
    oauth::{
        flow::{pending, table},
        state::OAuth,
    },
};

impl OAuth {
    /// Forgets what has expired.
    ///
    /// # Errors
    /// Of the database.
    pub async fn sweep(&self) -> Result<()> {
        for configured in &self.0.providers {
            configured.callbacks.forget(self.0.clock.unix());
        }
        let (db, now) = (&self.0.db, self.0.clock.now());
        let pending = db.sweep(pending::EXPIRED, now).await;
        let ways_back = db.sweep(table::WAYS_BACK, now).await;
        let flows = db.sweep(table::FLOWS, now).await;
        if let Ok(swept @ 1..) = flows {
            tracing::debug!(flows = swept, "swept expired flows");
        }
        db::all([pending.map(drop), ways_back.map(drop), flows.map(drop)])
    }

    /// Forgets the flows of this browser, an account that waits in it for its owner, and where its flows would
    /// have led: for a sign-out, in its transaction. `browser` is the value of the flow cookie.
    ///
    /// # Errors
    /// Of the database.
    pub async fn forget_browser(&self, tx: &mut Tx, browser: Option<&str>) -> Result<()> {
        let Some(browser) = Browser::of(browser) else {
            return Ok(());
        };
        pending::forget_browser(tx, &browser).await?;
        table::forget_browser(tx, &browser).await
    }

    // wing:mail
    /// Ends the flows that a user has under way, in all browsers.
    ///
    /// # Errors
    /// Of the database.
    pub(crate) async fn forget_user(&self, tx: &mut Tx, user_id: Uuid) -> Result<()> {
        table::forget_user(tx, user_id).await
    }
    // end wing:mail
}
