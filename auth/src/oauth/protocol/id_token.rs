//! The ID token: the provider's signed word on who signed in, and all that is checked before we take it.
//!
//! `openidconnect` reads the keys and verifies the signatures. The claims are checked here, since its own
//! verifier leaves out `azp`, the age of `iat`, `nbf`, `at_hash` and leeway, and parses every standard
//! claim first: one unusual profile claim (Apple's `"email_verified": "true"`, Auth0's `updated_at`) and
//! nobody signs in. The order is that of OpenID Connect Core §3.1.3.7.

use std::fmt::Display;

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
    prelude::BASE64_URL_SAFE_NO_PAD,
};
use openidconnect::{
    JsonWebKey, JsonWebKeyAlgorithm, JsonWebKeyUse, JwsSigningAlgorithm,
    core::{CoreJsonWebKey, CoreJwsSigningAlgorithm},
};
use serde_json::Value;
use subtle::ConstantTimeEq;

use crate::oauth::protocol::{
    excerpt::excerpt,
    json::{self, Object, has},
};

/// The largest token that is looked at.
const MAX_BYTES: usize = 64 * 1024;
/// How far two clocks may be apart.
const LEEWAY: i64 = 60;
/// The oldest token: it was issued for this very callback, moments ago.
const MAX_AGE: i64 = 600;
/// The weakest RSA key (RFC 7518 §3.3).
const MIN_RSA_BITS: usize = 2048;

/// The signature algorithms that may be accepted. `none` and the HMAC family are not among them, whatever
/// a token or its metadata says: with them, anyone with the public key or the client secret could sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
    EdDsa,
}

impl std::str::FromStr for Algorithm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|algorithm| algorithm.name() == text);
        found.ok_or_else(|| format!("lists something other than {}", names(&Self::ALL)))
    }
}

impl Algorithm {
    /// All of them.
    pub(crate) const ALL: [Self; 9] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::EdDsa,
    ];

    /// As RFC 7518 §3.1 and RFC 8037 §3.1 name it.
    const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
        }
    }

    const fn core(self) -> CoreJwsSigningAlgorithm {
        match self {
            Self::Rs256 => CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
            Self::Rs384 => CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
            Self::Rs512 => CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
            Self::Ps256 => CoreJwsSigningAlgorithm::RsaSsaPssSha256,
            Self::Ps384 => CoreJwsSigningAlgorithm::RsaSsaPssSha384,
            Self::Ps512 => CoreJwsSigningAlgorithm::RsaSsaPssSha512,
            Self::Es256 => CoreJwsSigningAlgorithm::EcdsaP256Sha256,
            Self::Es384 => CoreJwsSigningAlgorithm::EcdsaP384Sha384,
            Self::EdDsa => CoreJwsSigningAlgorithm::EdDsa,
        }
    }
}

/// Algorithms as a list to read.
pub(crate) fn names(algorithms: &[Algorithm]) -> String {
    let names: Vec<&str> = algorithms.iter().map(|algorithm| algorithm.name()).collect();
    names.join(", ")
}

/// base64url, padded or not: padding means nothing, and some providers write it into their keys.
const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A provider's public keys.
#[derive(Debug)]
pub(crate) struct Keys(Vec<Key>);

/// One of them.
#[derive(Debug)]
struct Key {
    jwk: CoreJsonWebKey,
    /// Whose tokens it may sign, where the set says so: at Microsoft one set serves many issuers.
    issuer: Option<String>,
}

impl Keys {
    /// Reads a key set (RFC 7517), leaving out keys that cannot verify an ID token or are too weak to.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, String> {
        let set = json::object(text)?;
        let keys = set
            .get("keys")
            .and_then(Value::as_array)
            .ok_or("has no array `keys`")?;
        let usable: Vec<Key> = keys.iter().filter_map(Key::parse).collect();
        if usable.is_empty() {
            Err(format!("has no usable key among {}", keys.len()))
        } else {
            Ok(Self(usable))
        }
    }

    /// The one key that fits. Where several do, which was meant cannot be known.
    fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Result<&Key, Rejected> {
        let algorithm = algorithm.core();
        let mut fitting = self.0.iter().filter(|Key { jwk: key, .. }| {
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
            (None, _) => Err(Rejected::unknown_key()),
            (Some(_), Some(_)) => Err(invalid("several keys match")),
        }
    }
}

impl Key {
    /// Reads a key (RFC 7517 §4), if it is one that can verify an ID token.
    fn parse(key: &Value) -> Option<Self> {
        let key = normal(key)?;
        let issuer = key.get("issuer").and_then(Value::as_str).map(str::to_owned);
        let key = is_strong(&key).then_some(Value::Object(key))?;
        let jwk = serde_json::from_value(key).ok()?;
        Some(Self { jwk, issuer })
    }
}

/// The key as the standard writes it: its numbers without padding (RFC 7515 §2), and the coordinates of a
/// point in full length (RFC 7518 §6.2.1.2), where some providers leave out leading zeros.
fn normal(key: &Value) -> Option<Object> {
    let mut key = key.as_object()?.clone();
    let length = match key.get("crv").and_then(Value::as_str) {
        Some("P-256") => 32,
        Some("P-384") => 48,
        _ => 0,
    };
    for (name, length) in [("n", 0), ("e", 0), ("x", length), ("y", length)] {
        let Some(mut number) = bytes(&key, name) else {
            continue;
        };
        if number.len() < length {
            number.splice(..0, vec![0; length - number.len()]);
        }
        key.insert(name.to_owned(), BASE64_URL_SAFE_NO_PAD.encode(number).into());
    }
    Some(key)
}

/// A member of a key that holds bytes.
fn bytes(key: &Object, name: &str) -> Option<Vec<u8>> {
    BASE64URL.decode(key.get(name)?.as_str()?).ok()
}

fn is_strong(key: &Object) -> bool {
    match key.get("kty").and_then(Value::as_str) {
        Some("RSA") => {
            let modulus = bytes(key, "n");
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

/// The issuer a token with these claims must name, if its key says whose tokens it signs.
pub(crate) type IssuerOf<'a> = dyn Fn(&Object, Option<&str>) -> Result<String, String> + Sync + 'a;

/// What a token must say to be ours.
pub(crate) struct Expected<'a> {
    pub(crate) algorithms: &'a [Algorithm],
    pub(crate) issuer: &'a IssuerOf<'a>,
    pub(crate) client_id: &'a str,
    /// Who else may be in the audience beside us.
    pub(crate) audiences: &'a [String],
    pub(crate) origin: Origin<'a>,
    /// The access token that came with it.
    pub(crate) access_token: &'a str,
    /// Unix seconds.
    pub(crate) now: i64,
}

/// What brought a token about, and so how old it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin<'a> {
    /// A flow, for which it was issued a moment ago.
    Flow {
        /// The nonce of the flow; none where the provider is not sent one.
        nonce: Option<&'a str>,
    },
    /// It came with renewed tokens. It should be fresh (OpenID Connect Core §12.2), but some providers repeat
    /// the one of the sign-in: long expired, beside another access token, its key perhaps replaced by now.
    /// All it is used for is whom it is about, and it came from the token endpoint itself (§3.1.3.7,
    /// 6).
    Renewal,
}

/// Why a token is not believed, for the log.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Rejected {
    /// It may be good: its key could not be had.
    Key(String),
    /// It is not good.
    Token(String),
}

impl Rejected {
    fn unknown_key() -> Self {
        Self::Key("ID token: its key is not among the provider's".to_owned())
    }
}

impl From<Rejected> for String {
    fn from(rejected: Rejected) -> Self {
        match rejected {
            Rejected::Key(cause) | Rejected::Token(cause) => cause,
        }
    }
}

fn invalid(cause: impl Display) -> Rejected {
    Rejected::Token(format!("ID token: {cause}"))
}

/// Verifies a token and returns its claims.
pub(crate) fn verify(token: &str, keys: &Keys, expected: &Expected<'_>) -> Result<Object, Rejected> {
    if token.len() > MAX_BYTES {
        return Err(invalid("it is too large"));
    }
    // Three parts: five would be an encrypted token, which we never ask for.
    let [header, payload, signature] = token.split('.').collect::<Vec<_>>()[..] else {
        return Err(invalid("it does not have three parts"));
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

    let verified = keys.find(kid, algorithm).and_then(|key| {
        match key
            .jwk
            .verify_signature(&algorithm.core(), signed.as_bytes(), &signature)
        {
            Ok(()) => Ok(key),
            // Without a key id the provider's only key may have been replaced.
            Err(_) if kid.is_none() => Err(Rejected::unknown_key()),
            Err(_) => Err(invalid("its signature is wrong")),
        }
    });
    let key = match verified {
        Ok(key) => Some(key),
        // Only what turns out to be old below goes on without.
        Err(Rejected::Key(_)) if expected.origin == Origin::Renewal => None,
        Err(rejected) => return Err(rejected),
    };

    // Only now is there anything to read.
    let claims = json::object(&decode(payload, "payload")?)
        .map_err(|cause| invalid(format!("its payload {cause}")))?;
    let key_issuer = key.and_then(|key| key.issuer.as_deref());
    let times = check_claims(&claims, key_issuer, expected).map_err(invalid)?;
    match (key, check_age(times, expected.now)) {
        (Some(key), Ok(())) => {
            check_access_token(&claims, &key.jwk, algorithm, expected.access_token).map_err(invalid)?;
        }
        (None, Ok(())) => return Err(Rejected::unknown_key()),
        (_, Err(_)) if expected.origin == Origin::Renewal => {}
        (_, Err(cause)) => return Err(invalid(cause)),
    }
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
    let algorithm = algorithm.filter(|alg| allowed.contains(alg)).ok_or_else(|| {
        let (found, accepted) = (found(header, "alg"), names(allowed));
        invalid(format!("its algorithm is {found}, accepted: {accepted}"))
    })?;
    // `crit` names extensions we would have to understand (RFC 7515 §4.1.11); `cty` announces a nested token.
    if header.contains_key("crit") || header.contains_key("cty") {
        return Err(invalid("its header has extensions that are not supported"));
    }
    // An access or logout token of the same provider is signed with the same key (RFC 8725 §3.11).
    match header.get("typ") {
        None | Some(Value::Null) => {}
        Some(Value::String(typ)) if typ.eq_ignore_ascii_case("JWT") => {}
        Some(_) => {
            let typ = found(header, "typ");
            return Err(invalid(format!("it is another type of token, {typ}")));
        }
    }
    match header.get("kid") {
        None | Some(Value::Null) => Ok((algorithm, None)),
        Some(Value::String(kid)) => Ok((algorithm, Some(kid))),
        Some(_) => Err(invalid("its key id is not a string")),
    }
}

/// A claim as it is, for the log.
fn found(claims: &Object, name: &str) -> String {
    match claims.get(name) {
        None => "missing".to_owned(),
        Some(Value::String(text)) => excerpt(text),
        Some(other) => excerpt(&other.to_string()),
    }
}

/// Whether the audience is us, and with us only who is expected there: another audience could replay the token
/// here.
fn is_audience(audience: Option<&Value>, expected: &Expected<'_>) -> bool {
    let is_us = |audience: &Value| audience.as_str() == Some(expected.client_id);
    let is_expected = |audience: &Value| {
        expected
            .audiences
            .iter()
            .any(|one| audience.as_str() == Some(one))
    };
    match audience {
        Some(Value::Array(audiences)) => {
            audiences.iter().filter(|audience| is_us(audience)).count() == 1
                && audiences
                    .iter()
                    .all(|audience| is_us(audience) || is_expected(audience))
        }
        Some(audience) => is_us(audience),
        None => false,
    }
}

/// When a token was issued and until when it counts.
#[derive(Clone, Copy)]
struct Times {
    issued: i64,
    expires: i64,
}

/// Whether a text is one a provider may know a person by. Not every engine stores a NUL, and one that was
/// cut out would turn two people into one.
pub(crate) fn is_subject(text: &str) -> bool {
    (1..=255).contains(&text.chars().count()) && !text.contains('\0')
}

fn check_claims(claims: &Object, key_issuer: Option<&str>, expected: &Expected<'_>) -> Result<Times, String> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let found = |name: &str| found(claims, name);

    let issuer = (expected.issuer)(claims, key_issuer)?;
    if text("iss") != Some(&issuer) {
        return Err(format!("iss is {}, expected {issuer:?}", found("iss")));
    }
    if !is_audience(claims.get("aud"), expected) {
        let (audience, us) = (found("aud"), expected.client_id);
        return Err(format!(
            "aud is {audience}, expected {us:?}, and no others except those in <ID>_AUDIENCES"
        ));
    }
    if has(claims, "azp") && text("azp") != Some(expected.client_id) {
        let (party, us) = (found("azp"), expected.client_id);
        return Err(format!("azp is {party}, expected {us:?}"));
    }
    if !text("sub").is_some_and(is_subject) {
        return Err("sub is not a text of 1 to 255 characters without NUL".to_owned());
    }

    let now = expected.now;
    let ahead = |name: &str, at: i64| format!("{name} is {at}, in the future: the time is {now}");
    let expires = seconds(claims, "exp")?.ok_or("exp is missing")?;
    let issued = seconds(claims, "iat")?.ok_or("iat is missing")?;
    if issued > now.saturating_add(LEEWAY) {
        return Err(ahead("iat", issued));
    }
    match seconds(claims, "nbf")? {
        Some(not_before) if not_before > now.saturating_add(LEEWAY) => return Err(ahead("nbf", not_before)),
        _ => {}
    }

    // The nonce ties the token to the flow, and so to the browser: a code injected from another flow
    // brings another nonce (RFC 9700 §4.5.3.2).
    if let Origin::Flow { nonce: Some(nonce) } = expected.origin {
        let found = text("nonce").ok_or("nonce is missing")?;
        if !bool::from(found.as_bytes().ct_eq(nonce.as_bytes())) {
            return Err("nonce belongs to another flow".to_owned());
        }
    }
    Ok(Times { issued, expires })
}

fn check_age(Times { issued, expires }: Times, now: i64) -> Result<(), String> {
    if now >= expires.saturating_add(LEEWAY) {
        return Err(format!("it expired at {expires}, and the time is {now}"));
    }
    if issued < now.saturating_sub(MAX_AGE) {
        return Err(format!(
            "it was issued at {issued}, more than {MAX_AGE} s before {now}"
        ));
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
    let Some(found) = claims.get("at_hash").filter(|value| !value.is_null()) else {
        return Ok(());
    };
    let hash = key.hash_bytes(access_token.as_bytes(), &algorithm.core())?;
    let half = BASE64_URL_SAFE_NO_PAD.encode(&hash[..hash.len() / 2]);
    if found.as_str().map(|hash| hash.trim_end_matches('=')) == Some(&half) {
        Ok(())
    } else {
        Err("at_hash belongs to another access token".to_owned())
    }
}

/// A NumericDate (RFC 7519 §2): a number, whole or not.
fn seconds(claims: &Object, name: &str) -> Result<Option<i64>, String> {
    match claims.get(name) {
        None | Some(Value::Null) => Ok(None),
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
    use crate::oauth::testing::{Signer, encode, hs256, jwks};

    const NOW: i64 = 1_800_000_000;
    const ALL: &[Algorithm] = &Algorithm::ALL;

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

    fn issuer(_: &Object, _: Option<&str>) -> Result<String, String> {
        Ok("https://idp.example".to_owned())
    }

    fn expected(algorithms: &[Algorithm]) -> Expected<'_> {
        Expected {
            algorithms,
            issuer: &issuer,
            client_id: "client",
            audiences: &[],
            origin: Origin::Flow {
                nonce: Some("the-nonce"),
            },
            access_token: "access",
            now: NOW,
        }
    }

    fn check_with(token: &str, keys: &Keys, allowed: &[Algorithm]) -> Result<Object, Rejected> {
        verify(token, keys, &expected(allowed))
    }

    fn keys_of(signers: &[&Signer]) -> Keys {
        Keys::parse(jwks(signers).to_string().as_bytes()).unwrap()
    }

    fn check(token: &str, signer: &Signer) -> Result<Object, Rejected> {
        check_with(token, &keys_of(&[signer]), ALL)
    }

    fn is_invalid(result: &Result<Object, Rejected>) -> bool {
        matches!(result, Err(Rejected::Token(_)))
    }

    #[test]
    fn good_tokens_of_every_algorithm_are_taken() {
        let signers = Signer::all("a");
        let named: Vec<_> = signers.iter().map(|signer| format!("{signer:?}")).collect();
        assert_eq!(named.join(", "), names(ALL));
        for signer in signers {
            let token = signer.token(&claims());
            assert_eq!(check(&token, &signer).unwrap()["sub"], "1234", "{signer:?}");
            let at_hash = signer.at_hash("access");
            for at_hash in [at_hash.clone(), format!("{at_hash}==")] {
                assert!(
                    check(&signer.token(&with(json!({ "at_hash": at_hash }))), &signer).is_ok(),
                    "{signer:?}"
                );
            }
            let other = signer.at_hash("another");
            assert!(
                is_invalid(&check(&signer.token(&with(json!({ "at_hash": other }))), &signer)),
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
                check(&signer.token(&with(changes.clone())), &signer).is_ok(),
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
                is_invalid(&check(&signer.token(&with(changes.clone())), &signer)),
                "{changes}"
            );
        }
    }

    #[test]
    fn headers_are_judged() {
        let signer = Signer::es256("a");
        let token = |header: Value| signer.token_with(&header, &claims());
        for good in [
            json!({ "alg": "ES256", "kid": "a", "typ": "JWT" }),
            json!({ "alg": "ES256", "kid": "a", "typ": "jwt" }),
            json!({ "alg": "ES256", "kid": "a" }),
            json!({ "alg": "ES256" }),
            json!({ "alg": "ES256", "kid": null, "typ": null }),
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
            json!({ "alg": "ES512", "kid": "a" }),
            json!({ "alg": "ES256", "typ": "at+jwt" }),
            json!({ "alg": "ES256", "typ": "logout+jwt" }),
            json!({ "alg": "ES256", "typ": 1 }),
            json!({ "alg": "ES256", "cty": "JWT" }),
            json!({ "alg": "ES256", "crit": ["exp"] }),
            json!({ "alg": "ES256", "crit": [] }),
            json!({ "alg": "ES256", "kid": 1 }),
            json!({ "alg": "ES256", "crit": null }),
        ] {
            assert!(is_invalid(&check(&token(bad.clone()), &signer)), "{bad}");
        }
        for unknown in ["b", "../a", "a' OR '1'='1", "https://evil.example/jwks", ""] {
            assert_eq!(
                check(&token(json!({ "alg": "ES256", "kid": unknown })), &signer),
                Err(Rejected::unknown_key())
            );
        }
    }

    #[test]
    fn only_allowed_algorithms_and_only_with_their_own_keys() {
        let (rs, ps, es) = (Signer::rs256("a"), Signer::ps256("a"), Signer::es256("a"));
        let only = |token: &str, keys: &Keys, alg| check_with(token, keys, &[alg]);
        let token = ps.token(&claims());
        assert!(is_invalid(&only(&token, &keys_of(&[&ps]), Algorithm::Rs256)));
        // A key that is for RS256 does not verify PS256, nor an RSA key ES256.
        let mut bound = jwks(&[&rs]);
        bound["keys"][0]["alg"] = json!("RS256");
        let bound = Keys::parse(bound.to_string().as_bytes()).unwrap();
        assert!(check_with(&rs.token(&claims()), &bound, ALL).is_ok());
        assert_eq!(check_with(&token, &bound, ALL), Err(Rejected::unknown_key()));
        assert_eq!(
            check_with(&es.token(&claims()), &bound, ALL),
            Err(Rejected::unknown_key())
        );
    }

    #[test]
    fn the_public_key_is_no_shared_secret() {
        let rs = Signer::rs256("a");
        let jwks = jwks(&[&rs]);
        for secret in [
            jwks["keys"][0].to_string(),
            jwks["keys"][0]["n"].as_str().unwrap().to_owned(),
            "client-secret".into(),
        ] {
            let token = hs256(
                secret.as_bytes(),
                &json!({ "alg": "HS256", "kid": "a" }),
                &claims(),
            );
            assert!(is_invalid(&check(&token, &rs)));
        }
        // Not even where the key set itself holds a symmetric key.
        let oct = json!({ "keys": [{ "kty": "oct", "kid": "a", "k": encode(b"shared"), "alg": "HS256" }] });
        assert!(Keys::parse(oct.to_string().as_bytes()).is_err());
    }

    #[test]
    fn signatures_are_never_skipped() {
        for signer in [Signer::rs256("a"), Signer::es256("a"), Signer::eddsa("a")] {
            let token = signer.token(&claims());
            let [header, payload, signature] = token.split('.').collect::<Vec<_>>()[..] else {
                panic!()
            };
            let other = encode(with(json!({ "sub": "5678" })).to_string().as_bytes());
            for forged in [
                format!("{header}.{payload}."),
                format!("{header}.{payload}"),
                format!("{header}.{other}.{signature}"),
                format!("{header}.{payload}.{}", encode([0; 64])),
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
        assert_eq!(
            check(&theirs.token(&claims()), &mine),
            Err(Rejected::unknown_key())
        );
    }

    #[test]
    fn ambiguous_and_strange_texts_are_refused() {
        let signer = Signer::es256("a");
        let header = json!({ "alg": "ES256", "kid": "a" }).to_string();
        let plain = claims().to_string();
        let twice = plain.replacen('{', r#"{"sub":"5678","#, 1);
        assert!(check(&signer.token_of(&header, &plain), &signer).is_ok());
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
                is_invalid(&check(&signer.token_of(&header, &payload), &signer)),
                "{payload:.80}"
            );
        }
        let headers = [
            r#"{"alg":"none","alg":"ES256","kid":"a"}"#,
            r#"{"alg":"ES256","kid":"a"}}"#,
        ];
        for header in headers {
            assert!(
                is_invalid(&check(&signer.token_of(header, &plain), &signer)),
                "{header}"
            );
        }
        let huge = signer.token(&with(json!({ "x": "x".repeat(1 << 20) })));
        assert!(is_invalid(&check(&huge, &signer)));
    }

    #[test]
    fn without_a_key_id_exactly_one_key_must_fit() {
        let (one, other, rsa) = (Signer::es256("a"), Signer::es256("b"), Signer::rs256("c"));
        let token = one.token_with(&json!({ "alg": "ES256" }), &claims());
        assert!(check_with(&token, &keys_of(&[&one, &rsa]), ALL).is_ok());
        assert!(is_invalid(&check_with(&token, &keys_of(&[&one, &other]), ALL)));
        assert_eq!(
            check_with(&token, &keys_of(&[&rsa]), ALL),
            Err(Rejected::unknown_key())
        );
        assert!(is_invalid(&check_with(
            &one.token(&claims()),
            &keys_of(&[&one, &one]),
            ALL
        )));
    }

    #[test]
    fn keys_that_are_weak_or_not_for_signing_are_left_out() {
        let signer = Signer::rs256("a");
        let mut jwks = jwks(&[&signer]);
        jwks["keys"][0]["use"] = json!("enc");
        let keys = Keys::parse(jwks.to_string().as_bytes()).unwrap();
        assert_eq!(
            check_with(&signer.token(&claims()), &keys, ALL),
            Err(Rejected::unknown_key())
        );
        let weak = json!({ "keys": [{ "kty": "RSA", "kid": "a", "e": "AQAB", "n": encode([0xff; 128]) }] });
        assert!(Keys::parse(weak.to_string().as_bytes()).is_err());
        let padded = [&[0; 128][..], &[0xff; 128]].concat();
        let is_strong = |n: &[u8]| is_strong(json!({ "kty": "RSA", "n": encode(n) }).as_object().unwrap());
        assert!(!is_strong(&padded));
        assert!(is_strong(&[0xff; 256]));
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

    /// The claims written out, so that `null` is sent rather than left out.
    fn text_with(name: &str, value: &str) -> String {
        claims()
            .to_string()
            .replacen('{', &format!("{{\"{name}\":{value},"), 1)
    }

    #[test]
    fn what_may_be_missing_may_be_null() {
        let signer = Signer::es256("a");
        let header = json!({ "alg": "ES256", "kid": "a" }).to_string();
        for name in ["azp", "nbf", "at_hash", "acr", "auth_time"] {
            let token = signer.token_of(&header, text_with(name, "null"));
            assert!(check(&token, &signer).is_ok(), "{name}");
        }
        for name in ["iss", "sub", "aud", "exp", "iat", "nonce"] {
            let mut claims = claims();
            claims[name] = Value::Null;
            assert!(is_invalid(&check(&signer.token(&claims), &signer)), "{name}");
        }
    }

    #[test]
    fn keys_are_read_as_providers_write_them() {
        let with = |jwk: &Value, change: fn(&str) -> String| {
            let mut jwk = jwk.clone();
            for name in ["n", "e", "x", "y"] {
                if let Some(text) = jwk.get(name).and_then(Value::as_str).map(change) {
                    jwk[name] = text.into();
                }
            }
            Keys::parse(json!({ "keys": [jwk] }).to_string().as_bytes())
        };
        let padded = |text: &str| format!("{text}{}", "=".repeat((4 - text.len() % 4) % 4));
        for signer in Signer::all("a") {
            let jwk = &jwks(&[&signer])["keys"][0];
            let token = signer.token(&claims());
            assert!(
                check_with(&token, &with(jwk, padded).unwrap(), ALL).is_ok(),
                "{signer:?}"
            );
            let mut nulls = jwk.clone();
            for name in ["use", "alg", "key_ops", "x5c", "x5t", "issuer"] {
                nulls[name] = Value::Null;
            }
            let keys = Keys::parse(json!({ "keys": [nulls] }).to_string().as_bytes()).unwrap();
            assert!(check_with(&token, &keys, ALL).is_ok(), "{signer:?}");
            // Other alphabets and other numbers are not guessed at.
            for broken in [|text: &str| format!("{text}!"), |text: &str| format!("A{text}")] {
                let verified = with(jwk, broken).map(|keys| check_with(&token, &keys, ALL));
                assert!(!matches!(verified, Ok(Ok(_))), "{signer:?}");
            }
        }
        // A coordinate that begins with a zero, without it.
        let signer = Signer::es256_with_short_coordinate("a");
        let token = signer.token(&claims());
        let mut jwk = jwks(&[&signer])["keys"][0].clone();
        let x = bytes(jwk.as_object().unwrap(), "x").unwrap();
        assert_eq!((x.len(), x[0]), (32, 0));
        assert!(check(&token, &signer).is_ok());
        jwk["x"] = encode(&x[1..]).into();
        let keys = Keys::parse(json!({ "keys": [jwk] }).to_string().as_bytes()).unwrap();
        assert!(check_with(&token, &keys, ALL).is_ok());
    }

    #[test]
    fn an_audience_beside_us_is_one_that_was_named() {
        let signer = Signer::es256("a");
        let named = ["project".to_owned(), "account".to_owned()];
        let check = |audience: Value| {
            let expected = Expected {
                audiences: &named,
                ..expected(ALL)
            };
            let token = signer.token(&with(json!({ "aud": audience })));
            verify(&token, &keys_of(&[&signer]), &expected).is_ok()
        };
        for good in [
            json!("client"),
            json!(["client"]),
            json!(["client", "project"]),
            json!(["account", "client", "project"]),
        ] {
            assert!(check(good.clone()), "{good}");
        }
        for bad in [
            json!("project"),
            json!(["project"]),
            json!(["client", "other"]),
            json!(["client", "project", "other"]),
            json!(["client", "client", "project"]),
            json!(["client", 1]),
            json!(["client", null]),
            json!(["client", ["project"]]),
        ] {
            assert!(!check(bad.clone()), "{bad}");
        }
    }

    #[test]
    fn a_repeated_token_may_be_old_and_nothing_else() {
        let (signer, stranger) = (Signer::es256("a"), Signer::es256("b"));
        let check = |changes: Value, keys: &Keys| {
            let expected = Expected {
                origin: Origin::Renewal,
                ..expected(ALL)
            };
            verify(&signer.token(&with(changes)), keys, &expected)
        };
        let (ours, replaced) = (keys_of(&[&signer]), keys_of(&[&stranger]));
        let old = json!({ "iat": NOW - 86_400, "exp": NOW - 82_800, "at_hash": signer.at_hash("another") });
        for good in [
            json!({}),
            json!({ "iat": NOW - 86_400, "exp": NOW - 82_800 }),
            json!({ "iat": NOW - 86_400 }),
            json!({ "exp": NOW - 60 }),
            old.clone(),
        ] {
            assert!(check(good.clone(), &ours).is_ok(), "{good}");
        }
        assert!(check(old.clone(), &replaced).is_ok());
        assert_eq!(check(json!({}), &replaced), Err(Rejected::unknown_key()));
        for (name, value) in [
            ("iss", json!("https://evil.example")),
            ("aud", json!("other")),
            ("azp", json!("other")),
            ("sub", json!("")),
            ("iat", json!(NOW + 61)),
            ("nbf", json!(NOW + 61)),
        ] {
            let mut bad = old.clone();
            bad[name] = value;
            assert!(is_invalid(&check(bad.clone(), &ours)), "{bad}");
            assert!(is_invalid(&check(bad.clone(), &replaced)), "{bad}");
        }
        let fresh_with_other_hash = json!({ "at_hash": signer.at_hash("another") });
        assert!(is_invalid(&check(fresh_with_other_hash, &ours)));
        let expected = Expected {
            origin: Origin::Renewal,
            ..expected(ALL)
        };
        let genuine = signer.token(&with(old));
        let (signed, _) = genuine.rsplit_once('.').unwrap();
        let forged = format!("{signed}.{}", encode([1; 64]));
        assert!(is_invalid(&verify(&forged, &ours, &expected)));
    }

    #[test]
    fn a_refusal_names_what_came_and_what_was_expected() {
        let signer = Signer::es256("a");
        let cause =
            |token: String, allowed: &[Algorithm]| match check_with(&token, &keys_of(&[&signer]), allowed) {
                Err(Rejected::Token(cause)) => cause,
                other => panic!("{other:?}"),
            };
        for (changes, both) in [
            (
                json!({ "iss": "https://other.example" }),
                [r#""https://other.example""#, r#""https://idp.example""#],
            ),
            (
                json!({ "aud": ["client", "project"] }),
                ["project", "<ID>_AUDIENCES"],
            ),
            (json!({ "aud": null }), ["missing", r#""client""#]),
            (json!({ "azp": "other" }), [r#""other""#, r#""client""#]),
            (json!({ "exp": NOW - 61 }), ["1799999939", "1800000000"]),
            (json!({ "iat": NOW + 61 }), ["1800000061", "1800000000"]),
        ] {
            let cause = cause(signer.token(&with(changes)), ALL);
            assert!(both.iter().all(|side| cause.contains(side)), "{cause}");
        }
        let cause = cause(signer.token(&claims()), &[Algorithm::Rs256, Algorithm::Ps512]);
        assert_eq!(
            cause,
            r#"ID token: its algorithm is "ES256", accepted: RS256, PS512"#
        );
    }
}
