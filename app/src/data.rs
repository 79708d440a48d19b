//! The per-user data of this application: the two types a fork edits first, and their server functions.
//!
//! To add a field: add it to the struct, to the server function below it that updates it, to the form in
//! `pages/settings/`, and, if its text may come back to that form after an error, to `COMES_BACK`. Data
//! stored by older versions is read with the field's default; keys a newer version wrote survive.

#![expect(
    missing_docs,
    reason = "`#[server]` makes a struct of each function, whose fields are its arguments"
)]

use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use wire::PrivateKeyInfo;

#[cfg(feature = "ssr")]
use crate::context::Context;
use crate::{client::PageClient, error::AppError, forms::PageForm, routes, theme::ThemeContext};

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

/// Light, dark, or as the system says (no theme).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Theme {
    /// The theme by its name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "light" => Some(Self::Light),
            "dark" => Some(Self::Dark),
            _ => None,
        }
    }

    /// Its name in forms, cookies and the style sheet.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// A field of a form, as it was sent: absent, or with a text that may be empty. The form's decoder
/// (serde_qs) makes `None` of an empty `Option<String>`, and a field could never be emptied.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String")]
pub struct Entered(Option<String>);

/// Whether there is a text; it may be a secret.
impl std::fmt::Debug for Entered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "Entered(..)" } else { "Absent" })
    }
}

impl From<String> for Entered {
    fn from(text: String) -> Self {
        Self(Some(text))
    }
}

/// Read by server code only: this type does not exist in the browser.
#[cfg(feature = "ssr")]
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct PrivateData {
    /// A token of some service this application calls for the person.
    pub api_token: Option<secrecy::SecretString>,
    /// What that service signs its calls with.
    pub webhook_secret: Option<secrecy::SecretString>,
}

/// The names of [`PrivateData`]'s fields with their labels: the page shows which are set.
pub const PRIVATE_FIELDS: [(&str, &str); 2] =
    [("api_token", "API token"), ("webhook_secret", "Webhook secret")];

/// The longest texts, in characters.
#[cfg(feature = "ssr")]
mod limit {
    pub(super) const DISPLAY_NAME: usize = 100;
    pub(super) const BIO: usize = 2000;
    pub(super) const WEBSITE: usize = 1024;
    pub(super) const SECRET: usize = 4096;
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
    patch.text("display_name", display_name, limit::DISPLAY_NAME)?;
    patch.text("bio", bio, limit::BIO)?;
    patch.url("website", website, limit::WEBSITE)?;
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
    const PAGES: &'static [&'static str] = &[routes::SETTINGS_PUBLIC, routes::SETTINGS];
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
    const PAGES: &'static [&'static str] = &[routes::SETTINGS_PUBLIC, routes::SETTINGS];
}

/// Which private values are set, when, and a masked hint of each; never a value.
#[server(prefix = "/api", endpoint = "describe_private_data")]
pub async fn describe_private_data() -> Result<Vec<PrivateKeyInfo>, AppError> {
    let context = Context::take()?;
    let live = context.require_session().await?;
    let found = context.auth.buckets.describe_private(&live).await?;
    context.etag(found.version);
    Ok(found.data)
}

/// Sets or replaces private values: an absent field stays, an empty one is removed.
#[server(prefix = "/api", endpoint = "update_private_data", client = PageClient)]
pub async fn update_private_data(
    #[server(default)] api_token: Entered,
    #[server(default)] webhook_secret: Entered,
) -> Result<Vec<PrivateKeyInfo>, AppError> {
    let context = Context::take()?;
    let live = context.require_session().await?;
    let mut patch = Vec::new();
    for (key, value) in [("api_token", api_token), ("webhook_secret", webhook_secret)] {
        let Entered(Some(value)) = value else { continue };
        if value.chars().count() > limit::SECRET {
            return Err(AppError::InvalidInput);
        }
        patch.push((key, (!value.is_empty()).then(|| value.into())));
    }
    let updated = context
        .auth
        .buckets
        .update_private(&live, patch, &context.if_match())
        .await?;
    context.etag(updated.version);
    Ok(updated.data)
}

impl PageForm for UpdatePrivateData {
    const PAGES: &'static [&'static str] = &[routes::SETTINGS_PRIVATE];
}

/// Removes all private values.
#[server(prefix = "/api", endpoint = "clear_private_data", client = PageClient)]
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

impl PageForm for ClearPrivateData {
    const PAGES: &'static [&'static str] = &[routes::SETTINGS_PRIVATE];
}

/// A merge patch made of form fields: absent means unchanged, empty means removed.
#[cfg(feature = "ssr")]
#[derive(Default)]
struct Patch(serde_json::Map<String, serde_json::Value>);

#[cfg(feature = "ssr")]
impl Patch {
    fn text(&mut self, field: &str, value: Entered, most: usize) -> Result<(), AppError> {
        self.checked(field, value, |text| text.chars().count() <= most)
    }

    fn url(&mut self, field: &str, value: Entered, most: usize) -> Result<(), AppError> {
        // The scheme decides whether a link is safe to show: `javascript:` is an address, too.
        self.checked(field, value, |text| {
            text.len() <= most
                && text.split_once("://").is_some_and(|(scheme, rest)| {
                    matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https")
                        && !rest.is_empty()
                        && !rest.contains(|c: char| c.is_whitespace() || c.is_control())
                })
        })
    }

    fn choice(&mut self, field: &str, value: Entered, choices: &[&str]) -> Result<(), AppError> {
        self.checked(field, value, |text| choices.contains(&text))
    }

    fn checked(&mut self, field: &str, value: Entered, fits: impl Fn(&str) -> bool) -> Result<(), AppError> {
        let Entered(Some(value)) = value else {
            return Ok(());
        };
        let value = value.trim();
        let json = match value.is_empty() {
            true => serde_json::Value::Null,
            false if fits(value) && !value.contains('\0') => value.into(),
            false => return Err(AppError::InvalidInput),
        };
        self.0.insert(field.to_owned(), json);
        Ok(())
    }
}

#[cfg(feature = "ssr")]
impl From<Patch> for serde_json::Value {
    fn from(patch: Patch) -> Self {
        Self::Object(patch.0)
    }
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
    /// Provides the copy.
    pub fn provide() {
        provide_context(Self {
            known: RwSignal::default(),
            theme: ThemeContext::take(),
        });
    }

    /// The copy at hand.
    pub fn take() -> Self {
        use_context().unwrap_or_else(|| Self {
            known: RwSignal::default(),
            theme: ThemeContext::take(),
        })
    }

    /// What is known now: the source of a resource that shows public data.
    pub fn known(self) -> Known {
        self.known.get()
    }

    /// Puts what an update answered in place, here and in the other tabs.
    pub fn set(self, data: PublicData) {
        self.put(data);
        crate::tabs::tell_public_data_changed();
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
