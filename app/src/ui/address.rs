//! An e-mail address, and whether it is verified.

use leptos::{either::Either, prelude::*};

/// A user's address. Anyone may have typed it, so it is never shown without stating whether it is verified.
#[component]
pub fn Address(
    /// The address, if there is one.
    email: Option<String>,
    /// Whether it is verified.
    is_verified: bool,
) -> impl IntoView {
    let Some(email) = email else {
        return Either::Left("No address");
    };
    let word = if is_verified { "Verified" } else { "Not verified" };
    Either::Right(view! { {email} " " <span class="badge">{word}</span> })
}
