//! The navigation. It is correct on first paint, since it shows only what the snapshot holds.

use leptos::prelude::*;
use leptos_router::components::A;
use wire::{
    AuthSession,
    NAME,
    Permission, // wing:admin
};

use super::{
    avatar::{Avatar, local_part},
    form::{Form, FormState, Submit},
};
use crate::session::shown_picture; // wing:pictures
use crate::{
    pages::paths,
    session::{ShownName, current_session},
    setup::Setup,
};

/// The id of the list that a phone shows when it is asked for.
const MENU: &str = "menu";

/// The bar at the top of every page.
#[component]
pub fn Nav(
    /// The form that signs out.
    logout: FormState,
) -> impl IntoView {
    view! {
        <header class="bar">
            <div class="bar-inner">
                <a class="brand" href=paths::HOME>
                    <svg class="brand-mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
                        <path d="M16 3a7 7 0 0 0-7 7v4H7.5a2 2 0 0 0-2 2v11a2 2 0 0 0 2 2h17a2 2 0 0 0 2-2V16a2 2 0 0 0-2-2H23v-4a7 7 0 0 0-7-7Zm-3.5 7a3.5 3.5 0 0 1 7 0v4h-7v-4ZM16 18a2 2 0 0 1 1.2 3.6V25h-2.4v-3.4A2 2 0 0 1 16 18Z" />
                    </svg>
                    {NAME}
                </a>
                <nav aria-label="Main">
                    {match current_session() {
                        Some(session) => view! { <SignedIn session logout /> }.into_any(),
                        None => view! { <Anonymous /> }.into_any(),
                    }}
                </nav>
            </div>
        </header>
    }
}

#[component]
fn Anonymous() -> impl IntoView {
    view! {
        <ul class="bar-links">
            <li>
                <A href=paths::LOGIN>"Sign in"</A>
            </li>
            {Setup::get()
                .registers()
                .then(|| {
                    view! {
                        <li>
                            <A href=paths::REGISTER>"Register"</A>
                        </li>
                    }.into_any()
                })}
        </ul>
    }
}

#[component]
fn SignedIn(session: AuthSession, logout: FormState) -> impl IntoView {
    let (shown, email) = (ShownName::take(), session.email.clone());
    let who = move || {
        let name = shown.get().unwrap_or_else(|| local_part(email.as_deref()));
        let picture = None;
        let picture = shown_picture().or(picture); // wing:pictures
        view! {
            <Avatar id=session.user_id name=name.clone() picture class="avatar-small" />
            <span class="bar-name">{name}</span>
        }
        .into_any()
    };
    view! {
        // On a phone, the list is behind this button: the browser opens and closes it, without a script.
        <button type="button" class="button button-quiet bar-menu" popovertarget=MENU>
            "Menu"
        </button>
        <ul class="bar-links" id=MENU popover="auto">
            <li class="bar-who" title=session.email.clone()>
                {who}
            </li>
            <li>
                <A href=paths::PROFILE>"Profile"</A>
            </li>
            <li>
                <A href=paths::SETTINGS>"Settings"</A>
            </li>
            // wing:admin
            {session.can(Permission::SeePeople)
                .then(|| {
                    view! {
                        <li>
                            <A href=paths::ADMIN>"People"</A>
                        </li>
                    }.into_any()
                })}
            // end wing:admin
            <li>
                <Form form=logout>
                    <Submit form=logout label="Sign out" busy="Signing out…" class="button-quiet" />
                </Form>
            </li>
        </ul>
    }
}
