//! Administration: people, and one person.

pub mod people;
pub mod person;

use leptos::prelude::*;
use wire::Role;

/// What sets a person apart from most.
#[component]
pub(crate) fn Badges(
    /// The person's role.
    role: Role,
    /// Whether they cannot sign in.
    is_disabled: bool,
) -> impl IntoView {
    view! {
        {(role != Role::default())
            .then(|| view! { " " <span class="badge">{role.label()}</span> })}
        {is_disabled.then(|| view! { " " <span class="badge badge-danger">"Disabled"</span> })}
    }
}
