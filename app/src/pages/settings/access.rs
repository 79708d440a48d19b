//! What has access to the user's account beside their browsers: applications and devices, and personal keys.

#![expect(
    missing_docs,
    reason = "`#[server]` generates a struct for each function, whose fields are the arguments"
)]

use leptos::prelude::*;
use leptos_meta::Title;
use wire::{AccessInfo, AccessKind, NewKey, Scope};

#[cfg(feature = "ssr")]
use crate::context::Context;
use crate::{
    error::AppError,
    forms::{Endpoint, ShownOnce},
    pages::{paths, settings::sessions::REVOKE_SESSION},
    ui::{
        field::Field,
        form::{Form, FormState, Notice, Submit},
        load::{Load, Loaded},
        scopes::sentence,
        time::When,
    },
};

/// How long a key lives unless the user decides otherwise, in days.
const DAYS: i64 = 90;

/// What a key may do, with the words for the choice.
const CHOICES: [(Scope, &str); 2] = [
    (Scope::Profile, "See who you are"),
    (Scope::App, "Do everything you can do here"),
];

/// The forms of this page, beside the one to end a session.
pub const FORMS: &[Endpoint] = &[CREATE_KEY];

/// What has access to the user's account, the last used first.
#[server]
pub async fn list_access() -> Result<Vec<AccessInfo>, AppError> {
    let context = Context::take()?;
    let live = context.require_session().await?;
    Ok(context.auth.clients.list_access(&live).await?)
}

/// Creates a personal key. Only this answer has its text.
#[server]
pub async fn create_key(
    name: String,
    scope: String,
    #[server(default)] days: Option<i64>,
) -> Result<NewKey, AppError> {
    let context = Context::take()?;
    let recent = context.require_recent_session().await?;
    Ok(context
        .auth
        .clients
        .create_key(&context.request, &recent, &name, &scope, days.unwrap_or(DAYS))
        .await?)
}

const CREATE_KEY: Endpoint = Endpoint::of::<CreateKey>(&[paths::SETTINGS_ACCESS])
    .coming_back(&["name", "scope", "days"])
    .showing_once(ShownOnce {
        member: "key",
        title: TITLE,
        advice: ADVICE,
    });

const TITLE: &str = "Your new key";
const ADVICE: &str = "Copy the key now and keep it in a safe place. It is not shown again.";

/// The tab for access.
#[component]
pub fn Access() -> impl IntoView {
    let revoke = FormState::of(REVOKE_SESSION);
    let create = FormState::of(CREATE_KEY);
    let access = Load::new(move || revoke.answers() + create.answers(), || ListAccess {});
    view! {
        <Title text="Access" />
        <Notice form=revoke done="The access has ended." />
        <CreatedKey create />
        <Loaded load=access let:access>
            <List access revoke />
        </Loaded>
        <Create form=create />
    }
}

#[component]
fn List(access: Vec<AccessInfo>, revoke: FormState) -> impl IntoView {
    let rows = if access.is_empty() {
        view! { <p class="empty">"No applications, devices or keys have access to your account."</p> }
            .into_any()
    } else {
        let rows = access
            .into_iter()
            .map(|access| view! { <Row access revoke /> }.into_any())
            .collect_view();
        view! { <ul class="rows">{rows}</ul> }.into_any()
    };
    view! {
        <section class="card" aria-labelledby="access-title">
            <h2 id="access-title">"What has access to your account"</h2>
            <p class="hint">
                "Applications and devices that you allowed, and keys that you created. Revoke what you no longer use, and whatever you don’t recognise."
            </p>
            {rows}
            <div class="after-form">
                <p>"Does a device show you a code? " <a href=paths::DEVICE>"Connect a device"</a></p>
            </div>
        </section>
    }
}

#[component]
fn Row(access: AccessInfo, revoke: FormState) -> impl IntoView {
    let (kind, began, name) = match access.kind {
        AccessKind::Client => ("Application", "Allowed ", access.client_name),
        AccessKind::Key => ("Key", "Created ", access.name),
    };
    let name = name.unwrap_or_default();
    let button = format!("Revoke access: {name}");
    view! {
        <li class="row" data-session=access.session_id.to_string()>
            <div class="row-text">
                <h3>{name} " " <span class="badge">{kind}</span></h3>
                <p class="hint">{sentence(access.scope)}</p>
                <p class="hint">
                    {began} <When at=access.created_at />
                    {access.ip.map(|ip| view! { " from " <span class="address">{ip}</span> }.into_any())}
                </p>
                <p class="hint">
                    "Last seen " <When at=access.last_seen_at /> ", expires "
                    <When at=access.expires_at />
                </p>
            </div>
            <Form form=revoke>
                <input type="hidden" name="session_id" value=access.session_id.to_string() />
                <Submit form=revoke label="Revoke" busy="Revoking…" name=button class="button-quiet" />
            </Form>
        </li>
    }
}

/// The key that was just created. Without JavaScript, another page shows it, see [`ShownOnce`].
#[component]
fn CreatedKey(create: FormState) -> impl IntoView {
    move || {
        let created: NewKey = create.answer()?.read().ok()?;
        Some(view! {
            <section class="card" aria-labelledby="created-title" role="status">
                <h2 id="created-title">{TITLE}</h2>
                <p class="hint">{ADVICE}</p>
                <p>
                    <code class="copyable">{created.key}</code>
                </p>
            </section>
        })
    }
}

#[component]
fn Create(form: FormState) -> impl IntoView {
    let typed = form.typed("scope");
    let options = CHOICES
        .map(|(scope, label)| {
            view! {
                <option value=scope.name() selected=typed.as_deref() == Some(scope.name())>
                    {label}
                </option>
            }
            .into_any()
        })
        .collect_view();
    view! {
        <section class="card" aria-labelledby="create-title">
            <h2 id="create-title">"Create a key"</h2>
            <p class="hint">
                "A key lets your own scripts act for you. Anyone who has it can do the same, until it expires or you revoke it."
            </p>
            <Notice form />
            <Form form class="stack" emptied=true>
                <Field form name="name" label="Name" autocomplete="off" hint="What the key is for." required=true />
                <div class="field">
                    <label for="scope">"What it may do"</label>
                    <select id="scope" name="scope" autocomplete="off">
                        {options}
                    </select>
                </div>
                <Field
                    form
                    name="days"
                    label="Days until it expires"
                    kind="number"
                    autocomplete="off"
                    value=Some(DAYS.to_string())
                    hint="1 to 366"
                    required=true
                />
                <Submit form label="Create key" busy="Creating…" />
            </Form>
        </section>
    }
}
