//! The token request: a code and a verifier for tokens, once and without a second try.

use std::fmt;

use oauth2::{
    AccessToken, AuthType, AuthorizationCode, Client, ClientId, EndpointNotSet, EndpointSet, ErrorResponse,
    PkceCodeVerifier, RedirectUrl, RefreshToken, RequestTokenError, Scope, StandardRevocableToken,
    TokenResponse,
    basic::{BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType},
};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    discovery::Endpoints,
    excerpt,
    http::Http,
    json,
    preset::TokenAuth,
    provider::{ClientSecret, Provider},
};

/// `oauth2`'s client, with our way of reading answers.
pub(super) type OAuthClient = Client<
    TokenError,
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
pub(super) fn client(provider: &Provider, endpoints: &Endpoints, redirect_uri: RedirectUrl) -> OAuthClient {
    let in_body = match provider.preset.token_auth {
        TokenAuth::Basic => false,
        TokenAuth::Post | TokenAuth::AppleJwt => true,
        TokenAuth::Metadata => endpoints.post_only,
    };
    Client::new(ClientId::new(provider.client_id.clone()))
        .set_auth_uri(endpoints.authorize.clone())
        .set_token_uri(endpoints.token.clone())
        .set_redirect_uri(redirect_uri)
        .set_auth_type(if in_body {
            AuthType::RequestBody
        } else {
            AuthType::BasicAuth
        })
}

/// Exchanges a code for tokens.
pub(super) async fn exchange(
    http: &Http,
    provider: &Provider,
    client: OAuthClient,
    code: String,
    verifier: Option<String>,
    now: i64,
) -> Result<TokenAnswer, String> {
    let secret = match &provider.secret {
        ClientSecret::Text(text) => text.expose_secret().to_owned(),
        ClientSecret::Apple(key) => key.client_secret(&provider.client_id, now),
    };
    let client = client.set_client_secret(oauth2::ClientSecret::new(secret));
    let mut request = client.exchange_code(AuthorizationCode::new(code));
    if let Some(verifier) = verifier {
        request = request.set_pkce_verifier(PkceCodeVerifier::new(verifier));
    }
    let answer = request.request_async(http).await.map_err(|error| match error {
        RequestTokenError::ServerResponse(refusal) => format!("token request: refused, {refusal}"),
        RequestTokenError::Request(error) => format!("token request: {error}"),
        RequestTokenError::Parse(_, body) => format!("token request: {}", what_is_wrong(&body)),
        RequestTokenError::Other(cause) => format!("token request: {}", excerpt(&cause)),
    })?;
    match &answer.token_type {
        Some(kind) if kind.eq_ignore_ascii_case("bearer") => {}
        None if provider.preset.token_type_optional => {}
        _ => return Err("token request: the token is of a type we cannot use".to_owned()),
    }
    if provider.is_oidc() && answer.id_token.is_none() {
        return Err("token request: no ID token came with it".to_owned());
    }
    Ok(answer)
}

/// Why a body is no token answer. The parser's own message might quote a token.
fn what_is_wrong(body: &[u8]) -> String {
    match json::object(body) {
        Ok(answer) => match answer.get("error") {
            Some(error) => format!("refused, {}", error_code(error)),
            None => "no access token, or an odd one, in the answer".to_owned(),
        },
        Err(cause) => format!("the answer {cause}"),
    }
}

/// A token answer (RFC 6749 §5.1), read as providers write it.
#[derive(Deserialize, Serialize)]
#[serde(try_from = "RawAnswer")]
pub(super) struct TokenAnswer {
    #[serde(skip_serializing)]
    access_token: AccessToken,
    #[serde(skip_serializing)]
    refresh_token: Option<RefreshToken>,
    #[serde(skip_serializing)]
    pub(super) id_token: Option<String>,
    token_type: Option<String>,
    /// Seconds.
    pub(super) lifetime: Option<u64>,
    /// What was granted, separated by spaces.
    pub(super) scopes: Option<String>,
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
                .ok_or("no access token came")?,
            refresh_token: present(raw.refresh_token).map(RefreshToken::new),
            id_token: present(raw.id_token),
            token_type: raw.token_type,
            lifetime: match raw.expires_in {
                Some(Value::Number(number)) => number.as_u64(),
                Some(Value::String(text)) => text.parse().ok(),
                _ => None,
            },
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
        .flat_map(|text| text.split([' ', ',']))
        .filter(|word| !word.is_empty())
        .collect();
    Some(words.join(" "))
}

/// An error answer (RFC 6749 §5.2). Only a code is kept, made harmless for the log.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct TokenError {
    error: Option<Value>,
    /// Twitch's word for it.
    message: Option<Value>,
}

impl ErrorResponse for TokenError {}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = self.error.as_ref().or(self.message.as_ref()).map(error_code);
        f.write_str(&error.unwrap_or_else(|| "without a reason".to_owned()))
    }
}

/// `"invalid_grant"`, or Facebook's `{"type":…,"code":…}`.
fn error_code(error: &Value) -> String {
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
        let refusal = what_is_wrong(br#"{"error":"bad_verification_code","error_description":"<script>"}"#);
        assert_eq!(refusal, r#"refused, "bad_verification_code""#);
        assert!(!what_is_wrong(br#""hush""#).contains("hush"));
        assert!(!what_is_wrong(br#"{"access_token":["hush"]}"#).contains("hush"));
        let twitch: TokenError =
            serde_json::from_value(json!({ "status": 400, "message": "Invalid\nauthorization code" }))
                .unwrap();
        assert_eq!(twitch.to_string(), r#""Invalid\nauthorization code""#);
        let facebook: TokenError =
            serde_json::from_value(json!({ "error": { "message": "x", "type": "OAuthException" } })).unwrap();
        assert_eq!(facebook.to_string(), r#""OAuthException""#);
    }
}
