//! Private data: read by server code only. Its owner sees which values are set.
//!
//! It is sealed at rest: its column holds `{"$sealed": …}`, which opens for its user and bucket only. A row in
//! clear is older than sealing. It is read as it is, and sealed when it is written or when a server starts
//! ([`Buckets::reseal`]).

pub(crate) mod sealed;

use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use uuid::Uuid;
use wire::PrivateKeyInfo;

use self::sealed::Sealing;
use super::{
    AtRest, Buckets, IfMatch, Versioned,
    table::{self, Bucket},
    typed,
};
use crate::{error::Result, session::LiveSession};

/// Its name in the table.
pub(crate) const BUCKET: &str = "private";
/// A private value shorter than this gets no hint: four characters would be too much of it.
const HINTED_FROM: usize = 16;
const HINT: usize = 4;
/// The member beside the private fields that records when each was set. It is not an identifier, so no field can
/// have this name.
pub(crate) const SET_AT: &str = "$set_at";

/// The proof that server code, not a view, asks for private values. Code that can name and create this type is on
/// the server: the type is not compiled into the wasm.
#[derive(Debug)]
pub struct SecretAccess(());

impl SecretAccess {
    /// Asks for access to private values. The reason is logged.
    pub fn for_server_code(reason: &'static str) -> Self {
        tracing::debug!(reason, "private data is read");
        Self(())
    }
}

impl Buckets {
    /// A user's private data, for server code only.
    ///
    /// # Errors
    /// [`Error::Unopened`]; [`Error::Internal`] if it is not a `T`.
    pub async fn private<T: DeserializeOwned>(&self, user_id: Uuid, _: &SecretAccess) -> Result<T> {
        let row = table::read(&self.db, &Bucket::own(user_id, BUCKET)).await?;
        let mut data = self.sealing(user_id).open(row.data)?;
        data.remove(SET_AT);
        typed(data)
    }

    /// What may be shown of the private data: which keys are set, when, and a masked hint.
    ///
    /// # Errors
    /// [`Error::Unopened`]
    pub async fn describe_private(&self, live: &LiveSession) -> Result<Versioned<Vec<PrivateKeyInfo>>> {
        let row = table::read(&self.db, &Bucket::own(live.user_id(), BUCKET)).await?;
        Ok(Versioned {
            data: describe(&self.sealing(live.user_id()).open(row.data)?),
            version: row.version,
        })
    }

    /// Sets, replaces (with a secret) or removes (`None`) private values. Returns what [`Self::describe_private`]
    /// would.
    ///
    /// # Errors
    /// [`Error::VersionMismatch`], [`Error::TooLarge`], [`Error::InvalidInput`] for a value with a NUL;
    /// [`Error::Unopened`] if the present data cannot be read, since writing would destroy it for good.
    pub async fn update_private(
        &self,
        live: &LiveSession,
        patch: Vec<(&'static str, Option<SecretString>)>,
        if_match: &IfMatch,
    ) -> Result<Versioned<Vec<PrivateKeyInfo>>> {
        let now = rfc3339(self.clock.now());
        let mut values = Map::new();
        let mut set_at = Map::new();
        for (key, value) in patch {
            set_at.insert(
                key.to_owned(),
                value.as_ref().map_or(Value::Null, |_| now.clone()),
            );
            values.insert(
                key.to_owned(),
                value.map_or(Value::Null, |v| v.expose_secret().into()),
            );
        }
        values.insert(SET_AT.to_owned(), Value::Object(set_at));
        let (data, version) = self
            .merge(
                &Bucket::own(live.user_id(), BUCKET),
                &self.sealing(live.user_id()),
                &Value::Object(values),
                if_match,
            )
            .await?;
        Ok(Versioned {
            data: describe(&data),
            version,
        })
    }

    /// How the application's own private data of a user is sealed.
    fn sealing(&self, user_id: Uuid) -> Sealing<'_> {
        self.sealing_for(user_id, "")
    }

    /// Empties the private data.
    pub async fn clear_private(&self, live: &LiveSession, if_match: &IfMatch) -> Result<i64> {
        self.clear(&Bucket::own(live.user_id(), BUCKET), if_match).await
    }
}

fn rfc3339(time: OffsetDateTime) -> Value {
    time.format(&time::format_description::well_known::Rfc3339)
        .map_or(Value::Null, Value::String)
}

fn describe(data: &Map<String, Value>) -> Vec<PrivateKeyInfo> {
    let set_at = data.get(SET_AT).and_then(Value::as_object);
    data.iter()
        .filter(|(key, _)| *key != SET_AT)
        .map(|(key, value)| PrivateKeyInfo {
            key: key.clone(),
            hint: value.as_str().and_then(hint),
            updated_at: set_at
                .and_then(|times| times.get(key)?.as_str())
                .and_then(|text| {
                    OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).ok()
                })
                .unwrap_or(OffsetDateTime::UNIX_EPOCH)
                .into(),
        })
        .collect()
}

/// A mask of fixed width and the last characters of a long enough value.
fn hint(value: &str) -> Option<String> {
    let chars: Vec<char> = value.chars().collect();
    let tail = chars
        .len()
        .checked_sub(HINT)
        .filter(|_| chars.len() >= HINTED_FROM)?;
    Some(format!(
        "\u{2022}\u{2022}\u{2022}\u{2022}{}",
        chars[tail..].iter().collect::<String>()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_show_little_and_never_the_length() {
        assert_eq!(hint("123456789012345"), None);
        assert_eq!(
            hint("1234567890123456").as_deref(),
            Some("\u{2022}\u{2022}\u{2022}\u{2022}3456")
        );
        assert_eq!(hint(&"x".repeat(99)).unwrap().chars().count(), 8);
    }
}
