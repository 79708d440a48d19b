//! The events of a person's account, one page at a time.

use leptos::prelude::*;
use leptos_router::hooks::use_location;
use uuid::Uuid;
use wire::Events;

#[cfg(feature = "ssr")]
use crate::context::Context;
use crate::{
    error::AppError,
    pages::paths,
    ui::{
        events::EventList,
        link::value_of,
        load::{Load, Loaded},
    },
};

const BEFORE: &str = "before";

/// A page of a person's events, newest first.
#[server(prefix = "/api/admin")]
pub async fn list_events(user_id: Uuid, #[server(default)] before: Option<Uuid>) -> Result<Events, AppError> {
    let context = Context::take()?;
    let admin = context.admin().await?;
    Ok(admin.people.events(&admin.session, user_id, before).await?)
}

/// Loads the page of events that the address asks for, and loads it again whenever `done` changes.
pub(super) fn history(
    id: impl Fn() -> Option<Uuid> + Copy + Send + Sync + 'static,
    done: impl Fn() -> usize + Send + Sync + 'static,
) -> Load<Events> {
    let before = asked_before();
    Load::trying(done, move || {
        let before = before().map(|before| before.parse().map_err(|_| AppError::InvalidInput));
        Ok(ListEvents {
            user_id: id().ok_or(AppError::NotFound)?,
            before: before.transpose()?,
        })
    })
}

/// Where the page of events begins, as given in the address. `None` for the newest.
fn asked_before() -> impl Fn() -> Option<String> + Copy + Send + Sync {
    let search = use_location().search;
    move || value_of(&search.read(), BEFORE)
}

#[component]
pub(super) fn Happened(id: Uuid, history: Load<Events>) -> impl IntoView {
    let before = asked_before();
    view! {
        <section class="card" aria-labelledby="events-title">
            <h2 id="events-title">"Activity"</h2>
            <Loaded load=history let:page>
                <EventPage id page is_later=untrack(before).is_some() />
            </Loaded>
        </section>
    }
}

#[component]
fn EventPage(id: Uuid, page: Events, is_later: bool) -> impl IntoView {
    let here = paths::person(&id.to_string());
    let next = page.next.map(|next| format!("{here}?{BEFORE}={next}"));
    let pages = (is_later || next.is_some()).then(|| {
        view! {
            <nav class="actions after-form" aria-label="Activity pages">
                {is_later.then(|| view! { <a href=here>"Newest"</a> }.into_any())}
                {next.map(|next| view! { <a href=next>"Older"</a> }.into_any())}
            </nav>
        }
        .into_any()
    });
    view! {
        <EventList events=page.events />
        {pages}
    }
}
