//! What clients and resource servers look up: the metadata of the authorization server (RFC 8414) and its public keys.

use auth::{Auth, Scope, clients::Grant};
use axum::{extract::State, response::Response};
use http::{HeaderMap, HeaderValue, header::CACHE_CONTROL};
use serde_json::{Value, json};

use crate::routes::validated;

pub(super) const TOKEN: &str = "/oauth/token";
pub(super) const DEVICE_AUTHORIZATION: &str = "/oauth/device_authorization";
pub(super) const REVOKE: &str = "/oauth/revoke";
pub(super) const INTROSPECT: &str = "/oauth/introspect";
pub(super) const JWKS: &str = "/.well-known/jwks.json";

const CACHING: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// How clients with a secret authenticate.
const WITH_SECRET: [&str; 2] = ["client_secret_basic", "client_secret_post"];

/// `GET /.well-known/oauth-authorization-server`
pub(super) async fn metadata(State(auth): State<Auth>, headers: HeaderMap) -> Response {
    let issuer = auth.clients.issuer();
    let at = |path: &str| format!("{issuer}{path}");
    let grants: Vec<&str> = Grant::ALL.iter().map(|grant| grant.name()).collect();
    let scopes: Vec<&str> = Scope::ALL.iter().map(|scope| scope.name()).collect();
    let methods = ["none", WITH_SECRET[0], WITH_SECRET[1]];
    let metadata = json!({
        "issuer": issuer,
        "authorization_endpoint": at(app::pages::paths::AUTHORIZE),
        "token_endpoint": at(TOKEN),
        "device_authorization_endpoint": at(DEVICE_AUTHORIZATION),
        "revocation_endpoint": at(REVOKE),
        "introspection_endpoint": at(INTROSPECT),
        "jwks_uri": at(JWKS),
        "response_types_supported": ["code"],
        "grant_types_supported": grants,
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_methods_supported": methods,
        "introspection_endpoint_auth_methods_supported": WITH_SECRET,
        "scopes_supported": scopes,
        "authorization_response_iss_parameter_supported": true,
    });
    published(&auth, &headers, &metadata)
}

/// `GET /.well-known/jwks.json`
pub(super) async fn jwks(State(auth): State<Auth>, headers: HeaderMap) -> Response {
    published(&auth, &headers, &auth.clients.jwks())
}

fn published(auth: &Auth, headers: &HeaderMap, value: &Value) -> Response {
    let mut response = validated(auth, headers, value);
    response.headers_mut().insert(CACHE_CONTROL, CACHING);
    response
}
