//! Microsoft's own behaviour: one set of endpoints serves many issuers, and addresses are not verified.
//!
//! With the tenant `common`, the metadata has a template in place of an issuer. The user's tenant is in the ID token
//! (`tid`), and the issuer must be that of exactly this tenant.

use serde_json::Value;
use uuid::Uuid;

use super::{
    generic::GENERIC,
    preset::{AuthTime, Avatar, Known, Offline, Preset, Subject, Tenants, TokenAuth, Userinfo, Verified},
};
use crate::oauth::protocol::json::Object;

/// Microsoft's preset.
pub(crate) const PRESET: Preset = Preset {
    id: "microsoft",
    name: "Microsoft",
    endpoints: Known::Tenants(Tenants {
        issuer: |name| Ok(issuer(&name.map_or(Ok("common".to_owned()), tenant)?)),
        is_issuer_of,
        issuer_for,
        key_is_of,
        is_named_by: |issuer, iss| issuer.contains(PLACEHOLDER) && fits(issuer, iss),
    }),
    token_auth: TokenAuth::Post,
    offline: Offline {
        scopes: &["offline_access"],
        ..Offline::UNASKED
    },
    // It only repeats the ID token.
    userinfo: Userinfo::Never,
    // `sub` differs between applications, and `oid` is unique only within its tenant.
    subject: Subject::Joined("/tid", "/oid"),
    verified: Verified::By(vouches),
    avatar: Avatar::None,
    // Microsoft asks for the password, but states the time only to applications with the optional claim
    // `auth_time`.
    fresh: &[("prompt", "login")],
    auth_time: AuthTime::IfSent,
    ..GENERIC
};

/// The placeholder for the tenant in the template.
const PLACEHOLDER: &str = "{tenantid}";
/// The tenant that all personal accounts belong to.
const PERSONAL: &str = "9188040d-6c67-4b5b-b112-36a304b66dad";

/// Reads `MICROSOFT_TENANT`: a tenant's id or domain, or `common`, `organizations`, `consumers`.
fn tenant(text: &str) -> Result<String, String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    if text.len() <= 255 && text.bytes().all(is_plain) {
        Ok(text.to_owned())
    } else {
        Err("is not a tenant: an id, a domain, common, organizations or consumers".to_owned())
    }
}

/// The issuer under which the metadata of a tenant is found.
fn issuer(tenant: &str) -> String {
    format!("https://login.microsoftonline.com/{tenant}/v2.0")
}

/// Whether metadata found under `configured` may state `found` as its issuer: the same issuer, with the placeholder
/// or a tenant's id in place of the tenant's name.
fn is_issuer_of(configured: &str, found: &str) -> bool {
    let Some(((authority, tenant), (other, id))) = split(configured).zip(split(found)) else {
        return false;
    };
    let fits = match tenant {
        "common" | "organizations" => id == PLACEHOLDER,
        "consumers" => id == PERSONAL,
        // A domain stands for the tenant that owns it. An id stands only for itself.
        _ => is_tenant_id(id) && !is_tenant_id(tenant),
    };
    authority == other && fits
}

/// The issuer that an ID token with these claims must have, if the metadata's issuer is a template.
fn issuer_for(configured: &str, found: &str, claims: &Object) -> Result<String, String> {
    if !found.contains(PLACEHOLDER) {
        return Ok(found.to_owned());
    }
    let tid = claims
        .get("tid")
        .and_then(Value::as_str)
        .filter(|tid| is_tenant_id(tid))
        .ok_or("tid is not a tenant id")?;
    match split(configured) {
        Some((_, "organizations")) if tid == PERSONAL => {
            Err("a personal account, but only organizations are accepted".into())
        }
        _ => Ok(found.replace(PLACEHOLDER, tid)),
    }
}

/// Whether a key may sign this issuer's tokens. One set of keys serves every tenant and also other clouds. Each key
/// states its issuer: a single one or, by the template, every tenant.
fn key_is_of(key_issuer: &str, issuer: &str) -> bool {
    key_issuer == issuer || (key_issuer.contains(PLACEHOLDER) && fits(key_issuer, issuer))
}

/// Whether the `iss` parameter of a callback (RFC 9207) fits a template.
fn fits(template: &str, iss: &str) -> bool {
    split(template)
        .zip(split(iss))
        .is_some_and(|((one, _), (other, tid))| one == other && is_tenant_id(tid))
}

/// Whether Microsoft vouches for the address. By default it does not: an administrator of any tenant can write any
/// address into `email` ("nOAuth"). The optional claim `xms_edov` states that the domain's owner has been verified.
/// It is a boolean, a number or a text.
fn vouches(claims: &Value, email: &str) -> bool {
    let owner_verified = match claims.get("xms_edov") {
        Some(Value::Bool(value)) => *value,
        Some(Value::Number(value)) => value.as_u64() == Some(1),
        Some(Value::String(value)) => matches!(value.as_str(), "1" | "true"),
        _ => false,
    };
    let listed = claims.get("verified_primary_email").and_then(Value::as_array);
    owner_verified || listed.is_some_and(|list| list.iter().any(|one| one.as_str() == Some(email)))
}

/// Splits `{authority}/{tenant}/v2.0` into authority and tenant.
fn split(issuer: &str) -> Option<(&str, &str)> {
    issuer.strip_suffix("/v2.0")?.rsplit_once('/')
}

/// Whether the text is an id in the one spelling that Microsoft uses, since issuers are compared byte for byte.
fn is_tenant_id(text: &str) -> bool {
    Uuid::try_parse(text).is_ok_and(|id| id.hyphenated().to_string() == text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::oauth::account::profile::testing::{ADA, NAME, assert_reads};

    const TID: &str = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490";

    fn claims(tid: &str) -> Object {
        [("tid".to_owned(), json!(tid))].into_iter().collect()
    }

    #[test]
    fn metadata_may_name_a_template_or_a_tenants_id() {
        assert!(is_issuer_of(&issuer("common"), &issuer(PLACEHOLDER)));
        assert!(is_issuer_of(&issuer("organizations"), &issuer(PLACEHOLDER)));
        assert!(is_issuer_of(&issuer("consumers"), &issuer(PERSONAL)));
        assert!(!is_issuer_of(&issuer("consumers"), &issuer(TID)));
        assert!(is_issuer_of(&issuer("corp.example"), &issuer(TID)));
        assert!(!is_issuer_of(&issuer("common"), &issuer(TID)));
        assert!(!is_issuer_of(&issuer(TID), &issuer(PERSONAL)));
        assert!(!is_issuer_of(&issuer("corp.example"), &issuer(PLACEHOLDER)));
        assert!(!is_issuer_of(
            &issuer("common"),
            "https://evil.example/{tenantid}/v2.0"
        ));
    }

    #[test]
    fn the_issuer_is_the_tenants_own() {
        let (common, template) = (issuer("common"), issuer(PLACEHOLDER));
        assert_eq!(issuer_for(&common, &template, &claims(TID)).unwrap(), issuer(TID));
        assert_eq!(
            issuer_for(&common, &template, &claims(PERSONAL)).unwrap(),
            issuer(PERSONAL)
        );
        assert!(issuer_for(&issuer("organizations"), &template, &claims(PERSONAL)).is_err());
        for bad in ["", "common", "x/../y", &TID.to_uppercase(), &TID.replace('-', "")] {
            assert!(issuer_for(&common, &template, &claims(bad)).is_err(), "{bad}");
        }
        assert!(issuer_for(&common, &template, &Object::new()).is_err());
        assert_eq!(
            issuer_for("x", &issuer(TID), &Object::new()).unwrap(),
            issuer(TID)
        );
        assert!(key_is_of(&template, &issuer(TID)) && key_is_of(&issuer(TID), &issuer(TID)));
        assert!(!key_is_of(&issuer(PERSONAL), &issuer(TID)) && !key_is_of("", &issuer(TID)));
        let elsewhere = format!("https://login.evil.example/{PLACEHOLDER}/v2.0");
        assert!(!key_is_of(&elsewhere, &issuer(TID)) && !key_is_of(&issuer("common"), &issuer(TID)));
        assert!(fits(&template, &issuer(TID)));
        assert!(!fits(&template, &issuer("common")) && !fits(&template, &format!("{}/", issuer(TID))));
    }

    #[test]
    fn an_address_is_vouched_for_by_optional_claims_only() {
        let vouched = |value| vouches(&value, "ada@corp.example");
        for yes in [json!(true), json!("1"), json!(1), json!("true")] {
            assert!(vouched(json!({ "xms_edov": yes })), "{yes}");
        }
        for no in [
            json!(false),
            json!("0"),
            json!(0),
            json!(2),
            json!(null),
            json!("yes"),
            json!([true]),
        ] {
            assert!(!vouched(json!({ "xms_edov": no })), "{no}");
        }
        assert!(vouched(
            json!({ "verified_primary_email": ["x@y.example", "ada@corp.example"] })
        ));
        assert!(!vouched(
            json!({ "verified_primary_email": ["x@y.example"], "email_verified": true })
        ));
    }

    #[test]
    fn a_profile_is_read_by_its_row() {
        let tid = TID;
        assert_reads(
            &PRESET,
            json!({ "sub": "pairwise", "tid": tid, "oid": "o", "email": "ada@example.com", "name": "Ada", "email_verified": true }),
            (&format!("{tid}.o"), ADA, false, NAME, None),
        );
        assert_reads(
            &PRESET,
            json!({ "sub": "pairwise", "tid": tid, "email": "ada@example.com", "xms_edov": "1" }),
            ("pairwise", ADA, true, None, None),
        );
    }
}
