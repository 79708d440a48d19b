//! A provider's tokens, which are sealed before they are stored: each for its account and its column. What was
//! sealed without either, by an earlier version, no longer opens. It cannot be told from a token that was moved here,
//! and the next sign-in brings new ones.

use oauth2::TokenResponse;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    clock::from_unix,
    db::{Database, Tx},
    error::Result,
    keys::{KeyRing, Place, Purpose},
    oauth::protocol::token::TokenAnswer,
};

/// The longest lifetime a token is believed to have, in seconds: a year.
const MAX_LIFETIME: u64 = 31_536_000;

/// What a provider lets us do in the person's name. No Debug: it would show them.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: Option<String>,
    /// Unix seconds.
    pub(crate) expires: Option<i64>,
    pub(crate) scopes: Option<String>,
}

impl Tokens {
    /// The tokens of an answer; `now` in Unix seconds.
    pub(crate) fn of(answer: &TokenAnswer, now: i64) -> Self {
        let lifetime = answer.expires_in().map(|lifetime| lifetime.as_secs());
        let lifetime = lifetime.map(|seconds| seconds.min(MAX_LIFETIME).cast_signed());
        Self {
            access: answer.access_token().secret().clone(),
            refresh: answer.refresh_token().map(|token| token.secret().clone()),
            expires: lifetime.map(|seconds| now.saturating_add(seconds)),
            scopes: answer.scopes.clone(),
        }
    }

    /// The access and refresh tokens as they are stored with this account.
    pub(crate) fn sealed(&self, keys: &KeyRing, account_id: Uuid) -> (String, Option<String>) {
        let seal =
            |column, token: &str| keys.seal_at(Purpose::ProviderToken, &place(column, account_id), token);
        let refresh = self.refresh.as_deref();
        (
            seal(ACCESS, &self.access),
            refresh.map(|token| seal(REFRESH, token)),
        )
    }

    pub(crate) fn expires_at(&self) -> Option<OffsetDateTime> {
        self.expires.map(from_unix)
    }

    /// With this refresh token, where the provider sent none: it is still good then (RFC 6749 §6).
    pub(crate) fn or_refresh(mut self, kept: &SecretString) -> Self {
        self.refresh
            .get_or_insert_with(|| kept.expose_secret().to_owned());
        self
    }
}

const ACCESS: &str = "accounts.access_token";
const REFRESH: &str = "accounts.refresh_token";

fn place(column: &'static str, account_id: Uuid) -> Place {
    Place::new(column, &[account_id.as_bytes()])
}

/// An account's tokens as they are stored.
#[derive(sqlx::FromRow)]
pub(crate) struct Stored {
    pub(crate) account_id: Uuid,
    pub(crate) user_id: Uuid,
    pub(crate) subject: String,
    /// The issuer that said who this is.
    pub(crate) issuer: Option<String>,
    access_token: Option<String>,
    refresh_token: Option<String>,
    pub(crate) token_expires_at: Option<OffsetDateTime>,
}

impl Stored {
    /// The access token; none if its key is gone.
    pub(crate) fn access(&self, keys: &KeyRing) -> Option<SecretString> {
        self.open(keys, ACCESS, self.access_token.as_deref())
    }

    /// The refresh token; none if there is none, or its key is gone.
    pub(crate) fn refresh(&self, keys: &KeyRing) -> Option<SecretString> {
        self.open(keys, REFRESH, self.refresh_token.as_deref())
    }

    fn open(&self, keys: &KeyRing, column: &'static str, sealed: Option<&str>) -> Option<SecretString> {
        let place = place(column, self.account_id);
        keys.open_at(Purpose::ProviderToken, &place, sealed?)
            .map(SecretString::from)
    }
}

/// The tokens of a user's account at a provider: of several accounts, the one last signed in with.
pub(crate) async fn of_user(db: &Database, user_id: Uuid, provider: &str) -> Result<Option<Stored>> {
    Ok(sqlx::query_as(
        "SELECT id AS account_id, user_id, subject, issuer, access_token, refresh_token, token_expires_at
         FROM accounts WHERE user_id = $1 AND provider = $2
         ORDER BY last_used_at DESC, id DESC LIMIT 1",
    )
    .bind(user_id)
    .bind(provider)
    .fetch_optional(db.read())
    .await?)
}

/// An account's tokens.
pub(crate) async fn of_account(db: &Database, account_id: Uuid) -> Result<Option<Stored>> {
    Ok(sqlx::query_as(
        "SELECT id AS account_id, user_id, subject, issuer, access_token, refresh_token, token_expires_at
         FROM accounts WHERE id = $1",
    )
    .bind(account_id)
    .fetch_optional(db.read())
    .await?)
}

/// Stores what the refresh token of `old` was exchanged for; `false` if another one has taken its place.
///
/// Where it was merely forgotten the new one is stored all the same: another process was refused the old
/// one because we had used it up.
pub(crate) async fn replace(db: &Database, keys: &KeyRing, old: &Stored, new: &Tokens) -> Result<bool> {
    let (access, refresh) = new.sealed(keys, old.account_id);
    let replaced = sqlx::query(
        "UPDATE accounts SET access_token = $3, refresh_token = $4, token_expires_at = $5,
                             scopes = coalesce($6, scopes)
         WHERE id = $1 AND (refresh_token = $2 OR refresh_token IS NULL)",
    )
    .bind(old.account_id)
    .bind(&old.refresh_token)
    .bind(access)
    .bind(refresh)
    .bind(new.expires_at())
    .bind(&new.scopes)
    .execute(db.write())
    .await?;
    Ok(replaced.rows_affected() == 1)
}

/// Forgets the refresh token of `old`; `false` if another one has taken its place.
pub(crate) async fn forget_refresh(tx: &mut Tx, old: &Stored) -> Result<bool> {
    let forgotten =
        sqlx::query("UPDATE accounts SET refresh_token = NULL WHERE id = $1 AND refresh_token = $2")
            .bind(old.account_id)
            .bind(&old.refresh_token)
            .execute(&mut **tx)
            .await?;
    Ok(forgotten.rows_affected() == 1)
}
