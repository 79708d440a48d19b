//! The user's sessions, and ending them.

#![expect(
    missing_docs,
    reason = "`#[server]` generates a struct for each function, whose fields are the arguments"
)]

use leptos::prelude::*;
use leptos_meta::Title;
use uuid::Uuid;
use wire::{SessionInfo, device};

#[cfg(feature = "ssr")]
use crate::context::Context;
use crate::{
    error::AppError,
    forms::Endpoint,
    pages::paths,
    ui::{
        events::method,
        form::{Form, FormState, Notice, Submit},
        load::{Load, Loaded},
        time::When,
    },
};

/// The forms of this page.
pub const FORMS: &[Endpoint] = &[REVOKE_SESSION, REVOKE_OTHER_SESSIONS];

/// The user's sessions, with the current one first.
#[server]
pub async fn list_sessions() -> Result<Vec<SessionInfo>, AppError> {
    let context = Context::take()?;
    let live = context.require_session().await?;
    Ok(context.request.list(&live).await?)
}

/// Ends one of the user's sessions. Ending the current one signs out.
#[server]
pub async fn revoke_session(session_id: Uuid) -> Result<(), AppError> {
    let context = Context::take()?;
    let live = context.require_session().await?;
    if session_id == live.session_id() {
        return context.sign_out().await;
    }
    Ok(context.request.revoke(&live, session_id).await?)
}

pub(super) const REVOKE_SESSION: Endpoint = Endpoint::of::<RevokeSession>(&[
    paths::SETTINGS_SESSIONS,
    paths::SETTINGS_ACCESS, // wing:clients
]);

/// Ends all of the user's sessions except the current one.
#[server]
pub async fn revoke_other_sessions() -> Result<(), AppError> {
    let context = Context::take()?;
    let live = context.require_session().await?;
    context.request.revoke_others(&live).await?;
    Ok(())
}

pub(super) const REVOKE_OTHER_SESSIONS: Endpoint = Endpoint::of::<RevokeOtherSessions>(&[
    paths::SETTINGS_SESSIONS,
    paths::SETTINGS_SECURITY, // wing:second-factors
]);

/// The tab for sessions.
#[component]
pub fn Sessions() -> impl IntoView {
    let revoke = FormState::of(REVOKE_SESSION);
    let revoke_others = FormState::of(REVOKE_OTHER_SESSIONS);
    let sessions = Load::new(
        move || revoke.answers() + revoke_others.answers(),
        || ListSessions {},
    );
    view! {
        <Title text="Sessions" />
        <Notice form=revoke done="The session has ended." />
        <Notice form=revoke_others done="You are signed out everywhere else." />
        <Loaded load=sessions let:sessions>
            <Cards sessions revoke revoke_others />
        </Loaded>
    }
}

#[component]
fn Cards(sessions: Vec<SessionInfo>, revoke: FormState, revoke_others: FormState) -> impl IntoView {
    let has_others = sessions.iter().any(|session| !session.current);
    let rows = sessions
        .into_iter()
        .map(|session| view! { <Row session revoke /> }.into_any())
        .collect_view();
    let others = if has_others {
        view! {
            <Form form=revoke_others class="after-form">
                <Submit
                    form=revoke_others
                    label="Sign out everywhere else"
                    busy="Signing out…"
                    class="button-danger"
                />
            </Form>
        }
        .into_any()
    } else {
        view! { <p class="empty">"You are not signed in anywhere else."</p> }.into_any()
    };
    view! {
        <section class="card" aria-labelledby="sessions-title">
            <h2 id="sessions-title">"Where you are signed in"</h2>
            <p class="hint">"If you don’t recognise one of these sessions, end it and change your password."</p>
            <ul class="rows">{rows}</ul>
            {others}
        </section>
    }
}

#[component]
fn Row(session: SessionInfo, revoke: FormState) -> impl IntoView {
    let device = device(session.user_agent.as_deref());
    let method = method(&session.method);
    let button = format!("End session: {device}");
    let end = (!session.current).then(|| {
        view! {
            <Form form=revoke>
                <input type="hidden" name="session_id" value=session.session_id.to_string() />
                <Submit form=revoke label="End session" busy="Ending…" name=button class="button-quiet" />
            </Form>
        }
        .into_any()
    });
    view! {
        <li class="row" data-session=session.session_id.to_string()>
            <div class="row-text">
                <h3>
                    {device} {session.current.then(|| view! { " " <span class="badge">"Current session"</span> }.into_any())}
                </h3>
                <p class="hint">
                    "Signed in " <When at=session.created_at /> " with " {method}
                    {session.ip.map(|ip| view! { " from " <span class="address">{ip}</span> }.into_any())}
                </p>
                <p class="hint">"Last seen " <When at=session.last_seen_at /></p>
            </div>
            {end}
        </li>
    }
}
