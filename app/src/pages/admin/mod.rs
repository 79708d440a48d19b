//! Administration: people, and one person. For everybody but administrators there is nothing here.

#[cfg(feature = "ssr")]
mod context;
pub mod people;
pub mod person;

use leptos::{either::Either, prelude::*};
use leptos_router::components::Outlet;
use wire::Role;

use crate::{pages::not_found::NotFound, session::current_session};

/// The pages of administration, as far as the snapshot says that an administrator looks; for everybody else the
/// page for an address that leads nowhere. This decides what is shown: what may be read or done is decided by the
/// server's guard and by each server function.
#[component]
pub fn ForAdmins() -> impl IntoView {
    if current_session().is_some_and(|session| session.role == Role::Admin) {
        Either::Left(view! { <Outlet /> })
    } else {
        Either::Right(view! { <NotFound /> })
    }
}

/// What sets a person apart from most.
#[component]
fn Badges(
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

/// What to call somebody.
fn called(name: Option<&str>, email: Option<&str>) -> String {
    name.or(email).unwrap_or("(no name)").to_owned()
}
