//! JSON as we take it from tokens: an object in which no name occurs twice.
//!
//! Parsers disagree on which of two equal names counts (RFC 8259 §4), so a token that has both says one
//! thing to whoever checked it elsewhere and another to us. RFC 7519 §4 lets us refuse it.

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};

/// The members of an object.
pub(super) type Object = Map<String, Value>;

/// Reads an object, to its very end; names are unique at every depth.
pub(super) fn object(text: &[u8]) -> Result<Object, String> {
    match serde_json::from_slice(text) {
        Ok(Unique(Value::Object(object))) => Ok(object),
        Ok(_) => Err("is not a JSON object".to_owned()),
        // The category and the place, nothing of the text.
        Err(error) => Err(format!(
            "is not usable JSON ({:?} error in column {})",
            error.classify(),
            error.column()
        )),
    }
}

struct Unique(Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueVisitor).map(Self)
    }
}

struct UniqueVisitor;

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(Unique(item)) = items.next_element()? {
            array.push(item);
        }
        Ok(array.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Object::new();
        while let Some((name, Unique(value))) = members.next_entry::<String, Unique>()? {
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom("a name occurs twice"));
            }
        }
        Ok(object.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_read_whole_or_not_at_all() {
        let text = br#"{"a":[1,-2,0.5,null,true,"x"],"b":{"c":{}}}"#;
        assert_eq!(
            Value::Object(object(text).unwrap()),
            serde_json::from_slice::<Value>(text).unwrap()
        );
        for bad in [
            &b""[..],
            b"[]",
            b"1",
            b"{\"a\":1}x",
            b"{\"a\":1,\"a\":1}",
            b"{\"a\":{\"b\":1,\"b\":2}}",
            b"{\"a\":1,}",
            b"{\"a\":\"\xff\"}",
            b"{\"a\":[{\"b\":1,\"b\":2}]}",
        ] {
            assert!(object(bad).is_err(), "{bad:?}");
        }
        assert!(object(&[&b"{\"a\":"[..], &b"[".repeat(100_000), b"]}"].concat()).is_err());
    }
}
