//! An e-mail address, and what is known of whose it is.

use leptos::{either::Either, prelude::*};

/// Somebody's address. Anybody may have typed it, so it is never shown without the word on that.
#[component]
pub fn Address(
    /// The address, if there is one.
    email: Option<String>,
    /// Whether somebody vouched for it.
    is_verified: bool,
) -> impl IntoView {
    let Some(email) = email else {
        return Either::Left("No address");
    };
    let word = if is_verified { "Confirmed" } else { "Not confirmed" };
    Either::Right(view! { {email} " " <span class="badge">{word}</span> })
}
