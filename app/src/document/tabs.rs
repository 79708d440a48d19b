//! Keeps the tabs of one browser consistent.
//!
//! Every document tells the others for which user it was rendered. A document that was rendered for another user reloads
//! itself, and the server's guards do the rest. So signing in and switching users reach the other tabs by one rule.
//!
//! If the session ends elsewhere, the tab that listens for it tells the others the same, see [`events`](super::events). <!-- wing:clients -->
//!
//! What the user has typed is worth more than being up to date. The same user signing in again is not a different
//! user, and a session that has merely expired does not reload a form that is being filled in. Signing out does,
//! since the next person at this browser may be someone else.

use leptos::{nonce::use_nonce, prelude::*};
use wire::NAME;

use super::user;
use crate::pages::SIGNING_OUT;

/// The script that follows the other tabs, and tells them who is signed in.
#[component]
pub fn Tabs() -> impl IntoView {
    let user = user().unwrap_or_default();
    let paths: Vec<&str> = SIGNING_OUT.iter().map(|form| form.path).collect();
    let start = format!("{}({NAME:?}, {user:?}, {paths:?})", include_str!("tabs.js"));
    view! {
        <script type="module" nonce=use_nonce()>
            {start}
        </script>
    }
}
