//! What happened to one's own account.

use leptos::{either::Either, prelude::*};

use super::{events::EventList, failure::Failure};
use crate::session::list_own_events;

/// The newest events, read again whenever `after` changes.
#[component]
pub fn OwnEvents(
    /// What the person has just done here.
    #[prop(into)]
    after: Signal<usize>,
) -> impl IntoView {
    let events = Resource::new(move || after.get(), |_| list_own_events());
    view! {
        <section class="card" aria-labelledby="events-title">
            <h2 id="events-title">"What happened lately"</h2>
            <p class="hint">"If something here was not you, change your password and end your other sessions."</p>
            <Transition fallback=|| view! { <p class="hint">"One moment…"</p> }>
                {move || Suspend::new(async move {
                    match events.await {
                        Ok(events) => Either::Left(view! { <EventList events /> }),
                        Err(error) => Either::Right(view! { <Failure error /> }),
                    }
                })}
            </Transition>
        </section>
    }
}
