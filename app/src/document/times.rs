//! Shows times in the person's own time zone, and keeps their words true while a page is open.

use leptos::{nonce::use_nonce, prelude::*};

use crate::ui::time::now;

/// The script that does it. Not a module, which would run after the first paint.
#[component]
pub fn Times() -> impl IntoView {
    let start = format!("{}({:?})", include_str!("times.js"), now());
    view! { <script nonce=use_nonce()>{start}</script> }
}
