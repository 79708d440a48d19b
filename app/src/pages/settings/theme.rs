//! Choosing light or dark, from the foot of every page.

#![expect(
    missing_docs,
    reason = "`#[server]` generates a struct for each function, whose fields are the arguments"
)]

use leptos::prelude::*;

#[cfg(feature = "ssr")]
use super::public::PublicData;
#[cfg(feature = "ssr")]
use crate::{context::Context, entered::Patch};
use crate::{
    entered::Entered,
    error::AppError,
    forms::Endpoint,
    made_for::MadeForField,
    theme::{Theme, ThemeContext},
};

/// The form that every page has.
pub const FORMS: &[Endpoint] = &[CHOOSE_THEME];

/// Changes the theme of this browser and, for a signed-in user, of all others: an empty text stands for the system's
/// setting.
#[server]
pub async fn choose_theme(#[server(default)] theme: Entered) -> Result<(), AppError> {
    let context = Context::take()?;
    let mut patch = Patch::default();
    patch.choice("theme", theme, &["light", "dark"])?;
    let patch = serde_json::Value::from(patch);
    if context.request.session().is_none() {
        if let Some(theme) = patch.get("theme") {
            context.remember_theme(theme.as_str().and_then(Theme::from_name));
        }
        return Ok(());
    }
    let live = context.require_session().await?;
    let updated = context
        .auth
        .buckets
        .update_public::<PublicData>(&live, &patch, &context.if_match())
        .await?;
    context.remember_theme(updated.data.theme);
    Ok(())
}

const CHOOSE_THEME: Endpoint = Endpoint::of::<ChooseTheme>(&[]);

/// The form. It is beside the application in the document, so that it is no part of the program.
#[component]
pub fn ThemeForm() -> impl IntoView {
    let chosen = ThemeContext::of_request();
    let button = |theme: Option<Theme>, label: &'static str| {
        view! {
            <button
                type="submit"
                name="theme"
                value=theme.map_or("", Theme::name)
                aria-pressed=if chosen == theme { "true" } else { "false" }
            >
                {label}
            </button>
        }
    };
    view! {
        <form id="colours" class="theme" method="post" action=CHOOSE_THEME.path aria-label="Colours">
            <MadeForField />
            {button(None, "System")}
            {button(Some(Theme::Light), "Light")}
            {button(Some(Theme::Dark), "Dark")}
        </form>
    }
}
