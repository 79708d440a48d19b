//! The script of pages for signed-in users that listens for the end of their session.
//!
//! One visible tab of a browser listens for all of them. When the session ends, it tells the tabs who is signed in now,
//! as a document does that was rendered by then, and they act as [`tabs`](super::tabs) describes.

use leptos::{nonce::use_nonce, prelude::*};
use wire::NAME;

use super::user;

/// Listens, if a user is signed in.
#[component]
pub fn Events() -> impl IntoView {
    user().map(|user| {
        let start = format!("{}({NAME:?}, {user:?})", include_str!("events.js"));
        view! {
            <script type="module" nonce=use_nonce()>
                {start}
            </script>
        }
    })
}
