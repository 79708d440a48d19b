//! One person: who they are, where they are signed in, what happened, and what can be done about it.

use leptos::{
    either::{Either, EitherOf3},
    prelude::*,
};
use leptos_meta::Title;
use leptos_router::hooks::{use_location, use_params_map};
use uuid::Uuid;
use wire::{DataSize, Events, Person as Details, PersonAccount, Role, SessionInfo};

use super::{Badges, people::called};
use crate::{
    admin::{
        AdminRevokeSession, DisableUser, EnableUser, RevokeAllSessions, SetRole, get_person, list_events,
    },
    error::AppError,
    pages::not_found::NotFound,
    routes,
    ui::{
        address::Address,
        avatar::Avatar,
        device::device,
        events::{EventList, method},
        failure::Failure,
        form::{Form, FormState, Notices, Submit},
        link::value_of,
        marks::Mark,
        providers::provider_name,
        time::When,
    },
};

const BEFORE: &str = "before";

/// A page of what happened, and whether it is a later one.
type History = Result<(Events, bool), AppError>;

/// What can be done to a person.
#[derive(Clone, Copy)]
struct Actions {
    set_role: ServerAction<SetRole>,
    disable: ServerAction<DisableUser>,
    enable: ServerAction<EnableUser>,
    revoke: ServerAction<AdminRevokeSession>,
    revoke_all: ServerAction<RevokeAllSessions>,
}

impl Actions {
    fn new() -> Self {
        Self {
            set_role: ServerAction::new(),
            disable: ServerAction::new(),
            enable: ServerAction::new(),
            revoke: ServerAction::new(),
            revoke_all: ServerAction::new(),
        }
    }

    /// How often something was done.
    fn done(self) -> usize {
        self.set_role.version().get()
            + self.disable.version().get()
            + self.enable.version().get()
            + self.revoke.version().get()
            + self.revoke_all.version().get()
    }
}

/// The page of one person.
#[component]
pub fn Person() -> impl IntoView {
    let actions = Actions::new();
    let params = use_params_map();
    let id = move || params.read().get("id").and_then(|id| id.parse::<Uuid>().ok());
    let person = Resource::new(
        move || (id(), actions.done()),
        |(id, _)| async move { get_person(id.ok_or(AppError::NotFound)?).await },
    );
    let search = use_location().search;
    let history = Resource::new(
        move || (id(), search.get(), actions.done()),
        |(id, search, _)| async move {
            let before = match value_of(&search, BEFORE) {
                Some(before) => Some(before.parse().map_err(|_| AppError::InvalidInput)?),
                None => None,
            };
            let events = list_events(id.ok_or(AppError::NotFound)?, before).await?;
            Ok((events, before.is_some()))
        },
    );
    view! {
        <Title text="Person" />
        <div class="page">
            <p>
                <a href=routes::ADMIN>"All people"</a>
            </p>
            <Notices of=vec![
                (FormState::of(actions.set_role), "The role is changed."),
                (FormState::of(actions.disable), "The account is disabled, and its sessions have ended."),
                (FormState::of(actions.enable), "The account is enabled."),
                (FormState::of(actions.revoke), "The session has ended."),
                (FormState::of(actions.revoke_all), "All sessions have ended."),
            ] />
            <Transition fallback=|| view! { <p class="hint">"One moment…"</p> }>
                {move || Suspend::new(async move {
                    match person.await {
                        Ok(person) => EitherOf3::A(view! { <Shown person actions history /> }),
                        Err(AppError::NotFound) => EitherOf3::B(view! { <NotFound /> }),
                        Err(error) => {
                            EitherOf3::C(view! {
                                <h1>"Person"</h1>
                                <Failure error />
                            })
                        }
                    }
                })}
            </Transition>
        </div>
    }
}

#[component]
fn Shown(person: Details, actions: Actions, history: Resource<History>) -> impl IntoView {
    let id = person.id;
    let called = called(person.name.as_deref(), person.email.as_deref());
    view! {
        <header class="person">
            <Avatar id name=called.clone() picture=person.avatar_url.clone() class="avatar-large" />
            <div>
                <h1>{called}</h1>
                <p class="hint">
                    "Member since " <When at=person.created_at />
                    <Badges role=person.role is_disabled=person.disabled_at.is_some() />
                </p>
            </div>
        </header>
        <Account person=person.clone() />
        <Access id role=person.role is_disabled=person.disabled_at.is_some() oneself=person.oneself actions />
        <Sessions id sessions=person.sessions actions />
        <Accounts accounts=person.accounts />
        <Data data=person.data />
        <Happened id history />
    }
}

#[component]
fn Account(person: Details) -> impl IntoView {
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
                <dt>"Role"</dt>
                <dd>{person.role.label()}</dd>
                {person
                    .disabled_at
                    .map(|at| {
                        view! {
                            <dt>"Disabled since"</dt>
                            <dd>
                                <When at clock=true />
                            </dd>
                        }
                    })} <dt>"Id"</dt>
                <dd>
                    <code>{person.id.to_string()}</code>
                </dd>
            </dl>
        </section>
    }
}

#[component]
fn Access(id: Uuid, role: Role, is_disabled: bool, oneself: bool, actions: Actions) -> impl IntoView {
    let forms = match oneself {
        true => Either::Left(view! {
            <p class="empty">
                "This is you. Another administrator can change your role or disable your account."
            </p>
        }),
        false => Either::Right(view! {
            <RoleForm id role actions />
            <DisableForm id is_disabled actions />
        }),
    };
    view! {
        <section class="card" aria-labelledby="access-title">
            <h2 id="access-title">"Role and access"</h2>
            {forms}
        </section>
    }
}

#[component]
fn RoleForm(id: Uuid, role: Role, actions: Actions) -> impl IntoView {
    let typed = FormState::of(actions.set_role).typed("role");
    let options = Role::ALL
        .iter()
        .map(|offered| {
            let is_chosen = match &typed {
                Some(typed) => typed == offered.name(),
                None => *offered == role,
            };
            view! {
                <option value=offered.name() selected=is_chosen>
                    {offered.label()}
                </option>
            }
        })
        .collect_view();
    view! {
        <Form action=actions.set_role attr:class="search">
            <input type="hidden" name="user_id" value=id.to_string() />
            <div class="field">
                <label for="role">"Role"</label>
                <select id="role" name="role" autocomplete="off">
                    {options}
                </select>
            </div>
            <Submit form=FormState::of(actions.set_role) label="Change role" busy="Changing…" class="button-quiet" />
        </Form>
    }
}

#[component]
fn DisableForm(id: Uuid, is_disabled: bool, actions: Actions) -> impl IntoView {
    match is_disabled {
        true => Either::Left(view! {
            <Form action=actions.enable attr:class="stack after-form">
                <input type="hidden" name="user_id" value=id.to_string() />
                <p class="hint">"Nobody can sign in to this account."</p>
                <Submit form=FormState::of(actions.enable) label="Enable account" busy="Enabling…" class="button-quiet" />
            </Form>
        }),
        false => Either::Right(view! {
            <Form action=actions.disable attr:class="stack after-form">
                <input type="hidden" name="user_id" value=id.to_string() />
                <p class="hint">"Disabled, nobody can sign in to this account, and all its sessions end at once."</p>
                <Submit
                    form=FormState::of(actions.disable)
                    label="Disable account"
                    busy="Disabling…"
                    class="button-danger"
                />
            </Form>
        }),
    }
}

#[component]
fn Sessions(id: Uuid, sessions: Vec<SessionInfo>, actions: Actions) -> impl IntoView {
    let list = match sessions.is_empty() {
        true => Either::Left(view! { <p class="empty">"Signed in nowhere."</p> }),
        false => {
            let rows = sessions
                .into_iter()
                .map(|session| view! { <SessionRow id session actions /> })
                .collect_view();
            Either::Right(view! {
                <ul class="rows">{rows}</ul>
                <Form action=actions.revoke_all attr:class="after-form">
                    <input type="hidden" name="user_id" value=id.to_string() />
                    <Submit
                        form=FormState::of(actions.revoke_all)
                        label="End all sessions"
                        busy="Ending…"
                        class="button-danger"
                    />
                </Form>
            })
        }
    };
    view! {
        <section class="card" aria-labelledby="sessions-title">
            <h2 id="sessions-title">"Sessions"</h2>
            {list}
        </section>
    }
}

#[component]
fn SessionRow(id: Uuid, session: SessionInfo, actions: Actions) -> impl IntoView {
    let device = device(session.user_agent.as_deref());
    let button = format!("End session: {device}");
    view! {
        <li class="row" data-session=session.session_id.to_string()>
            <div class="row-text">
                <h3>
                    {device} {session.current.then(|| view! { " " <span class="badge">"This one"</span> })}
                </h3>
                <p class="hint">
                    "Signed in " <When at=session.created_at clock=true /> " with " {method(&session.method)}
                    {session.ip.map(|ip| view! { " from " <span class="address">{ip}</span> })}
                </p>
                <p class="hint">"Last seen " <When at=session.last_seen_at clock=true /></p>
            </div>
            <Form action=actions.revoke>
                // Not for the server function: it says which page the form is on.
                <input type="hidden" name="user_id" value=id.to_string() />
                <input type="hidden" name="session_id" value=session.session_id.to_string() />
                <Submit
                    form=FormState::of(actions.revoke)
                    label="End session"
                    busy="Ending…"
                    name=button
                    class="button-quiet"
                />
            </Form>
        </li>
    }
}

#[component]
fn Accounts(accounts: Vec<PersonAccount>) -> impl IntoView {
    let list = match accounts.is_empty() {
        true => Either::Left(view! { <p class="empty">"No provider is connected."</p> }),
        false => {
            let rows = accounts
                .into_iter()
                .map(|account| {
                    view! {
                        <li class="row">
                            <Mark provider=account.provider.clone() />
                            <div class="row-text">
                                <h3>{provider_name(&account.provider)}</h3>
                                {account.email.map(|email| view! { <p class="hint">{email}</p> })}
                                <p class="hint">
                                    "Connected " <When at=account.created_at /> ", last used "
                                    <When at=account.last_used_at />
                                </p>
                            </div>
                        </li>
                    }
                })
                .collect_view();
            Either::Right(view! { <ul class="rows">{rows}</ul> })
        }
    };
    view! {
        <section class="card" aria-labelledby="accounts-title">
            <h2 id="accounts-title">"Connected accounts"</h2>
            {list}
        </section>
    }
}

#[component]
fn Data(data: Vec<DataSize>) -> impl IntoView {
    let list = match data.is_empty() {
        true => Either::Left(view! { <p class="empty">"No data is kept."</p> }),
        false => {
            let rows = data
                .into_iter()
                .map(|size| view! { <DataRow size /> })
                .collect_view();
            Either::Right(view! { <ul class="rows">{rows}</ul> })
        }
    };
    view! {
        <section class="card" aria-labelledby="data-title">
            <h2 id="data-title">"Data"</h2>
            {list}
        </section>
    }
}

#[component]
fn DataRow(size: DataSize) -> impl IntoView {
    let bucket = match size.bucket.as_str() {
        "public" => "Public data".to_owned(),
        "private" => "Private data".to_owned(),
        other => other.to_owned(),
    };
    let client = (!size.client_id.is_empty()).then(|| format!(" of {}", size.client_id));
    view! {
        <li class="row">
            <div class="row-text">
                <h3>{bucket} {client}</h3>
                <p class="hint">
                    {counted(size.keys, "key")} ", " {counted(size.bytes, "byte")} ", version "
                    {size.version.to_string()} ", changed " <When at=size.updated_at />
                </p>
            </div>
        </li>
    }
}

fn counted(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    }
}

#[component]
fn Happened(id: Uuid, history: Resource<History>) -> impl IntoView {
    view! {
        <section class="card" aria-labelledby="events-title">
            <h2 id="events-title">"What happened"</h2>
            <Transition fallback=|| view! { <p class="hint">"One moment…"</p> }>
                {move || Suspend::new(async move {
                    match history.await {
                        Ok((page, is_later)) => Either::Left(view! { <EventPage id page is_later /> }),
                        Err(error) => Either::Right(view! { <Failure error /> }),
                    }
                })}
            </Transition>
        </section>
    }
}

#[component]
fn EventPage(id: Uuid, page: Events, is_later: bool) -> impl IntoView {
    let here = routes::person(&id.to_string());
    let next = page.next.map(|next| format!("{here}?{BEFORE}={next}"));
    let pages = (is_later || next.is_some()).then(|| {
        view! {
            <nav class="actions after-form" aria-label="Pages of what happened">
                {is_later.then(|| view! { <a href=here>"The newest"</a> })}
                {next.map(|next| view! { <a href=next>"Older"</a> })}
            </nav>
        }
    });
    view! {
        <EventList events=page.events />
        {pages}
    }
}
