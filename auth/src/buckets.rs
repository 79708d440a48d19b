//! Two buckets of data per user: *public*, which its owner's browser may read and write, and *private*,
//! which only server code reads. Both are typed by the application; this module knows JSON objects.
//!
//! The private one is sealed at rest: its column holds `{"$sealed": …}`, which opens for its user and bucket
//! only. A row in clear is one from before that; it is read as it is, and sealed when it is written or when a
//! server starts ([`Buckets::reseal`]).

use std::sync::Arc;

use secrecy::SecretString;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use sqlx::{FromRow, Row as _, types::Json};
use time::OffsetDateTime;
use uuid::Uuid;
use wire::{DataSize, PrivateKeyInfo};

use crate::{
    clock::Clock,
    db::{Database, Tx},
    error::{Error, Result},
    keys::{KeyRing, Place, Purpose},
    session::LiveSession,
};

/// The most a bucket holds, as JSON text in bytes.
pub const MAX_BYTES: usize = 256 * 1024;
/// The deepest nesting of a bucket.
pub const MAX_DEPTH: usize = 32;
/// A private value shorter than this shows no hint: four characters would be too much of it.
const HINTED_FROM: usize = 16;
const HINT: usize = 4;
/// Beside the private fields, when each was set. No field can have this name: it is no identifier.
const SET_AT: &str = "$set_at";
/// The one member of a private bucket at rest.
const SEALED: &str = "$sealed";
/// How many rows are looked at in one go when all are sealed anew.
const BATCH: i64 = 100;

/// Which bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "TEXT", rename_all = "lowercase")]
enum Bucket {
    Public,
    Private,
}

impl Bucket {
    const fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
        }
    }
}

/// Whose bucket it is.
#[derive(Clone, Copy)]
struct Owner<'a> {
    user_id: Uuid,
    /// Empty for the application itself.
    client_id: &'a str,
    bucket: Bucket,
}

impl Owner<'static> {
    /// The application's own.
    fn of(user_id: Uuid, bucket: Bucket) -> Self {
        Self {
            user_id,
            client_id: "",
            bucket,
        }
    }
}

impl Owner<'_> {
    fn place(self) -> Place {
        let row = [
            &self.user_id.as_bytes()[..],
            self.client_id.as_bytes(),
            self.bucket.name().as_bytes(),
        ];
        Place::new("user_data.data", &row)
    }
}

/// A bucket's content and the version an `ETag` names. Version 0: nothing was ever written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Versioned<T> {
    /// The content.
    pub data: T,
    /// Rises by one with every write.
    pub version: i64,
}

/// What `If-Match` asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum IfMatch {
    /// No header: unconditional.
    #[default]
    None,
    /// `*`: whatever the present version.
    Any,
    /// One of these versions; a validator that is none of ours matches nothing.
    Versions(Vec<i64>),
}

impl IfMatch {
    /// Reads the header's value (RFC 9110 §13.1.1): strong comparison, so a weak validator matches nothing.
    pub fn parse(header: Option<&str>) -> Self {
        match header.map(str::trim) {
            None => Self::None,
            Some("*") => Self::Any,
            Some(list) => Self::Versions(
                list.split(',')
                    .filter_map(|tag| tag.trim().strip_prefix('"')?.strip_suffix('"')?.parse().ok())
                    .collect(),
            ),
        }
    }

    fn allows(&self, version: i64) -> bool {
        match self {
            Self::None | Self::Any => true,
            Self::Versions(versions) => versions.contains(&version),
        }
    }
}

/// The proof that server code, not a view, asks for private values. Whoever can name this type and make
/// one is on the server: the type is not compiled into the wasm.
#[derive(Debug)]
pub struct SecretAccess(());

impl SecretAccess {
    /// Asks for access to private values, saying what for; the reason goes to the log.
    pub fn for_server_code(reason: &'static str) -> Self {
        tracing::debug!(reason, "private data is read");
        Self(())
    }
}

/// The buckets of all users. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Buckets {
    db: Database,
    keys: Arc<KeyRing>,
    clock: Clock,
}

impl Buckets {
    /// The buckets in this database.
    pub fn new(db: Database, keys: Arc<KeyRing>, clock: Clock) -> Self {
        Self { db, keys, clock }
    }

    /// The signed-in user's public data.
    pub async fn public<T: DeserializeOwned>(&self, live: &LiveSession) -> Result<Versioned<T>> {
        let row = self.read(live.user_id(), Bucket::Public).await?;
        Ok(Versioned {
            data: typed(row.data)?,
            version: row.version,
        })
    }

    /// Merges a patch (RFC 7396) into the public data: keys it does not name stay, `null` removes.
    ///
    /// # Errors
    /// [`Error::VersionMismatch`], [`Error::TooLarge`]; [`Error::InvalidInput`] for a patch that is no object
    /// or holds a NUL; [`Error::Internal`] if the result is no `T`.
    pub async fn update_public<T: Serialize + DeserializeOwned>(
        &self,
        live: &LiveSession,
        patch: &Value,
        if_match: &IfMatch,
    ) -> Result<Versioned<T>> {
        let (data, version) = self.merge(live, Bucket::Public, patch, if_match).await?;
        Ok(Versioned {
            data: typed(data)?,
            version,
        })
    }

    /// Empties the public data.
    pub async fn clear_public(&self, live: &LiveSession, if_match: &IfMatch) -> Result<i64> {
        self.clear(live, Bucket::Public, if_match).await
    }

    /// A user's private data, for server code only.
    ///
    /// # Errors
    /// [`Error::Unopened`]; [`Error::Internal`] if it is no `T`.
    pub async fn private<T: DeserializeOwned>(&self, user_id: Uuid, _: &SecretAccess) -> Result<T> {
        let mut row = self.read(user_id, Bucket::Private).await?;
        row.data.remove(SET_AT);
        typed(row.data)
    }

    /// What may be told about the private data: which keys are set, when, and a masked hint.
    ///
    /// # Errors
    /// [`Error::Unopened`]
    pub async fn describe_private(&self, live: &LiveSession) -> Result<Versioned<Vec<PrivateKeyInfo>>> {
        let row = self.read(live.user_id(), Bucket::Private).await?;
        Ok(Versioned {
            data: describe(&row.data),
            version: row.version,
        })
    }

    /// Sets, replaces (a secret) or removes (`None`) private values; the answer tells what
    /// [`Self::describe_private`] would.
    ///
    /// # Errors
    /// [`Error::VersionMismatch`], [`Error::TooLarge`], [`Error::InvalidInput`] for a value with a NUL;
    /// [`Error::Unopened`] if what is there cannot be read: this would destroy it for good.
    pub async fn update_private(
        &self,
        live: &LiveSession,
        patch: Vec<(&'static str, Option<SecretString>)>,
        if_match: &IfMatch,
    ) -> Result<Versioned<Vec<PrivateKeyInfo>>> {
        use secrecy::ExposeSecret;
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
            .merge(live, Bucket::Private, &Value::Object(values), if_match)
            .await?;
        Ok(Versioned {
            data: describe(&data),
            version,
        })
    }

    /// Empties the private data.
    pub async fn clear_private(&self, live: &LiveSession, if_match: &IfMatch) -> Result<i64> {
        self.clear(live, Bucket::Private, if_match).await
    }

    /// How much a user's buckets hold; of their content nothing is told.
    pub(crate) async fn sizes(&self, user_id: Uuid) -> Result<Vec<DataSize>> {
        let rows: Vec<Measured> = sqlx::query_as(
            "SELECT bucket, client_id, CAST(data AS TEXT) AS data, version, updated_at FROM user_data
             WHERE user_id = $1 ORDER BY client_id, bucket DESC",
        )
        .bind(user_id)
        .fetch_all(self.db.read())
        .await?;
        rows.into_iter()
            .map(|row| {
                let owner = Owner {
                    user_id,
                    client_id: &row.client_id,
                    bucket: row.bucket,
                };
                // What cannot be read or opened takes its place all the same.
                let stored: Option<Map<String, Value>> = serde_json::from_str(&row.data).ok();
                let opened = stored.clone().and_then(|stored| self.open(owner, stored).ok());
                let bytes = match &opened {
                    Some(data) => serde_json::to_string(data).map_err(Error::internal)?.len(),
                    None => row.data.len(),
                };
                let keys = opened.or(stored).unwrap_or_default();
                Ok(DataSize {
                    bucket: row.bucket.name().to_owned(),
                    client_id: row.client_id,
                    bytes,
                    keys: keys
                        .keys()
                        .filter(|key| ![SET_AT, SEALED].contains(&key.as_str()))
                        .count(),
                    version: row.version,
                    updated_at: row.updated_at,
                })
            })
            .collect()
    }

    /// Seals with the newest key whatever another key has sealed, or none: afterwards the older ones may leave
    /// `SESSION_SECRET`. Answers how many rows. Those that cannot be opened stay as they are.
    ///
    /// # Errors
    /// Of the database; the rows before are done.
    pub async fn reseal(&self) -> Result<usize> {
        let newest = format!("%{}\"}}", self.keys.newest_ending());
        let (mut resealed, mut unopened) = (0, 0);
        let mut after = (Uuid::nil(), String::new());
        loop {
            let rows = sqlx::query(
                "SELECT user_id, client_id, data, version FROM user_data
                 WHERE bucket = $1 AND (user_id, client_id) > ($2, $3)
                   AND CAST(data AS TEXT) NOT LIKE $4 AND CAST(data AS TEXT) <> '{}'
                 ORDER BY user_id, client_id LIMIT $5",
            )
            .bind(Bucket::Private)
            .bind(after.0)
            .bind(&after.1)
            .bind(&newest)
            .bind(BATCH)
            .fetch_all(self.db.read())
            .await?;
            let Some(last) = rows.last() else { break };
            after = (last.try_get("user_id")?, last.try_get("client_id")?);
            for row in &rows {
                // Each by itself: one that is no object must not keep the others from their key.
                let Ok(Private {
                    user_id,
                    client_id,
                    data: Json(stored),
                    version,
                }) = Private::from_row(row)
                else {
                    unopened += 1;
                    continue;
                };
                let owner = Owner {
                    user_id,
                    client_id: &client_id,
                    bucket: Bucket::Private,
                };
                let Ok(data) = self.open(owner, stored) else {
                    unopened += 1;
                    continue;
                };
                // Not what was written meanwhile; and to its reader nothing has changed.
                let written = sqlx::query(
                    "UPDATE user_data SET data = $5
                     WHERE user_id = $1 AND client_id = $2 AND bucket = $3 AND version = $4",
                )
                .bind(user_id)
                .bind(&client_id)
                .bind(Bucket::Private)
                .bind(version)
                .bind(Json(self.seal(owner, data)?))
                .execute(self.db.write())
                .await?;
                resealed += usize::try_from(written.rows_affected()).unwrap_or(0);
            }
        }
        if resealed > 0 {
            tracing::info!(rows = resealed, "sealed private data with the newest key");
        }
        if unopened > 0 {
            tracing::error!(
                rows = unopened,
                "private data was left as it is: it is damaged, or sealed with keys that are not in SESSION_SECRET any more"
            );
        }
        Ok(resealed)
    }

    /// A bucket's data as it is stored.
    fn seal(&self, owner: Owner<'_>, data: Map<String, Value>) -> Result<Map<String, Value>> {
        // Empty it says nothing, and is told from the others at a glance.
        if owner.bucket == Bucket::Public || data.is_empty() {
            return Ok(data);
        }
        let text = serde_json::to_string(&data).map_err(Error::internal)?;
        let sealed = self.keys.seal_at(Purpose::PrivateData, &owner.place(), &text);
        Ok(Map::from_iter([(SEALED.to_owned(), sealed.into())]))
    }

    /// A bucket's data as it was before it was stored.
    fn open(&self, owner: Owner<'_>, stored: Map<String, Value>) -> Result<Map<String, Value>> {
        let sealed = match (owner.bucket, stored.get(SEALED)) {
            (Bucket::Private, Some(sealed)) => sealed.as_str().unwrap_or_default(),
            _ => return Ok(stored),
        };
        let opened = self.keys.open_at(Purpose::PrivateData, &owner.place(), sealed);
        let opened = opened.and_then(|text| serde_json::from_str(&text).ok());
        opened.ok_or(Error::Unopened(owner.user_id))
    }

    async fn read(&self, user_id: Uuid, bucket: Bucket) -> Result<Row> {
        let row: Option<Stored> = sqlx::query_as(SELECT)
            .bind(user_id)
            .bind(bucket)
            .fetch_optional(self.db.read())
            .await?;
        let row = row.map_or_else(Row::default, Row::from);
        Ok(Row {
            data: self.open(Owner::of(user_id, bucket), row.data)?,
            version: row.version,
        })
    }

    async fn merge(
        &self,
        live: &LiveSession,
        bucket: Bucket,
        patch: &Value,
        if_match: &IfMatch,
    ) -> Result<(Map<String, Value>, i64)> {
        // A merge patch that is no object would replace everything.
        if !patch.is_object() {
            return Err(Error::InvalidInput("a patch is an object"));
        }
        if has_nul(patch) {
            return Err(Error::InvalidInput(
                "a text holds a NUL, which not every engine stores",
            ));
        }
        let mut tx = self.db.begin().await?;
        let now = self.clock.now();
        let row = locked(&mut tx, live.user_id(), bucket, if_match, now).await?;
        let owner = Owner::of(live.user_id(), bucket);
        let mut document = Value::Object(self.open(owner, row.data)?);
        json_patch::merge(&mut document, patch);
        let text = serde_json::to_string(&document).map_err(Error::internal)?;
        if text.len() > MAX_BYTES || depth(&document) > MAX_DEPTH {
            return Err(Error::TooLarge);
        }
        let Value::Object(data) = document else {
            return Err(Error::internal("a bucket is an object"));
        };
        let version = row.version + 1;
        let stored = self.seal(owner, data.clone())?;
        write(&mut tx, live.user_id(), bucket, &stored, version, now).await?;
        tx.commit().await?;
        Ok((data, version))
    }

    async fn clear(&self, live: &LiveSession, bucket: Bucket, if_match: &IfMatch) -> Result<i64> {
        let mut tx = self.db.begin().await?;
        let now = self.clock.now();
        let row = locked(&mut tx, live.user_id(), bucket, if_match, now).await?;
        let version = row.version + 1;
        write(&mut tx, live.user_id(), bucket, &Map::new(), version, now).await?;
        tx.commit().await?;
        Ok(version)
    }
}

const SELECT: &str =
    "SELECT data, version FROM user_data WHERE user_id = $1 AND client_id = '' AND bucket = $2";

#[derive(sqlx::FromRow)]
struct Stored {
    data: Json<Map<String, Value>>,
    version: i64,
}

/// A private bucket as it is stored.
#[derive(sqlx::FromRow)]
struct Private {
    user_id: Uuid,
    client_id: String,
    data: Json<Map<String, Value>>,
    version: i64,
}

#[derive(sqlx::FromRow)]
struct Measured {
    bucket: Bucket,
    client_id: String,
    data: String,
    version: i64,
    updated_at: OffsetDateTime,
}

#[derive(Default)]
struct Row {
    data: Map<String, Value>,
    version: i64,
}

impl From<Stored> for Row {
    fn from(
        Stored {
            data: Json(data),
            version,
        }: Stored,
    ) -> Self {
        Self { data, version }
    }
}

/// The bucket, made if there is none and locked until the transaction ends: nobody else merges meanwhile.
async fn locked(
    tx: &mut Tx,
    user_id: Uuid,
    bucket: Bucket,
    if_match: &IfMatch,
    now: OffsetDateTime,
) -> Result<Row> {
    let stored: std::result::Result<Stored, _> = sqlx::query_as(
        "INSERT INTO user_data (user_id, client_id, bucket, data, version, updated_at) VALUES ($1, '', $2, $3, 0, $4)
         ON CONFLICT (user_id, client_id, bucket) DO UPDATE SET updated_at = user_data.updated_at
         RETURNING data, version",
    )
    .bind(user_id)
    .bind(bucket)
    .bind(Json(Map::new()))
    .bind(now)
    .fetch_one(&mut **tx)
    .await;
    let row = match stored {
        Ok(stored) => Row::from(stored),
        // The user was deleted a moment ago, and every session with it.
        Err(sqlx::Error::Database(cause)) if cause.is_foreign_key_violation() => {
            return Err(Error::NotSignedIn);
        }
        Err(error) => return Err(error.into()),
    };
    if if_match.allows(row.version) {
        Ok(row)
    } else {
        Err(Error::VersionMismatch)
    }
}

async fn write(
    tx: &mut Tx,
    user_id: Uuid,
    bucket: Bucket,
    data: &Map<String, Value>,
    version: i64,
    now: OffsetDateTime,
) -> Result<()> {
    sqlx::query(
        "UPDATE user_data SET data = $3, version = $4, updated_at = $5
         WHERE user_id = $1 AND client_id = '' AND bucket = $2",
    )
    .bind(user_id)
    .bind(bucket)
    .bind(Json(data))
    .bind(version)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

fn typed<T: DeserializeOwned>(data: Map<String, Value>) -> Result<T> {
    serde_json::from_value(Value::Object(data)).map_err(Error::internal)
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
                .unwrap_or(OffsetDateTime::UNIX_EPOCH),
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

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(fields) => fields
            .iter()
            .any(|(name, value)| name.contains('\0') || has_nul(value)),
        _ => false,
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
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

    #[test]
    fn if_match_compares_strongly() {
        assert!(IfMatch::parse(None).allows(7));
        assert!(IfMatch::parse(Some("*")).allows(7));
        assert!(IfMatch::parse(Some("\"7\"")).allows(7));
        assert!(IfMatch::parse(Some("\"6\", \"7\"")).allows(7));
        for other in ["\"6\"", "W/\"7\"", "7", "", "\"\""] {
            assert!(!IfMatch::parse(Some(other)).allows(7), "{other}");
        }
    }

    #[test]
    fn a_nul_is_found_wherever_it_is() {
        let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        for with in [
            r#""\u0000""#,
            r#"{"a":["b",{"c":"d\u0000"}]}"#,
            r#"{"a":{"b\u0000":1}}"#,
        ] {
            assert!(has_nul(&json(with)), "{with}");
        }
        assert!(!has_nul(&json(r#"{"a":["\\u0000","\u0001",0,null]}"#)));
    }

    #[test]
    fn depth_counts_containers() {
        assert_eq!(depth(&serde_json::json!({"a": [1, {"b": 2}]})), 3);
    }
}
