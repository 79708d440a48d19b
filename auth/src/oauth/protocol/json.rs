//! JSON as we take it from providers: an object in which no name occurs twice, and numbers however they are
//! written.
//!
//! Parsers disagree on which of two equal names counts (RFC 8259 §4), so a token that has both says one
//! thing to a program that checked it elsewhere and another to us. RFC 7519 §4 lets us refuse it.

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};

/// The members of an object.
pub(crate) type Object = Map<String, Value>;

/// Reads an object, to its very end; names are unique at every depth.
pub(crate) fn object(text: &[u8]) -> Result<Object, String> {
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

/// Whether a claim is there. One that is `null` is not (OpenID Connect Core §5.3.2).
pub(crate) fn has(claims: &Object, name: &str) -> bool {
    claims.get(name).is_some_and(|value| !value.is_null())
}

/// A count, of seconds for example, as a whole number, a decimal (`3599.0`) or either of them in a text:
/// providers write all four, and none can mean anything else. What is below zero or not a number is not a count.
pub(crate) fn count(value: &Value) -> Option<u64> {
    let whole = |decimal: f64| (decimal.is_finite() && decimal >= 0.0).then_some(decimal as u64);
    match value {
        Value::Number(number) => number.as_u64().or_else(|| number.as_f64().and_then(whole)),
        Value::String(text) => {
            let text = text.trim();
            text.parse().ok().or_else(|| text.parse().ok().and_then(whole))
        }
        _ => None,
    }
}

/// A whole number as a text, also where it is written as a decimal, as far as decimals are exact.
pub(crate) fn whole(number: &Number) -> Option<String> {
    const EXACT: f64 = (1_u64 << 53) as f64;
    if number.is_i64() || number.is_u64() {
        return Some(number.to_string());
    }
    let decimal = number.as_f64()?;
    (decimal.fract() == 0.0 && decimal.abs() < EXACT).then(|| (decimal as i64).to_string())
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
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_read_however_they_are_written() {
        for (value, count_of) in [
            (json!(3600), Some(3600)),
            (json!(3599.0), Some(3599)),
            (json!(3599.9), Some(3599)),
            (json!("3600"), Some(3600)),
            (json!("3600.0"), Some(3600)),
            (json!(" 3600 "), Some(3600)),
            (json!("3.6e3"), Some(3600)),
            (json!(0), Some(0)),
            (json!(u64::MAX), Some(u64::MAX)),
            (json!(1e300), Some(u64::MAX)),
            (json!(-1), None),
            (json!("-1"), None),
            (json!("inf"), None),
            (json!("NaN"), None),
            (json!("soon"), None),
            (json!(""), None),
            (json!(true), None),
            (json!([3600]), None),
            (json!(null), None),
        ] {
            assert_eq!(count(&value), count_of, "{value}");
        }
        let id = |value: Value| whole(value.as_number().unwrap());
        assert_eq!(id(json!(583_231)).as_deref(), Some("583231"));
        assert_eq!(id(json!(583_231.0)).as_deref(), Some("583231"));
        assert_eq!(id(json!(u64::MAX)), Some(u64::MAX.to_string()));
        // Two such numbers may be one decimal, and so two people one.
        assert_eq!(id(json!(9_007_199_254_740_993.0)), None);
        assert_eq!(id(json!(1.5)), None);
    }

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
