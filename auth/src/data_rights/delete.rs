//! Deleting one's own account: at once, with everything that refers to it.

use std::time::Duration;

use sqlx::query_as;
use tokio::time::sleep;
use uuid::Uuid;

use crate::mail::notices::verified_address; // wing:mail
use crate::{
    auth::Auth,
    db::Tx,
    email::Email,
    error::{Error, Result, chain},
    limits::{Action, Subject},
    session::{ALIVE, RecentSession, RequestAuth},
};
use crate::{browser::Browser, ceremonies, ceremonies::Owner}; // wing:second-factors,passkeys

/// What a user without an address types.
const WITHOUT_ADDRESS: &str = "delete";
/// How often, and at which distance, it is tried to overwrite what was deleted.
const TRIES: usize = 5;
const WAIT: Duration = Duration::from_secs(1);

impl Auth {
    /// Deletes the signed-in user, in one transaction: the user, everything that refers to the user, and what leads to the
    /// user in the history. No session of the user is accepted from here on, on any instance. The browser forgets its
    /// cookies. The address is free afterwards.
    ///
    /// `confirm` is the user's address, or `delete` if there is none.
    ///
    /// # Errors
    /// [`Error::NotConfirmed`]; [`Error::NotSignedIn`] if the session has ended meanwhile; [`Error::TooManyAttempts`];
    /// [`Error::Unavailable`]
    // wing:admin
    /// [`Error::LastAdmin`] if the user is the only administrator.
    // end wing:admin
    pub async fn delete_account(
        &self,
        request: &RequestAuth,
        recent: &RecentSession,
        confirm: &str,
    ) -> Result<()> {
        let user_id = recent.user_id();
        self.limits
            .take(Action::DeleteAccountUser, Subject::User(user_id))?;
        is_confirmed(recent.email(), confirm)?;
        let mut tx = self.db.begin().await?;
        let email = match self.hold_to_delete(&mut tx, user_id).await {
            Err(Error::NotFound) => return Err(Error::NotSignedIn),
            held => held?,
        };
        // Both again, now that nothing can change them any more.
        is_confirmed(email.as_deref(), confirm)?;
        self.is_still_signed_in(&mut tx, request, user_id).await?;
        self.oauth.forget_browser(&mut tx, request.flow_cookie()).await?;
        // wing:second-factors,passkeys
        if let Some(browser) = Browser::of(request.flow_cookie()) {
            ceremonies::end_all_by(&mut tx, Owner(&browser.hash())).await?;
        }
        // end wing:second-factors,passkeys
        let tokens = self.oauth.tokens_of(&mut tx, user_id).await?;
        let told = verified_address(&mut tx, user_id).await?; // wing:mail
        self.delete_held(&mut tx, user_id).await?;
        // wing:mail
        let client = request.client();
        self.mail.notify_of_deletion(&mut tx, told, Some(client)).await?;
        // end wing:mail
        tx.commit().await?;
        request.plan_deleted();
        let auth = self.clone();
        self.detached.spawn(async move {
            auth.settle().await;
            auth.oauth.give_back(tokens).await;
        });
        // Not whose: the log must not keep what the database has forgotten.
        tracing::info!("a user deleted their account");
        Ok(())
    }

    /// Has the engine overwrite what was deleted. What it cannot do now, it does at its next checkpoint.
    async fn settle(&self) {
        for _ in 0..TRIES {
            match self.db.settle().await {
                Ok(true) => return,
                Ok(false) => sleep(WAIT).await,
                Err(error) => {
                    tracing::warn!(error = %chain(&error), "what was deleted is not overwritten yet");
                    return;
                }
            }
        }
    }

    /// Fails if the session that asks has ended, or has another id by now.
    async fn is_still_signed_in(&self, tx: &mut Tx, request: &RequestAuth, user_id: Uuid) -> Result<()> {
        let lookup = request.lookup().ok_or(Error::NotSignedIn)?;
        let sql = format!(
            "SELECT s.user_id FROM sessions s JOIN users u ON u.id = s.user_id WHERE {} AND {ALIVE}",
            lookup.condition()
        );
        let alive: Option<(Uuid,)> = lookup
            .bind(query_as(&sql), self.clock.now())
            .fetch_optional(&mut **tx)
            .await?;
        match alive {
            Some((owner,)) if owner == user_id => Ok(()),
            _ => Err(Error::NotSignedIn),
        }
    }
}

/// Compares what was typed with the address, both in normal form.
fn is_confirmed(email: Option<&str>, typed: &str) -> Result<()> {
    let is_right = match email {
        Some(email) => typed.parse::<Email>().is_ok_and(|typed| typed.as_str() == email),
        None => typed.trim().eq_ignore_ascii_case(WITHOUT_ADDRESS),
    };
    if is_right {
        Ok(())
    } else {
        Err(Error::NotConfirmed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ones_own_address_confirms_however_it_is_spelled() {
        let ada = Some("ada@example.com");
        for right in ["ada@example.com", " Ada@Example.COM ", "ada\u{ff20}example.com"] {
            assert!(is_confirmed(ada, right).is_ok(), "{right}");
        }
        for wrong in [
            "",
            "delete",
            "ada",
            "ada@example.co",
            "eve@example.com",
            "ada@example.com x",
        ] {
            assert!(is_confirmed(ada, wrong).is_err(), "{wrong}");
        }
        for right in ["delete", " Delete\n"] {
            assert!(is_confirmed(None, right).is_ok(), "{right}");
        }
        for wrong in ["", "delete it", "ada@example.com"] {
            assert!(is_confirmed(None, wrong).is_err(), "{wrong}");
        }
    }
}
