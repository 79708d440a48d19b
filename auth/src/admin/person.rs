//! One user, as administrators see them.

use time::OffsetDateTime;
use uuid::Uuid;
use wire::{Events, Role, Timestamp, UserAccount, UserDetails};

use super::{AdminSession, Administration, history};
use crate::pictures; // wing:pictures
use crate::{
    auth::Auth,
    error::{Error, Result},
    session::table,
};

/// The number of events on a page.
pub const EVENTS: usize = 50;

#[derive(sqlx::FromRow)]
struct Row {
    email: Option<String>,
    email_verified_at: Option<OffsetDateTime>,
    name: Option<String>,
    avatar_url: Option<String>,
    picture: Option<Uuid>, // wing:pictures
    role: Role,
    has_password: bool,
    has_factors: bool, // wing:second-factors,passkeys
    created_at: Timestamp,
    disabled_at: Option<Timestamp>,
}

impl Auth {
    /// A user with their accounts, sessions and the sizes of their data.
    ///
    /// # Errors
    /// [`Error::NotFound`]
    pub async fn person(&self, admin: &AdminSession, user_id: Uuid) -> Result<UserDetails> {
        let row: Row = sqlx::query_as(concat!(
            "SELECT email, email_verified_at, name, avatar_url, role, password_hash IS NOT NULL AS has_password,",
            "(SELECT id FROM pictures WHERE user_id = users.id AND webp IS NOT NULL) AS picture,", // wing:pictures
            // wing:second-factors,passkeys
            "(FALSE",
            " OR EXISTS (SELECT 1 FROM totp WHERE user_id = users.id)", // wing:second-factors
            " OR EXISTS (SELECT 1 FROM passkeys WHERE user_id = users.id)", // wing:passkeys
            ") AS has_factors,",
            // end wing:second-factors,passkeys
            "created_at, disabled_at FROM users WHERE id = $1"
        ))
        .bind(user_id)
        .fetch_optional(self.db.read())
        .await?
        .ok_or(Error::NotFound)?;
        let accounts: Vec<UserAccount> = sqlx::query_as(
            "SELECT id, provider, email, created_at, last_used_at FROM accounts
             WHERE user_id = $1 ORDER BY created_at, id",
        )
        .bind(user_id)
        .fetch_all(self.db.read())
        .await?;
        Ok(UserDetails {
            id: user_id,
            oneself: user_id == admin.user_id(),
            email: row.email,
            email_verified: row.email_verified_at.is_some(),
            name: row.name,
            avatar_url: row.avatar_url,
            picture: row.picture.map(pictures::path), // wing:pictures
            role: row.role,
            has_password: row.has_password,
            has_factors: row.has_factors, // wing:second-factors,passkeys
            created_at: row.created_at,
            disabled_at: row.disabled_at,
            accounts,
            sessions: table::list(&self.db, user_id, Some(admin.session_id()), self.clock.now()).await?,
            data: self.data_sizes(user_id).await?,
        })
    }
}

impl Administration {
    /// A page of a user's history, from where the previous one ended.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such user.
    pub async fn events(&self, _: &AdminSession, user_id: Uuid, before: Option<Uuid>) -> Result<Events> {
        self.known(user_id).await?;
        history::page(&self.db, user_id, before, EVENTS).await
    }

    /// # Errors
    /// [`Error::NotFound`] if there is no such user.
    pub(super) async fn known(&self, user_id: Uuid) -> Result<()> {
        let known: Option<Uuid> = sqlx::query_scalar("SELECT id FROM users WHERE id = $1")
            .bind(user_id)
            .fetch_optional(self.db.read())
            .await?;
        known.map(drop).ok_or(Error::NotFound)
    }
}
