//! What the bar and the foot of a page do faster with a script.

use leptos::{nonce::use_nonce, prelude::*};
use wire::NAME;

use super::user;

/// The script that does it.
#[component]
pub fn Bar() -> impl IntoView {
    let start = format!("{}({NAME:?}, {})", include_str!("bar.js"), user().is_some());
    view! {
        <script type="module" nonce=use_nonce()>
            {start}
        </script>
    }
}
