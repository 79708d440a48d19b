//! Public data: what users say about themselves.
//!
//! To add a field, add it here to [`PublicData`], to the arguments of [`update_public_data`] and the patch built from
//! them, to the pattern in `Cards` that takes the data apart and to the `<Form>` below it, and, if its text may come
//! back to the form after an error, to the names in `coming_back`. [`About`] decides what the preview and the profile
//! show. Data stored by older versions is read with the field's default, and keys that a newer version wrote survive.

#![expect(
    missing_docs,
    reason = "`#[server]` generates a struct for each function, whose fields are the arguments"
)]

use leptos::{html, prelude::*};
use leptos_meta::Title;
use serde::{Deserialize, Serialize};

use super::picture::PictureCard; // wing:pictures
use super::public_channel;
use crate::{
    client::{Json, call},
    entered::Entered,
    error::AppError,
    forms::Endpoint,
    pages::paths,
    session::ShownName,
    theme::{Theme, ThemeContext},
    ui::{
        field::{Field, TextArea},
        form::{Form, FormState, Notice, Submit},
        load::{Load, Loaded},
    },
};
#[cfg(feature = "ssr")]
use crate::{context::Context, entered::Patch};

/// The forms of this page.
pub const FORMS: &[Endpoint] = &[UPDATE_PUBLIC_DATA, CLEAR_PUBLIC_DATA];

/// The data that its owner can read and write in the browser.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PublicData {
    /// The name to show for the person.
    pub display_name: Option<String>,
    /// A few words about them.
    pub bio: Option<String>,
    /// Their website (http or https).
    pub website: Option<String>,
    /// The theme they chose for the application.
    pub theme: Option<Theme>,
}

/// The user's public data.
#[server]
pub async fn get_public_data() -> Result<PublicData, AppError> {
    let context = Context::take()?;
    let live = context.require_session().await?;
    let found = context.auth.buckets.public::<PublicData>(&live).await?;
    context.etag(found.version);
    context.remember_theme(found.data.theme);
    Ok(found.data)
}

/// Merges fields into the public data: a missing field stays as it is, an empty one is removed.
#[server]
pub async fn update_public_data(
    #[server(default)] display_name: Entered,
    #[server(default)] bio: Entered,
    #[server(default)] website: Entered,
    #[server(default)] theme: Entered,
) -> Result<PublicData, AppError> {
    let context = Context::take()?;
    let live = context.require_session().await?;
    let mut patch = Patch::default();
    patch.name("display_name", display_name, 100)?;
    patch.text("bio", bio, 2000)?;
    patch.url("website", website, 1024)?;
    patch.choice("theme", theme, &["light", "dark"])?;
    let buckets = &context.auth.buckets;
    let updated = buckets
        .update_public::<PublicData>(&live, &patch.into(), &context.if_match())
        .await?;
    context.etag(updated.version);
    context.remember_theme(updated.data.theme);
    Ok(updated.data)
}

const UPDATE_PUBLIC_DATA: Endpoint = Endpoint::of::<UpdatePublicData>(&[
    paths::SETTINGS_PUBLIC,
    paths::SETTINGS,
])
.coming_back(&["display_name", "bio", "website", "theme"]);

/// Empties the public data.
#[server]
pub async fn clear_public_data() -> Result<PublicData, AppError> {
    let context = Context::take()?;
    let live = context.require_session().await?;
    let version = context
        .auth
        .buckets
        .clear_public(&live, &context.if_match())
        .await?;
    context.etag(version);
    context.remember_theme(None);
    Ok(PublicData::default())
}

const CLEAR_PUBLIC_DATA: Endpoint =
    Endpoint::of::<ClearPublicData>(&[paths::SETTINGS_PUBLIC, paths::SETTINGS]);

/// The tab for public data.
#[component]
pub fn Public() -> impl IntoView {
    let shown = PublicDataContext::take();
    let update = FormState::of(UPDATE_PUBLIC_DATA);
    let clear = FormState::of(CLEAR_PUBLIC_DATA);
    let fields = NodeRef::<html::Form>::new();
    Effect::new(move |_| {
        if let Some(saved) = update.answer() {
            shown.set(saved);
        }
    });
    Effect::new(move |_| {
        if let Some(cleared) = clear.answer() {
            // What was typed is cleared too, so that the fields show what is stored.
            if let Some(fields) = fields.get_untracked() {
                fields.reset();
            }
            shown.set(cleared);
        }
    });
    view! {
        <Title text="Public data" />
        <Notice form=update done="Saved." />
        <Notice form=clear done="Cleared." />
        <Loaded load=shown.load() let:data>
            <Cards data update clear fields />
        </Loaded>
    }
}

#[component]
fn Cards(
    data: PublicData,
    update: FormState,
    clear: FormState,
    fields: NodeRef<html::Form>,
) -> impl IntoView {
    let PublicData {
        display_name,
        bio,
        website,
        theme,
    } = data.clone();
    let called = display_name.clone();
    ThemeContext::follow(theme);
    let is_empty = data == PublicData::default();
    view! {
        <section class="card" aria-labelledby="public-title">
            <h2 id="public-title">"About you"</h2>
            <p class="hint">"You can view and change this data here. The application may show it to others."</p>
            <Form form=update node_ref=fields class="stack" emptied=true>
                <Field
                    form=update
                    name="display_name"
                    label="Display name"
                    autocomplete="nickname"
                    value=display_name
                    hint="The name that is shown for you. At most 100 characters."
                />
                <TextArea
                    form=update
                    name="bio"
                    label="Bio"
                    value=bio
                    hint="A few words about you. At most 2000 characters."
                />
                <Field
                    form=update
                    name="website"
                    label="Website"
                    autocomplete="url"
                    value=website
                    hint="An address that begins with https:// or http://."
                    about=is_about_website
                />
                <ThemeChoice form=update theme />
                <Submit form=update label="Save" busy="Saving…" />
            </Form>
        </section>
        <section class="card" aria-labelledby="preview-title">
            <h2 id="preview-title">"Preview"</h2>
            {called.map(|name| view! { <p class="preview-name">{name}</p> }.into_any())}
            <About public=data />
        </section>
        <PictureCard /> // wing:pictures
        <section class="card card-danger" aria-labelledby="clear-title">
            <h2 id="clear-title">"Clear"</h2>
            {if is_empty {
                view! { <p class="hint">"There is no public data to clear."</p> }.into_any()
            } else {
                view! {
                    <p class="hint">"Removes all your public data. Your account stays as it is."</p>
                    <Form form=clear>
                        <Submit form=clear label="Clear all public data" busy="Clearing…" class="button-danger" />
                    </Form>
                }.into_any()
            }}
        </section>
    }
}

fn is_about_website(error: AppError) -> bool {
    error == AppError::InvalidWebsite
}

#[component]
fn ThemeChoice(form: FormState, theme: Option<Theme>) -> impl IntoView {
    let chosen = form
        .typed("theme")
        .unwrap_or_else(|| theme.map_or("", Theme::name).to_owned());
    let options = [
        ("", "Same as system"),
        (Theme::Light.name(), "Light"),
        (Theme::Dark.name(), "Dark"),
    ]
    .map(|(value, label)| {
        view! {
            <option value=value selected=chosen == value>
                {label}
            </option>
        }
        .into_any()
    })
    .collect_view();
    view! {
        <div class="field">
            <label for="theme">"Theme"</label>
            <select id="theme" name="theme" autocomplete="off">
                {options}
            </select>
        </div>
    }
}

/// What the user says about themselves.
#[component]
pub fn About(
    /// The data.
    public: PublicData,
) -> impl IntoView {
    if public.bio.is_none() && public.website.is_none() {
        return view! {
            <p class="empty">
                "You haven’t written anything about yourself yet. "
                <a href=paths::SETTINGS_PUBLIC>"Write a few words"</a>
            </p>
        }
        .into_any();
    }
    // The data may have been written by something other than our form, so only an address that is safe to follow
    // becomes a link.
    let website = public.website.map(|address| match address.get(..8) {
        Some(start) if is_web(start) => {
            view! { <a href=address.clone() rel="external nofollow noopener noreferrer">{address.clone()}</a> }.into_any()
        }
        _ => address.into_any(),
    });
    view! {
        <div class="about">
            {public.bio.map(|bio| view! { <p class="prose">{bio}</p> }.into_any())}
            {website.map(|website| view! { <p>{website}</p> }.into_any())}
        </div>
    }
    .into_any()
}

fn is_web(start: &str) -> bool {
    let start = start.to_ascii_lowercase();
    start.starts_with("https://") || start.starts_with("http://")
}

/// The document's copy of the public data. Every view that shows the data reads it through this, and renders again
/// when it changes, in this tab or another. Nothing is loaded before a view shows it, so a page without public data
/// makes no query for it.
#[derive(Clone, Copy, Debug)]
pub struct PublicDataContext {
    known: RwSignal<Known>,
    theme: ThemeContext,
    name: ShownName,
}

/// What is known of the public data without asking the server.
#[derive(Clone, Debug, Default)]
struct Known {
    data: Option<Json>,
    /// The number of changes so far.
    changes: usize,
}

impl PublicDataContext {
    fn new() -> Self {
        Self {
            known: RwSignal::default(),
            theme: ThemeContext::take(),
            name: ShownName::take(),
        }
    }

    /// Provides the copy, which follows what other tabs change.
    pub fn provide() {
        let copy = Self::new();
        provide_context(copy);
        public_channel::follow(move || copy.refetch());
    }

    /// The copy from the context.
    pub fn take() -> Self {
        use_context().unwrap_or_else(Self::new)
    }

    /// Loads what is known, or else what the server returns.
    pub fn load(self) -> Load<PublicData> {
        let changes = move || (self.known.with(|known| known.changes), String::new());
        Load::by(changes, move || {
            match self.known.with(|known| known.data.clone()) {
                Some(data) => Box::pin(async { Ok(data) }),
                None => call(GetPublicData {}),
            }
        })
    }

    /// Puts the answer to an update in place, here and in the other tabs.
    fn set(self, answer: Json) {
        self.put(answer);
        public_channel::tell();
    }

    /// Asks the server again.
    fn refetch(self) {
        leptos::task::spawn_local(async move {
            // Without an answer the copy stays as it is. The user's next action will show why.
            if let Ok(data) = call(GetPublicData {}).await {
                self.put(data);
            }
        });
    }

    fn put(self, data: Json) {
        if let Ok(PublicData {
            theme, display_name, ..
        }) = data.read()
        {
            self.theme.set(theme);
            self.name.follow(display_name);
        }
        self.known.update(|known| {
            known.data = Some(data);
            known.changes += 1;
        });
    }
}
