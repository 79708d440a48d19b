//! Passkeys: making one, naming and removing those there are, and confirming one's identity with one.

#![expect(
    missing_docs,
    reason = "`#[server]` generates a struct for each function, whose fields are the arguments"
)]

use leptos::prelude::*;
use uuid::Uuid;
use wire::{NewPasskey, PasskeyInfo, PasskeyOptions};

#[cfg(feature = "ssr")]
use crate::context::Context;
use crate::{
    error::AppError,
    forms::Endpoint,
    pages::{passkeys::AskAuthenticator, paths},
    setup::Setup,
    ui::{
        field::Field,
        form::{Form, FormState, Notice, Submit},
        link::RETURN_TO,
        load::{Load, Loaded},
        time::When,
    },
};

/// The forms of this part of the page.
pub const FORMS: &[Endpoint] = &[FINISH_PASSKEY, RENAME_PASSKEY, DELETE_PASSKEY];

/// The signed-in user's passkeys.
#[server]
pub async fn list_passkeys() -> Result<Vec<PasskeyInfo>, AppError> {
    let context = Context::take()?;
    let live = context.require_session().await?;
    Ok(context.auth.list_passkeys(&live).await?)
}

/// Begins to make a passkey: what the browser's own function takes.
#[server]
pub async fn start_passkey() -> Result<PasskeyOptions, AppError> {
    let context = Context::take()?;
    let recent = context.require_recent_session().await?;
    Ok(context.auth.start_passkey(&context.request, &recent).await?)
}

/// Completes it with the answer of the authenticator: the JSON text of the credential.
#[server]
pub async fn finish_passkey(
    credential: String,
    #[server(default)] name: String,
) -> Result<NewPasskey, AppError> {
    let context = Context::take()?;
    let recent = context.require_recent_session().await?;
    Ok(context
        .auth
        .finish_passkey(&context.request, recent, &credential, &name)
        .await?)
}

const FINISH_PASSKEY: Endpoint =
    Endpoint::of::<FinishPasskey>(&[paths::SETTINGS_SECURITY]).coming_back(&["name"]);

/// Gives a passkey another name.
#[server]
pub async fn rename_passkey(passkey_id: Uuid, name: String) -> Result<(), AppError> {
    let context = Context::take()?;
    let live = context.require_session().await?;
    Ok(context.auth.rename_passkey(&live, passkey_id, &name).await?)
}

const RENAME_PASSKEY: Endpoint = Endpoint::of::<RenamePasskey>(&[paths::SETTINGS_SECURITY]);

/// Removes a passkey, unless it is the last way to sign in.
#[server]
pub async fn delete_passkey(passkey_id: Uuid) -> Result<(), AppError> {
    let context = Context::take()?;
    let recent = context.require_recent_session().await?;
    Ok(context
        .auth
        .delete_passkey(&context.request, recent, passkey_id)
        .await?)
}

const DELETE_PASSKEY: Endpoint = Endpoint::of::<DeletePasskey>(&[paths::SETTINGS_SECURITY]);

/// Begins a confirmation of identity with one of the user's passkeys: what the browser's own function takes.
#[server]
pub async fn start_passkey_confirmation() -> Result<PasskeyOptions, AppError> {
    let context = Context::take()?;
    let live = context.require_session().await?;
    Ok(context
        .auth
        .start_passkey_confirmation(&context.request, &live)
        .await?)
}

/// The forms, with what is loaded again after each.
#[derive(Clone, Copy)]
pub struct PasskeyForms {
    finish: FormState,
    rename: FormState,
    delete: FormState,
}

impl PasskeyForms {
    /// The forms of this page.
    pub fn new() -> Self {
        Self {
            finish: FormState::of(FINISH_PASSKEY),
            rename: FormState::of(RENAME_PASSKEY),
            delete: FormState::of(DELETE_PASSKEY),
        }
    }

    /// The number of answers received.
    pub fn answers(self) -> usize {
        let Self {
            finish,
            rename,
            delete,
        } = self;
        finish.answers() + rename.answers() + delete.answers()
    }

    /// The user's passkeys, loaded again after each change. There are none to load where there are no passkeys.
    pub fn passkeys(self) -> Option<Load<Vec<PasskeyInfo>>> {
        Setup::get()
            .has_passkeys
            .then(|| Load::new(move || self.answers(), || ListPasskeys {}))
    }
}

impl Default for PasskeyForms {
    fn default() -> Self {
        Self::new()
    }
}

/// The card for passkeys, where there are some.
#[component]
pub fn Passkeys(passkeys: Option<Load<Vec<PasskeyInfo>>>, forms: PasskeyForms) -> impl IntoView {
    let PasskeyForms {
        finish,
        rename,
        delete,
    } = forms;
    passkeys.map(|load| {
        view! {
            <section class="card" aria-labelledby="passkeys-title">
                <h3 id="passkeys-title">"Passkeys"</h3>
                <p class="hint">
                    "Sign in with your fingerprint, your face or the PIN of your device. There is nothing to remember, and nothing that a forged site could steal."
                </p>
                <Notice form=finish done="The passkey has been added, and your other sessions have ended." />
                <Notice form=rename done="The passkey has its new name." />
                <Notice form=delete done="The passkey has been removed, and your other sessions have ended." />
                <Loaded load let:passkeys>
                    <List passkeys rename delete />
                </Loaded>
                <Form form=finish class="after-form" emptied=true>
                    <AskAuthenticator start="/api/start_passkey" makes=true>
                        <div class="stack">
                            <Field
                                form=finish
                                name="name"
                                id="passkey-name"
                                label="Name of the new passkey"
                                autocomplete="off"
                                hint="For example where it is kept: “Phone”, “Password manager”"
                            />
                            <Submit form=finish label="Add a passkey" busy="Adding…" />
                        </div>
                    </AskAuthenticator>
                </Form>
                <noscript inner_html="<p class=\"hint\">Adding a passkey needs JavaScript.</p>"></noscript>
            </section>
        }.into_any()
    })
}

#[component]
fn List(passkeys: Vec<PasskeyInfo>, rename: FormState, delete: FormState) -> impl IntoView {
    if passkeys.is_empty() {
        return view! { <p class="empty">"You have no passkey yet."</p> }.into_any();
    }
    let rows = passkeys
        .into_iter()
        .map(|passkey| view! { <Row passkey rename delete /> }.into_any())
        .collect_view();
    view! { <ul class="rows">{rows}</ul> }.into_any()
}

#[component]
fn Row(passkey: PasskeyInfo, rename: FormState, delete: FormState) -> impl IntoView {
    let PasskeyInfo {
        id,
        name,
        created_at,
        last_used_at,
        synced,
    } = passkey;
    let id = id.to_string();
    let removed = id.clone();
    let field = format!("name-{id}");
    let remove = format!("Remove {name}");
    let used = match last_used_at {
        Some(at) => view! { "Last used " <When at /> }.into_any(),
        None => "Not used yet".into_any(),
    };
    let kept = if synced {
        "Kept in more than one place"
    } else {
        "Kept on one device only"
    };
    view! {
        <li class="row">
            <div class="row-text">
                <h4>{name.clone()}</h4>
                <p class="hint">"Added " <When at=created_at /> ". " {used}</p>
                <p class="hint">{kept}</p>
                <details>
                    <summary>"Rename"</summary>
                    <Form form=rename class="search">
                        <input type="hidden" name="passkey_id" value=id />
                        <div class="field">
                            <label for=field.clone()>"New name"</label>
                            <input
                                id=field
                                name="name"
                                type="text"
                                autocomplete="off"
                                value=name
                                required=true
                                maxlength="100"
                            />
                        </div>
                        <Submit form=rename label="Rename" busy="Renaming…" class="button-quiet" />
                    </Form>
                </details>
            </div>
            <Form form=delete>
                <input type="hidden" name="passkey_id" value=removed />
                <Submit
                    form=delete
                    label="Remove"
                    busy="Removing…"
                    name=remove
                    class="button-quiet"
                />
            </Form>
        </li>
    }
}

/// Confirms the user's identity with a passkey, where they have one.
#[component]
pub fn ConfirmByPasskey(
    passkeys: Option<Load<Vec<PasskeyInfo>>>,
    form: FormState,
    return_to: Option<String>,
) -> impl IntoView {
    let return_to = StoredValue::new(return_to);
    passkeys.map(|load| {
        view! {
            <Loaded load let:passkeys>
                {(!passkeys.is_empty())
                    .then(|| {
                        view! {
                            <Form form class="stack">
                                {return_to
                                    .get_value()
                                    .map(|path| view! { <input type="hidden" name=RETURN_TO value=path /> }.into_any())}
                                <AskAuthenticator start="/api/start_passkey_confirmation">
                                    <Submit
                                        form
                                        label="Confirm with a passkey"
                                        busy="Confirming…"
                                        class="button-quiet"
                                    />
                                </AskAuthenticator>
                            </Form>
                        }.into_any()
                    })}
            </Loaded>
        }.into_any()
    })
}
