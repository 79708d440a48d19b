//! Links and codes that were sent by mail. Each proves one address for one purpose, once.
//!
//! Programs that check mails follow links. So looking at a token spends nothing; a form does.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use rand::{Rng, RngCore, rngs::OsRng};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::{FromRow, QueryBuilder};
use subtle::ConstantTimeEq;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::Mail;
use crate::{
    db::{Db, Expired, Tx},
    email::Email,
    error::{Error, Result},
    keys::{self, KeyRing, Place},
    session::IdHash,
};

/// The random bytes of a token.
const TOKEN: usize = 32;
/// The digits of a code.
const DIGITS: usize = 8;
/// How many wrong codes are accepted. The last one voids the code, and the link with it.
const TRIES: i32 = 5;

pub(super) const EXPIRED: Expired = Expired {
    table: "mail_tokens",
    key: "hash",
    when: "expires_at <= $1",
};

/// What a token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Proves the address of its user.
    Verification,
    /// Lets the owner of the address choose a new password.
    Reset,
    /// Proves the address that its user wants to have.
    EmailChange,
    /// Gives its user back the address that it was sent to. Each is good for all of its life: whoever changes an address
    /// once more must not void it.
    UndoEmailChange,
    /// Signs its user in, in the browser that has asked.
    SignIn,
    /// Confirms the identity of its user, in the session that has asked.
    Confirmation,
    /// Registers the owner of an address who has asked for it.
    Registration,
    /// Registers the owner of an address who is invited.
    Invitation,
}

impl Purpose {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Verification => "verification",
            Self::Reset => "reset",
            Self::EmailChange => "email_change",
            Self::UndoEmailChange => "undo_email_change",
            Self::SignIn => "sign_in",
            Self::Confirmation => "confirmation",
            Self::Registration => "registration",
            Self::Invitation => "invitation",
        }
    }
}

/// The tokens of a purpose of which the newest voids the others, and of which a code is one.
#[derive(Clone, Copy)]
pub(super) enum Whose<'a> {
    /// A user's. The user must be locked.
    User(Uuid),
    /// A browser's, by the hash of its flow cookie: what other browsers ask for voids nothing here.
    Browser([u8; 32]),
    /// Those that were sent to an address.
    Address(&'a Email),
    /// None: the same work is done for nothing.
    Nobody,
}

impl Whose<'_> {
    fn push(self, query: &mut QueryBuilder<'_, Db>) {
        match self {
            Self::User(user_id) => query.push("user_id = ").push_bind(user_id),
            Self::Address(email) => query.push("address = ").push_bind(email.as_str().to_owned()),
            Self::Browser(hash) => query.push("browser_hash = ").push_bind(hash.to_vec()),
            Self::Nobody => query.push("FALSE"),
        };
    }

    /// Whether a token is for this browser.
    pub(super) fn is_browser_of(self, found: &Found) -> bool {
        match (self, &found.browser_hash) {
            (Self::Browser(hash), Some(other)) => hash.ct_eq(other).into(),
            _ => false,
        }
    }
}

/// A token to be made.
pub(super) struct NewToken<'a> {
    pub(super) purpose: Purpose,
    /// Which older tokens it voids.
    pub(super) voids: Whose<'a>,
    /// Whose it is. Without a user or an address, the same work is done for a token that proves nothing.
    pub(super) user_id: Option<Uuid>,
    /// The address that it is sent to, the only one that it proves.
    pub(super) address: Option<&'a Email>,
    /// The browser that it is for, by the hash of its flow cookie, if it is for one only.
    pub(super) browser: Option<[u8; 32]>,
    /// What else the purpose needs to know when it is used.
    pub(super) data: Option<Value>,
    pub(super) life: Duration,
}

/// A new token and the code that does the same, for the mail.
pub(super) struct Made {
    pub(super) token: SecretString,
    pub(super) code: SecretString,
}

/// A token that is still good, or was until this transaction has spent it.
#[derive(Debug)]
pub(super) struct Found {
    /// The order of tokens.
    pub(super) id: Uuid,
    /// Whose it is.
    pub(super) user_id: Option<Uuid>,
    /// The address that it proves.
    pub(super) address: String,
    /// The browser that it is for.
    browser_hash: Option<Vec<u8>>,
    /// What else its purpose needs, as JSON.
    data: Option<String>,
}

impl Found {
    /// What was decided when it was asked for; `None` if that is missing, or is of another kind.
    pub(super) fn asked<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_str(self.data.as_deref()?).ok()
    }
}

/// What spends a token that was found.
pub(super) struct Key(Vec<u8>);

/// A token as it is stored.
#[derive(FromRow)]
struct Stored {
    hash: Vec<u8>,
    id: Uuid,
    user_id: Option<Uuid>,
    address: String,
    browser_hash: Option<Vec<u8>>,
    /// Sealed.
    data: Option<Value>,
}

impl Stored {
    fn open(self, keys: &KeyRing) -> Found {
        let sealed = self.data.as_ref().and_then(Value::as_str);
        let place = place(&self.hash);
        Found {
            id: self.id,
            user_id: self.user_id,
            address: self.address,
            browser_hash: self.browser_hash,
            data: sealed.and_then(|sealed| keys.open_at(keys::Purpose::MailToken, &place, sealed)),
        }
    }
}

/// The row of a code that was typed, which may be another one.
#[derive(FromRow)]
struct Tried {
    code_hash: Vec<u8>,
    tries_left: i32,
    #[sqlx(flatten)]
    stored: Stored,
}

/// Where the data of a token is stored.
fn place(hash: &[u8]) -> Place {
    Place::new("mail_tokens.data", &[hash])
}

/// The hash of a token; `None` for a text that cannot be one.
fn hash(token: &str) -> Option<IdHash> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
    (bytes.len() == TOKEN).then(|| IdHash::of_secret(&bytes))
}

/// A code as it was typed: blanks and hyphens do not count.
fn normal(code: &str) -> String {
    code.chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '-' | '\u{2010}'..='\u{2015}'))
        .collect()
}

impl Mail {
    /// Makes a token and a code. They void older ones.
    pub(super) async fn make_token(&self, tx: &mut Tx, new: &NewToken<'_>) -> Result<Made> {
        let mut bytes = [0; TOKEN];
        OsRng.fill_bytes(&mut bytes);
        let hash = IdHash::of_secret(&bytes);
        let data = new
            .data
            .as_ref()
            .map(|data| self.seal(hash.bytes(), data))
            .transpose()?;
        let code = format!("{:0DIGITS$}", OsRng.gen_range(0..10_u32.pow(DIGITS as u32)));
        let mut void = QueryBuilder::<Db>::new("DELETE FROM mail_tokens WHERE ");
        new.voids.push(&mut void);
        void.push(" AND purpose = ").push_bind(new.purpose.name());
        void.build().execute(&mut **tx).await?;
        sqlx::query(
            "INSERT INTO mail_tokens (hash, id, purpose, user_id, address, code_hash, browser_hash, tries_left, data,
                                      expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(hash.bytes())
        .bind(Uuid::now_v7())
        .bind(new.purpose.name())
        .bind(new.user_id)
        .bind(new.address.map_or("", Email::as_str))
        .bind(self.0.keys.code_mac(hash.bytes(), &code).as_slice())
        .bind(new.browser.map(Vec::from))
        .bind(TRIES)
        .bind(data)
        .bind(self.0.clock.now() + new.life)
        .execute(&mut **tx)
        .await?;
        Ok(Made {
            token: BASE64_URL_SAFE_NO_PAD.encode(bytes).into(),
            code: code.into(),
        })
    }

    /// Looks at a token without spending it. `None` if it is unknown, spent or expired, or if its user is disabled.
    pub(super) async fn look_at_token(
        &self,
        purpose: Purpose,
        token: &SecretString,
    ) -> Result<Option<Found>> {
        let Some(hash) = hash(token.expose_secret()) else {
            return Ok(None);
        };
        let stored: Option<Stored> = sqlx::query_as(
            "SELECT t.hash, t.id, t.user_id, t.address, t.browser_hash, t.data FROM mail_tokens t LEFT JOIN users u ON u.id = t.user_id
             WHERE t.hash = $1 AND t.purpose = $2 AND t.expires_at > $3 AND u.disabled_at IS NULL",
        )
        .bind(hash.bytes())
        .bind(purpose.name())
        .bind(self.0.clock.now())
        .fetch_optional(self.0.db.read())
        .await?;
        Ok(stored.map(|stored| stored.open(&self.0.keys)))
    }

    /// Spends a token. `None` if there is no such token by now: of two requests, one spends it.
    pub(super) async fn spend_token(
        &self,
        tx: &mut Tx,
        purpose: Purpose,
        token: &SecretString,
    ) -> Result<Option<Found>> {
        let Some(hash) = hash(token.expose_secret()) else {
            return Ok(None);
        };
        let stored: Option<Stored> = sqlx::query_as(
            "DELETE FROM mail_tokens WHERE hash = $1 AND purpose = $2 AND expires_at > $3
             RETURNING hash, id, user_id, address, browser_hash, data",
        )
        .bind(hash.bytes())
        .bind(purpose.name())
        .bind(self.0.clock.now())
        .fetch_optional(&mut **tx)
        .await?;
        Ok(stored.map(|stored| stored.open(&self.0.keys)))
    }

    /// Ends all links and codes of a user, except those that give an address back: those are for the very user whose
    /// account another person has by now.
    pub(crate) async fn end_tokens(tx: &mut Tx, user_id: Uuid) -> Result<()> {
        sqlx::query("DELETE FROM mail_tokens WHERE user_id = $1 AND purpose <> $2")
            .bind(user_id)
            .bind(Purpose::UndoEmailChange.name())
            .execute(&mut **tx)
            .await?;
        Ok(())
    }

    /// Ends all links of a user that give an address back.
    pub(super) async fn end_undos(tx: &mut Tx, user_id: Uuid) -> Result<()> {
        Self::end_later_undos(tx, user_id, Uuid::nil()).await
    }

    /// Ends the links of a user that give an address back and were made after this one.
    pub(super) async fn end_later_undos(tx: &mut Tx, user_id: Uuid, used: Uuid) -> Result<()> {
        sqlx::query("DELETE FROM mail_tokens WHERE user_id = $1 AND purpose = $2 AND id > $3")
            .bind(user_id)
            .bind(Purpose::UndoEmailChange.name())
            .bind(used)
            .execute(&mut **tx)
            .await?;
        Ok(())
    }

    /// Whether a user who takes this address goes back to it: a link that gives it back is still good. As if that were used,
    /// those made after it end. The address that is left gets none: it may be that of somebody who had the account in hand.
    pub(super) async fn goes_back(&self, tx: &mut Tx, user_id: Uuid, email: &Email) -> Result<bool> {
        let first: Option<Uuid> = sqlx::query_scalar(
            "SELECT id FROM mail_tokens WHERE user_id = $1 AND purpose = $2 AND address = $3 AND expires_at > $4
             ORDER BY id LIMIT 1",
        )
        .bind(user_id)
        .bind(Purpose::UndoEmailChange.name())
        .bind(email.as_str())
        .bind(self.0.clock.now())
        .fetch_optional(&mut **tx)
        .await?;
        if let Some(first) = first {
            Self::end_later_undos(tx, user_id, first).await?;
        }
        Ok(first.is_some())
    }

    /// As [`Self::look_at_token`], with what spends the token afterwards.
    pub(super) async fn find_token(
        &self,
        purpose: Purpose,
        token: &SecretString,
    ) -> Result<Option<(Key, Found)>> {
        let found = self.look_at_token(purpose, token).await?;
        Ok(hash(token.expose_secret())
            .map(|hash| Key(hash.bytes().to_vec()))
            .zip(found))
    }

    /// Finds the token that was sent with this code; `None` if the code is wrong. The try is counted before the code is
    /// compared, so the caller must commit in either case. The last wrong code voids the token.
    pub(super) async fn try_code(
        &self,
        tx: &mut Tx,
        purpose: Purpose,
        whose: Whose<'_>,
        code: &SecretString,
    ) -> Result<Option<(Key, Found)>> {
        let mut count = QueryBuilder::<Db>::new("UPDATE mail_tokens SET tries_left = tries_left - 1 WHERE ");
        whose.push(&mut count);
        count.push(" AND purpose = ").push_bind(purpose.name());
        count.push(" AND expires_at > ").push_bind(self.0.clock.now());
        count.push(
            " AND tries_left > 0 AND code_hash IS NOT NULL
             RETURNING hash, code_hash, tries_left, id, user_id, address, browser_hash, data",
        );
        let tried: Option<Tried> = count.build_query_as().fetch_optional(&mut **tx).await?;
        let Some(tried) = tried else { return Ok(None) };
        let typed = normal(code.expose_secret());
        let is_right = self.0.keys.is_code(&tried.stored.hash, &typed, &tried.code_hash);
        let key = Key(tried.stored.hash.clone());
        if is_right {
            return Ok(Some((key, tried.stored.open(&self.0.keys))));
        }
        if tried.tries_left == 0 {
            self.spend(tx, &key).await?;
        }
        Ok(None)
    }

    fn seal(&self, hash: &[u8], data: &Value) -> Result<Value> {
        let text = serde_json::to_string(data).map_err(Error::internal)?;
        let sealed = self.0.keys.seal_at(keys::Purpose::MailToken, &place(hash), &text);
        Ok(sealed.into())
    }

    /// Spends a token that was found before. `false` if another request has spent it.
    pub(super) async fn spend(&self, tx: &mut Tx, key: &Key) -> Result<bool> {
        let spent = sqlx::query("DELETE FROM mail_tokens WHERE hash = $1")
            .bind(&key.0)
            .execute(&mut **tx)
            .await?;
        Ok(spent.rows_affected() == 1)
    }
}

/// Spends the token that was sent to an address, which was proven in another way.
pub(super) async fn spend_of_address(
    tx: &mut Tx,
    keys: &KeyRing,
    purpose: Purpose,
    email: &Email,
    now: OffsetDateTime,
) -> Result<Option<Found>> {
    let stored: Option<Stored> = sqlx::query_as(
        "DELETE FROM mail_tokens WHERE address = $1 AND purpose = $2 AND expires_at > $3
         RETURNING hash, id, user_id, address, browser_hash, data",
    )
    .bind(email.as_str())
    .bind(purpose.name())
    .bind(now)
    .fetch_optional(&mut **tx)
    .await?;
    Ok(stored.map(|stored| stored.open(keys)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_thirty_two_bytes_in_one_spelling() {
        let token = BASE64_URL_SAFE_NO_PAD.encode([7; TOKEN]);
        assert_eq!(token.len(), 43);
        assert!(hash(&token) == Some(IdHash::of_secret(&[7; TOKEN])));
        for bad in [
            "",
            "x",
            &token[1..],
            &format!("{token}="),
            &format!(" {token}"),
            &"?".repeat(43),
        ] {
            assert!(hash(bad).is_none(), "{bad:?}");
        }
        // The last character has two bits too many, which only one spelling has at zero.
        assert!(hash(&format!("{}d", &token[..42])).is_none());
    }

    #[test]
    fn blanks_and_hyphens_in_a_code_do_not_count() {
        for typed in ["12345678", " 1234 5678 ", "1234-5678", "12\u{a0}34\u{2013}5678\n"] {
            assert_eq!(normal(typed), "12345678", "{typed:?}");
        }
        assert_eq!(normal("1234.5678"), "1234.5678");
    }
}
