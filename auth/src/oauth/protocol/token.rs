//! The token request: a code and a verifier, or a refresh token, for tokens, once and without a second try.

use std::fmt;

use oauth2::{
    AccessToken, AuthType, AuthorizationCode, Client, ClientId, EndpointNotSet, EndpointSet, ErrorResponse,
    PkceCodeVerifier, RedirectUrl, RefreshToken, RequestTokenError, Scope, StandardRevocableToken,
    TokenResponse,
    basic::{BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType},
};
// wing:data-rights
use base64::{Engine, prelude::BASE64_STANDARD};
use http::{
    HeaderValue,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE},
};
use oauth2::{AsyncHttpClient, HttpRequest};
use url::form_urlencoded;
// end wing:data-rights
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::http_client::{Http, HttpError};
use crate::oauth::{
    protocol::{
        discovery::Endpoints,
        excerpt::excerpt,
        json::{self, Object, has},
    },
    providers::{
        preset::TokenAuth,
        provider::{ClientSecret, Provider},
    },
};

/// `oauth2`'s client, with our way of reading responses.
pub(crate) type OAuthClient = Client<
    Refused,
    TokenAnswer,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// The client for authorization and token requests, still without its secret.
pub(crate) fn client(provider: &Provider, endpoints: &Endpoints, redirect_uri: RedirectUrl) -> OAuthClient {
    Client::new(ClientId::new(provider.client_id.clone()))
        .set_auth_uri(endpoints.authorize.clone())
        .set_token_uri(endpoints.token.clone())
        .set_redirect_uri(redirect_uri)
        .set_auth_type(if is_secret_in_body(provider, endpoints) {
            AuthType::RequestBody
        } else {
            AuthType::BasicAuth
        })
}

fn is_secret_in_body(provider: &Provider, endpoints: &Endpoints) -> bool {
    match provider.preset.token_auth {
        TokenAuth::Basic => false,
        TokenAuth::Post => true,
        TokenAuth::Metadata => endpoints.post_only,
    }
}

/// Exchanges a code for tokens.
pub(crate) async fn exchange(
    http: &Http,
    provider: &Provider,
    client: OAuthClient,
    code: String,
    verifier: Option<String>,
    now: i64,
) -> Result<TokenAnswer, Refused> {
    let client = with_secret(client, provider, now);
    let mut request = client.exchange_code(AuthorizationCode::new(code));
    if let Some(verifier) = verifier {
        request = request.set_pkce_verifier(PkceCodeVerifier::new(verifier));
    }
    let answer = request.request_async(http).await?;
    check_type(provider, &answer)?;
    if provider.is_oidc() && answer.id_token.is_none() {
        return Err(Refused::because("the response has no ID token"));
    }
    Ok(answer)
}

/// Exchanges a refresh token for tokens. An ID token may come with them (OpenID Connect Core §12.2).
pub(crate) async fn refresh(
    http: &Http,
    provider: &Provider,
    client: OAuthClient,
    token: &SecretString,
    now: i64,
) -> Result<TokenAnswer, Refused> {
    let client = with_secret(client, provider, now);
    let token = RefreshToken::new(token.expose_secret().to_owned());
    let answer = client.exchange_refresh_token(&token).request_async(http).await?;
    check_type(provider, &answer)?;
    Ok(answer)
}

// wing:data-rights
/// Gives a token back (RFC 7009 §2.1). `oauth2` would do it over https only, and so not at a provider on this machine.
pub(crate) async fn revoke(
    http: &Http,
    provider: &Provider,
    endpoints: &Endpoints,
    url: &str,
    token: &SecretString,
    now: i64,
) -> Result<(), String> {
    let request = revocation(provider, is_secret_in_body(provider, endpoints), url, token, now)?;
    match http
        .call(request)
        .await
        .map_err(|error| error.to_string())?
        .status()
    {
        status if status.is_success() => Ok(()),
        status => Err(format!("the response has status {status}")),
    }
}

fn revocation(
    provider: &Provider,
    in_body: bool,
    url: &str,
    token: &SecretString,
    now: i64,
) -> Result<HttpRequest, String> {
    let (id, secret) = (&provider.client_id, secret(provider, now));
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("token", token.expose_secret());
    let mut request = http::Request::post(url)
        .header(ACCEPT, "application/json")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    if in_body {
        form.append_pair("client_id", id)
            .append_pair("client_secret", &secret);
    } else {
        // Each in the encoding of forms (RFC 6749 §2.3.1).
        let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let pair = BASE64_STANDARD.encode(format!("{}:{}", encoded(id), encoded(&secret)));
        let mut basic = HeaderValue::try_from(format!("Basic {pair}")).map_err(|error| error.to_string())?;
        basic.set_sensitive(true);
        request = request.header(AUTHORIZATION, basic);
    }
    let body = form.finish().into_bytes();
    request.body(body).map_err(|error| error.to_string())
}
// end wing:data-rights

fn with_secret(client: OAuthClient, provider: &Provider, now: i64) -> OAuthClient {
    client.set_client_secret(oauth2::ClientSecret::new(secret(provider, now)))
}

fn secret(provider: &Provider, now: i64) -> String {
    match &provider.secret {
        ClientSecret::Text(text) => text.expose_secret().to_owned(),
        ClientSecret::Signed(signer) => signer.client_secret(&provider.client_id, now),
    }
}

fn check_type(provider: &Provider, answer: &TokenAnswer) -> Result<(), Refused> {
    match &answer.token_type {
        Some(kind) if kind.eq_ignore_ascii_case("bearer") => Ok(()),
        None if provider.preset.token_type_optional => Ok(()),
        _ => Err(Refused::because("the token type is not supported")),
    }
}

/// A token response (RFC 6749 §5.1), read as providers write it.
#[derive(Deserialize, Serialize)]
#[serde(try_from = "RawAnswer")]
pub(crate) struct TokenAnswer {
    #[serde(skip_serializing)]
    access_token: AccessToken,
    #[serde(skip_serializing)]
    refresh_token: Option<RefreshToken>,
    #[serde(skip_serializing)]
    pub(crate) id_token: Option<String>,
    token_type: Option<String>,
    /// Seconds.
    lifetime: Option<u64>,
    /// What was granted, separated by spaces.
    pub(crate) scopes: Option<String>,
}

impl fmt::Debug for TokenAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenAnswer")
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}

impl TokenResponse for TokenAnswer {
    type TokenType = BasicTokenType;

    fn access_token(&self) -> &AccessToken {
        &self.access_token
    }

    fn token_type(&self) -> &BasicTokenType {
        // No other type leaves `exchange`.
        &BasicTokenType::Bearer
    }

    fn expires_in(&self) -> Option<std::time::Duration> {
        self.lifetime.map(std::time::Duration::from_secs)
    }

    fn refresh_token(&self) -> Option<&RefreshToken> {
        self.refresh_token.as_ref()
    }

    fn scopes(&self) -> Option<&Vec<Scope>> {
        None
    }
}

/// What comes over the wire. Unknown fields are ignored, known ones may have odd types.
#[derive(Deserialize)]
struct RawAnswer {
    error: Option<Value>,
    access_token: Option<String>,
    refresh_token: Option<String>,
    id_token: Option<String>,
    token_type: Option<String>,
    expires_in: Option<Value>,
    scope: Option<Value>,
}

impl TryFrom<RawAnswer> for TokenAnswer {
    type Error = String;

    fn try_from(raw: RawAnswer) -> Result<Self, String> {
        // GitHub and Slack refuse with status 200.
        if raw.error.is_some() {
            return Err("refused".to_owned());
        }
        let present = |token: Option<String>| token.filter(|token| !token.is_empty());
        Ok(Self {
            access_token: present(raw.access_token)
                .map(AccessToken::new)
                .ok_or("the response has no access token")?,
            refresh_token: present(raw.refresh_token).map(RefreshToken::new),
            id_token: present(raw.id_token),
            token_type: raw.token_type,
            lifetime: raw.expires_in.as_ref().and_then(json::count),
            scopes: raw.scope.as_ref().and_then(scopes),
        })
    }
}

/// Scopes as one text. The standard separates them by spaces, GitHub by commas, and Twitch sends an array.
fn scopes(scope: &Value) -> Option<String> {
    let words: Vec<&str> = match scope {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        _ => return None,
    };
    let words: Vec<&str> = words
        .iter()
        .flat_map(|text| text.split(|c: char| matches!(c, ' ' | ',') || c.is_control()))
        .filter(|word| !word.is_empty())
        .collect();
    Some(words.join(" "))
}

/// Why a token request brought no tokens; also an error response (RFC 6749 §5.2), of which only a code is kept,
/// harmless for the log.
#[derive(Debug, Deserialize, Serialize)]
#[serde(from = "Object")]
pub(crate) struct Refused {
    /// For the log.
    pub(crate) cause: String,
    /// Whether the provider says that what was exchanged is worth nothing any more.
    pub(crate) is_final: bool,
}

impl ErrorResponse for Refused {}

impl Refused {
    fn because(cause: impl fmt::Display) -> Self {
        Self {
            cause: format!("token request: {cause}"),
            is_final: false,
        }
    }

    /// What is wrong with a body that is not a token response. The parser's own message might quote a token.
    fn by(body: &[u8]) -> Self {
        match json::object(body) {
            Ok(answer) if has(&answer, "error") => answer.into(),
            Ok(_) => Self::because("the response has no usable access token"),
            Err(cause) => Self::because(format_args!("the response {cause}")),
        }
    }
}

/// What providers call it when a refresh token has expired, is used up or was withdrawn: the standard,
/// then GitHub, Slack and Twitch.
const FINAL: [&str; 4] = [
    "invalid_grant",
    "bad_refresh_token",
    "invalid_refresh_token",
    "Invalid refresh token",
];

impl From<Object> for Refused {
    fn from(answer: Object) -> Self {
        // The second is Twitch's word for it.
        let said = ["error", "message"].map(|name| answer.get(name).filter(|value| !value.is_null()));
        let mut said = said.into_iter().flatten().peekable();
        let code = said.peek().map(|value| code(value));
        let code = code.unwrap_or_else(|| "no reason given".to_owned());
        Self {
            is_final: said.any(|value| value.as_str().is_some_and(|code| FINAL.contains(&code))),
            ..Self::because(format_args!("refused, {code}"))
        }
    }
}

impl From<RequestTokenError<HttpError, Self>> for Refused {
    fn from(error: RequestTokenError<HttpError, Self>) -> Self {
        match error {
            RequestTokenError::ServerResponse(refused) => refused,
            RequestTokenError::Request(error) => Self::because(error),
            RequestTokenError::Parse(_, body) => Self::by(&body),
            RequestTokenError::Other(cause) => Self::because(excerpt(&cause)),
        }
    }
}

impl From<Refused> for String {
    fn from(refused: Refused) -> Self {
        refused.cause
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.cause)
    }
}

/// `"invalid_grant"`, or Facebook's `{"type":…,"code":…}`.
fn code(error: &Value) -> String {
    match error {
        Value::String(code) => excerpt(code),
        other => excerpt(
            other
                .get("type")
                .and_then(Value::as_str)
                .unwrap_or("an unknown error"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: Value) -> Result<TokenAnswer, String> {
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    #[test]
    fn answers_are_read_as_providers_write_them() {
        let answer = read(
            json!({ "access_token": "a", "token_type": "bearer", "scope": "read:user,user:email", "x": [1] }),
        )
        .unwrap();
        assert_eq!(
            (answer.scopes.as_deref(), answer.lifetime),
            (Some("read:user user:email"), None)
        );
        let answer = read(json!({
            "access_token": "a", "token_type": "Bearer", "scope": ["openid", "user:read:email"], "expires_in": "3600",
            "refresh_token": "", "id_token": null,
        }))
        .unwrap();
        assert_eq!(
            (answer.scopes.as_deref(), answer.lifetime),
            (Some("openid user:read:email"), Some(3600))
        );
        assert!(answer.refresh_token.is_none() && answer.id_token.is_none());
        for lifetime in [json!(3599.0), json!("3599.0"), json!("3599"), json!(3599)] {
            let answer = read(json!({ "access_token": "a", "expires_in": lifetime })).unwrap();
            assert_eq!(answer.lifetime, Some(3599), "{lifetime}");
        }
        let nulls = json!({
            "access_token": "a", "error": null, "token_type": null, "expires_in": null, "scope": null,
            "refresh_token": null, "id_token": null,
        });
        let nulls = read(nulls).unwrap();
        assert!(nulls.refresh_token.is_none() && nulls.lifetime.is_none() && nulls.scopes.is_none());
        let odd = read(json!({ "access_token": "a", "scope": "openid\0,\0 email\r\nprofile" })).unwrap();
        assert_eq!(odd.scopes.as_deref(), Some("openid email profile"));
        assert_eq!(
            read(json!({ "access_token": "a", "expires_in": 5 }))
                .unwrap()
                .lifetime,
            Some(5)
        );
        assert!(
            !format!(
                "{:?}",
                read(json!({ "access_token": "hush", "refresh_token": "hush", "id_token": "hush" })).unwrap()
            )
            .contains("hush")
        );
    }

    #[test]
    fn refusals_are_seen_whatever_their_status() {
        for refused in [
            json!({ "error": "bad_verification_code", "error_description": "<script>" }),
            json!({ "ok": false, "error": "x" }),
            json!({ "access_token": "a", "error": "x" }),
            json!({ "token_type": "bearer" }),
            json!({ "access_token": "" }),
            json!({ "access_token": 1 }),
            json!({ "access_token": null }),
            json!([]),
            json!("text"),
        ] {
            assert!(read(refused.clone()).is_err(), "{refused}");
        }
        let by = |body: &str| Refused::by(body.as_bytes());
        let refused = by(r#"{"error":"bad_verification_code","error_description":"<script>"}"#);
        assert_eq!(
            refused.cause,
            r#"token request: refused, "bad_verification_code""#
        );
        assert!(!by(r#""hush""#).cause.contains("hush"));
        assert!(!by(r#"{"access_token":["hush"]}"#).cause.contains("hush"));
        assert!(by(r#"{"error":"bad_refresh_token"}"#).is_final);
        assert!(!by(r#"{"error":"incorrect_client_credentials"}"#).is_final);
        for (answer, code, is_final) in [
            (
                json!({ "status": 400, "message": "Invalid\nauthorization code" }),
                r#""Invalid\nauthorization code""#,
                false,
            ),
            (json!({ "error": "invalid_grant" }), r#""invalid_grant""#, true),
            (
                json!({ "error": "Bad Request", "status": 400, "message": "Invalid refresh token" }),
                r#""Bad Request""#,
                true,
            ),
            (
                json!({ "error": { "message": "x", "type": "OAuthException" } }),
                r#""OAuthException""#,
                false,
            ),
            (json!({ "error": null }), "no reason given", false),
        ] {
            let refused: Refused = serde_json::from_value(answer).unwrap();
            assert_eq!(refused.to_string(), format!("token request: refused, {code}"));
            assert_eq!(refused.is_final, is_final, "{code}");
        }
    }
}
