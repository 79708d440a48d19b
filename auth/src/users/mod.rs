//! Users, and the adapter that finds, creates and deletes them. A fork that keeps its users elsewhere, or keeps
//! more about them, replaces the adapter.

pub(crate) mod hooks;
mod new_user;
pub(crate) mod standing; // wing:mail,second-factors,passkeys

use async_trait::async_trait;
use time::OffsetDateTime;
use uuid::Uuid;
use wire::{AccountInfo, Role, Timestamp, User, WaysIn};

pub use self::new_user::NewUser;
pub use self::standing::Standing; // wing:mail,second-factors,passkeys
use crate::{
    db::{Database, HOLD, Tx},
    email::Email,
    error::{Error, Result},
    password::{hash::PasswordHash, opaque},
    session::{ALIVE, Lookup},
};

/// The longest name that is stored, in characters.
pub const MAX_NAME: usize = 100;
/// The longest picture address that is stored, in bytes.
pub const MAX_AVATAR_URL: usize = 1024;

/// A name as it is stored: trimmed, without control characters and characters that turn or hide what is beside
/// them, cut to [`MAX_NAME`]. `None` if nothing visible is left.
pub fn clean_name(name: &str) -> Option<String> {
    let name: String = name.chars().filter(|c| opaque::is_allowed(*c)).collect();
    let name: String = name.trim().chars().take(MAX_NAME).collect();
    name.chars()
        .any(|c| !c.is_whitespace() && !opaque::is_invisible(c))
        .then_some(name)
}

/// A picture's address as it is stored: http or https and not too long, otherwise `None`.
pub fn clean_avatar(address: &str) -> Option<String> {
    let url = url::Url::parse(address).ok()?;
    (matches!(url.scheme(), "http" | "https") && address.len() <= MAX_AVATAR_URL).then(|| url.to_string())
}

/// The reason why a provider's profile is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// A user is being created.
    Registration,
    /// This user has signed in with the provider. Name and picture follow the provider's, as far as it sends them.
    /// What people write about themselves here is in their public data, not in the user.
    SignIn(Uuid),
    /// This user has connected an account. Missing fields are filled in, and the rest stays.
    Link(Uuid),
}

/// Where users are kept. The template keeps them in SQL ([`SqlUsers`]); another adapter is passed to
/// [`Auth::with_users`](crate::Auth::with_users).
///
/// Whatever an adapter keeps elsewhere, it must leave a row in `users` (most easily by calling [`SqlUsers`] first).
/// Sessions, accounts and data refer to its id, the authority reads its address, its role and whether it is
/// disabled, and passwords are stored in it.
#[async_trait]
pub trait UserAdapter: std::fmt::Debug + Send + Sync {
    /// The whole user behind a live session, authoritative by itself. `None` if the session is not live.
    ///
    /// # Errors
    /// Of the database.
    async fn get(&self, session: &Lookup, now: OffsetDateTime) -> Result<Option<User>>;

    /// The user with this address.
    ///
    /// # Errors
    /// Of the database.
    async fn find_by_email(&self, tx: &mut Tx, email: &Email) -> Result<Option<Uuid>>;

    /// Creates a user, or updates one from this profile as the occasion requires: the name and the picture, never
    /// the address. Returns the user's id.
    ///
    /// # Errors
    /// [`Error::EmailTaken`] if another user has the address; any error of the hooks.
    async fn upsert(
        &self,
        tx: &mut Tx,
        occasion: Occasion,
        user: NewUser,
        now: OffsetDateTime,
    ) -> Result<Uuid>;

    /// Deletes a user with everything that belongs to the user. Returns `false` if there isn't one. Only
    /// [`Auth::delete_user`](crate::Auth::delete_user) calls it, after it has ended the user's sessions.
    ///
    /// # Errors
    /// Of the database.
    async fn delete(&self, tx: &mut Tx, user_id: Uuid) -> Result<bool>;
}

/// Users in the table `users`.
#[derive(Clone, Debug)]
pub struct SqlUsers(Database);

impl SqlUsers {
    /// The users of this database.
    pub fn new(db: Database) -> Self {
        Self(db)
    }

    async fn insert(tx: &mut Tx, mut new: NewUser, now: OffsetDateTime) -> Result<Uuid> {
        hooks::on_user_saving(tx, &mut new).await?;
        let id = Uuid::now_v7();
        let verified_at = (new.email_verified && new.email.is_some()).then_some(now);
        let inserted = sqlx::query(
            "INSERT INTO users (id, email, email_verified_at, name, avatar_url, password_hash, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $7)",
        )
        .bind(id)
        .bind(new.email.as_ref().map(Email::as_str))
        .bind(verified_at)
        .bind(new.name)
        .bind(new.avatar_url)
        .bind(new.password_hash.as_ref().map(PasswordHash::as_str))
        .bind(now)
        .execute(&mut **tx)
        .await;
        match inserted {
            Ok(_) => {
                hooks::on_user_saved(tx, id).await?;
                Ok(id)
            }
            Err(sqlx::Error::Database(cause)) if cause.is_unique_violation() => Err(Error::EmailTaken),
            Err(error) => Err(error.into()),
        }
    }
}

#[derive(sqlx::FromRow)]
struct UserRow {
    id: Uuid,
    email: Option<String>,
    email_verified_at: Option<OffsetDateTime>,
    name: Option<String>,
    avatar_url: Option<String>,
    role: Role,
    created_at: Timestamp,
    account_id: Option<Uuid>,
    account_provider: Option<String>,
    account_email: Option<String>,
}

#[async_trait]
impl UserAdapter for SqlUsers {
    /// One query: a row per account, joined with the session's row.
    async fn get(&self, session: &Lookup, now: OffsetDateTime) -> Result<Option<User>> {
        let sql = format!(
            "SELECT u.id, u.email, u.email_verified_at, u.name, u.avatar_url, u.role, u.created_at,
                    a.id AS account_id, a.provider AS account_provider, a.email AS account_email
             FROM sessions s JOIN users u ON u.id = s.user_id LEFT JOIN accounts a ON a.user_id = u.id
             WHERE {} AND {ALIVE}
             ORDER BY a.created_at, a.id",
            session.condition()
        );
        let rows: Vec<UserRow> = session
            .bind(sqlx::query_as(&sql), now)
            .fetch_all(self.0.read())
            .await?;
        let mut user: Option<User> = None;
        for row in rows {
            let account = row.account_id.zip(row.account_provider);
            let user = user.get_or_insert(User {
                id: row.id,
                email: row.email,
                email_verified: row.email_verified_at.is_some(),
                name: row.name,
                avatar_url: row.avatar_url,
                role: row.role,
                created_at: row.created_at,
                accounts: Vec::new(),
            });
            if let Some((id, provider)) = account {
                user.accounts.push(AccountInfo {
                    id,
                    provider,
                    email: row.account_email,
                });
            }
        }
        Ok(user)
    }

    async fn find_by_email(&self, tx: &mut Tx, email: &Email) -> Result<Option<Uuid>> {
        Ok(sqlx::query_scalar("SELECT id FROM users WHERE email = $1")
            .bind(email.as_str())
            .fetch_optional(&mut **tx)
            .await?)
    }

    async fn upsert(
        &self,
        tx: &mut Tx,
        occasion: Occasion,
        user: NewUser,
        now: OffsetDateTime,
    ) -> Result<Uuid> {
        let (user_id, update) = match occasion {
            Occasion::Registration => return Self::insert(tx, user, now).await,
            Occasion::SignIn(user_id) => (
                user_id,
                "UPDATE users SET name = coalesce($2, name), avatar_url = coalesce($3, avatar_url), updated_at = $4
                 WHERE id = $1 AND (coalesce($2, name) IS DISTINCT FROM name
                                    OR coalesce($3, avatar_url) IS DISTINCT FROM avatar_url)",
            ),
            Occasion::Link(user_id) => (
                user_id,
                "UPDATE users SET name = coalesce(name, $2), avatar_url = coalesce(avatar_url, $3), updated_at = $4
                 WHERE id = $1 AND ((name IS NULL AND $2 IS NOT NULL) OR (avatar_url IS NULL AND $3 IS NOT NULL))",
            ),
        };
        sqlx::query(update)
            .bind(user_id)
            .bind(user.name)
            .bind(user.avatar_url)
            .bind(now)
            .execute(&mut **tx)
            .await?;
        Ok(user_id)
    }

    /// Rows that refer to the user go with the user's row. Audit events stay, but no longer show whose they were.
    async fn delete(&self, tx: &mut Tx, user_id: Uuid) -> Result<bool> {
        let deleted = sqlx::query("DELETE FROM users WHERE id = $1")
            .bind(user_id)
            .execute(&mut **tx)
            .await?;
        Ok(deleted.rows_affected() == 1)
    }
}

/// How a user can sign in.
pub(crate) async fn ways_in(db: &Database, user_id: Uuid) -> Result<WaysIn> {
    let has_password: bool = sqlx::query_scalar("SELECT password_hash IS NOT NULL FROM users WHERE id = $1")
        .bind(user_id)
        .fetch_optional(db.read())
        .await?
        .ok_or(Error::NotSignedIn)?;
    let accounts: Vec<(Uuid, String, Option<String>)> =
        sqlx::query_as("SELECT id, provider, email FROM accounts WHERE user_id = $1 ORDER BY created_at, id")
            .bind(user_id)
            .fetch_all(db.read())
            .await?;
    let accounts = accounts
        .into_iter()
        .map(|(id, provider, email)| AccountInfo { id, provider, email })
        .collect();
    // wing:passkeys
    let has_passkey: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM passkeys WHERE user_id = $1)")
        .bind(user_id)
        .fetch_one(db.read())
        .await?;
    // end wing:passkeys
    Ok(WaysIn {
        has_password,
        has_passkey, // wing:passkeys
        accounts,
    })
}

/// What must be checked again once no other transaction can change it. It has no Debug, which would show the hash.
#[derive(sqlx::FromRow)]
pub(crate) struct Locked {
    pub(crate) password_hash: Option<String>,
    pub(crate) disabled: bool,
}

/// Locks a user until the transaction ends. If two transactions change the ways into one account, or one begins a
/// session while another ends them all, the second waits and then sees what the first did. The lock is an UPDATE
/// that changes nothing, the only kind that both engines know. `None` if there is no such user.
///
/// # Errors
/// [`Error::Unavailable`]
pub(crate) async fn lock(tx: &mut Tx, user_id: Uuid) -> Result<Option<Locked>> {
    Ok(sqlx::query_as(
        "UPDATE users SET updated_at = updated_at WHERE id = $1
         RETURNING password_hash, disabled_at IS NOT NULL AS disabled",
    )
    .bind(user_id)
    .fetch_optional(&mut **tx)
    .await?)
}

/// Locks a user who is to be deleted. Unlike [`lock`], it also makes transactions wait that write a row which refers to the
/// user: on PostgreSQL that is a weaker lock, beside which a row could be written that nobody sees before the user is gone.
/// Returns the user's address; `None` if there is no such user.
///
/// # Errors
/// [`Error::Unavailable`]
pub(crate) async fn hold(tx: &mut Tx, user_id: Uuid) -> Result<Option<Option<String>>> {
    let held = format!("SELECT email FROM users WHERE id = $1{HOLD}");
    Ok(sqlx::query_scalar(&held)
        .bind(user_id)
        .fetch_optional(&mut **tx)
        .await?)
}

// wing:mail
/// The address of a user.
pub(crate) async fn address(tx: &mut Tx, user_id: Uuid) -> Result<Option<Email>> {
    let email: Option<Option<String>> = sqlx::query_scalar("SELECT email FROM users WHERE id = $1")
        .bind(user_id)
        .fetch_optional(&mut **tx)
        .await?;
    Ok(email.flatten().and_then(|email| email.parse().ok()))
}

/// Whether a user has an address that is verified.
///
/// # Errors
/// [`Error::Unavailable`]
pub(crate) async fn is_verified(tx: &mut Tx, user_id: Uuid) -> Result<bool> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM users WHERE id = $1 AND email IS NOT NULL AND email_verified_at IS NOT NULL)",
    )
    .bind(user_id)
    .fetch_one(&mut **tx)
    .await?)
}
// end wing:mail

/// Marks a user's address as verified if the provider of a connected account vouches for that very address: the
/// user who connected it has proven both. Returns whether this is a change, which the user's snapshots do not carry
/// yet.
///
/// # Errors
/// [`Error::Unavailable`]
pub(crate) async fn verify_by_account(tx: &mut Tx, user_id: Uuid, now: OffsetDateTime) -> Result<bool> {
    let verified = sqlx::query(
        "UPDATE users SET email_verified_at = $2, updated_at = $2
         WHERE id = $1 AND email_verified_at IS NULL AND EXISTS (
             SELECT 1 FROM accounts WHERE user_id = users.id AND accounts.email = users.email AND email_verified)",
    )
    .bind(user_id)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(verified.rows_affected() == 1)
}
