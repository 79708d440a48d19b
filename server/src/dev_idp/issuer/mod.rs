//! The development identity provider: an OIDC issuer inside the debug build, on loopback only, so that a fresh clone
//! has users to sign in as. The application treats it like any other provider.

mod page;
mod people;
mod token;

use std::{collections::HashMap, sync::Arc};

use auth::{Auth, Clock};
use axum::{
    Form, Json, Router,
    extract::{Query, State},
    http::StatusCode,
    middleware::from_fn_with_state,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use http::HeaderMap;
use parking_lot::Mutex;
use rand::RngCore;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use self::{people::Person, token::Signer};
use crate::middleware::host;

/// The lifetime of a code, in seconds.
const CODE_LIFE: i64 = 60;

#[derive(Clone)]
struct Issuer(Arc<Inner>);

struct Inner {
    issuer: String,
    redirect_uri: String,
    clock: Clock,
    signer: Signer,
    /// The issued codes and access tokens, and the person each is for.
    grants: Mutex<HashMap<String, Grant>>,
}

#[derive(Clone)]
struct Grant {
    person: Person,
    nonce: Option<String>,
    code_challenge: String,
    until: i64,
}

/// The application's request (OIDC Core §3.1.2.1).
#[derive(Clone, Deserialize)]
struct Asked {
    client_id: String,
    redirect_uri: String,
    response_type: String,
    state: String,
    code_challenge: String,
    code_challenge_method: String,
    nonce: Option<String>,
}

#[derive(Deserialize)]
struct Chosen {
    #[serde(flatten)]
    asked: Asked,
    #[serde(default)]
    email: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    cancel: Option<String>,
}

#[derive(Deserialize)]
struct TokenRequest {
    grant_type: String,
    code: String,
    redirect_uri: String,
    code_verifier: String,
}

/// The provider's routes. They are outside the application's own layers, as a real provider's would be.
pub(crate) fn router(auth: &Auth) -> Router {
    let state = Issuer(Arc::new(Inner {
        issuer: auth.public_url.join("/dev/idp"),
        redirect_uri: auth
            .public_url
            .join(&format!("/auth/callback/{}", auth::oauth::DEVELOPMENT)),
        clock: auth.clock.clone(),
        signer: Signer::generate(),
        grants: Mutex::default(),
    }));
    if auth.oauth.name_of(auth::oauth::DEVELOPMENT).is_none() {
        return Router::new();
    }
    Router::new()
        .route("/dev/idp/.well-known/openid-configuration", get(metadata))
        .route("/dev/idp/jwks", get(jwks))
        .route("/dev/idp/authorize", get(ask).post(answer))
        .route("/dev/idp/token", post(exchange))
        .route("/dev/idp/userinfo", get(userinfo))
        .layer(from_fn_with_state(auth.public_url.clone(), host::only_ours))
        .with_state(state)
}

async fn metadata(State(Issuer(idp)): State<Issuer>) -> Json<serde_json::Value> {
    let at = |path: &str| format!("{}/{path}", idp.issuer);
    Json(json!({
        "issuer": idp.issuer,
        "authorization_endpoint": at("authorize"),
        "token_endpoint": at("token"),
        "userinfo_endpoint": at("userinfo"),
        "jwks_uri": at("jwks"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
        "scopes_supported": ["openid", "email", "profile"],
    }))
}

async fn jwks(State(Issuer(idp)): State<Issuer>) -> Json<serde_json::Value> {
    Json(json!({ "keys": [idp.signer.public_jwk()] }))
}

/// The page to choose a person.
async fn ask(State(Issuer(idp)): State<Issuer>, Query(asked): Query<Asked>) -> Response {
    if idp.accepts(&asked) {
        page::choose(&asked, false)
    } else {
        StatusCode::BAD_REQUEST.into_response()
    }
}

/// A person was chosen: back to the application with a code.
async fn answer(State(Issuer(idp)): State<Issuer>, Form(chosen): Form<Chosen>) -> Response {
    let Chosen {
        asked,
        email,
        name,
        cancel,
    } = chosen;
    if !idp.accepts(&asked) {
        return StatusCode::BAD_REQUEST.into_response();
    }
    let outcome = match (cancel, Person::new(&email, &name)) {
        (Some(_), _) => ("error", "access_denied".to_owned()),
        (None, None) => {
            return (StatusCode::UNPROCESSABLE_ENTITY, page::choose(&asked, true)).into_response();
        }
        (None, Some(person)) => {
            let grant = Grant {
                person,
                nonce: asked.nonce.clone(),
                code_challenge: asked.code_challenge.clone(),
                until: idp.clock.unix() + CODE_LIFE,
            };
            ("code", idp.hand_out(grant))
        }
    };
    let query = serde_urlencoded::to_string([
        (outcome.0, outcome.1.as_str()),
        ("state", &asked.state),
        ("iss", &idp.issuer),
    ])
    .unwrap_or_default();
    Redirect::to(&format!("{}?{query}", idp.redirect_uri)).into_response()
}

async fn exchange(State(Issuer(idp)): State<Issuer>, Form(request): Form<TokenRequest>) -> Response {
    let refused = || (StatusCode::BAD_REQUEST, Json(json!({ "error": "invalid_grant" }))).into_response();
    let Some(grant) = idp.take(&request.code) else {
        return refused();
    };
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(request.code_verifier.as_bytes()));
    let fits = request.grant_type == "authorization_code"
        && request.redirect_uri == idp.redirect_uri
        && challenge == grant.code_challenge;
    if !fits {
        return refused();
    }
    let now = idp.clock.unix();
    let mut claims = grant.person.claims();
    claims.insert("iss".into(), idp.issuer.clone().into());
    claims.insert("aud".into(), auth::oauth::DEVELOPMENT.into());
    claims.insert("iat".into(), now.into());
    claims.insert("exp".into(), (now + 300).into());
    // The provider asks for the person every time, so the authentication happened just now.
    claims.insert("auth_time".into(), now.into());
    claims.insert("nonce".into(), grant.nonce.clone().into());
    let id_token = idp.signer.sign(&serde_json::Value::Object(claims));
    let access_token = idp.hand_out(Grant {
        until: now + 300,
        ..grant
    });
    Json(json!({
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": "openid email profile",
        "id_token": id_token,
    }))
    .into_response()
}

async fn userinfo(State(Issuer(idp)): State<Issuer>, headers: HeaderMap) -> Response {
    let token = headers
        .get(http::header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    match token.and_then(|token| idp.look_up(token)) {
        Some(grant) => Json(grant.person.claims()).into_response(),
        None => StatusCode::UNAUTHORIZED.into_response(),
    }
}

impl Inner {
    fn accepts(&self, asked: &Asked) -> bool {
        asked.client_id == auth::oauth::DEVELOPMENT
            && asked.redirect_uri == self.redirect_uri
            && asked.response_type == "code"
            && asked.code_challenge_method == "S256"
    }

    fn hand_out(&self, grant: Grant) -> String {
        let mut bytes = [0; 32];
        rand::rngs::OsRng.fill_bytes(&mut bytes);
        let handle = BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let now = self.clock.unix();
        let mut grants = self.grants.lock();
        grants.retain(|_, grant| grant.until > now);
        grants.insert(handle.clone(), grant);
        handle
    }

    fn take(&self, handle: &str) -> Option<Grant> {
        let grant = self.grants.lock().remove(handle);
        grant.filter(|grant| grant.until > self.clock.unix())
    }

    fn look_up(&self, handle: &str) -> Option<Grant> {
        let grant = self.grants.lock().get(handle).cloned();
        grant.filter(|grant| grant.until > self.clock.unix())
    }
}
