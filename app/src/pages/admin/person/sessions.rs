//! A person's sessions, and ending them.

use leptos::prelude::*;
use uuid::Uuid;
use wire::{Permission, Role, SessionInfo, device};

use super::super::{can, reaches};
#[cfg(feature = "ssr")]
use crate::context::Context;
use crate::{
    error::AppError,
    forms::Endpoint,
    pages::paths,
    ui::{
        events::method,
        form::{Form, FormState, Notice, Submit},
        time::When,
    },
};

/// Ends any user's session. Ending the administrator's current one signs out.
#[server(prefix = "/api/admin", endpoint = "revoke_session")]
pub async fn admin_revoke_session(session_id: Uuid) -> Result<(), AppError> {
    let context = Context::take()?;
    let admin = context.admin().await?;
    admin.people.end_session(admin.by(), session_id).await?;
    if session_id == admin.session.session_id() {
        return context.sign_out().await;
    }
    Ok(())
}

pub(super) const ADMIN_REVOKE_SESSION: Endpoint = Endpoint::of::<AdminRevokeSession>(&[paths::PERSON]);

/// Ends all sessions of a person. For the administrator's own account, this includes the current one.
#[server(prefix = "/api/admin")]
pub async fn revoke_all_sessions(user_id: Uuid) -> Result<(), AppError> {
    let context = Context::take()?;
    let admin = context.admin().await?;
    admin.people.end_sessions(admin.by(), user_id).await?;
    if user_id == admin.session.user_id() {
        return context.sign_out().await;
    }
    Ok(())
}

pub(super) const REVOKE_ALL_SESSIONS: Endpoint = Endpoint::of::<RevokeAllSessions>(&[paths::PERSON]);

/// The forms of this section.
#[derive(Clone, Copy)]
pub(super) struct Actions {
    revoke: FormState,
    revoke_all: FormState,
}

impl Actions {
    pub(super) fn new() -> Self {
        Self {
            revoke: FormState::of(ADMIN_REVOKE_SESSION),
            revoke_all: FormState::of(REVOKE_ALL_SESSIONS),
        }
    }

    /// The number of answers that these forms have received.
    pub(super) fn done(self) -> usize {
        self.revoke.answers() + self.revoke_all.answers()
    }
}

/// The outcome of each form.
#[component]
pub(super) fn Notices(actions: Actions) -> impl IntoView {
    view! {
        <Notice form=actions.revoke done="The session has ended." />
        <Notice form=actions.revoke_all done="All sessions have ended." />
    }
}

#[component]
pub(super) fn Sessions(id: Uuid, role: Role, sessions: Vec<SessionInfo>, actions: Actions) -> impl IntoView {
    let may_end = can(Permission::EndSessions) && reaches(role);
    let list = if sessions.is_empty() {
        view! { <p class="empty">"No active sessions."</p> }.into_any()
    } else {
        let rows = sessions
            .into_iter()
            .map(|session| view! { <SessionRow id session may_end actions /> }.into_any())
            .collect_view();
        view! {
            <ul class="rows">{rows}</ul>
            {may_end
                .then(|| {
                    view! {
                        <Form form=actions.revoke_all class="after-form">
                            <input type="hidden" name="user_id" value=id.to_string() />
                            <Submit
                                form=actions.revoke_all
                                label="End all sessions"
                                busy="Ending…"
                                class="button-danger"
                            />
                        </Form>
                    }
                        .into_any()
                })}
        }
        .into_any()
    };
    view! {
        <section class="card" aria-labelledby="sessions-title">
            <h2 id="sessions-title">"Sessions"</h2>
            {list}
        </section>
    }
}

#[component]
fn SessionRow(id: Uuid, session: SessionInfo, may_end: bool, actions: Actions) -> impl IntoView {
    let device = device(session.user_agent.as_deref());
    let button = format!("End session: {device}");
    view! {
        <li class="row" data-session=session.session_id.to_string()>
            <div class="row-text">
                <h3>
                    {device} {session.current.then(|| view! { " " <span class="badge">"Current session"</span> }.into_any())}
                </h3>
                <p class="hint">
                    "Signed in " <When at=session.created_at /> " with " {method(&session.method)}
                    {session.ip.map(|ip| view! { " from " <span class="address">{ip}</span> }.into_any())}
                </p>
                <p class="hint">"Last seen " <When at=session.last_seen_at /></p>
            </div>
            {may_end
                .then(|| {
                    view! {
            <Form form=actions.revoke>
                // Not for the server function: it identifies the page that the form is on.
                <input type="hidden" name="user_id" value=id.to_string() />
                <input type="hidden" name="session_id" value=session.session_id.to_string() />
                <Submit
                    form=actions.revoke
                    label="End session"
                    busy="Ending…"
                    name=button
                    class="button-quiet"
                />
            </Form>
                    }
                        .into_any()
                })}
        </li>
    }
}
