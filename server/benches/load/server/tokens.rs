//! Tokens for the benchmark, and checks of them without the application's other layers.

use std::net::Ipv4Addr;

use auth::{
    Auth, AuthSession, Client, Clock, Lifetimes, RequestAuth, Role, Scope,
    clients::{Bearing, ClientRegistry, Grant, NewClient, Parameters},
    db::Database,
};
use axum::{
    Extension, Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header::AUTHORIZATION},
    middleware::from_fn_with_state,
    response::{IntoResponse, Response},
    routing::get,
};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    Outcome,
    clients::{CHALLENGE, CLIENT, REDIRECT, VERIFIER},
};

type Parts = (Auth, Database);

pub(super) fn router(auth: &Auth, db: &Database) -> Router {
    Router::new()
        .route("/tokens/{number}", get(tokens))
        .layer(from_fn_with_state(auth.sessions.clone(), auth::session_layer))
        .route("/introspecting/{number}", get(introspecting))
        .route("/revoke-client", get(revoke_client))
        .route("/bearer", get(bearer))
        .route("/sql-bearer", get(sql_bearer))
        .with_state((auth.clone(), db.clone()))
}

/// A personal key, and the tokens of a number of sessions of a client, for the user who is signed in.
async fn tokens(
    State((auth, db)): State<Parts>,
    Path(number): Path<usize>,
    Extension(request): Extension<RequestAuth>,
) -> Result<Json<Value>, String> {
    let made = make(&auth, &db, number, &request).await;
    made.map(Json).map_err(|error| error.to_string())
}

async fn make(auth: &Auth, db: &Database, number: usize, request: &RequestAuth) -> Outcome<Value> {
    let registry = registry(db).await?;
    if registry.list().await?.is_empty() {
        let new = NewClient {
            name: "Benchmark".to_owned(),
            id: Some(CLIENT.to_owned()),
            first_party: true,
            redirect_uris: vec![REDIRECT.to_owned()],
            scopes: Scope::ALL.to_vec(),
            ..NewClient::default()
        };
        registry.add(new).await?;
    }
    let recent = request.require_recent().await?;
    let key = auth
        .clients
        .create_key(request, &recent, "bench", "app", 1)
        .await?;
    let query = format!(
        "response_type=code&client_id={CLIENT}&redirect_uri={REDIRECT}&code_challenge={CHALLENGE}\
         &code_challenge_method=S256"
    );
    let asked = auth.clients.authorization(query.as_bytes()).await;
    let asked = asked.map_err(|fault| format!("{fault:?}"))?;
    // Requests for tokens are limited by address.
    let client = Client {
        ip: Some(Ipv4Addr::from_bits(recent.user_id().as_u128() as u32).into()),
        ..Client::default()
    };
    let mut tokens = Vec::new();
    for _ in 0..number {
        let leads_to = auth.clients.allow(request, &asked).await?;
        let code = leads_to.split(['=', '&']).nth(1).unwrap_or("");
        let form = format!(
            "grant_type=authorization_code&client_id={CLIENT}&code={code}&redirect_uri={REDIRECT}\
             &code_verifier={VERIFIER}"
        );
        let parameters = Parameters::parse(form.as_bytes()).map_err(|refusal| refusal.code())?;
        let issued = auth
            .clients
            .token(&HeaderMap::new(), &parameters, &client)
            .await
            .map_err(|refusal| refusal.code())?;
        let refresh = issued.refresh_token.ok_or("no refresh token")?;
        tokens.push((
            issued.access_token.expose_secret().to_owned(),
            refresh.expose_secret().to_owned(),
        ));
    }
    Ok(json!({ "key": key.key, "tokens": tokens }))
}

async fn registry(db: &Database) -> Outcome<ClientRegistry> {
    Ok(ClientRegistry::at_command_line(db.clone(), Clock::system(), Lifetimes::default()).await?)
}

/// Registers clients that may introspect: for each, how it proves itself in a form.
async fn introspecting(
    State((_, db)): State<Parts>,
    Path(number): Path<usize>,
) -> Result<Json<Vec<String>>, String> {
    let added = add_introspecting(&db, number).await;
    added.map(Json).map_err(|error| error.to_string())
}

async fn add_introspecting(db: &Database, number: usize) -> Outcome<Vec<String>> {
    let registry = registry(db).await?;
    let mut forms = Vec::with_capacity(number);
    for _ in 0..number {
        let new = NewClient {
            name: "Resource server".to_owned(),
            confidential: true,
            may_introspect: true,
            grants: vec![Grant::ClientCredentials],
            ..NewClient::default()
        };
        let added = registry.add(new).await?;
        let secret = added.client_secret.ok_or("no secret")?;
        let secret = secret.expose_secret();
        forms.push(format!("client_id={}&client_secret={secret}", added.client_id));
    }
    Ok(forms)
}

/// Revokes the client as at the command line.
async fn revoke_client(State((_, db)): State<Parts>) -> Result<(), String> {
    let revoked = async { Outcome::Ok(registry(&db).await?.revoke(CLIENT).await?) };
    revoked.await.map(drop).map_err(|error| error.to_string())
}

/// What recognises a token or a key, and nothing else. 401 for any other request, which ends the benchmark.
async fn bearer(State((auth, _)): State<Parts>, headers: HeaderMap) -> Response {
    match auth.clients.bearing(&headers, &http::Extensions::new()).await {
        Ok(Bearing::User(request)) => Json(request.session()).into_response(),
        _ => StatusCode::UNAUTHORIZED.into_response(),
    }
}

type Known = (Uuid, Uuid, Option<String>, bool, Role, OffsetDateTime);

/// The same check as others make it: for each request the row of the token is read by its hash, with its user.
async fn sql_bearer(
    State((_, db)): State<Parts>,
    headers: HeaderMap,
) -> Result<Json<AuthSession>, StatusCode> {
    let token = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
        .ok_or(StatusCode::UNAUTHORIZED)?;
    let known: Option<Known> = sqlx::query_as(
        "SELECT s.id, u.id, u.email, u.email_verified_at IS NOT NULL, u.role, s.expires_at
         FROM sessions s JOIN users u ON u.id = s.user_id
         WHERE s.key_hash = $1 AND s.expires_at > $2 AND u.disabled_at IS NULL",
    )
    .bind(Sha256::digest(token).to_vec())
    .bind(Clock::system().now())
    .fetch_optional(db.read())
    .await
    .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let (session_id, user_id, email, email_verified, role, expires_at) =
        known.ok_or(StatusCode::UNAUTHORIZED)?;
    Ok(Json(AuthSession {
        session_id,
        user_id,
        email,
        email_verified,
        name: None,
        picture: None, // wing:pictures
        role,
        expires_at: expires_at.into(),
    }))
}
