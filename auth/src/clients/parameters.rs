//! The parameters of a client's request: a form, or the query of the authorization request.

use std::collections::BTreeSet;

use percent_encoding::percent_decode;
use secrecy::{ExposeSecret, SecretString};

use super::refusal::{Outcome, Refusal};

/// Decoded parameters, each at most once. Some are secrets, so it has no Debug.
pub struct Parameters(Vec<(String, SecretString)>);

impl Parameters {
    /// Parses a form or a query.
    ///
    /// # Errors
    /// [`Refusal::InvalidRequest`] if a name occurs twice (RFC 6749 §3.1 and §3.2) or something cannot be decoded.
    pub fn parse(text: &[u8]) -> Outcome<Self> {
        let parameters = text
            .split(|byte| *byte == b'&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = match pair.iter().position(|byte| *byte == b'=') {
                    Some(at) => (&pair[..at], &pair[at + 1..]),
                    None => (pair, &[][..]),
                };
                Some((decoded(name)?, decoded(value)?))
            })
            .collect::<Option<Vec<_>>>()
            .ok_or(Refusal::InvalidRequest("A parameter cannot be decoded."))?;
        let names: BTreeSet<&str> = parameters.iter().map(|(name, _)| name.as_str()).collect();
        if names.len() < parameters.len() {
            return Err(Refusal::InvalidRequest("A parameter occurs more than once."));
        }
        let parameters = parameters
            .into_iter()
            .map(|(name, value)| (name, value.into()))
            .collect();
        Ok(Self(parameters))
    }

    /// The value of a parameter. An empty one counts as absent (RFC 6749 §3.1).
    pub fn optional(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(found, _)| found == name)?;
        Some(value.expose_secret()).filter(|value| !value.is_empty())
    }

    /// The value of a parameter that must be there.
    ///
    /// # Errors
    /// [`Refusal::Missing`]
    pub fn required(&self, name: &'static str) -> Outcome<&str> {
        self.optional(name).ok_or(Refusal::Missing(name))
    }
}

/// One part of a form. The usual parsers replace what is not UTF-8, and this must not pass for what was meant.
fn decoded(part: &[u8]) -> Option<String> {
    let is_escape =
        |rest: &[u8]| matches!(rest, [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit());
    let mut after = part.split(|byte| *byte == b'%').skip(1);
    if !after.all(is_escape) {
        return None;
    }
    let spaced: Vec<u8> = part
        .iter()
        .map(|byte| if *byte == b'+' { b' ' } else { *byte })
        .collect();
    String::from_utf8(percent_decode(&spaced).collect()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_occurs_once_and_is_text() {
        let parameters = Parameters::parse(b"a=1&b=&c=%C3%A9+x&d").unwrap();
        assert_eq!(parameters.optional("a"), Some("1"));
        assert_eq!(parameters.optional("c"), Some("\u{e9} x"));
        for absent in ["b", "d", "e"] {
            assert_eq!(parameters.optional(absent), None, "{absent}");
        }
        // The replacement character is a character like others.
        let replaced = Parameters::parse("a=\u{fffd}&b=%EF%BF%BD&&c=x=y".as_bytes()).unwrap();
        assert_eq!(replaced.optional("a"), Some("\u{fffd}"));
        assert_eq!(replaced.optional("b"), Some("\u{fffd}"));
        assert_eq!(replaced.optional("c"), Some("x=y"));
        assert_eq!(parameters.required("b").err(), Some(Refusal::Missing("b")));
        for bad in [
            &b"a=1&a=1"[..],
            b"a=1&%61=2",
            b"a=%FF",
            b"%FF=a",
            b"a=\xff",
            b"a=%",
            b"a=%4",
            b"a=%zz",
            b"a=%%41",
        ] {
            assert!(
                matches!(Parameters::parse(bad).err(), Some(Refusal::InvalidRequest(_))),
                "{}",
                String::from_utf8_lossy(bad)
            );
        }
    }
}
