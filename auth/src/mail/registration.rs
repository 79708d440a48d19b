//! Registering by mail: the address is proven before there is an account. With an invitation, this is possible even where
//! nobody may register by themselves.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use time::Duration;
use wire::{AuthSession, Registration};

use super::{
    addresses::holder,
    invitation,
    outbox::{Kind, NewMail},
    texts,
    tokens::{Found, Made, NewToken, Purpose, Whose},
};
use crate::{
    audit::{Deed, NewEvent},
    auth::Auth,
    db::Tx,
    email::Email,
    error::{Error, Result},
    limits::{Action, Subject},
    password,
    session::RequestAuth,
    users::{self, NewUser, Occasion},
};

/// How long the link is valid.
const LIFE: Duration = Duration::hours(24);
/// The page that the link leads to.
pub(super) const PAGE: &str = "/register/finish";

/// What was typed when the link was asked for.
#[derive(Default, Serialize, Deserialize)]
struct Asked {
    name: Option<String>,
}

impl Auth {
    /// Refuses to create an account for an address that nobody has proven, where that is not wanted.
    ///
    /// # Errors
    /// [`Error::RegistrationClosed`]
    pub(crate) fn require_open_registration(&self) -> Result<()> {
        match self.mail.registration() {
            Registration::Open => Ok(()),
            Registration::Confirm | Registration::Closed => Err(Error::RegistrationClosed),
        }
    }

    /// Sends a link to register with this address. If a user has verified it, that user gets a mail that says so. The caller
    /// cannot see which: the result, the limits and the work are the same. Creates no user.
    ///
    /// # Errors
    /// [`Error::InvalidEmail`], [`Error::InvalidInput`] for the name, [`Error::TooManyAttempts`]; [`Error::NotFound`] unless
    /// [`Registration::Confirm`]
    pub async fn ask_to_register(
        &self,
        request: &RequestAuth,
        email: &str,
        name: Option<&str>,
    ) -> Result<()> {
        if self.mail.registration() != Registration::Confirm {
            return Err(Error::NotFound);
        }
        self.mail.require()?;
        let email: Email = email.parse()?;
        let name = accept_name(name)?;
        let from = Subject::address(request.client().limited_address());
        let by_client = self.limits.attempt(Action::MailClient, &from)?;
        let address = Subject::Email(email.as_str().to_owned());
        let by_address = self.limits.attempt(Action::MailAddress, &address)?;
        let mut tx = self.db.begin().await?;
        let is_known = has_user(&mut tx, &email).await?;
        let new = NewToken {
            purpose: Purpose::Registration,
            voids: Whose::Address(&email),
            user_id: None,
            address: (!is_known).then_some(&email),
            browser: None,
            data: Some(serde_json::to_value(Asked { name }).map_err(Error::internal)?),
            life: LIFE,
        };
        let Made { token, .. } = self.mail.make_token(&mut tx, &new).await?;
        let mail = NewMail {
            kind: Kind::Registration,
            user_id: None,
            to: Some(&email),
            content: if is_known {
                texts::already_registered(&self.public_url, "/login")
            } else {
                texts::registration(&self.public_url, PAGE, &token)
            },
            life: LIFE,
        };
        let _queued = self.mail.enqueue(&mut tx, mail).await?;
        tx.commit().await?;
        by_client.counts();
        by_address.counts();
        Ok(())
    }

    /// The link that registers, if it is still good: one that was asked for, or an invitation.
    pub(super) async fn registration_of(&self, token: &SecretString) -> Result<(Purpose, Found)> {
        for purpose in [Purpose::Registration, Purpose::Invitation] {
            if let Some(found) = self.mail.look_at_token(purpose, token).await? {
                let is_closed = self.mail.registration() == Registration::Closed;
                if is_closed && purpose == Purpose::Registration {
                    return Err(Error::RegistrationClosed);
                }
                return Ok((purpose, found));
            }
        }
        Err(Error::LinkExpired)
    }

    /// Creates a user with the address that the link was sent to, which is verified thereby, and signs in. An account that
    /// has the address unverified loses it.
    ///
    /// # Errors
    /// [`Error::LinkExpired`]; [`Error::Password`] and [`Error::InvalidInput`] for the name, which spend nothing;
    /// [`Error::EmailTaken`] if a user has verified the address meanwhile; [`Error::RegistrationClosed`] without an
    /// invitation; [`Error::NotFound`] without mail, [`Error::TooManyAttempts`], [`Error::Busy`]
    pub async fn finish_registration(
        &self,
        request: &RequestAuth,
        token: &SecretString,
        password: &SecretString,
        name: Option<&str>,
        remember: bool,
    ) -> Result<AuthSession> {
        self.mail.require()?;
        request.require_browser()?; // wing:clients
        self.count_link(request)?;
        let client = request.client();
        let from = Subject::address(client.limited_address());
        let visit = self.limits.attempt(Action::RegisterAddress, &from)?;
        let (purpose, found) = self.registration_of(token).await?;
        let email: Email = found.address.parse()?;
        // The one that was typed when the link was asked for counts for programs only: on the page, its owner would not
        // see it, and anybody may have asked.
        let name = match name {
            Some(_) => accept_name(name)?,
            None => found.asked().and_then(|asked: Asked| asked.name),
        };
        let password = self.accept_password_for(&email, name.as_deref(), password)?;
        let hash = self
            .passwords
            .hash(password, client.limited_address(), Some(visit))
            .await?;
        let now = self.clock.now();
        let mut tx = self.db.begin().await?;
        let holder = holder(&mut tx, &email).await?;
        if let Some(holder) = holder {
            request.lock_to_sign_in(&mut tx, holder).await?;
        }
        let spent = self.mail.spend_token(&mut tx, purpose, token).await?;
        let spent = spent.ok_or(Error::LinkExpired)?;
        self.take_address(&mut tx, (holder, None), &email).await?;
        let new = NewUser {
            email: Some(email.clone()),
            email_verified: true,
            name,
            avatar_url: None,
            password_hash: Some(hash),
        };
        let user_id = self
            .users
            .upsert(&mut tx, Occasion::Registration, new, now)
            .await?;
        let gift = match purpose {
            Purpose::Invitation => invitation::gift_of(&spent),
            _ => invitation::take(&mut tx, &self.mail.0.keys, &email, now).await?,
        };
        invitation::give(&mut tx, user_id, gift).await?;
        for (kind, note) in [(Deed::Register, password::METHOD), (Deed::VerifyEmail, "")] {
            NewEvent::of(user_id, kind)
                .from(client)
                .note(note)
                .record(&mut tx, &self.history)
                .await?;
        }
        request
            .start_session(tx, user_id, password::METHOD, remember)
            .await
    }
}

/// Whether a user has verified this address. Whoever has it is locked, so that the work is the same.
pub(super) async fn has_user(tx: &mut Tx, email: &Email) -> Result<bool> {
    let is_verified: Option<bool> = sqlx::query_scalar(
        "UPDATE users SET updated_at = updated_at WHERE email = $1 RETURNING email_verified_at IS NOT NULL",
    )
    .bind(email.as_str())
    .fetch_optional(&mut **tx)
    .await?;
    Ok(is_verified.unwrap_or(false))
}

fn accept_name(name: Option<&str>) -> Result<Option<String>> {
    match name {
        Some(name) if name.chars().count() > users::MAX_NAME => Err(Error::InvalidInput("name")),
        name => Ok(name.and_then(users::clean_name)),
    }
}
