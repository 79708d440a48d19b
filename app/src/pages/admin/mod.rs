//! Administration: the list of people, and the page of one person. For all other users there is nothing here.

#[cfg(feature = "ssr")]
mod context;
pub mod invite; // wing:mail
pub mod people;
pub mod person;

use leptos::prelude::*;
use leptos_router::components::Outlet;
use wire::Role;

use crate::{pages::not_found::NotFound, session::current_session};

/// The pages of administration, if the snapshot says that the user is an administrator; otherwise the page for an
/// address that leads nowhere. This decides only what is shown. What may be read or done is decided by the server's
/// guard and by each server function.
#[component]
pub fn ForAdmins() -> impl IntoView {
    if current_session().is_some_and(|session| session.role == Role::Admin) {
        view! { <Outlet /> }.into_any()
    } else {
        view! { <NotFound /> }.into_any()
    }
}

/// Badges for whatever sets a person apart from most others.
#[component]
fn Badges(
    /// The person's role.
    role: Role,
    /// Whether they cannot sign in.
    is_disabled: bool,
) -> impl IntoView {
    view! {
        {(role != Role::default())
            .then(|| view! { " " <span class="badge">{role.label()}</span> }.into_any())}
        {is_disabled.then(|| view! { " " <span class="badge badge-danger">"Disabled"</span> }.into_any())}
    }
}

/// The name to show for a person.
fn called(name: Option<&str>, email: Option<&str>) -> String {
    name.or(email).unwrap_or("(no name)").to_owned()
}
