//! An e-mail address, and whether it is verified.

use leptos::prelude::*;

/// A user's address. Anyone may have typed it, so it is never shown without stating whether it is verified.
#[component]
pub fn Address(
    /// The address, if there is one.
    email: Option<String>,
    /// Whether it is verified.
    is_verified: bool,
) -> impl IntoView {
    let Some(email) = email else {
        return "No address".into_any();
    };
    let word = if is_verified { "Verified" } else { "Not verified" };
    view! { {email} " " <span class="badge">{word}</span> }.into_any()
}
