//! Confirming the identity of a signed-in user with the code of a mail, for those who have nothing better: no password, no
//! authenticator app, no passkey.
//!
//! Only a verified address counts, and the code only in the session that has asked for it.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use time::Duration;
use uuid::Uuid;

use super::{
    METHOD,
    notices::verified_address,
    outbox::{Kind, NewMail},
    texts,
    tokens::{Found, Made, NewToken, Purpose, Whose},
};
use crate::{
    auth::Auth,
    error::{Error, Result},
    limits::{Action, Subject},
    session::{LiveSession, RequestAuth},
    users::{self, standing},
};

/// How long a code is valid.
const LIFE: Duration = Duration::minutes(10);

/// What was decided when the code was asked for.
#[derive(Serialize, Deserialize)]
struct Asked {
    session: Uuid,
}

impl Auth {
    /// Sends a code to the verified address of the signed-in user, for this session.
    ///
    /// # Errors
    /// [`Error::ConfirmOtherwise`] for a user who has something better; [`Error::NotFound`] without mail or a verified
    /// address; [`Error::TooManyAttempts`]
    pub async fn send_confirmation_code(&self, request: &RequestAuth, live: &LiveSession) -> Result<()> {
        self.mail.require()?;
        request.require_browser()?; // wing:clients
        let user_id = live.user_id();
        let limits = &self.limits;
        let from = Subject::address(request.client().limited_address());
        let by_client = limits.attempt(Action::MailClient, &from)?;
        let mut tx = self.db.begin().await?;
        users::lock(&mut tx, user_id).await?;
        let standing = standing::find(&mut *tx, user_id)
            .await?
            .ok_or(Error::NotSignedIn)?;
        if standing.has_proof() {
            return Err(Error::ConfirmOtherwise);
        }
        let email = verified_address(&mut tx, user_id).await?.ok_or(Error::NotFound)?;
        let by_address = limits.attempt(Action::MailAddress, &Subject::Email(email.as_str().to_owned()))?;
        let asked = Asked {
            session: live.session_id(),
        };
        let new = NewToken {
            purpose: Purpose::Confirmation,
            voids: Whose::User(user_id),
            user_id: Some(user_id),
            address: Some(&email),
            browser: None,
            data: Some(serde_json::to_value(&asked).map_err(Error::internal)?),
            life: LIFE,
        };
        let Made { code, .. } = self.mail.make_token(&mut tx, &new).await?;
        let mail = NewMail {
            kind: Kind::Confirmation,
            user_id: Some(user_id),
            to: Some(&email),
            content: texts::confirmation(&self.public_url, &code),
            life: LIFE,
        };
        let _queued = self.mail.enqueue(&mut tx, mail).await?;
        tx.commit().await?;
        by_client.counts();
        by_address.counts();
        Ok(())
    }

    /// Confirms the user's identity with the code of a mail. The session gets a new id and counts as recent.
    ///
    /// # Errors
    /// [`Error::WrongCode`], [`Error::TooManyAttempts`]
    pub(crate) async fn confirm_by_mail(
        &self,
        request: &RequestAuth,
        live: LiveSession,
        code: &SecretString,
    ) -> Result<()> {
        let (user_id, client) = (live.user_id(), request.client());
        let limits = &self.limits;
        let from = Subject::address(client.limited_address());
        let by_user = limits.attempt(Action::MailCode, &Subject::User(user_id))?;
        let by_client = limits.attempt(Action::MailCodeAddress, &from)?;
        let mut tx = self.db.begin().await?;
        users::lock(&mut tx, user_id).await?;
        let whose = Whose::User(user_id);
        let tried = self
            .mail
            .try_code(&mut tx, Purpose::Confirmation, whose, code)
            .await?;
        // With what was added in the meantime, the mail no longer suffices; nor does one to a former address.
        let address = verified_address(&mut tx, user_id).await?;
        let standing = standing::find(&mut *tx, user_id).await?;
        let suffices = standing.is_some_and(|standing| !standing.has_proof());
        let right = tried.filter(|(_, found)| {
            suffices
                && is_for(found, &live)
                && address.is_some_and(|address| address.as_str() == found.address)
        });
        let Some((key, _)) = right else {
            tx.commit().await?;
            by_user.counts();
            by_client.counts();
            return Err(Error::WrongCode);
        };
        self.mail.spend(&mut tx, &key).await?;
        request.confirm(tx, live, METHOD).await
    }
}

/// Whether a session has asked for a token.
fn is_for(found: &Found, live: &LiveSession) -> bool {
    found
        .asked()
        .is_some_and(|asked: Asked| asked.session == live.session_id())
}
