//! Administration: the list of people, and the page of one person. For all other users there is nothing here.

#[cfg(feature = "ssr")]
mod context;
pub mod invite; // wing:mail
pub mod people;
pub mod person;

use leptos::prelude::*;
use leptos_router::components::Outlet;
use wire::{Permission, Role};

use crate::{pages::not_found::NotFound, session::current_session};

/// The pages of administration, if the snapshot says that the user may see people; otherwise the page for an
/// address that leads nowhere. This decides only what is shown. What may be read or done is decided by the server's
/// guard and by each server function.
#[component]
pub fn ForAdmins() -> impl IntoView {
    if can(Permission::SeePeople) {
        view! { <Outlet /> }.into_any()
    } else {
        // Called without `view!`, as in `Missing`: in debug builds a view has its file and line in the page, which would tell
        // this page from one that does not exist.
        NotFound().into_any()
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

/// Whether the user may do this, for what is shown.
fn can(permission: Permission) -> bool {
    current_session().is_some_and(|session| session.can(permission))
}

/// Whether the user may change people with this role, for what is shown.
fn reaches(role: Role) -> bool {
    current_session().is_some_and(|session| session.role.covers(role))
}

/// The roles that the user may give, as options of a choice.
fn roles(chosen: Role) -> AnyView {
    Role::ALL
        .iter()
        .filter(|role| reaches(**role))
        .map(|role| {
            view! {
                <option value=role.name() selected=*role == chosen>
                    {role.label()}
                </option>
            }
            .into_any()
        })
        .collect_view()
        .into_any()
}
