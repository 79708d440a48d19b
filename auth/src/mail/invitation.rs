//! Invitations. They are for whoever proves the address, by the link of the mail or by a provider that vouches for it, and
//! may carry a role.

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;
use wire::{
    Permission, // wing:admin
    Role,
};

use super::{
    Mail, Queued,
    outbox::{Kind, NewMail},
    registration::{self, has_user},
    texts,
    tokens::{self, Found, Made, NewToken, Purpose, Whose},
};
use crate::{
    audit::{COMMAND_LINE, Deed, History, NewEvent},
    db::Tx,
    email::Email,
    error::{Error, Result},
    keys::KeyRing,
};
// wing:admin
use crate::{
    AdminSession,
    admin::By,
    auth::Auth,
    limits::{Action, Subject},
    session::RequestAuth,
};
// end wing:admin

/// How long the link is valid.
const LIFE: Duration = Duration::days(7);

/// What the invitation gives.
#[derive(Serialize, Deserialize)]
pub(crate) struct Gift {
    role: Role,
    // wing:admin
    /// The user who gives it; none at the command line.
    #[serde(default)]
    by: Option<Uuid>,
    // end wing:admin
}

impl Gift {
    /// A role, from the command line.
    fn of(role: Role) -> Self {
        Self {
            role,
            by: None, // wing:admin
        }
    }
}

impl Mail {
    /// Invites an address, from the command line. A user who has verified it gets a mail that says so, and nothing changes.
    ///
    /// # Errors
    /// [`Error::InvalidEmail`]; [`Error::NotFound`] without mail
    pub async fn invite(&self, email: &str, role: Role) -> Result<()> {
        self.require()?;
        let email: Email = email.parse()?;
        let mut tx = self.0.db.begin().await?;
        let _queued = self.enqueue_invitation(&mut tx, &email, Gift::of(role)).await?;
        invited(role)
            .by_other(COMMAND_LINE)
            .record(&mut tx, &History::new(self.0.clock.clone()))
            .await?;
        tx.commit().await?;
        Ok(())
    }

    async fn enqueue_invitation(&self, tx: &mut Tx, email: &Email, gift: Gift) -> Result<Queued> {
        let is_known = has_user(tx, email).await?;
        let new = NewToken {
            purpose: Purpose::Invitation,
            voids: Whose::Address(email),
            user_id: None,
            address: (!is_known).then_some(email),
            browser: None,
            data: Some(serde_json::to_value(gift).map_err(Error::internal)?),
            life: LIFE,
        };
        let Made { token, .. } = self.make_token(tx, &new).await?;
        let mail = NewMail {
            kind: Kind::Invitation,
            user_id: None,
            to: Some(email),
            content: if is_known {
                texts::already_registered(&self.0.public_url, "/login")
            } else {
                texts::invitation(&self.0.public_url, registration::PAGE, &token)
            },
            life: LIFE,
        };
        self.enqueue(tx, mail).await
    }
}

// wing:admin
impl Auth {
    /// The same for an administrator.
    ///
    /// # Errors
    /// Like [`Mail::invite`], and [`Error::TooManyAttempts`]; [`Error::NotPermitted`]
    pub async fn invite(
        &self,
        request: &RequestAuth,
        admin: &AdminSession,
        email: &str,
        role: Role,
    ) -> Result<()> {
        self.mail.require()?;
        let email: Email = email.parse()?;
        let from = Subject::address(request.client().limited_address());
        let by_client = self.limits.attempt(Action::MailClient, &from)?;
        let address = Subject::Email(email.as_str().to_owned());
        let by_address = self.limits.attempt(Action::MailAddress, &address)?;
        let by = By::Admin(admin);
        let (mut tx, reach) = self.administration().begin(by, Permission::Invite).await?;
        reach.to(role)?;
        let gift = Gift {
            by: Some(admin.user_id()),
            ..Gift::of(role)
        };
        let _queued = self.mail.enqueue_invitation(&mut tx, &email, gift).await?;
        by.sign(invited(role)).record(&mut tx, &self.history).await?;
        tx.commit().await?;
        by_client.counts();
        by_address.counts();
        Ok(())
    }
}
// end wing:admin

/// Whom, the history does not say: nobody with an account has agreed to that.
fn invited(role: Role) -> NewEvent<'static> {
    NewEvent::system_event(Deed::Invite).note(role.name())
}

/// What an invitation gives.
pub(super) fn gift_of(invitation: &Found) -> Option<Gift> {
    invitation.asked()
}

/// Gives a user whom this transaction has created what an invitation has promised, unless the user who promised it may not do
/// so any more.
pub(crate) async fn give(tx: &mut Tx, user_id: Uuid, gift: Option<Gift>) -> Result<()> {
    let Some(gift) = gift.filter(|gift| gift.role != Role::default()) else {
        return Ok(());
    };
    // wing:admin
    if let Some(by) = gift.by {
        let own: Option<Role> =
            sqlx::query_scalar("SELECT role FROM users WHERE id = $1 AND disabled_at IS NULL")
                .bind(by)
                .fetch_optional(&mut **tx)
                .await?;
        if !own.is_some_and(|own| own.can(Permission::Invite) && own.covers(gift.role)) {
            return Ok(());
        }
    }
    // end wing:admin
    sqlx::query("UPDATE users SET role = $2 WHERE id = $1")
        .bind(user_id)
        .bind(gift.role)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Whether an address is invited.
pub(crate) async fn is_invited(tx: &mut Tx, email: &Email, now: OffsetDateTime) -> Result<bool> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM mail_tokens WHERE address = $1 AND purpose = $2 AND expires_at > $3)",
    )
    .bind(email.as_str())
    .bind(Purpose::Invitation.name())
    .bind(now)
    .fetch_one(&mut **tx)
    .await?)
}

/// Spends the invitation of an address that was proven in another way. Returns what it gives.
pub(crate) async fn take(
    tx: &mut Tx,
    keys: &KeyRing,
    email: &Email,
    now: OffsetDateTime,
) -> Result<Option<Gift>> {
    let taken = tokens::spend_of_address(tx, keys, Purpose::Invitation, email, now).await?;
    Ok(taken.as_ref().and_then(gift_of))
}

/// Gives a new user what an invitation of the address has promised, if there is one.
///
/// # Errors
/// Of the database.
pub(crate) async fn redeem(
    tx: &mut Tx,
    keys: &KeyRing,
    user_id: Uuid,
    email: &Email,
    now: OffsetDateTime,
) -> Result<()> {
    let gift = take(tx, keys, email, now).await?;
    give(tx, user_id, gift).await
}
