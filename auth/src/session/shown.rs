//! What a session shows of its user without a query.

use sqlx::FromRow;
use time::OffsetDateTime;
use uuid::Uuid;
use wire::{AuthSession, Role};

use super::stale::Marks;
use crate::{
    db::Tx,
    error::{Error, Result},
    users,
};

/// The key of the public bucket with the name that the user wants to be shown. A change of it voids the snapshots,
/// which carry it.
const DISPLAY_NAME: &str = "display_name";

/// The most characters of a name that a snapshot carries: it is sent with every request.
const NAME_CHARS: usize = 40;

/// What is known of the user wherever the session is known.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub(crate) struct Shown {
    pub(crate) email: Option<String>,
    pub(crate) email_verified: bool,
    /// The beginning of the name that is shown for the user.
    pub(crate) name: Option<String>,
    pub(crate) role: Role,
    pub(crate) picture: Option<Uuid>, // wing:pictures
}

/// The same by position, as it is sealed: true is 1.
pub(crate) type SealedShown<Text> = (
    Option<Text>,
    u8,
    Option<Text>,
    Role,
    Option<Uuid>, // wing:pictures
);

impl Shown {
    /// Its columns, as SQL over users `u`. The name that users choose to be shown comes before the one that they
    /// registered with.
    pub(crate) fn columns() -> String {
        let columns = format!(
            "u.email, u.email IS NOT NULL AND u.email_verified_at IS NOT NULL AS email_verified, u.role,
             substr(coalesce((SELECT CAST(d.data ->> '{DISPLAY_NAME}' AS TEXT) FROM user_data d
                              WHERE d.user_id = u.id AND d.client_id = '' AND d.bucket = 'public'),
                             u.name), 1, {NAME_CHARS}) AS name"
        );
        // wing:pictures
        let columns = columns
            + ", (SELECT p.id FROM pictures p WHERE p.user_id = u.id AND p.webp IS NOT NULL) AS picture";
        // end wing:pictures
        columns
    }

    /// What is true of a user now. With the user locked, it stays true.
    pub(super) async fn of(tx: &mut Tx, user_id: Uuid) -> Result<Self> {
        Ok(sqlx::query_as(&format!(
            "SELECT {} FROM users u WHERE u.id = $1",
            Self::columns()
        ))
        .bind(user_id)
        .fetch_one(&mut **tx)
        .await?)
    }

    /// Locks a user who is about to change, for [`Marks::refresh_unless`].
    ///
    /// # Errors
    /// [`Error::NotSignedIn`] if the user is gone.
    pub(crate) async fn before(tx: &mut Tx, user_id: Uuid) -> Result<Self> {
        users::lock(tx, user_id).await?.ok_or(Error::NotSignedIn)?;
        Self::of(tx, user_id).await
    }

    /// A session that shows it.
    pub(crate) fn session(self, session_id: Uuid, user_id: Uuid, expires_at: OffsetDateTime) -> AuthSession {
        AuthSession {
            session_id,
            user_id,
            email: self.email,
            email_verified: self.email_verified,
            name: self.name,
            picture: self.picture, // wing:pictures
            role: self.role,
            expires_at: expires_at.into(),
        }
    }

    pub(crate) fn sealed(&self) -> SealedShown<&str> {
        (
            self.email.as_deref(),
            self.email_verified.into(),
            self.name.as_deref(),
            self.role,
            self.picture, // wing:pictures
        )
    }
}

impl From<SealedShown<String>> for Shown {
    fn from(sealed: SealedShown<String>) -> Self {
        let (
            email,
            email_verified,
            name,
            role,
            picture, // wing:pictures
        ) = sealed;
        Self {
            email_verified: email.is_some() && email_verified == 1,
            email,
            name,
            role,
            picture, // wing:pictures
        }
    }
}

impl Marks {
    /// Voids the snapshots in a user's browsers if they show something else than is true by now. It is for what decides
    /// nothing, such as a name: other clients see it with their next token. The user is locked since `before`.
    pub(crate) async fn refresh_unless(&self, tx: &mut Tx, user_id: Uuid, before: &Shown) -> Result<()> {
        if Shown::of(tx, user_id).await? == *before {
            return Ok(());
        }
        self.refresh_in_browsers(tx, user_id).await
    }
}
