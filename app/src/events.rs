//! The script of pages for signed-in users that listens for the end of their session.
//!
//! One visible tab of a browser listens for all of them. When the session ends, it tells the tabs who is signed in now,
//! as a document does that was rendered by then, and they act as [`tabs`](crate::tabs) describes.

use leptos::{nonce::use_nonce, prelude::*};
use wire::NAME;

#[cfg(feature = "ssr")]
use crate::context::recognised;

/// Listens, if a user is signed in.
#[component]
pub fn Events() -> impl IntoView {
    #[cfg(feature = "ssr")]
    let user = recognised().and_then(|request| request.session().map(|session| session.user_id.to_string()));
    #[cfg(not(feature = "ssr"))]
    let user: Option<String> = None;
    user.map(|user| {
        let start = format!("{}({NAME:?}, {user:?})", include_str!("events.js"));
        view! {
            <script type="module" nonce=use_nonce()>
                {start}
            </script>
        }
    })
}
