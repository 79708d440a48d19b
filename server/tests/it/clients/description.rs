//! `docs/openapi.json`, as a client's developer reads it.

use std::collections::BTreeSet;

use http::Method;
use regex::Regex;
use serde_json::{Map, Value};

use crate::support::Answer;

/// The description of the endpoints for clients.
pub struct Description(Value);

/// An operation and the status of an answer to it.
pub type Seen = (String, u16);

impl Description {
    pub fn read() -> Self {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");
        Self(serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap())
    }

    /// Every address.
    pub fn paths(&self) -> BTreeSet<&str> {
        self.0["paths"]
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect()
    }

    /// The methods of an address.
    pub fn methods(&self, path: &str) -> BTreeSet<Method> {
        let operations = self.0["paths"][path].as_object().unwrap();
        operations
            .keys()
            .map(|method| method.to_uppercase().parse().unwrap())
            .collect()
    }

    /// Every answer that is described.
    pub fn answers(&self) -> BTreeSet<Seen> {
        let mut found = BTreeSet::new();
        for path in self.paths() {
            for method in self.methods(path) {
                let responses = self.operation(&method, path)["responses"].as_object().unwrap();
                found.extend(
                    responses
                        .keys()
                        .map(|status| (format!("{method} {path}"), status.parse().unwrap())),
                );
            }
        }
        found
    }

    fn operation(&self, method: &Method, path: &str) -> &Value {
        let operation = &self.0["paths"][path][method.as_str().to_lowercase()];
        assert!(operation.is_object(), "{method} {path} is not described");
        operation
    }

    /// What a reference leads to.
    fn found<'a>(&'a self, part: &'a Value) -> &'a Value {
        match part.get("$ref").and_then(Value::as_str) {
            Some(to) => {
                let pointer = to.strip_prefix('#').unwrap();
                self.found(self.0.pointer(pointer).unwrap_or_else(|| panic!("no {to}")))
            }
            None => part,
        }
    }

    /// Asserts that an answer is as described.
    #[track_caller]
    pub fn check(&self, method: &Method, path: &str, answer: &Answer) -> Seen {
        let seen = (format!("{method} {path}"), answer.status);
        if let Err(why) = self.compare(self.operation(method, path), answer) {
            panic!("{seen:?}: {why}\n{}", answer.everything());
        }
        seen
    }

    fn compare(&self, operation: &Value, answer: &Answer) -> Result<(), String> {
        let responses = operation["responses"].as_object().unwrap();
        let response = responses
            .get(&answer.status.to_string())
            .ok_or("the status is not described")?;
        let response = self.found(response);
        for (name, header) in members(response, "headers") {
            let values: Vec<_> = answer.headers.get_all(name).iter().collect();
            if values.is_empty() {
                return Err(format!("the header {name} is missing"));
            }
            let schema = &self.found(header)["schema"];
            for value in values {
                let text = value.to_str().map_err(|error| error.to_string())?;
                let value = match schema["type"].as_str() {
                    Some("integer") => serde_json::from_str(text).map_err(|error| error.to_string())?,
                    _ => Value::from(text),
                };
                self.fits(schema, &value)
                    .map_err(|why| format!("{name}: {why}"))?;
            }
        }
        let kind = answer.header("content-type");
        let Some(kind) = kind.map(|kind| kind.split(';').next().unwrap_or(kind)) else {
            return match members(response, "content").next() {
                None if answer.body.is_empty() => Ok(()),
                _ => Err("there is no content type".to_owned()),
            };
        };
        let content = response.get("content").and_then(|content| content.get(kind));
        let content = content.ok_or_else(|| format!("the content type {kind} is not described"))?;
        match content.get("schema") {
            Some(schema) if kind == "application/json" => {
                let body = serde_json::from_slice(&answer.body).map_err(|error| error.to_string())?;
                self.fits(schema, &body)
            }
            _ => Ok(()),
        }
    }

    /// Whether a value is one of those that a schema describes. An unknown keyword is a mistake, so that none is passed
    /// over.
    pub fn fits(&self, schema: &Value, value: &Value) -> Result<(), String> {
        let schema = self.found(schema);
        for (keyword, rule) in schema.as_object().unwrap() {
            let holds = match keyword.as_str() {
                "title" | "description" => true,
                "type" => list(rule).any(|kind| is_a(value, kind.as_str().unwrap())),
                "const" => value == rule,
                "enum" => list(rule).any(|one| value == one),
                "pattern" => text(value).is_none_or(|text| regex(rule).is_match(text)),
                "format" => text(value).is_none_or(|text| has_format(text, rule.as_str().unwrap())),
                "minimum" => value
                    .as_i64()
                    .is_none_or(|number| number >= rule.as_i64().unwrap()),
                "minItems" => value
                    .as_array()
                    .is_none_or(|items| items.len() as u64 >= rule.as_u64().unwrap()),
                "required" => list(rule).all(|name| value.get(name.as_str().unwrap()).is_some()),
                "additionalProperties" => {
                    assert_eq!(rule, false);
                    let known = &schema["properties"];
                    let names = value.as_object().into_iter().flat_map(Map::keys);
                    names.into_iter().all(|name| known.get(name).is_some())
                }
                "properties" => {
                    for (name, rule) in rule.as_object().unwrap() {
                        if let Some(value) = value.get(name) {
                            self.fits(rule, value).map_err(|why| format!("{name}: {why}"))?;
                        }
                    }
                    true
                }
                "items" => {
                    for (place, value) in value.as_array().into_iter().flatten().enumerate() {
                        self.fits(rule, value).map_err(|why| format!("{place}: {why}"))?;
                    }
                    true
                }
                "oneOf" => list(rule).filter(|rule| self.fits(rule, value).is_ok()).count() == 1,
                unknown => return Err(format!("this test does not know the keyword {unknown}")),
            };
            if !holds {
                return Err(format!("{value} breaks the rule {keyword} {rule}"));
            }
        }
        Ok(())
    }
}

fn members<'a>(part: &'a Value, name: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    part.get(name).and_then(Value::as_object).into_iter().flatten()
}

/// The values of a list, or the one value.
fn list(rule: &Value) -> impl Iterator<Item = &Value> {
    match rule {
        Value::Array(values) => values.iter(),
        value => std::slice::from_ref(value).iter(),
    }
}

fn text(value: &Value) -> Option<&str> {
    value.as_str()
}

fn regex(rule: &Value) -> Regex {
    Regex::new(rule.as_str().unwrap()).unwrap()
}

fn is_a(value: &Value, kind: &str) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        unknown => panic!("this test does not know the type {unknown}"),
    }
}

fn has_format(text: &str, format: &str) -> bool {
    match format {
        "uuid" => text.parse::<uuid::Uuid>().is_ok_and(|id| id.to_string() == text),
        "date-time" => {
            time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).is_ok()
        }
        "uri" => url::Url::parse(text).is_ok(),
        unknown => panic!("this test does not know the format {unknown}"),
    }
}
