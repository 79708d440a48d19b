//! The frame around every page.

use leptos::prelude::*;
use leptos_meta::Html;
use leptos_router::hooks::use_location;
use wire::NAME;

use super::{
    form::{FormState, MissedNotice, Newest, Notice},
    nav::Nav,
    provider_error::FlashedProviderError,
};
use crate::pages::paths; // wing:data-rights
use crate::{flash::FlashContext, session::LOGOUT, theme::ThemeContext};

/// The navigation bar, the page and the footer.
#[component]
pub fn Layout(
    /// The page.
    children: Children,
) -> impl IntoView {
    let logout = FormState::of(LOGOUT);
    let theme = ThemeContext::take();
    forget_on_leaving();
    view! {
        <Html attr:data-theme=move || theme.name() />
        // The browser's own jump to a fragment moves the focus; the router's does not.
        <a class="skip-link" href="#main" rel="external">
            "Skip to content"
        </a>
        <Nav logout />
        <main id="main" tabindex="-1">
            <Notice form=logout />
            <MissedNotice />
            <FlashedProviderError />
            {children()}
        </main>
        <footer class="foot">
            <p>{NAME} " is built with Leptos and axum."</p>
            // wing:data-rights
            <p>
                <a href=paths::PRIVACY>"Privacy"</a>
            </p>
            // end wing:data-rights
        </footer>
    }
}

/// What was reported once is not about the next page.
fn forget_on_leaving() {
    let path = use_location().pathname;
    Effect::new(move |before: Option<String>| {
        let now = path.get();
        if before.is_some_and(|before| before != now) {
            FlashContext::clear();
            Newest::forget_missed();
        }
        now
    });
}
