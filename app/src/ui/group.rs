//! Cards that answer one question, under it as their title.

use leptos::prelude::*;

/// A group of cards.
#[component]
pub fn Group(
    /// Its id, for links to it.
    id: &'static str,
    /// Its title.
    title: &'static str,
    /// Its cards.
    children: Children,
) -> impl IntoView {
    let title_id = format!("{id}-title");
    let labelled_by = title_id.clone();
    view! {
        <section class="group" id=id aria-labelledby=labelled_by>
            <h2 id=title_id>{title}</h2>
            {children()}
        </section>
    }
}

/// Links to the groups of a page.
#[component]
pub fn Contents(
    /// Id and title of each.
    groups: &'static [(&'static str, &'static str)],
) -> impl IntoView {
    let links = groups
        .iter()
        .map(|(id, title)| {
            view! {
                <li>
                    <a href=format!("#{id}")>{*title}</a>
                </li>
            }
            .into_any()
        })
        .collect_view();
    view! {
        <nav class="contents" aria-label="On this page">
            <ul>{links}</ul>
        </nav>
    }
}
