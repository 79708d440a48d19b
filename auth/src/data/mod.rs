//! Buckets of data per user. Each is typed by the application; this module knows JSON objects.
//!
//! - *public*: its owner's browser may read and write it.
//! - *private*: only server code reads it, and it is sealed at rest. <!-- wing:private-data -->

mod if_match;
pub(crate) mod private; // wing:private-data
pub(crate) mod public;
pub(crate) mod table;

use std::sync::Arc; // wing:private-data

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use self::table::Bucket;
pub use self::{
    if_match::IfMatch,
    private::SecretAccess, // wing:private-data
};
use crate::{
    clock::Clock,
    config::Config, // wing:data-rights
    db::{Database, Tx},
    error::{Error, Result},
    keys::KeyRing, // wing:private-data
    session::Marks,
};

/// The largest size of a bucket, in bytes of JSON text.
pub const MAX_BYTES: usize = 256 * 1024;
/// The deepest nesting of a bucket.
pub const MAX_DEPTH: usize = 32;

/// A bucket's content and the version that an `ETag` names. At version 0 nothing was ever written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Versioned<T> {
    /// The content.
    pub data: T,
    /// Rises by one with every write.
    pub version: i64,
}

/// The buckets of all users. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Buckets {
    pub(crate) db: Database,
    keys: Arc<KeyRing>, // wing:private-data
    clock: Clock,
    marks: Marks,
}

/// How a bucket is stored in its column.
pub(crate) trait AtRest {
    /// Converts a bucket's data to its stored form.
    fn close(&self, data: Map<String, Value>) -> Result<Map<String, Value>>;
    /// Converts stored data back.
    fn open(&self, stored: Map<String, Value>) -> Result<Map<String, Value>>;
}

/// Stores data as it is.
pub(crate) struct InClear;

impl AtRest for InClear {
    fn close(&self, data: Map<String, Value>) -> Result<Map<String, Value>> {
        Ok(data)
    }

    fn open(&self, stored: Map<String, Value>) -> Result<Map<String, Value>> {
        Ok(stored)
    }
}

impl Buckets {
    /// The buckets in this database.
    pub(crate) fn new(
        db: Database,
        keys: Arc<KeyRing>, // wing:private-data
        clock: Clock,
        marks: Marks,
    ) -> Self {
        Self {
            db,
            keys, // wing:private-data
            clock,
            marks,
        }
    }

    // wing:data-rights
    /// The same at the command line. The configuration is that of the running servers.
    pub fn at_command_line(config: &Config, db: Database) -> Self {
        let clock = Clock::system();
        let marks = Marks::new(clock.clone(), config.lifetimes.snapshot);
        Self::new(
            db,
            Arc::new(KeyRing::new(&config.secrets)), // wing:private-data
            clock,
            marks,
        )
    }
    // end wing:data-rights

    // wing:private-data
    pub(crate) async fn merge(
        &self,
        bucket: &Bucket<'_>,
        at_rest: &impl AtRest,
        patch: &Value,
        if_match: &IfMatch,
    ) -> Result<(Map<String, Value>, i64)> {
        let mut tx = self.db.begin().await?;
        let merged = self.merge_in(&mut tx, bucket, at_rest, patch, if_match).await?;
        tx.commit().await?;
        Ok(merged)
    }
    // end wing:private-data

    /// Merges in the caller's transaction.
    pub(crate) async fn merge_in(
        &self,
        tx: &mut Tx,
        bucket: &Bucket<'_>,
        at_rest: &impl AtRest,
        patch: &Value,
        if_match: &IfMatch,
    ) -> Result<(Map<String, Value>, i64)> {
        // A merge patch that is not an object would replace everything.
        if !patch.is_object() {
            return Err(Error::InvalidInput("a patch is an object"));
        }
        if has_nul(patch) {
            return Err(Error::InvalidInput(
                "a text contains a NUL character, which not every database can store",
            ));
        }
        let now = self.clock.now();
        let row = table::locked(tx, bucket, if_match, now).await?;
        let mut document = Value::Object(at_rest.open(row.data)?);
        json_patch::merge(&mut document, patch);
        let text = serde_json::to_string(&document).map_err(Error::internal)?;
        if text.len() > MAX_BYTES || depth(&document) > MAX_DEPTH {
            return Err(Error::TooLarge);
        }
        let Value::Object(data) = document else {
            return Err(Error::internal("a bucket is an object"));
        };
        let version = row.version + 1;
        let stored = at_rest.close(data.clone())?;
        table::write(tx, bucket, &stored, version, now).await?;
        Ok((data, version))
    }

    // wing:private-data
    pub(crate) async fn clear(&self, bucket: &Bucket<'_>, if_match: &IfMatch) -> Result<i64> {
        let mut tx = self.db.begin().await?;
        let version = self.clear_in(&mut tx, bucket, if_match).await?;
        tx.commit().await?;
        Ok(version)
    }
    // end wing:private-data

    /// Clears in the caller's transaction.
    pub(crate) async fn clear_in(&self, tx: &mut Tx, bucket: &Bucket<'_>, if_match: &IfMatch) -> Result<i64> {
        let now = self.clock.now();
        let row = table::locked(tx, bucket, if_match, now).await?;
        let version = row.version + 1;
        table::write(tx, bucket, &Map::new(), version, now).await?;
        Ok(version)
    }
}

pub(crate) fn typed<T: DeserializeOwned>(data: Map<String, Value>) -> Result<T> {
    serde_json::from_value(Value::Object(data)).map_err(Error::internal)
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
