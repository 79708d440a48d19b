//! Private data: secrets that the user gives to the server and never gets back.
//!
//! To add a field, add it to `private_data!` below, and nowhere else. Older data is read without it, and keys that a
//! newer version wrote survive.

#![expect(
    missing_docs,
    reason = "`#[server]` generates a struct for each function, whose fields are the arguments"
)]

use leptos::prelude::*;
use leptos_meta::Title;
use wire::PrivateKeyInfo;

#[cfg(feature = "ssr")]
use crate::context::Context;
use crate::{
    entered::Entered,
    error::AppError,
    forms::Endpoint,
    pages::paths,
    ui::{
        field::Field,
        form::{Form, FormState, Notice, Submit},
        load::{Load, Loaded},
        time::When,
    },
};

/// Declares the fields, and with them every list of them: the type that server code reads, what the page shows, and
/// the arguments of the function that updates them.
macro_rules! private_data {
    ($($(#[$attribute:meta])* $field:ident = $label:literal;)+) => {
        /// Read by server code only: this type does not exist in the browser. A field that is not set is `None`.
        #[cfg(feature = "ssr")]
        #[derive(Clone, Debug, Default, serde::Deserialize)]
        #[serde(default)]
        pub struct PrivateData {
            $(
                $(#[$attribute])*
                pub $field: Option<secrecy::SecretString>,
            )+
        }

        /// The names of the fields with their labels.
        const FIELDS: [(&str, &str); [$($label),+].len()] = [$((stringify!($field), $label)),+];

        /// Sets or replaces private values: an absent field stays, an empty one is removed.
        #[server]
        pub async fn update_private_data(
            $(#[server(default)] $field: Entered,)+
        ) -> Result<Vec<PrivateKeyInfo>, AppError> {
            update([$((stringify!($field), $field)),+]).await
        }
    };
}

private_data! {
    /// A token for a service that this application calls for the user.
    api_token = "API token";
    /// The secret with which that service signs its calls.
    webhook_secret = "Webhook secret";
}

/// The longest value, in characters.
#[cfg(feature = "ssr")]
const LONGEST: usize = 4096;

/// The forms of this page.
pub const FORMS: &[Endpoint] = &[UPDATE_PRIVATE_DATA, CLEAR_PRIVATE_DATA];

/// Which private values are set, since when, and a masked hint of each. Never a value.
#[server]
pub async fn describe_private_data() -> Result<Vec<PrivateKeyInfo>, AppError> {
    let context = Context::take()?;
    let live = context.require_session().await?;
    let found = context.auth.buckets.describe_private(&live).await?;
    context.etag(found.version);
    Ok(found.data)
}

#[cfg(feature = "ssr")]
async fn update(fields: [(&'static str, Entered); FIELDS.len()]) -> Result<Vec<PrivateKeyInfo>, AppError> {
    let context = Context::take()?;
    let live = context.require_session().await?;
    let mut patch = Vec::new();
    for (field, value) in fields {
        let Some(value) = value.into_text() else { continue };
        if value.chars().count() > LONGEST {
            return Err(AppError::InvalidInput);
        }
        patch.push((field, (!value.is_empty()).then(|| value.into())));
    }
    let updated = context
        .auth
        .buckets
        .update_private(&live, patch, &context.if_match())
        .await?;
    context.etag(updated.version);
    Ok(updated.data)
}

const UPDATE_PRIVATE_DATA: Endpoint = Endpoint::of::<UpdatePrivateData>(&[paths::SETTINGS_PRIVATE]);

/// Removes all private values.
#[server]
pub async fn clear_private_data() -> Result<Vec<PrivateKeyInfo>, AppError> {
    let context = Context::take()?;
    let live = context.require_session().await?;
    let version = context
        .auth
        .buckets
        .clear_private(&live, &context.if_match())
        .await?;
    context.etag(version);
    Ok(Vec::new())
}

const CLEAR_PRIVATE_DATA: Endpoint = Endpoint::of::<ClearPrivateData>(&[paths::SETTINGS_PRIVATE]);

/// The tab for private data.
#[component]
pub fn Private() -> impl IntoView {
    let update = FormState::of(UPDATE_PRIVATE_DATA);
    let clear = FormState::of(CLEAR_PRIVATE_DATA);
    let keys = Load::new(
        move || update.answers() + clear.answers(),
        || DescribePrivateData {},
    );
    view! {
        <Title text="Private data" />
        <p class="hint">
            "Only the application's server reads these values. They are write-only: you can set, replace or remove them, "
            "but never view them again."
        </p>
        <Notice form=update done="Saved." />
        <Notice form=clear done="Cleared." />
        <Loaded load=keys let:keys>
            <Keys keys update clear />
        </Loaded>
    }
}

#[component]
fn Keys(keys: Vec<PrivateKeyInfo>, update: FormState, clear: FormState) -> impl IntoView {
    let cards = FIELDS
        .into_iter()
        .map(|(key, label)| {
            let info = keys.iter().find(|info| info.key == key).cloned();
            view! { <Key key=key label info form=update /> }
        })
        .collect_view();
    let clear_all = (!keys.is_empty()).then(|| {
        view! {
            <section class="card card-danger" aria-labelledby="clear-title">
                <h2 id="clear-title">"Clear"</h2>
                <p class="hint">"Removes all private values. Features that rely on them stop working."</p>
                <Form form=clear>
                    <Submit form=clear label="Clear all private data" busy="Clearing…" class="button-danger" />
                </Form>
            </section>
        }.into_any()
    });
    view! {
        {cards}
        {clear_all}
    }
}

#[component]
fn Key(
    key: &'static str,
    label: &'static str,
    info: Option<PrivateKeyInfo>,
    form: FormState,
) -> impl IntoView {
    let title = format!("{key}-title");
    let title_id = title.clone();
    let is_set = info.is_some();
    let state = match info {
        None => view! { <p class="hint">"Not set."</p> }.into_any(),
        Some(info) => view! {
            <p class="hint">
                "Set " <When at=info.updated_at />
                {info.hint.map(|hint| view! { ". It ends in " <code>{hint}</code> }.into_any())} "."
            </p>
        }
        .into_any(),
    };
    view! {
        <section class="card" aria-labelledby=title>
            <h2 id=title_id>{label}</h2>
            {state}
            <Form form class="stack" emptied=true>
                <Field
                    form
                    name=key
                    label=format!("New value for {label}")
                    kind="password"
                    autocomplete="off"
                    required=true
                />
                <Submit
                    form
                    label=if is_set { "Replace" } else { "Set" }
                    busy="Saving…"
                    name=format!("{} {label}", if is_set { "Replace" } else { "Set" })
                />
            </Form>
            {is_set
                .then(|| {
                    view! {
                        <Form form class="after-form">
                            // A field that is sent empty is removed.
                            <input type="hidden" name=key value="" />
                            <Submit
                                form
                                label="Remove"
                                busy="Removing…"
                                name=format!("Remove {label}")
                                class="button-danger"
                            />
                        </Form>
                    }.into_any()
                })}
        </section>
    }
}
