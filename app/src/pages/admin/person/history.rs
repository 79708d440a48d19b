//! What happened to a person's account, a page at a time.

use leptos::{either::Either, prelude::*};
use leptos_router::hooks::use_location;
use uuid::Uuid;
use wire::Events;

#[cfg(feature = "ssr")]
use crate::context::Context;
use crate::{
    error::AppError,
    pages::paths,
    ui::{events::EventList, failure::Failure, link::value_of},
};

const BEFORE: &str = "before";

/// A page of what happened to a person, the newest first.
#[server(prefix = "/api/admin", endpoint = "list_events")]
pub async fn list_events(user_id: Uuid, #[server(default)] before: Option<Uuid>) -> Result<Events, AppError> {
    let context = Context::take()?;
    let admin = context.admin().await?;
    Ok(admin.people.events(&admin.session, user_id, before).await?)
}

/// A page of what happened, and whether it is a later one.
pub(super) type History = Result<(Events, bool), AppError>;

/// The page of events that the address asks for, read again whenever `done` changes.
pub(super) fn history(
    id: impl Fn() -> Option<Uuid> + Copy + Send + Sync + 'static,
    done: impl Fn() -> usize + Copy + Send + Sync + 'static,
) -> Resource<History> {
    let search = use_location().search;
    Resource::new(
        move || (id(), search.get(), done()),
        |(id, search, _)| async move {
            let before = match value_of(&search, BEFORE) {
                Some(before) => Some(before.parse().map_err(|_| AppError::InvalidInput)?),
                None => None,
            };
            let events = list_events(id.ok_or(AppError::NotFound)?, before).await?;
            Ok((events, before.is_some()))
        },
    )
}

#[component]
pub(super) fn Happened(id: Uuid, history: Resource<History>) -> impl IntoView {
    view! {
        <section class="card" aria-labelledby="events-title">
            <h2 id="events-title">"What happened"</h2>
            <Transition fallback=|| view! { <p class="hint">"One moment…"</p> }>
                {move || Suspend::new(async move {
                    match history.await {
                        Ok((page, is_later)) => Either::Left(view! { <EventPage id page is_later /> }),
                        Err(error) => Either::Right(view! { <Failure error /> }),
                    }
                })}
            </Transition>
        </section>
    }
}

#[component]
fn EventPage(id: Uuid, page: Events, is_later: bool) -> impl IntoView {
    let here = paths::person(&id.to_string());
    let next = page.next.map(|next| format!("{here}?{BEFORE}={next}"));
    let pages = (is_later || next.is_some()).then(|| {
        view! {
            <nav class="actions after-form" aria-label="Pages of what happened">
                {is_later.then(|| view! { <a href=here>"The newest"</a> })}
                {next.map(|next| view! { <a href=next>"Older"</a> })}
            </nav>
        }
    });
    view! {
        <EventList events=page.events />
        {pages}
    }
}
