//! What a client or a key may do, in words.

use leptos::prelude::*;
use wire::{Scope, Scopes};

/// The scopes as a list, after "It will be able to".
#[component]
pub fn ScopeList(
    /// The scopes.
    scope: Scopes,
) -> impl IntoView {
    let items = scope
        .iter()
        .map(|scope| view! { <li>{scope.words()}</li> }.into_any())
        .collect_view();
    view! {
        <div class="about">
            <p>"It will be able to:"</p>
            <ul class="list">{items}</ul>
        </div>
    }
}

/// The scopes as one sentence.
pub fn sentence(scope: Scopes) -> String {
    let words: Vec<_> = scope.iter().map(Scope::words).collect();
    format!("It can {}.", words.join("; "))
}

/// Who has made a client, which decides how much a user should trust it.
pub const fn trust(first_party: bool) -> &'static str {
    if first_party {
        "It is one of our own applications."
    } else {
        "It is not one of our applications. Allow this only if you know it and trust it."
    }
}
