//! The list of people, searchable by the beginning of an address or a name, one page at a time.

#![expect(
    missing_docs,
    reason = "`#[server]` generates a struct for each function, whose fields are the arguments"
)]

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_location;
use wire::{UserPage, UserRow};

use super::invite::InviteCard; // wing:mail
use super::{Badges, called};
#[cfg(feature = "ssr")]
use crate::context::Context;
use crate::{
    error::AppError,
    pages::paths,
    ui::{
        address::Address,
        avatar::Avatar,
        link::{escaped, value_of},
        load::{Load, Loaded},
        time::Day,
    },
};

const QUERY: &str = "q";
const AFTER: &str = "after";

/// A page of people: the newest, or those whose address or name begins with `query`.
#[server(prefix = "/api/admin")]
pub async fn list_people(
    #[server(default)] query: Option<String>,
    #[server(default)] after: Option<String>,
) -> Result<UserPage, AppError> {
    let context = Context::take()?;
    let admin = context.admin().await?;
    Ok(admin
        .people
        .people(
            &admin.session,
            query.as_deref().unwrap_or_default(),
            after.as_deref(),
        )
        .await?)
}

/// The page that lists people.
#[component]
pub fn People() -> impl IntoView {
    let search = use_location().search;
    let asked = move |name| value_of(&search.read(), name).map(|value| value.trim().to_owned());
    let people = Load::new(
        || 0,
        move || ListPeople {
            query: asked(QUERY),
            after: asked(AFTER),
        },
    );
    view! {
        <Title text="People" />
        <div class="page">
            <h1>"People"</h1>
            <form method="get" action=paths::ADMIN role="search" class="search">
                <div class="field">
                    <label for="q">"Address or name"</label>
                    <input
                        id="q"
                        name=QUERY
                        type="search"
                        autocomplete="off"
                        value=value_of(&search.get_untracked(), QUERY)
                        aria-describedby="q-hint"
                    />
                </div>
                <button type="submit" class="button button-primary">
                    "Search"
                </button>
                <p class="hint" id="q-hint">
                    "Finds people whose address or name begins with this text."
                </p>
            </form>
            <Loaded load=people let:page>
                <List page query=untrack(|| asked(QUERY)).unwrap_or_default() is_later=untrack(|| asked(AFTER)).is_some() />
            </Loaded>
            <InviteCard /> // wing:mail
        </div>
    }
}

#[component]
fn List(page: UserPage, query: String, is_later: bool) -> impl IntoView {
    let title = match query.as_str() {
        "" => "Newest first".to_owned(),
        query => format!("Results for “{query}”"),
    };
    let rows = if page.people.is_empty() {
        view! { <p class="empty">"No matches."</p> }.into_any()
    } else {
        let rows = page
            .people
            .into_iter()
            .map(|person| view! { <Row person /> }.into_any())
            .collect_view();
        view! { <ul class="rows">{rows}</ul> }.into_any()
    };
    let first = is_later.then(|| view! { <a href=address(&query, None)>"First page"</a> }.into_any());
    let next = page
        .next
        .map(|next| view! { <a href=address(&query, Some(&next))>"Next page"</a> }.into_any());
    let pages = (first.is_some() || next.is_some()).then(|| {
        view! {
            <nav class="actions after-form" aria-label="Pages">
                {first}
                {next}
            </nav>
        }
        .into_any()
    });
    view! {
        <section class="card" aria-labelledby="people-title">
            <h2 id="people-title">{title}</h2>
            {rows}
            {pages}
        </section>
    }
}

#[component]
fn Row(person: UserRow) -> impl IntoView {
    let id = person.id;
    let called = called(person.name.as_deref(), person.email.as_deref());
    let picture = None;
    let picture = person.picture.clone().or(picture); // wing:pictures
    view! {
        <li class="row">
            <Avatar id name=called.clone() picture />
            <div class="row-text">
                <h3>
                    <a href=paths::person(&id.to_string())>{called}</a>
                    <Badges role=person.role is_disabled=person.disabled_at.is_some() />
                </h3>
                <p class="hint">
                    <Address email=person.email is_verified=person.email_verified /> ", since "
                    <Day at=person.created_at />
                </p>
            </div>
        </li>
    }
}

fn address(query: &str, after: Option<&str>) -> String {
    let pairs: Vec<_> = [(QUERY, query), (AFTER, after.unwrap_or_default())]
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name}={}", escaped(value)))
        .collect();
    if pairs.is_empty() {
        paths::ADMIN.to_owned()
    } else {
        format!("{}?{}", paths::ADMIN, pairs.join("&"))
    }
}
