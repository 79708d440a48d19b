//! One person: who they are, where they are signed in, what happened, and what an administrator can do about it.

#![expect(
    missing_docs,
    reason = "`#[server]` generates a struct for each function, whose fields are the arguments"
)]

mod access;
mod accounts;
mod data;
mod history;
mod sessions;

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;
use uuid::Uuid;
use wire::{Events, UserDetails};

use self::{
    access::{Access, DISABLE_USER, ENABLE_USER, SET_ROLE},
    accounts::Accounts,
    data::Data,
    history::{Happened, history},
    sessions::{ADMIN_REVOKE_SESSION, REVOKE_ALL_SESSIONS, Sessions},
};
use super::{Badges, called};
#[cfg(feature = "ssr")]
use crate::context::Context;
use crate::{
    error::AppError,
    forms::Endpoint,
    pages::{not_found::NotFound, paths},
    ui::{
        address::Address,
        avatar::Avatar,
        failure::Failure,
        load::{Load, once_loaded},
        time::{Day, When},
    },
};

/// The forms of this page.
pub const FORMS: &[Endpoint] = &[
    SET_ROLE,
    DISABLE_USER,
    ENABLE_USER,
    access::RESET_FACTORS, // wing:second-factors,passkeys
    ADMIN_REVOKE_SESSION,
    REVOKE_ALL_SESSIONS,
];

/// A person, with their accounts, sessions and data sizes.
#[server(prefix = "/api/admin")]
pub async fn get_person(user_id: Uuid) -> Result<UserDetails, AppError> {
    let context = Context::take()?;
    let admin = context.admin().await?;
    Ok(context.auth.person(&admin.session, user_id).await?)
}

/// The page of one person.
#[component]
pub fn Person() -> impl IntoView {
    let access = access::Actions::new();
    let sessions = sessions::Actions::new();
    let done = move || access.done() + sessions.done();
    let params = use_params_map();
    let id = move || {
        params
            .read()
            .get("user_id")
            .and_then(|id| id.parse::<Uuid>().ok())
    };
    let person = Load::trying(done, move || {
        Ok(GetPerson {
            user_id: id().ok_or(AppError::NotFound)?,
        })
    });
    let history = history(id, done);
    view! {
        <Title text="Person" />
        <div class="page">
            <p>
                <a href=paths::ADMIN>"All people"</a>
            </p>
            <access::Notices actions=access />
            <sessions::Notices actions=sessions />
            {once_loaded(move || async move {
                match person.get().await {
                    Ok(person) => view! { <Shown person access sessions history /> }.into_any(),
                    Err(AppError::NotFound) => view! { <NotFound /> }.into_any(),
                    Err(error) => {
                        view! {
                            <h1>"Person"</h1>
                            <Failure error />
                        }
                            .into_any()
                    }
                }
            })}
        </div>
    }
}

#[component]
fn Shown(
    person: UserDetails,
    access: access::Actions,
    sessions: sessions::Actions,
    history: Load<Events>,
) -> impl IntoView {
    let id = person.id;
    let called = called(person.name.as_deref(), person.email.as_deref());
    let picture = person.avatar_url.clone();
    let picture = person.picture.clone().or(picture); // wing:pictures
    view! {
        <header class="person">
            <Avatar id name=called.clone() picture class="avatar-large" />
            <div>
                <h1>{called}</h1>
                <p class="hint">
                    "Member since " <Day at=person.created_at.clone() />
                    <Badges role=person.role is_disabled=person.disabled_at.is_some() />
                </p>
            </div>
        </header>
        <Account person=person.clone() />
        <Access
            id
            role=person.role
            is_disabled=person.disabled_at.is_some()
            oneself=person.oneself
            has_factors=person.has_factors // wing:second-factors,passkeys
            actions=access
        />
        <Sessions id role=person.role sessions=person.sessions actions=sessions />
        <Accounts accounts=person.accounts />
        <Data data=person.data />
        <Happened id history />
    }
}

#[component]
fn Account(person: UserDetails) -> impl IntoView {
    view! {
        <section class="card" aria-labelledby="account-title">
            <h2 id="account-title">"Account"</h2>
            <dl class="facts-list">
                <dt>"Name"</dt>
                <dd>{person.name.unwrap_or_else(|| "Not set".to_owned())}</dd>
                <dt>"E-mail"</dt>
                <dd>
                    <Address email=person.email is_verified=person.email_verified />
                </dd>
                <dt>"Password"</dt>
                <dd>{if person.has_password { "Set" } else { "Not set" }}</dd>
                // wing:second-factors,passkeys
                <dt>"Second factors"</dt>
                <dd>{if person.has_factors { "Set up" } else { "None" }}</dd>
                // end wing:second-factors,passkeys
                <dt>"Role"</dt>
                <dd>{person.role.label()}</dd>
                {person
                    .disabled_at
                    .map(|at| {
                        view! {
                            <dt>"Disabled"</dt>
                            <dd>
                                <When at />
                            </dd>
                        }.into_any()
                    })} <dt>"Id"</dt>
                <dd>
                    <code>{person.id.to_string()}</code>
                </dd>
            </dl>
        </section>
    }
}
