//! Who is signed in, for views and server functions; and everything a person does about it.

#![expect(
    missing_docs,
    reason = "`#[server]` makes a struct of each function, whose fields are its arguments"
)]

use leptos::prelude::*;
use uuid::Uuid;
use wire::{AccountInfo, AuthSession, Event, SessionInfo, User, WaysIn};

#[cfg(feature = "ssr")]
use crate::context::Context;
use crate::{client::PageClient, error::AppError, forms::PageForm, routes, secret::Secret};

/// Who is signed in, as views see it: fixed for the life of the document, since signing in and out load
/// a new one.
#[derive(Clone, Debug)]
pub struct CurrentSession(pub Option<AuthSession>);

impl CurrentSession {
    /// Takes what the session layer recognised, and hands it on to hydration: no query, and no flash of
    /// the wrong state.
    pub fn provide() {
        let session = SharedValue::new(|| {
            #[cfg(feature = "ssr")]
            return use_context::<http::request::Parts>().and_then(|parts| {
                parts
                    .extensions
                    .get::<auth::RequestAuth>()
                    .and_then(|request| request.session().cloned())
            });
            #[cfg(not(feature = "ssr"))]
            None
        });
        provide_context(Self(session.into_inner()));
    }
}

/// Who is signed in, for a view: no query.
pub fn current_session() -> Option<AuthSession> {
    use_context::<CurrentSession>().and_then(|CurrentSession(session)| session)
}

/// Who is signed in, from the snapshot: no query.
#[server(prefix = "/api", endpoint = "get_auth_session")]
pub async fn get_auth_session() -> Result<Option<AuthSession>, AppError> {
    Ok(Context::take()?.request.session().cloned())
}

/// The whole signed-in user, from SQL, authoritative; `None` when anonymous.
#[server(prefix = "/api", endpoint = "get_user")]
pub async fn get_user() -> Result<Option<User>, AppError> {
    let context = Context::take()?;
    Ok(context.auth.user(&context.request).await?)
}

/// Makes an account with a password and signs in.
#[server(prefix = "/api", endpoint = "register", client = PageClient)]
pub async fn register(
    email: String,
    password: Secret,
    #[server(default)] name: Option<String>,
    #[server(default)] remember: bool,
    #[server(default)] return_to: Option<String>,
) -> Result<AuthSession, AppError> {
    let context = Context::take()?;
    let session = context
        .auth
        .register(
            context.sign_in(remember),
            &email,
            password.into(),
            name.as_deref(),
        )
        .await?;
    leptos_axum::redirect(auth::ReturnTo::or_default(return_to.as_deref()).as_str());
    Ok(session)
}

impl PageForm for Register {
    const PAGES: &'static [&'static str] = &[routes::REGISTER];
    const COMES_BACK: &'static [&'static str] = &["email", "name", "remember"];
}

/// Signs in with a password.
#[server(prefix = "/api", endpoint = "login", client = PageClient)]
pub async fn login(
    email: String,
    password: Secret,
    #[server(default)] remember: bool,
    #[server(default)] return_to: Option<String>,
) -> Result<AuthSession, AppError> {
    let context = Context::take()?;
    let session = context
        .auth
        .sign_in(context.sign_in(remember), &email, password.into())
        .await?;
    leptos_axum::redirect(auth::ReturnTo::or_default(return_to.as_deref()).as_str());
    Ok(session)
}

impl PageForm for Login {
    const PAGES: &'static [&'static str] = &[routes::LOGIN];
    const COMES_BACK: &'static [&'static str] = &["email", "remember"];
}

/// Signs out. Without a session it does nothing, and says so in the same way.
#[server(prefix = "/api", endpoint = "logout", client = PageClient)]
pub async fn logout() -> Result<(), AppError> {
    Context::take()?.sign_out().await
}

impl PageForm for Logout {
    // Every page for somebody signed in has it.
    const PAGES: &'static [&'static str] = &[];
}

/// The person's sessions, this one first.
#[server(prefix = "/api", endpoint = "list_sessions")]
pub async fn list_sessions() -> Result<Vec<SessionInfo>, AppError> {
    let context = Context::take()?;
    let live = context.require_session().await?;
    Ok(context.request.list(&live).await?)
}

/// Ends one of the person's sessions; one's own is signed out.
#[server(prefix = "/api", endpoint = "revoke_session", client = PageClient)]
pub async fn revoke_session(session_id: Uuid) -> Result<(), AppError> {
    let context = Context::take()?;
    let live = context.require_session().await?;
    if session_id == live.session_id() {
        return context.sign_out().await;
    }
    let client = context.client();
    Ok(context.request.revoke(&live, session_id, &client).await?)
}

impl PageForm for RevokeSession {
    const PAGES: &'static [&'static str] = &[routes::SETTINGS_SESSIONS];
}

/// Ends all of the person's sessions but this one.
#[server(prefix = "/api", endpoint = "revoke_other_sessions", client = PageClient)]
pub async fn revoke_other_sessions() -> Result<(), AppError> {
    let context = Context::take()?;
    let live = context.require_session().await?;
    context.request.revoke_others(&live, &context.client()).await?;
    Ok(())
}

impl PageForm for RevokeOtherSessions {
    const PAGES: &'static [&'static str] = &[routes::SETTINGS_SESSIONS];
}

/// The newest of what happened to the person's account.
#[server(prefix = "/api", endpoint = "list_own_events")]
pub async fn list_own_events() -> Result<Vec<Event>, AppError> {
    let context = Context::take()?;
    let live = context.require_session().await?;
    Ok(context.auth.own_events(&live).await?)
}

/// The connected provider accounts.
#[server(prefix = "/api", endpoint = "list_accounts")]
pub async fn list_accounts() -> Result<Vec<AccountInfo>, AppError> {
    Ok(get_ways_in().await?.accounts)
}

/// The connected provider accounts, and whether there is a password.
#[server(prefix = "/api", endpoint = "get_ways_in")]
pub async fn get_ways_in() -> Result<WaysIn, AppError> {
    let context = Context::take()?;
    let live = context.require_session().await?;
    Ok(context.auth.ways_in(&live).await?)
}

/// Disconnects a provider account; never the last way in.
#[server(prefix = "/api", endpoint = "unlink_account", client = PageClient)]
pub async fn unlink_account(account_id: Uuid) -> Result<(), AppError> {
    let context = Context::take()?;
    let recent = context.require_recent_session().await?;
    Ok(context
        .auth
        .oauth
        .unlink(&context.request, recent, &context.client(), account_id)
        .await?)
}

impl PageForm for UnlinkAccount {
    const PAGES: &'static [&'static str] = &[routes::SETTINGS_ACCOUNTS];
}

/// Changes the password: ends the other sessions.
#[server(prefix = "/api", endpoint = "change_password", client = PageClient)]
pub async fn change_password(current_password: Secret, new_password: Secret) -> Result<(), AppError> {
    let context = Context::take()?;
    let recent = context.require_recent_session().await?;
    Ok(context
        .auth
        .change_password(
            &context.request,
            recent,
            &context.client(),
            current_password.into(),
            new_password.into(),
        )
        .await?)
}

impl PageForm for ChangePassword {
    const PAGES: &'static [&'static str] = &[routes::SETTINGS_SECURITY];
}

/// Sets a first password.
#[server(prefix = "/api", endpoint = "set_password", client = PageClient)]
pub async fn set_password(new_password: Secret) -> Result<(), AppError> {
    let context = Context::take()?;
    let recent = context.require_recent_session().await?;
    Ok(context
        .auth
        .set_password(&context.request, recent, &context.client(), new_password.into())
        .await?)
}

impl PageForm for SetPassword {
    const PAGES: &'static [&'static str] = &[routes::SETTINGS_SECURITY];
}

/// Confirms with the password who is signed in.
#[server(prefix = "/api", endpoint = "confirm_identity", client = PageClient)]
pub async fn confirm_identity(
    password: Secret,
    #[server(default)] return_to: Option<String>,
) -> Result<(), AppError> {
    let context = Context::take()?;
    let live = context.require_session().await?;
    context
        .auth
        .confirm_identity(&context.request, live, &context.client(), password.into())
        .await?;
    if let Some(return_to) = return_to.as_deref().and_then(auth::ReturnTo::parse) {
        leptos_axum::redirect(return_to.as_str());
    }
    Ok(())
}

impl PageForm for ConfirmIdentity {
    const PAGES: &'static [&'static str] = &[routes::SETTINGS_SECURITY];
}
