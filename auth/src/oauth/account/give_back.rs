//! Giving a provider's tokens back once the user whose they were is gone.
//!
//! It is tried once, at the address that the provider's metadata names (RFC 7009). A provider without such an address is not
//! asked, and one that does not respond keeps nobody from leaving: the tokens are deleted here before it is asked.

use secrecy::SecretString;
use uuid::Uuid;

use crate::{
    db::Tx,
    error::Result,
    oauth::{account::tokens::Stored, protocol::token, state::OAuth},
};

/// An account's tokens, and where they are from.
#[derive(sqlx::FromRow)]
struct Account {
    provider: String,
    #[sqlx(flatten)]
    stored: Stored,
}

/// What is to be given back. It has no Debug, which would show it.
pub(crate) struct Given(Vec<(String, SecretString)>);

impl OAuth {
    /// Reads the tokens of a user who is being deleted. A refresh token stands for the access tokens that came with it.
    ///
    /// # Errors
    /// Of the database.
    pub(crate) async fn tokens_of(&self, tx: &mut Tx, user_id: Uuid) -> Result<Given> {
        let accounts: Vec<Account> = sqlx::query_as(
            "SELECT provider, id AS account_id, user_id, subject, issuer, access_token, refresh_token,
                    token_expires_at
             FROM accounts WHERE user_id = $1 ORDER BY id",
        )
        .bind(user_id)
        .fetch_all(&mut **tx)
        .await?;
        let keys = &self.0.keys;
        let tokens = accounts.into_iter().filter_map(|Account { provider, stored }| {
            let configured = self.configured(&provider)?;
            // Another issuer's tokens are none of this one's business.
            let is_its_own = configured.provider.lets_in(stored.issuer.as_deref());
            let token = stored.refresh(keys).or_else(|| stored.access(keys));
            token.filter(|_| is_its_own).map(|token| (provider, token))
        });
        Ok(Given(tokens.collect()))
    }

    /// Gives them back, one after the other.
    pub(crate) async fn give_back(&self, given: Given) {
        for (provider, token) in given.0 {
            match self.revoke(&provider, &token).await {
                Ok(true) => tracing::info!(provider, "gave a token back"),
                Ok(false) => {}
                Err(cause) => tracing::warn!(provider, cause, "a token could not be given back"),
            }
        }
    }

    /// Whether the provider could be asked.
    async fn revoke(&self, provider: &str, token: &SecretString) -> std::result::Result<bool, String> {
        let Some(configured) = self.configured(provider) else {
            return Ok(false);
        };
        let endpoints = configured.endpoints().await?;
        let Some(url) = &endpoints.revocation else {
            return Ok(false);
        };
        let (http, now) = (&self.0.http, self.0.clock.unix());
        let asked = token::revoke(http, &configured.provider, &endpoints, url, token, now);
        let asked = configured.places.wait(asked).await;
        asked.unwrap_or_else(|| Err("too many wait for the provider already".to_owned()))?;
        Ok(true)
    }
}
