//! The settings: one page with tabs, each with its own address.

pub mod access; // wing:clients
pub mod accounts;
pub mod address; // wing:mail
pub mod confirm_by_mail; // wing:mail
pub mod next_steps; // wing:mail,second-factors,passkeys
pub mod passkeys; // wing:passkeys
pub mod picture; // wing:pictures
pub mod private; // wing:private-data
pub mod public;
mod public_channel;
pub mod second_factors; // wing:second-factors
pub mod security;
pub mod sessions;
pub mod theme;
pub mod your_data; // wing:data-rights

use leptos::prelude::*;
use leptos_router::{components::Outlet, hooks::use_location};

use crate::pages::paths;

const TABS: &[(&str, &str)] = &[
    (paths::SETTINGS_PUBLIC, "Public"),
    (paths::SETTINGS_PRIVATE, "Private"), // wing:private-data
    (paths::SETTINGS_ACCOUNTS, "Accounts"),
    (paths::SETTINGS_SESSIONS, "Sessions"),
    (paths::SETTINGS_ACCESS, "Access"), // wing:clients
    (paths::SETTINGS_SECURITY, "Security"),
];

/// The frame that all tabs share.
#[component]
pub fn Settings() -> impl IntoView {
    let path = use_location().pathname;
    let is_open = move |tab: &str| match path.read().as_str() {
        paths::SETTINGS => tab == paths::SETTINGS_PUBLIC,
        path => path == tab,
    };
    let tabs = TABS
        .iter()
        .map(|&(tab, label)| {
            view! {
                <li>
                    <a href=tab aria-current=move || is_open(tab).then_some("page")>
                        {label}
                    </a>
                </li>
            }
            .into_any()
        })
        .collect_view();
    view! {
        <div class="page">
            <h1>"Settings"</h1>
            <nav class="tabs" aria-label="Settings">
                <ul>{tabs}</ul>
            </nav>
            <Outlet />
        </div>
    }
}
