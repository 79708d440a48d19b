//! Accounts: what connects a person at a provider with a user here.
//!
//! An account is found by (provider, subject) and by nothing else, and belongs to the issuer that vouched for
//! it first: a provider's id is only a name in our configuration, and behind another issuer the subject "1" is
//! another person. Its tokens are sealed before they are stored.
//!
//! Whoever changes what connects a user with an account locks the user first (`users::lock`), and then reads
//! what the change rests on: of a sign-in and a disconnection at once the second sees what the first did, and
//! neither waits for the other for ever.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    db::Tx, email::Email, error::Result, keys::KeyRing, oauth::account::tokens::Tokens, users::NewUser,
};

/// A person as a provider knows them, verified.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) provider: String,
    /// The issuer that says so; none where it does not matter (see `Provider::vouching`).
    pub(crate) issuer: Option<String>,
    pub(crate) subject: String,
    /// In normal form.
    pub(crate) email: Option<String>,
    pub(crate) email_verified: bool,
    pub(crate) name: Option<String>,
    pub(crate) avatar_url: Option<String>,
    /// The person's claims, as they came.
    pub(crate) profile: Value,
    pub(crate) tokens: Tokens,
}

impl Identity {
    /// The address as users have it, whether or not the provider vouches for it.
    pub(crate) fn address(&self) -> Option<Email> {
        self.email.as_ref().and_then(|email| email.parse().ok())
    }

    /// The address, if the provider vouches for it.
    pub(crate) fn proven_address(&self) -> Option<Email> {
        self.address().filter(|_| self.email_verified)
    }

    /// The user to create for this identity. An address the provider does not vouch for does not become the user's:
    /// its true owner may be yet to come.
    pub(crate) fn user(&self) -> NewUser {
        NewUser {
            email: self.proven_address(),
            email_verified: self.email_verified,
            name: self.name.clone(),
            avatar_url: self.avatar_url.clone(),
            password_hash: None,
        }
    }
}

/// The account of an identity.
#[derive(sqlx::FromRow)]
pub(crate) struct Account {
    pub(crate) id: Uuid,
    pub(crate) user_id: Uuid,
    issuer: Option<String>,
}

impl Account {
    /// Refuses an identity of another issuer than the account's.
    ///
    /// # Errors
    /// What is wrong, for the log: both issuers, and the way out if they are one and the same after all.
    pub(crate) fn accept(&self, identity: &Identity) -> std::result::Result<(), String> {
        match (&self.issuer, &identity.issuer) {
            (Some(known), Some(found)) if known != found => Err(format!(
                "the account {} belongs to the issuer {known:?}, but this sign-in came from {found:?}; if the \
                 provider has only moved, set accounts.issuer to NULL",
                self.id
            )),
            _ => Ok(()),
        }
    }
}

/// The account an identity is connected by.
pub(crate) async fn find(tx: &mut Tx, identity: &Identity) -> Result<Option<Account>> {
    Ok(
        sqlx::query_as("SELECT id, user_id, issuer FROM accounts WHERE provider = $1 AND subject = $2")
            .bind(&identity.provider)
            .bind(&identity.subject)
            .fetch_optional(&mut **tx)
            .await?,
    )
}

/// Connects an identity with a user; returns `false` if it is already connected to any user.
pub(crate) async fn insert(
    tx: &mut Tx,
    keys: &KeyRing,
    user_id: Uuid,
    identity: &Identity,
    now: OffsetDateTime,
) -> Result<bool> {
    let (id, tokens) = (Uuid::now_v7(), &identity.tokens);
    let (access, refresh) = tokens.sealed(keys, id);
    let inserted = sqlx::query(
        "INSERT INTO accounts (id, user_id, provider, issuer, subject, email, email_verified, profile, access_token,
                               refresh_token, token_expires_at, scopes, created_at, last_used_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13)
         ON CONFLICT (provider, subject) DO NOTHING",
    )
    .bind(id)
    .bind(user_id)
    .bind(&identity.provider)
    .bind(&identity.issuer)
    .bind(&identity.subject)
    .bind(&identity.email)
    .bind(identity.email_verified)
    .bind(&identity.profile)
    .bind(access)
    .bind(refresh)
    .bind(tokens.expires_at())
    .bind(&tokens.scopes)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// Stores what the provider says today; returns `false` if the user no longer has the account. Most providers hand
/// out a refresh token once only, so a response without one keeps the old. An account from before issuers were stored
/// takes over this one.
pub(crate) async fn refresh(
    tx: &mut Tx,
    keys: &KeyRing,
    account: &Account,
    identity: &Identity,
    now: OffsetDateTime,
) -> Result<bool> {
    let tokens = &identity.tokens;
    let (access, refresh) = tokens.sealed(keys, account.id);
    let refreshed = sqlx::query(
        "UPDATE accounts SET email = $3, email_verified = $4, profile = $5, access_token = $6,
                             refresh_token = coalesce($7, refresh_token), token_expires_at = $8, scopes = $9,
                             last_used_at = $10, issuer = coalesce(issuer, $11)
         WHERE id = $1 AND user_id = $2",
    )
    .bind(account.id)
    .bind(account.user_id)
    .bind(&identity.email)
    .bind(identity.email_verified)
    .bind(&identity.profile)
    .bind(access)
    .bind(refresh)
    .bind(tokens.expires_at())
    .bind(&tokens.scopes)
    .bind(now)
    .bind(&identity.issuer)
    .execute(&mut **tx)
    .await?;
    Ok(refreshed.rows_affected() == 1)
}
