//! The person's sessions, and ending them.

#![expect(
    missing_docs,
    reason = "`#[server]` makes a struct of each function, whose fields are its arguments"
)]

use leptos::{either::Either, prelude::*};
use leptos_meta::Title;
use uuid::Uuid;
use wire::SessionInfo;

#[cfg(feature = "ssr")]
use crate::context::Context;
use crate::{
    client::PageClient,
    error::AppError,
    forms::{Declared, PageForm},
    pages::paths,
    ui::{
        device::device,
        events::method,
        failure::Failure,
        form::{Form, FormState, Notices, Submit},
        time::When,
    },
};

/// The forms of this page.
pub const FORMS: &[Declared] = &[
    Declared::of::<RevokeSession>(),
    Declared::of::<RevokeOtherSessions>(),
];

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
    Ok(context.request.revoke(&live, session_id).await?)
}

impl PageForm for RevokeSession {
    const PAGES: &'static [&'static str] = &[paths::SETTINGS_SESSIONS];
}

/// Ends all of the person's sessions but this one.
#[server(prefix = "/api", endpoint = "revoke_other_sessions", client = PageClient)]
pub async fn revoke_other_sessions() -> Result<(), AppError> {
    let context = Context::take()?;
    let live = context.require_session().await?;
    context.request.revoke_others(&live).await?;
    Ok(())
}

impl PageForm for RevokeOtherSessions {
    const PAGES: &'static [&'static str] = &[paths::SETTINGS_SESSIONS];
}

/// The tab for sessions.
#[component]
pub fn Sessions() -> impl IntoView {
    let revoke = ServerAction::<RevokeSession>::new();
    let revoke_others = ServerAction::<RevokeOtherSessions>::new();
    let sessions = Resource::new(
        move || (revoke.version().get(), revoke_others.version().get()),
        |_| list_sessions(),
    );
    view! {
        <Title text="Sessions" />
        <Notices of=vec![
            (FormState::of(revoke), "The session has ended."),
            (FormState::of(revoke_others), "You are signed out everywhere else."),
        ] />
        <Transition fallback=|| view! { <p class="hint">"One moment…"</p> }>
            {move || Suspend::new(async move {
                match sessions.await {
                    Ok(sessions) => Either::Left(view! { <Cards sessions revoke revoke_others /> }),
                    Err(error) => Either::Right(view! { <Failure error /> }),
                }
            })}
        </Transition>
    }
}

#[component]
fn Cards(
    sessions: Vec<SessionInfo>,
    revoke: ServerAction<RevokeSession>,
    revoke_others: ServerAction<RevokeOtherSessions>,
) -> impl IntoView {
    let has_others = sessions.iter().any(|session| !session.current);
    let rows = sessions
        .into_iter()
        .map(|session| view! { <Row session revoke /> })
        .collect_view();
    let others = match has_others {
        true => Either::Left(view! {
            <Form action=revoke_others attr:class="after-form">
                <Submit
                    form=FormState::of(revoke_others)
                    label="Sign out everywhere else"
                    busy="Signing out…"
                    class="button-danger"
                />
            </Form>
        }),
        false => Either::Right(view! { <p class="empty">"You are not signed in anywhere else."</p> }),
    };
    view! {
        <section class="card" aria-labelledby="sessions-title">
            <h2 id="sessions-title">"Where you are signed in"</h2>
            <p class="hint">"If one of these is not you, end it and change your password."</p>
            <ul class="rows">{rows}</ul>
            {others}
        </section>
    }
}

#[component]
fn Row(session: SessionInfo, revoke: ServerAction<RevokeSession>) -> impl IntoView {
    let device = device(session.user_agent.as_deref());
    let method = method(&session.method);
    let button = format!("End session: {device}");
    let end = (!session.current).then(|| {
        view! {
            <Form action=revoke>
                <input type="hidden" name="session_id" value=session.session_id.to_string() />
                <Submit
                    form=FormState::of(revoke)
                    label="End session"
                    busy="Ending…"
                    name=button
                    class="button-quiet"
                />
            </Form>
        }
    });
    view! {
        <li class="row" data-session=session.session_id.to_string()>
            <div class="row-text">
                <h3>
                    {device} {session.current.then(|| view! { " " <span class="badge">"This one"</span> })}
                </h3>
                <p class="hint">
                    "Signed in " <When at=session.created_at clock=true /> " with " {method}
                    {session.ip.map(|ip| view! { " from " <span class="address">{ip}</span> })}
                </p>
                <p class="hint">"Last seen " <When at=session.last_seen_at clock=true /></p>
            </div>
            {end}
        </li>
    }
}
