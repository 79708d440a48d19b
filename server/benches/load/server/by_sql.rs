//! The same check as others make it: for each request the tower-sessions record is read, and then the user
//! whom it names. This is what axum-login does, over the very store and pool the application has.

use std::collections::HashMap;

use auth::{
    Auth, AuthSession, RequestAuth, Role,
    db::{Database, Pool},
};
use axum::{
    Extension, Json, Router, extract::State, http::StatusCode, middleware::from_fn_with_state, routing::get,
};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use time::{Duration, OffsetDateTime};
use tower_sessions::{
    Expiry, Session, SessionManagerLayer, SessionStore,
    session::{Id, Record},
};
#[cfg(feature = "postgres")] // wing:postgres
use tower_sessions_sqlx_store::PostgresStore as Store; // wing:postgres
#[cfg(not(feature = "postgres"))] // wing:postgres
use tower_sessions_sqlx_store::SqliteStore as Store;
use uuid::Uuid;

use crate::Outcome;

/// The cookie of the session that only this check knows.
pub(crate) const COOKIE: &str = "bench";

/// What the record holds, in axum-login's way: who it is, and a hash that ends the session when the password
/// changes.
#[derive(Serialize, Deserialize)]
struct Data {
    user_id: Uuid,
    auth_hash: Vec<u8>,
}

const KEY: &str = "axum-login.data";

/// `/sql-session` makes such a session for who is signed in, and `/sql-check` is its check.
pub(super) fn router(auth: &Auth, db: &Database) -> Router {
    let expiry = Expiry::OnInactivity(Duration::hours(12));
    let check = Router::new()
        .route("/sql-check", get(check))
        .layer(
            SessionManagerLayer::new(store(db.read().pool()))
                .with_name(COOKIE)
                .with_secure(false)
                .with_expiry(expiry),
        )
        .with_state(db.clone());
    let begin = Router::new()
        .route("/sql-session", get(begin))
        .layer(from_fn_with_state(auth.sessions.clone(), auth::session_layer))
        .with_state((auth.clone(), db.clone()));
    check.merge(begin)
}

#[cfg(not(feature = "postgres"))] // wing:postgres
fn store(pool: &Pool) -> Store {
    Store::new(pool.clone())
}

// wing:postgres
#[cfg(feature = "postgres")]
fn store(pool: &Pool) -> Store {
    Store::new(pool.clone())
        .with_schema_name("public")
        .and_then(|store| store.with_table_name("tower_sessions"))
        .expect("both names are identifiers")
}
// end wing:postgres

type User = (Uuid, Option<String>, bool, Role, Option<String>);

async fn check(
    State(db): State<Database>,
    Extension(session): Extension<Session>,
) -> Result<Json<AuthSession>, StatusCode> {
    let data: Option<Data> = session
        .get(KEY)
        .await
        .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let Data { user_id, auth_hash } = data.ok_or(StatusCode::UNAUTHORIZED)?;
    let user: Option<User> = sqlx::query_as(
        "SELECT id, email, email_verified_at IS NOT NULL, role, password_hash FROM users WHERE id = $1",
    )
    .bind(user_id)
    .fetch_optional(db.read())
    .await
    .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let (user_id, email, email_verified, role, hash) = user.ok_or(StatusCode::UNAUTHORIZED)?;
    if hash.unwrap_or_default().as_bytes().ct_eq(&auth_hash).into() {
        Ok(Json(AuthSession {
            session_id: user_id,
            user_id,
            email,
            email_verified,
            name: None,
            picture: None, // wing:pictures
            role,
            expires_at: session.expiry_date().into(),
        }))
    } else {
        Err(StatusCode::UNAUTHORIZED)
    }
}

async fn begin(
    State((auth, db)): State<(Auth, Database)>,
    Extension(request): Extension<RequestAuth>,
) -> Result<String, StatusCode> {
    let user_id = request.session().ok_or(StatusCode::UNAUTHORIZED)?.user_id;
    new_session(&db, user_id, auth.clock.now() + Duration::hours(12))
        .await
        .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}

async fn new_session(db: &Database, user_id: Uuid, expiry_date: OffsetDateTime) -> Outcome<String> {
    let hash: Option<String> = sqlx::query_scalar("SELECT password_hash FROM users WHERE id = $1")
        .bind(user_id)
        .fetch_one(db.read())
        .await?;
    let data = Data {
        user_id,
        auth_hash: hash.unwrap_or_default().into_bytes(),
    };
    let mut record = Record {
        id: Id::default(),
        data: HashMap::from([(KEY.to_owned(), serde_json::to_value(data)?)]),
        expiry_date,
    };
    store(db.write().pool()).create(&mut record).await?;
    Ok(record.id.to_string())
}
