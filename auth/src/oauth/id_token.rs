//! The ID token: the provider's signed word on who signed in, and all that is checked before we take it.
//!
//! `openidconnect` reads the keys and verifies the signatures. The claims are checked here, since its own
//! verifier leaves out `azp`, the age of `iat`, `nbf`, `at_hash` and leeway, and parses every standard
//! claim first: one unusual profile claim (Apple's `"email_verified": "true"`, Auth0's `updated_at`) and
//! nobody signs in. The order is that of OpenID Connect Core §3.1.3.7.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use openidconnect::{
    JsonWebKey, JsonWebKeyAlgorithm, JsonWebKeyUse, JwsSigningAlgorithm,
    core::{CoreJsonWebKey, CoreJwsSigningAlgorithm},
};
use serde_json::Value;
use subtle::ConstantTimeEq;

use super::{
    json::{self, Object},
    profile::is_subject,
};

/// The largest token that is looked at.
const MAX_BYTES: usize = 64 * 1024;
/// How far two clocks may be apart.
const LEEWAY: i64 = 60;
/// The oldest token: it was made for this very callback, moments ago.
const MAX_AGE: i64 = 600;
/// The weakest RSA key (RFC 7518 §3.3).
const MIN_RSA_BITS: usize = 2048;

/// The signature algorithms that may be accepted. `none` and the HMAC family are not among them, whatever
/// a token or its metadata says: with them, whoever knows the public key or the client secret could sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Rs256,
    Ps256,
    Es256,
    EdDsa,
}

impl std::str::FromStr for Algorithm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "RS256" => Ok(Self::Rs256),
            "PS256" => Ok(Self::Ps256),
            "ES256" => Ok(Self::Es256),
            "EdDSA" => Ok(Self::EdDsa),
            _ => Err("lists something other than RS256, PS256, ES256, EdDSA".to_owned()),
        }
    }
}

impl Algorithm {
    const fn core(self) -> CoreJwsSigningAlgorithm {
        match self {
            Self::Rs256 => CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
            Self::Ps256 => CoreJwsSigningAlgorithm::RsaSsaPssSha256,
            Self::Es256 => CoreJwsSigningAlgorithm::EcdsaP256Sha256,
            Self::EdDsa => CoreJwsSigningAlgorithm::EdDsa,
        }
    }
}

/// A provider's public keys.
#[derive(Debug)]
pub(super) struct Keys(Vec<CoreJsonWebKey>);

impl Keys {
    /// Reads a key set (RFC 7517), leaving out keys that cannot verify an ID token or are too weak to.
    pub(super) fn parse(text: &[u8]) -> Result<Self, String> {
        let set = json::object(text)?;
        let keys = set
            .get("keys")
            .and_then(Value::as_array)
            .ok_or("has no array of keys")?;
        let usable = keys.iter().filter(|key| is_strong(key));
        let usable: Vec<CoreJsonWebKey> = usable
            .filter_map(|key| serde_json::from_value(key.clone()).ok())
            .collect();
        if usable.is_empty() {
            Err("has no usable key".to_owned())
        } else {
            Ok(Self(usable))
        }
    }

    /// The one key that fits. Of several nobody can tell which was meant.
    fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Result<&CoreJsonWebKey, Rejected> {
        let algorithm = algorithm.core();
        let mut fitting = self.0.iter().filter(|key| {
            kid.is_none_or(|kid| key.key_id().is_some_and(|id| id.as_str() == kid))
                && algorithm.key_type().is_some_and(|kind| kind == *key.key_type())
                && key.key_use().is_none_or(JsonWebKeyUse::allows_signature)
                && match key.signing_alg() {
                    JsonWebKeyAlgorithm::Unspecified => true,
                    JsonWebKeyAlgorithm::Algorithm(only) => *only == algorithm,
                    JsonWebKeyAlgorithm::Unsupported => false,
                }
        });
        match (fitting.next(), fitting.next()) {
            (Some(key), None) => Ok(key),
            (None, _) => Err(Rejected::UnknownKey),
            (Some(_), Some(_)) => Err(invalid("several keys fit")),
        }
    }
}

fn is_strong(key: &Value) -> bool {
    match key.get("kty").and_then(Value::as_str) {
        Some("RSA") => {
            let modulus = key
                .get("n")
                .and_then(Value::as_str)
                .and_then(|n| BASE64_URL_SAFE_NO_PAD.decode(n).ok());
            modulus.is_some_and(|bytes| {
                let zeros: usize = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
                let first = bytes
                    .get(zeros)
                    .map_or(0, |byte| 8 - byte.leading_zeros() as usize);
                first + 8 * (bytes.len() - zeros).saturating_sub(1) >= MIN_RSA_BITS
            })
        }
        Some("EC" | "OKP") => true,
        _ => false,
    }
}

/// What a token must say to be ours.
pub(super) struct Expected<'a> {
    pub(super) algorithms: &'a [Algorithm],
    /// The issuer a token with these claims must name.
    pub(super) issuer: &'a (dyn Fn(&Object) -> Result<String, String> + Sync),
    pub(super) client_id: &'a str,
    /// The nonce of the flow; none where the provider is not sent one.
    pub(super) nonce: Option<&'a str>,
    /// The access token that came with it.
    pub(super) access_token: &'a str,
    /// Unix seconds.
    pub(super) now: i64,
}

/// Why a token was not taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Rejected {
    /// It may be good, but its key is not among those we have.
    UnknownKey,
    /// It is not good.
    Invalid(String),
}

fn invalid(cause: impl Into<String>) -> Rejected {
    Rejected::Invalid(cause.into())
}

/// Verifies a token and answers its claims.
pub(super) fn verify(token: &str, keys: &Keys, expected: &Expected<'_>) -> Result<Object, Rejected> {
    if token.len() > MAX_BYTES {
        return Err(invalid("it is too large"));
    }
    // Three parts: five would be an encrypted token, which nobody asked for.
    let [header, payload, signature] = token.split('.').collect::<Vec<_>>()[..] else {
        return Err(invalid("it is not three parts"));
    };
    let signed = &token[..header.len() + 1 + payload.len()];
    let decode = |part: &str, what: &str| {
        BASE64_URL_SAFE_NO_PAD
            .decode(part)
            .map_err(|_| invalid(format!("its {what} is not base64url")))
    };
    let header =
        json::object(&decode(header, "header")?).map_err(|cause| invalid(format!("its header {cause}")))?;
    let (algorithm, kid) = read_header(&header, expected.algorithms)?;
    let signature = decode(signature, "signature")?;

    let key = keys.find(kid, algorithm)?;
    match key.verify_signature(&algorithm.core(), signed.as_bytes(), &signature) {
        Ok(()) => {}
        // Without a key id the provider's only key may have been replaced.
        Err(_) if kid.is_none() => return Err(Rejected::UnknownKey),
        Err(_) => return Err(invalid("its signature is wrong")),
    }

    // Only now is there anything to read.
    let claims = json::object(&decode(payload, "payload")?)
        .map_err(|cause| invalid(format!("its payload {cause}")))?;
    check_claims(&claims, expected).map_err(Rejected::Invalid)?;
    check_access_token(&claims, key, algorithm, expected.access_token).map_err(Rejected::Invalid)?;
    Ok(claims)
}

/// The algorithm and key id of a header. Keys a header brings along or points to (`jwk`, `jku`, `x5c`,
/// `x5u`) are not looked at: they are the signer's word for themselves.
fn read_header<'a>(
    header: &'a Object,
    allowed: &[Algorithm],
) -> Result<(Algorithm, Option<&'a str>), Rejected> {
    let algorithm = header
        .get("alg")
        .and_then(Value::as_str)
        .and_then(|alg| alg.parse().ok());
    let algorithm = algorithm
        .filter(|alg| allowed.contains(alg))
        .ok_or_else(|| invalid("its algorithm is not allowed"))?;
    // `crit` names extensions we would have to understand (RFC 7515 §4.1.11); `cty` announces a nested token.
    if header.contains_key("crit") || header.contains_key("cty") {
        return Err(invalid("its header asks for more than a plain token"));
    }
    // An access or logout token of the same provider is signed with the same key (RFC 8725 §3.11).
    match header.get("typ") {
        None => {}
        Some(Value::String(typ)) if typ.eq_ignore_ascii_case("JWT") => {}
        Some(_) => return Err(invalid("it is another type of token")),
    }
    match header.get("kid") {
        None => Ok((algorithm, None)),
        Some(Value::String(kid)) => Ok((algorithm, Some(kid))),
        Some(_) => Err(invalid("its key id is not a text")),
    }
}

fn check_claims(claims: &Object, expected: &Expected<'_>) -> Result<(), String> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);

    let issuer = (expected.issuer)(claims)?;
    if text("iss") != Some(&issuer) {
        return Err("iss is not the issuer".to_owned());
    }
    // Another audience could replay the token here.
    let audience_is_us = match claims.get("aud") {
        Some(Value::String(audience)) => audience == expected.client_id,
        Some(Value::Array(audiences)) => {
            matches!(&audiences[..], [Value::String(audience)] if audience == expected.client_id)
        }
        _ => false,
    };
    if !audience_is_us {
        return Err("aud is not this client alone".to_owned());
    }
    if claims.contains_key("azp") && text("azp") != Some(expected.client_id) {
        return Err("azp is another client".to_owned());
    }
    if !text("sub").is_some_and(is_subject) {
        return Err("sub is not a text of 1 to 255 characters without NUL".to_owned());
    }

    let now = expected.now;
    let expires = seconds(claims, "exp")?.ok_or("exp is missing")?;
    if now >= expires.saturating_add(LEEWAY) {
        return Err("it has expired".to_owned());
    }
    if seconds(claims, "nbf")?.is_some_and(|not_before| not_before > now.saturating_add(LEEWAY)) {
        return Err("it is not valid yet".to_owned());
    }
    let issued = seconds(claims, "iat")?.ok_or("iat is missing")?;
    if issued > now.saturating_add(LEEWAY) || issued < now.saturating_sub(MAX_AGE) {
        return Err("iat is not a moment ago".to_owned());
    }

    // The nonce ties the token to the flow, and so to the browser: a code injected from another flow
    // brings another nonce (RFC 9700 §4.5.3.2).
    if let Some(nonce) = expected.nonce {
        let found = text("nonce").ok_or("nonce is missing")?;
        if !bool::from(found.as_bytes().ct_eq(nonce.as_bytes())) {
            return Err("nonce is another flow's".to_owned());
        }
    }
    Ok(())
}

/// `at_hash` ties the access token to the ID token (OpenID Connect Core §3.1.3.8). It may be absent.
fn check_access_token(
    claims: &Object,
    key: &CoreJsonWebKey,
    algorithm: Algorithm,
    access_token: &str,
) -> Result<(), String> {
    let Some(found) = claims.get("at_hash") else {
        return Ok(());
    };
    let hash = key.hash_bytes(access_token.as_bytes(), &algorithm.core())?;
    let half = BASE64_URL_SAFE_NO_PAD.encode(&hash[..hash.len() / 2]);
    match found.as_str() == Some(&half) {
        true => Ok(()),
        false => Err("at_hash is another access token's".to_owned()),
    }
}

/// A NumericDate (RFC 7519 §2): a number, whole or not.
fn seconds(claims: &Object, name: &str) -> Result<Option<i64>, String> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::Number(number)) => match number
            .as_i64()
            .or_else(|| number.as_f64().map(|float| float.floor() as i64))
        {
            Some(seconds) => Ok(Some(seconds)),
            None => Err(format!("{name} is not a time")),
        },
        Some(_) => Err(format!("{name} is not a number")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::oauth::testing::{Signer, encode};

    const NOW: i64 = 1_800_000_000;
    const ALL: &[Algorithm] = &[
        Algorithm::Rs256,
        Algorithm::Ps256,
        Algorithm::Es256,
        Algorithm::EdDsa,
    ];

    fn claims() -> Value {
        json!({
            "iss": "https://idp.example", "sub": "1234", "aud": "client", "exp": NOW + 300, "iat": NOW,
            "nonce": "the-nonce",
        })
    }

    /// The sample claims with some replaced; `null` removes one.
    fn with(changes: Value) -> Value {
        let mut all = claims();
        for (name, value) in changes.as_object().unwrap() {
            match value {
                Value::Null => all.as_object_mut().unwrap().remove(name),
                value => all.as_object_mut().unwrap().insert(name.clone(), value.clone()),
            };
        }
        all
    }

    fn check_with(token: &str, keys: &Keys, allowed: &[Algorithm]) -> Result<Object, Rejected> {
        let issuer = |_: &Object| Ok("https://idp.example".to_owned());
        let expected = Expected {
            algorithms: allowed,
            issuer: &issuer,
            client_id: "client",
            nonce: Some("the-nonce"),
            access_token: "access",
            now: NOW,
        };
        verify(token, keys, &expected)
    }

    fn keys_of(signers: &[&Signer]) -> Keys {
        Keys::parse(Signer::jwks(signers).to_string().as_bytes()).unwrap()
    }

    fn check(token: &str, signer: &Signer) -> Result<Object, Rejected> {
        check_with(token, &keys_of(&[signer]), ALL)
    }

    fn is_invalid(result: &Result<Object, Rejected>) -> bool {
        matches!(result, Err(Rejected::Invalid(_)))
    }

    #[test]
    fn good_tokens_of_every_algorithm_are_taken() {
        for signer in [
            Signer::rs256("a"),
            Signer::ps256("a"),
            Signer::es256("a"),
            Signer::eddsa("a"),
        ] {
            let token = signer.token(claims());
            assert_eq!(check(&token, &signer).unwrap()["sub"], "1234", "{signer:?}");
            let at_hash = signer.at_hash("access");
            assert!(
                check(&signer.token(with(json!({ "at_hash": at_hash }))), &signer).is_ok(),
                "{signer:?}"
            );
            let other = signer.at_hash("another");
            assert!(
                is_invalid(&check(&signer.token(with(json!({ "at_hash": other }))), &signer)),
                "{signer:?}"
            );
        }
    }

    #[test]
    fn claims_are_judged() {
        let signer = Signer::es256("a");
        let good = [
            json!({ "aud": ["client"] }),
            json!({ "azp": "client" }),
            json!({ "sub": "x".repeat(255) }),
            json!({ "exp": NOW - 30 }),
            json!({ "exp": NOW - 59 }),
            json!({ "exp": NOW as f64 + 0.5 }),
            json!({ "iat": NOW - 600 }),
            json!({ "iat": NOW + 60 }),
            json!({ "nbf": NOW + 60 }),
            json!({ "email_verified": "true", "updated_at": "2026-01-01", "address": 1 }),
        ];
        for changes in good {
            assert!(
                check(&signer.token(with(changes.clone())), &signer).is_ok(),
                "{changes}"
            );
        }
        let bad = [
            json!({ "iss": "https://evil.example" }),
            json!({ "iss": null }),
            json!({ "iss": "https://idp.example/" }),
            json!({ "iss": "https://IDP.example" }),
            json!({ "iss": ["https://idp.example"] }),
            json!({ "sub": null }),
            json!({ "sub": "" }),
            json!({ "sub": "x".repeat(256) }),
            json!({ "sub": "1234\0" }),
            json!({ "sub": 1234 }),
            json!({ "aud": "other" }),
            json!({ "aud": null }),
            json!({ "aud": [] }),
            json!({ "aud": ["client", "other"] }),
            json!({ "aud": ["client", "client"] }),
            json!({ "aud": ["client", "other"], "azp": "client" }),
            json!({ "azp": "other" }),
            json!({ "azp": 1 }),
            json!({ "iat": null }),
            json!({ "iat": NOW - 86_400 }),
            json!({ "iat": NOW - 601 }),
            json!({ "iat": NOW + 600 }),
            json!({ "iat": NOW + 61 }),
            json!({ "iat": NOW.to_string() }),
            json!({ "exp": null }),
            json!({ "exp": NOW - 60 }),
            json!({ "exp": NOW - 61 }),
            json!({ "exp": (NOW + 300).to_string() }),
            json!({ "nbf": NOW + 61 }),
            json!({ "nbf": "0" }),
            json!({ "nonce": null }),
            json!({ "nonce": "another" }),
            json!({ "nonce": "" }),
            json!({ "nonce": ["the-nonce"] }),
            json!({ "at_hash": "" }),
            json!({ "at_hash": 1 }),
        ];
        for changes in bad {
            assert!(
                is_invalid(&check(&signer.token(with(changes.clone())), &signer)),
                "{changes}"
            );
        }
    }

    #[test]
    fn headers_are_judged() {
        let signer = Signer::es256("a");
        let token = |header: Value| signer.token_with(header, claims());
        for good in [
            json!({ "alg": "ES256", "kid": "a", "typ": "JWT" }),
            json!({ "alg": "ES256", "kid": "a", "typ": "jwt" }),
            json!({ "alg": "ES256", "kid": "a" }),
            json!({ "alg": "ES256" }),
            // Where a token says its key is makes no difference.
            json!({ "alg": "ES256", "kid": "a", "jku": "https://evil.example", "x5u": "https://evil.example", "jwk": {}, "x5c": ["x"] }),
        ] {
            assert!(check(&token(good.clone()), &signer).is_ok(), "{good}");
        }
        for bad in [
            json!({ "alg": "none" }),
            json!({ "alg": "None" }),
            json!({ "alg": "nOnE" }),
            json!({ "alg": null }),
            json!({}),
            json!({ "alg": "HS256" }),
            json!({ "alg": "es256" }),
            json!({ "alg": ["ES256"] }),
            json!({ "alg": "RS512", "kid": "a" }),
            json!({ "alg": "ES256", "typ": "at+jwt" }),
            json!({ "alg": "ES256", "typ": "logout+jwt" }),
            json!({ "alg": "ES256", "typ": 1 }),
            json!({ "alg": "ES256", "cty": "JWT" }),
            json!({ "alg": "ES256", "crit": ["exp"] }),
            json!({ "alg": "ES256", "crit": [] }),
            json!({ "alg": "ES256", "kid": 1 }),
            json!({ "alg": "ES256", "kid": null }),
        ] {
            assert!(is_invalid(&check(&token(bad.clone()), &signer)), "{bad}");
        }
        for unknown in ["b", "../a", "a' OR '1'='1", "https://evil.example/jwks", ""] {
            assert_eq!(
                check(&token(json!({ "alg": "ES256", "kid": unknown })), &signer),
                Err(Rejected::UnknownKey)
            );
        }
    }

    #[test]
    fn only_allowed_algorithms_and_only_with_their_own_keys() {
        let (rs, ps, es) = (Signer::rs256("a"), Signer::ps256("a"), Signer::es256("a"));
        let only = |token: &str, keys: &Keys, alg| check_with(token, keys, &[alg]);
        let token = ps.token(claims());
        assert!(is_invalid(&only(&token, &keys_of(&[&ps]), Algorithm::Rs256)));
        // A key that is for RS256 does not verify PS256, nor an RSA key ES256.
        let mut bound = Signer::jwks(&[&rs]);
        bound["keys"][0]["alg"] = json!("RS256");
        let bound = Keys::parse(bound.to_string().as_bytes()).unwrap();
        assert!(check_with(&rs.token(claims()), &bound, ALL).is_ok());
        assert_eq!(check_with(&token, &bound, ALL), Err(Rejected::UnknownKey));
        assert_eq!(
            check_with(&es.token(claims()), &bound, ALL),
            Err(Rejected::UnknownKey)
        );
    }

    #[test]
    fn the_public_key_is_no_shared_secret() {
        let rs = Signer::rs256("a");
        let jwks = Signer::jwks(&[&rs]);
        for secret in [
            jwks["keys"][0].to_string(),
            jwks["keys"][0]["n"].as_str().unwrap().to_owned(),
            "client-secret".into(),
        ] {
            let token = Signer::hs256(&secret, claims());
            assert!(is_invalid(&check(&token, &rs)));
        }
        // Not even where the key set itself holds a symmetric key.
        let oct = json!({ "keys": [{ "kty": "oct", "kid": "a", "k": encode(b"shared"), "alg": "HS256" }] });
        assert!(Keys::parse(oct.to_string().as_bytes()).is_err());
    }

    #[test]
    fn signatures_are_never_skipped() {
        for signer in [Signer::rs256("a"), Signer::es256("a"), Signer::eddsa("a")] {
            let token = signer.token(claims());
            let [header, payload, signature] = token.split('.').collect::<Vec<_>>()[..] else {
                panic!()
            };
            let other = encode(with(json!({ "sub": "5678" })).to_string().as_bytes());
            for forged in [
                format!("{header}.{payload}."),
                format!("{header}.{payload}"),
                format!("{header}.{other}.{signature}"),
                format!("{header}.{payload}.{}", encode(&[0; 64])),
                format!("{token}."),
                format!("{token}.x.y"),
                format!("{token}A"),
                format!(" {token}"),
                format!("{header}.{payload}.{signature}="),
                String::new(),
            ] {
                assert!(is_invalid(&check(&forged, &signer)), "{forged}");
            }
        }
        let (mine, theirs) = (Signer::es256("a"), Signer::eddsa("a"));
        assert_eq!(check(&theirs.token(claims()), &mine), Err(Rejected::UnknownKey));
    }

    #[test]
    fn ambiguous_and_strange_texts_are_refused() {
        let signer = Signer::es256("a");
        let header = json!({ "alg": "ES256", "kid": "a" }).to_string();
        let plain = claims().to_string();
        let twice = plain.replacen('{', r#"{"sub":"5678","#, 1);
        assert!(check(&signer.sign_text(&header, &plain), &signer).is_ok());
        let deep = format!(
            r#"{},"x":{}1{}}}"#,
            &plain[..plain.len() - 1],
            "[".repeat(500),
            "]".repeat(500)
        );
        for payload in [
            twice,
            format!("{plain}x"),
            format!("[{plain}]"),
            deep,
            "".into(),
            "1".into(),
        ] {
            assert!(
                is_invalid(&check(&signer.sign_text(&header, &payload), &signer)),
                "{payload:.80}"
            );
        }
        let headers = [
            r#"{"alg":"none","alg":"ES256","kid":"a"}"#,
            r#"{"alg":"ES256","kid":"a"}}"#,
        ];
        for header in headers {
            assert!(
                is_invalid(&check(&signer.sign_text(header, &plain), &signer)),
                "{header}"
            );
        }
        let huge = signer.token(with(json!({ "x": "x".repeat(1 << 20) })));
        assert!(is_invalid(&check(&huge, &signer)));
    }

    #[test]
    fn without_a_key_id_exactly_one_key_must_fit() {
        let (one, other, rsa) = (Signer::es256("a"), Signer::es256("b"), Signer::rs256("c"));
        let token = one.token_with(json!({ "alg": "ES256" }), claims());
        assert!(check_with(&token, &keys_of(&[&one, &rsa]), ALL).is_ok());
        assert!(is_invalid(&check_with(&token, &keys_of(&[&one, &other]), ALL)));
        assert_eq!(
            check_with(&token, &keys_of(&[&rsa]), ALL),
            Err(Rejected::UnknownKey)
        );
        assert!(is_invalid(&check_with(
            &one.token(claims()),
            &keys_of(&[&one, &one]),
            ALL
        )));
    }

    #[test]
    fn keys_that_are_weak_or_not_for_signing_are_left_out() {
        let signer = Signer::rs256("a");
        let mut jwks = Signer::jwks(&[&signer]);
        jwks["keys"][0]["use"] = json!("enc");
        let keys = Keys::parse(jwks.to_string().as_bytes()).unwrap();
        assert_eq!(
            check_with(&signer.token(claims()), &keys, ALL),
            Err(Rejected::UnknownKey)
        );
        let weak = json!({ "keys": [{ "kty": "RSA", "kid": "a", "e": "AQAB", "n": encode(&[0xff; 128]) }] });
        assert!(Keys::parse(weak.to_string().as_bytes()).is_err());
        let padded = [&[0; 128][..], &[0xff; 128]].concat();
        assert!(!is_strong(&json!({ "kty": "RSA", "n": encode(&padded) })));
        assert!(is_strong(&json!({ "kty": "RSA", "n": encode(&[0xff; 256]) })));
        for garbage in [
            &b""[..],
            b"{}",
            b"[]",
            b"<html>",
            b"{\"keys\":{}}",
            b"{\"keys\":[]}",
            b"{\"keys\":[1]}",
        ] {
            assert!(Keys::parse(garbage).is_err());
        }
    }
}
