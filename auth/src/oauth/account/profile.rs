//! From a provider's claims to what we know of a person, by the paths and rules of the provider's row.

use serde_json::Value;

use crate::{
    email::Email,
    oauth::{
        protocol::{
            id_token::is_subject,
            json::{self, Object},
        },
        providers::preset::{Avatar, Preset, Subject, Verified},
    },
    users::{clean_avatar, clean_name},
};

/// What a provider says of a person.
#[derive(Debug)]
pub(crate) struct Profile {
    /// The person's id there: with the provider it is the account's key, for good. Never an address or a
    /// name, which change hands.
    pub(crate) subject: String,
    /// The address in normal form.
    pub(crate) email: Option<Email>,
    /// Whether the provider vouches for it.
    pub(crate) email_verified: bool,
    pub(crate) name: Option<String>,
    pub(crate) avatar_url: Option<String>,
}

/// Reads claims by a provider's row.
pub(crate) fn read(row: &Preset, claims: &Value) -> Result<Profile, String> {
    for (pointer, wanted) in row.required {
        let found = claims.pointer(pointer).filter(|value| !value.is_null());
        let holds = match found {
            None => true,
            Some(Value::Bool(value)) => value.to_string() == *wanted,
            Some(value) => value.as_str() == Some(wanted),
        };
        if !holds {
            return Err(format!("{pointer} is not {wanted}"));
        }
    }
    let subject = subject(row.subject, claims).ok_or("there is no usable subject")?;
    let address = text(claims, row.email);
    let email: Option<Email> = address.and_then(|address| address.parse().ok());
    let vouched = match row.verified {
        Verified::True(pointer) => claims.pointer(pointer) == Some(&Value::Bool(true)),
        Verified::TrueOrText(pointer) => match claims.pointer(pointer) {
            Some(Value::Bool(value)) => *value,
            Some(Value::String(value)) => value == "true",
            _ => false,
        },
        Verified::IfPresent => true,
        Verified::Never => false,
        Verified::By(vouches) => address.is_some_and(|address| vouches(claims, address)),
    };
    let avatar_url = match row.avatar {
        Avatar::None => None,
        Avatar::Claim(pointers) => pointers
            .iter()
            .find_map(|pointer| text(claims, pointer))
            .map(str::to_owned),
        Avatar::Of(avatar) => avatar(claims),
    };
    Ok(Profile {
        subject,
        email_verified: vouched && email.is_some(),
        email,
        name: row
            .names
            .iter()
            .find_map(|pointer| text(claims, pointer).and_then(clean_name)),
        avatar_url: avatar_url.as_deref().and_then(clean_avatar),
    })
}

/// A text that is there and not blank.
fn text<'a>(claims: &'a Value, pointer: &str) -> Option<&'a str> {
    claims
        .pointer(pointer)
        .and_then(Value::as_str)
        .filter(|text| !text.trim().is_empty())
}

/// The subject that claims are about, by the row's rule.
pub(crate) fn subject(rule: Subject, claims: &Value) -> Option<String> {
    let subject = match rule {
        Subject::Claim(pointer) => id(claims.pointer(pointer)?)?,
        Subject::Joined(one, other) => match (
            claims.pointer(one).and_then(id),
            claims.pointer(other).and_then(id),
        ) {
            (Some(one), Some(other)) => format!("{one}.{other}"),
            _ => id(claims.pointer("/sub")?)?,
        },
    };
    is_subject(&subject).then_some(subject)
}

/// An id, as a text also where it comes as a number. A number that is not whole is not an id.
fn id(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => json::whole(number),
        _ => None,
    }
}

/// The ID token's claims, completed by userinfo's.
///
/// An address and the word on it stay together: one source's `email_verified` must never vouch for the
/// other's `email`.
pub(crate) fn merge(mut id_token: Object, mut userinfo: Object) -> Object {
    let has_email = id_token
        .get("email")
        .and_then(Value::as_str)
        .is_some_and(|email| !email.trim().is_empty());
    let weaker = if has_email { &mut userinfo } else { &mut id_token };
    for claim in ["email", "email_verified"] {
        weaker.remove(claim);
    }
    userinfo.extend(id_token.into_iter().filter(|(_, value)| !value.is_null()));
    userinfo
}

/// Claims about the token rather than the person, which are not kept.
const OF_THE_TOKEN: [&str; 13] = [
    "iss",
    "aud",
    "azp",
    "exp",
    "iat",
    "nbf",
    "nonce",
    "at_hash",
    "c_hash",
    "s_hash",
    "jti",
    "sid",
    "auth_time",
];
/// The most that is kept of a person's claims, in bytes.
const MAX_KEPT: usize = 16 * 1024;

/// What is kept of the claims, for a fork that wants more of them than this template shows.
pub(crate) fn kept(claims: Value) -> Value {
    let Value::Object(mut claims) = claims else {
        return Value::Object(Object::new());
    };
    claims.retain(|name, _| !OF_THE_TOKEN.contains(&name.as_str()));
    let claims = without_nul(Value::Object(claims));
    if claims.to_string().len() <= MAX_KEPT {
        claims
    } else {
        Value::Object(Object::new())
    }
}

/// The same without the one character that not every engine stores.
fn without_nul(value: Value) -> Value {
    match value {
        Value::String(text) => text.replace('\0', "").into(),
        Value::Array(items) => items.into_iter().map(without_nul).collect(),
        Value::Object(members) => members
            .into_iter()
            .map(|(name, value)| (name.replace('\0', ""), without_nul(value)))
            .collect(),
        other => other,
    }
}

/// What the tests of each provider are written with.
#[cfg(test)]
pub(crate) mod testing {
    use serde_json::json;

    use super::*;

    /// (subject, address, verified, name, avatar)
    type Row<'a> = (&'a str, Option<&'a str>, bool, Option<&'a str>, Option<&'a str>);

    pub(crate) const ADA: Option<&str> = Some("ada@example.com");
    pub(crate) const NAME: Option<&str> = Some("Ada");
    pub(crate) const PICTURE: Option<&str> = Some("https://img.example/a.png");

    /// Claims as the standard has them.
    pub(crate) fn oidc() -> Value {
        json!({
            "sub": "1", "email": "Ada@Example.com", "email_verified": true, "name": "Ada",
            "picture": "https://img.example/a.png",
        })
    }

    #[track_caller]
    pub(crate) fn assert_reads(preset: &Preset, claims: Value, expected: Row<'_>) {
        let profile = read(preset, &claims).unwrap();
        let found: Row<'_> = (
            &profile.subject,
            profile.email.as_ref().map(Email::as_str),
            profile.email_verified,
            profile.name.as_deref(),
            profile.avatar_url.as_deref(),
        );
        assert_eq!(found, expected, "{}", preset.id);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{testing::*, *};
    use crate::oauth::providers::generic::{GENERIC, PLAIN};

    #[test]
    fn a_provider_that_keeps_to_the_standard_is_read_by_it() {
        assert_reads(&GENERIC, oidc(), ("1", ADA, true, NAME, PICTURE));
    }

    #[test]
    fn verified_is_json_true_and_nothing_else_unless_a_row_says_so() {
        let claims =
            |verified: Value| json!({ "sub": "1", "email": "ada@example.com", "email_verified": verified });
        for no in [
            json!(false),
            json!(null),
            json!("true"),
            json!(1),
            json!("1"),
            json!([true]),
        ] {
            assert!(
                !read(&GENERIC, &claims(no.clone())).unwrap().email_verified,
                "{no}"
            );
        }
        let text = Preset {
            verified: Verified::TrueOrText("/email_verified"),
            ..GENERIC
        };
        let verified = |claim| read(&text, &claims(claim)).unwrap().email_verified;
        assert!(verified(json!(true)) && verified(json!("true")));
        for no in [
            json!("false"),
            json!("True"),
            json!("TRUE"),
            json!(1),
            json!(null),
        ] {
            assert!(!verified(no.clone()), "{no}");
        }
        let without = read(&GENERIC, &json!({ "sub": "1", "email_verified": true })).unwrap();
        assert!(without.email.is_none() && !without.email_verified);
    }

    #[test]
    fn odd_claims_are_left_out_and_odd_subjects_refused() {
        let profile = read(
            &GENERIC,
            &json!({ "sub": "1", "email": "a@b.example,c@d.example", "email_verified": true, "name": " \u{7}", "preferred_username": "ada", "picture": "javascript:alert(1)" }),
        )
        .unwrap();
        assert!(profile.email.is_none() && !profile.email_verified && profile.avatar_url.is_none());
        assert_eq!(profile.name.as_deref(), Some("ada"));
        let long = read(&GENERIC, &json!({ "sub": "1", "name": "\u{1f600}".repeat(1000), "picture": format!("https://x.example/{}", "a".repeat(5000)) })).unwrap();
        assert_eq!((long.name.unwrap().chars().count(), long.avatar_url), (100, None));
        for bad in [
            json!({}),
            json!({ "id": 1.5 }),
            json!({ "id": "" }),
            json!({ "id": true }),
            json!({ "id": "x".repeat(256) }),
            json!({ "id": "1\0" }),
            json!({ "id": [1] }),
        ] {
            assert!(read(&PLAIN, &bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_address_is_never_verified_by_the_other_source() {
        let object = |value: Value| value.as_object().unwrap().clone();
        let merged = |one: Value, other: Value| Value::Object(merge(object(one), object(other)));
        assert_eq!(
            merged(
                json!({ "sub": "1", "email": "a" }),
                json!({ "sub": "1", "email": "b", "email_verified": true, "name": "n" })
            ),
            json!({ "sub": "1", "email": "a", "name": "n" })
        );
        assert_eq!(
            merged(
                json!({ "sub": "1", "email_verified": true, "name": "m" }),
                json!({ "email": "b", "name": "n" })
            ),
            json!({ "sub": "1", "email": "b", "name": "m" })
        );
    }

    #[test]
    fn a_claim_that_is_null_is_not_there() {
        let object = |value: Value| value.as_object().unwrap().clone();
        let id_token = object(json!({ "sub": "1", "name": null, "email": null, "email_verified": null }));
        assert!(
            json::has(&id_token, "sub") && !json::has(&id_token, "email") && !json::has(&id_token, "picture")
        );
        let userinfo = object(json!({ "sub": "1", "name": "Ada", "email": "a", "email_verified": true }));
        let merged = Value::Object(merge(id_token, userinfo));
        assert_eq!(
            merged,
            json!({ "sub": "1", "name": "Ada", "email": "a", "email_verified": true })
        );
    }

    #[test]
    fn claims_are_kept_without_nul() {
        assert_eq!(
            kept(json!({ "a\0b": ["\0", { "c\0": "d\0\0e" }, 1, null, "\n"], "f": "\0" })),
            json!({ "ab": ["", { "c": "de" }, 1, null, "\n"], "f": "" })
        );
    }

    #[test]
    fn claims_of_the_token_are_not_kept() {
        let claims = kept(json!({ "sub": "1", "nonce": "n", "at_hash": "h", "groups": ["a"] }));
        assert_eq!(claims, json!({ "sub": "1", "groups": ["a"] }));
        assert_eq!(kept(json!({ "x": "x".repeat(MAX_KEPT) })), json!({}));
    }
}
