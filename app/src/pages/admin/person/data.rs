//! How much data is stored for a person. Nothing of its content is shown.

use leptos::prelude::*;
use wire::DataSize;

use crate::ui::time::When;

#[component]
pub(super) fn Data(data: Vec<DataSize>) -> impl IntoView {
    let list = if data.is_empty() {
        view! { <p class="empty">"No data is stored."</p> }.into_any()
    } else {
        let rows = data
            .into_iter()
            .map(|size| view! { <DataRow size /> }.into_any())
            .collect_view();
        view! { <ul class="rows">{rows}</ul> }.into_any()
    };
    view! {
        <section class="card" aria-labelledby="data-title">
            <h2 id="data-title">"Data"</h2>
            {list}
        </section>
    }
}

#[component]
fn DataRow(size: DataSize) -> impl IntoView {
    let bucket = match size.bucket.as_str() {
        "public" => "Public data".to_owned(),
        "private" => "Private data".to_owned(), // wing:private-data
        other => other.to_owned(),
    };
    let client = (!size.client_id.is_empty()).then(|| format!(" of {}", size.client_id));
    view! {
        <li class="row">
            <div class="row-text">
                <h3>{bucket} {client}</h3>
                <p class="hint">
                    {counted(size.keys, "key")} ", " {counted(size.bytes, "byte")} ", version "
                    {size.version.to_string()} ", changed " <When at=size.updated_at />
                </p>
            </div>
        </li>
    }
}

fn counted(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    }
}
