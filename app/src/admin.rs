//! Looking after people: the server functions under `/api/admin`. Each begins with
//! `require_admin()`, which answers whoever is no administrator as if there were nothing here.

#![expect(
    missing_docs,
    reason = "`#[server]` makes a struct of each function, whose fields are its arguments"
)]

#[cfg(feature = "ssr")]
use auth::admin::By;
use leptos::prelude::*;
use uuid::Uuid;
use wire::{Events, People, Person, Role};

#[cfg(feature = "ssr")]
use crate::context::Context;
use crate::{client::PageClient, error::AppError, forms::PageForm, routes};

/// A page of people: the newest, or those whose address or name begins with `query`.
#[server(prefix = "/api/admin", endpoint = "list_people")]
pub async fn list_people(
    #[server(default)] query: Option<String>,
    #[server(default)] after: Option<String>,
) -> Result<People, AppError> {
    let context = Context::take()?;
    let admin = context.require_admin().await?;
    Ok(context
        .auth
        .administration()
        .people(&admin, query.as_deref().unwrap_or_default(), after.as_deref())
        .await?)
}

/// A person, with accounts, sessions and sizes of data.
#[server(prefix = "/api/admin", endpoint = "get_person")]
pub async fn get_person(user_id: Uuid) -> Result<Person, AppError> {
    let context = Context::take()?;
    let admin = context.require_admin().await?;
    Ok(context.auth.administration().person(&admin, user_id).await?)
}

/// A page of what happened to a person, the newest first.
#[server(prefix = "/api/admin", endpoint = "list_events")]
pub async fn list_events(user_id: Uuid, #[server(default)] before: Option<Uuid>) -> Result<Events, AppError> {
    let context = Context::take()?;
    let admin = context.require_admin().await?;
    Ok(context
        .auth
        .administration()
        .events(&admin, user_id, before)
        .await?)
}

/// Ends a session, whose ever it is; one's own present one is signed out.
#[server(prefix = "/api/admin", endpoint = "revoke_session", client = PageClient)]
pub async fn admin_revoke_session(session_id: Uuid) -> Result<(), AppError> {
    let context = Context::take()?;
    let admin = context.require_admin().await?;
    let client = context.client();
    context
        .auth
        .administration()
        .end_session(By::Admin(&admin, &client), session_id)
        .await?;
    if session_id == admin.session_id() {
        return context.sign_out().await;
    }
    Ok(())
}

impl PageForm for AdminRevokeSession {
    const PAGES: &'static [&'static str] = &[routes::PERSON];
}

/// Ends all sessions of a person; of oneself the present one as well.
#[server(prefix = "/api/admin", endpoint = "revoke_all_sessions", client = PageClient)]
pub async fn revoke_all_sessions(user_id: Uuid) -> Result<(), AppError> {
    let context = Context::take()?;
    let admin = context.require_admin().await?;
    let client = context.client();
    context
        .auth
        .administration()
        .end_sessions(By::Admin(&admin, &client), user_id)
        .await?;
    if user_id == admin.user_id() {
        return context.sign_out().await;
    }
    Ok(())
}

impl PageForm for RevokeAllSessions {
    const PAGES: &'static [&'static str] = &[routes::PERSON];
}

/// Keeps a person from signing in, and ends their sessions.
#[server(prefix = "/api/admin", endpoint = "disable_user", client = PageClient)]
pub async fn disable_user(user_id: Uuid) -> Result<(), AppError> {
    let context = Context::take()?;
    let admin = context.require_admin().await?;
    let client = context.client();
    Ok(context
        .auth
        .administration()
        .disable(By::Admin(&admin, &client), user_id)
        .await?)
}

impl PageForm for DisableUser {
    const PAGES: &'static [&'static str] = &[routes::PERSON];
}

/// Lets a person sign in again.
#[server(prefix = "/api/admin", endpoint = "enable_user", client = PageClient)]
pub async fn enable_user(user_id: Uuid) -> Result<(), AppError> {
    let context = Context::take()?;
    let admin = context.require_admin().await?;
    let client = context.client();
    Ok(context
        .auth
        .administration()
        .enable(By::Admin(&admin, &client), user_id)
        .await?)
}

impl PageForm for EnableUser {
    const PAGES: &'static [&'static str] = &[routes::PERSON];
}

/// Gives a person a role.
#[server(prefix = "/api/admin", endpoint = "set_role", client = PageClient)]
pub async fn set_role(user_id: Uuid, role: Role) -> Result<(), AppError> {
    let context = Context::take()?;
    let admin = context.require_admin().await?;
    let client = context.client();
    Ok(context
        .auth
        .administration()
        .set_role(By::Admin(&admin, &client), user_id, role)
        .await?)
}

impl PageForm for SetRole {
    const PAGES: &'static [&'static str] = &[routes::PERSON];
    const COMES_BACK: &'static [&'static str] = &["role"];
}
