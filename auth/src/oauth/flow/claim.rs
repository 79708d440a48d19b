//! The owner of an address that another user has entered and never verified: a provider vouches for the owner, whose account
//! there waits in this browser. The owner gets a new user with the address, and nothing of the other one's.

use wire::AuthSession;

use crate::{
    auth::Auth,
    browser::Browser,
    error::{Error, Result},
    mail::{addresses::holder, invitation},
    session::RequestAuth,
};

impl Auth {
    /// Takes the address of the provider account that waits in this browser from a user who has not verified it, creates a
    /// user with it, and signs in.
    ///
    /// # Errors
    /// [`Error::NotFound`] if nothing waits here; [`Error::EmailTaken`] if the address is verified, and what waits stays;
    /// [`Error::RegistrationClosed`] without an invitation; [`Error::TooManyAttempts`]
    pub async fn claim_address(&self, request: &RequestAuth) -> Result<AuthSession> {
        request.require_browser()?; // wing:clients
        self.count_link(request)?;
        let browser = Browser::of(request.flow_cookie()).ok_or(Error::NotFound)?;
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        let owner = self.oauth.pending_owner(&mut tx, &browser).await?;
        let owner = owner.ok_or(Error::NotFound)?;
        request.lock_to_sign_in(&mut tx, owner).await?;
        let identity = self.oauth.take_pending(&mut tx, &browser, owner).await?;
        let identity = identity.ok_or(Error::NotFound)?;
        let email = identity.proven_address().ok_or(Error::NotFound)?;
        // Somebody else may have it by now, or nobody.
        let holder = holder(&mut tx, &email).await?;
        if holder.is_some_and(|holder| holder != owner) {
            return Err(Error::EmailTaken);
        }
        self.take_address(&mut tx, (holder, None), &email).await?;
        if self.oauth.is_closed() && !invitation::is_invited(&mut tx, &email, now).await? {
            return Err(Error::RegistrationClosed);
        }
        let client = request.client();
        let user_id = self.oauth.register(&mut tx, &identity, client).await?;
        let user_id = user_id.ok_or(Error::EmailTaken)?;
        request
            .start_session(tx, user_id, &identity.provider, false)
            .await
    }
}
