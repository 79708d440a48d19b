//! Public data: what the person says about themselves.
//!
//! To add a field, add it here to [`PublicData`], to the arguments of [`update_public_data`] and to the patch it
//! makes of them, to the `<Form>`, and, if its text may come back to the form after an error, to `COMES_BACK`. Data
//! stored by older versions is read with the field's default; keys a newer version wrote survive.

#![expect(
    missing_docs,
    reason = "`#[server]` makes a struct of each function, whose fields are its arguments"
)]

use leptos::{either::Either, html, prelude::*};
use leptos_meta::Title;
use serde::{Deserialize, Serialize};

use crate::{
    client::PageClient,
    entered::Entered,
    error::AppError,
    forms::{Declared, PageForm},
    pages::paths,
    tabs::tell_public_data_changed,
    theme::{Theme, ThemeContext},
    ui::{
        failure::Failure,
        field::{Field, TextArea},
        form::{Form, FormState, Notices, Submit},
    },
};
#[cfg(feature = "ssr")]
use crate::{context::Context, entered::Patch};

/// The forms of this page.
pub const FORMS: &[Declared] = &[
    Declared::of::<UpdatePublicData>(),
    Declared::of::<ClearPublicData>(),
];

/// Readable and writable by its owner in the browser.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PublicData {
    /// What to call the person.
    pub display_name: Option<String>,
    /// A few words about them.
    pub bio: Option<String>,
    /// Their page (http or https).
    pub website: Option<String>,
    /// How the application looks for them.
    pub theme: Option<Theme>,
}

/// The person's public data.
#[server(prefix = "/api", endpoint = "get_public_data")]
pub async fn get_public_data() -> Result<PublicData, AppError> {
    let context = Context::take()?;
    let live = context.require_session().await?;
    let found = context.auth.buckets.public::<PublicData>(&live).await?;
    context.etag(found.version);
    context.remember_theme(found.data.theme);
    Ok(found.data)
}

/// Merges fields into the public data: an absent field stays, an empty one is removed.
#[server(prefix = "/api", endpoint = "update_public_data", client = PageClient)]
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

impl PageForm for UpdatePublicData {
    const PAGES: &'static [&'static str] = &[paths::SETTINGS_PUBLIC, paths::SETTINGS];
    const COMES_BACK: &'static [&'static str] = &["display_name", "bio", "website", "theme"];
}

/// Empties the public data.
#[server(prefix = "/api", endpoint = "clear_public_data", client = PageClient)]
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

impl PageForm for ClearPublicData {
    const PAGES: &'static [&'static str] = &[paths::SETTINGS_PUBLIC, paths::SETTINGS];
}

/// The tab for public data.
#[component]
pub fn Public() -> impl IntoView {
    let shown = PublicDataContext::take();
    let update = ServerAction::<UpdatePublicData>::new();
    let clear = ServerAction::<ClearPublicData>::new();
    let form = NodeRef::<html::Form>::new();
    Effect::new(move |_| show_answer(shown, form, update.value().get()));
    Effect::new(move |_| show_answer(shown, form, clear.value().get()));

    let data = Resource::new(move || shown.known(), |known| known.or_asked());
    view! {
        <Title text="Public data" />
        <Notices of=vec![(FormState::of(update), "Saved."), (FormState::of(clear), "Cleared.")] />
        <Transition fallback=|| view! { <p class="hint">"One moment…"</p> }>
            {move || Suspend::new(async move {
                match data.await {
                    Ok(data) => Either::Left(view! { <Cards data update clear form /> }),
                    Err(error) => Either::Right(view! { <Failure error /> }),
                }
            })}
        </Transition>
    }
}

type Answer = Option<Result<PublicData, AppError>>;

/// Lets every view show what was saved. The form forgets what was typed, so that its fields follow, too:
/// to what the server made of it, or to nothing.
fn show_answer(shown: PublicDataContext, form: NodeRef<html::Form>, answer: Answer) {
    if let Some(Ok(data)) = answer {
        if let Some(form) = form.get_untracked() {
            form.reset();
        }
        shown.set(data);
    }
}

#[component]
fn Cards(
    data: PublicData,
    update: ServerAction<UpdatePublicData>,
    clear: ServerAction<ClearPublicData>,
    form: NodeRef<html::Form>,
) -> impl IntoView {
    let state = FormState::of(update);
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
            <p class="hint">"You can read and change this in the browser; the application may show it to others."</p>
            <Form action=update node_ref=form attr:class="stack">
                <Field
                    form=state
                    name="display_name"
                    label="Display name"
                    autocomplete="nickname"
                    value=display_name
                    hint="What to call you. At most 100 characters."
                />
                <TextArea
                    form=state
                    name="bio"
                    label="Bio"
                    value=bio
                    hint="A few words about you. At most 2000 characters."
                />
                <Field
                    form=state
                    name="website"
                    label="Website"
                    autocomplete="url"
                    value=website
                    hint="An address that begins with https:// or http://."
                />
                <ThemeChoice form=state theme />
                <Submit form=state label="Save" busy="Saving…" />
            </Form>
        </section>
        <section class="card" aria-labelledby="preview-title">
            <h2 id="preview-title">"How it looks"</h2>
            {called.map(|name| view! { <p class="preview-name">{name}</p> })}
            <About public=data />
        </section>
        <section class="card card-danger" aria-labelledby="clear-title">
            <h2 id="clear-title">"Clear"</h2>
            {if is_empty {
                Either::Left(view! { <p class="hint">"There is no public data to clear."</p> })
            } else {
                Either::Right(view! {
                    <p class="hint">"Removes all of the public data. Your account stays as it is."</p>
                    <Form action=clear>
                        <Submit
                            form=FormState::of(clear)
                            label="Clear all public data"
                            busy="Clearing…"
                            class="button-danger"
                        />
                    </Form>
                })
            }}
        </section>
    }
}

#[component]
fn ThemeChoice(form: FormState, theme: Option<Theme>) -> impl IntoView {
    let chosen = form
        .typed("theme")
        .unwrap_or_else(|| theme.map_or("", Theme::name).to_owned());
    let options = [
        ("", "As the system"),
        (Theme::Light.name(), "Light"),
        (Theme::Dark.name(), "Dark"),
    ]
    .map(|(value, label)| {
        view! {
            <option value=value selected=chosen == value>
                {label}
            </option>
        }
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

/// What the person says about themselves.
#[component]
pub fn About(
    /// The data.
    public: PublicData,
) -> impl IntoView {
    if public.bio.is_none() && public.website.is_none() {
        return Either::Left(view! {
            <p class="empty">
                "You have not said anything about yourself. "
                <a href=paths::SETTINGS_PUBLIC>"Write a few words"</a>
            </p>
        });
    }
    // Other ways lead into the data than our form: only an address that is safe to follow is a link.
    let website = public.website.map(|address| match address.get(..8) {
        Some(start) if is_web(start) => {
            Either::Left(view! { <a href=address.clone() rel="external nofollow noopener noreferrer">{address.clone()}</a> })
        }
        _ => Either::Right(address),
    });
    Either::Right(view! {
        <div class="about">
            {public.bio.map(|bio| view! { <p class="prose">{bio}</p> })}
            {website.map(|website| view! { <p>{website}</p> })}
        </div>
    })
}

fn is_web(start: &str) -> bool {
    let start = start.to_ascii_lowercase();
    start.starts_with("https://") || start.starts_with("http://")
}

/// The document's copy of the public data: every view that shows it reads it through this, and renders
/// again when it changes, in this tab or another. Nothing is asked for before a view does: a page
/// that shows no public data makes no query for it.
#[derive(Clone, Copy, Debug)]
pub struct PublicDataContext {
    known: RwSignal<Known>,
    theme: ThemeContext,
}

/// What is known of the public data without asking.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known(Option<PublicData>);

impl PublicDataContext {
    fn new() -> Self {
        Self {
            known: RwSignal::default(),
            theme: ThemeContext::take(),
        }
    }

    /// Provides the copy.
    pub fn provide() -> Self {
        let copy = Self::new();
        provide_context(copy);
        copy
    }

    /// The copy at hand.
    pub fn take() -> Self {
        use_context().unwrap_or_else(Self::new)
    }

    /// What is known now: the source of a resource that shows public data.
    pub fn known(self) -> Known {
        self.known.get()
    }

    /// Puts what an update answered in place, here and in the other tabs.
    pub fn set(self, data: PublicData) {
        self.put(data);
        tell_public_data_changed();
    }

    /// Asks the server again.
    pub fn refetch(self) {
        leptos::task::spawn_local(async move {
            // Without an answer the copy stays as it is; whatever is done next will say why.
            if let Ok(data) = get_public_data().await {
                self.put(data);
            }
        });
    }

    fn put(self, data: PublicData) {
        self.theme.set(data.theme);
        self.known.set(Known(Some(data)));
    }
}

impl Known {
    /// The public data: what is known, or else what the server says.
    ///
    /// # Errors
    /// If the server refuses.
    pub async fn or_asked(self) -> Result<PublicData, AppError> {
        match self.0 {
            Some(data) => Ok(data),
            None => get_public_data().await,
        }
    }
}
