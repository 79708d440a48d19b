//! The page for unknown addresses.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::{pages::paths, ui::failure::set_status};

/// The page for an address that leads nowhere.
#[component]
pub fn NotFound() -> impl IntoView {
    set_status(404);
    view! {
        <Title text="Not found" />
        <div class="page page-narrow">
            <p class="eyebrow">"404"</p>
            <h1>"There is nothing here"</h1>
            <p class="lead">"The address may be mistyped, or the page may have moved."</p>
            <p>
                <a class="button button-primary" href=paths::HOME>
                    "Go to the start page"
                </a>
            </p>
        </div>
    }
}
