//! Private data: secrets the person gives to the server, and never gets back.

use leptos::{either::Either, prelude::*};
use leptos_meta::Title;
use wire::PrivateKeyInfo;

use crate::{
    data::{ClearPrivateData, PRIVATE_FIELDS, UpdatePrivateData, describe_private_data},
    ui::{
        failure::Failure,
        field::Field,
        form::{Emptied, Form, FormState, Notices, Submit},
        time::When,
    },
};

/// The tab for private data.
#[component]
pub fn Private() -> impl IntoView {
    let update = ServerAction::<UpdatePrivateData>::new();
    let clear = ServerAction::<ClearPrivateData>::new();
    // Made once: when the list is asked for anew, the forms stay.
    let forms = PRIVATE_FIELDS.map(|_| Emptied::after(update));
    let keys = Resource::new(
        move || (update.version().get(), clear.version().get()),
        |_| describe_private_data(),
    );
    view! {
        <Title text="Private data" />
        <p class="hint">
            "Only the application's server reads these values. Nobody sees them again in the browser, you neither: "
            "a value can be set, replaced or removed."
        </p>
        <Notices of=vec![(FormState::of(update), "Saved."), (FormState::of(clear), "Cleared.")] />
        <Transition fallback=|| view! { <p class="hint">"One moment…"</p> }>
            {move || Suspend::new(async move {
                match keys.await {
                    Ok(keys) => Either::Left(view! { <Keys keys forms update clear /> }),
                    Err(error) => Either::Right(view! { <Failure error /> }),
                }
            })}
        </Transition>
    }
}

#[component]
fn Keys(
    keys: Vec<PrivateKeyInfo>,
    forms: [Emptied; PRIVATE_FIELDS.len()],
    update: ServerAction<UpdatePrivateData>,
    clear: ServerAction<ClearPrivateData>,
) -> impl IntoView {
    let cards = PRIVATE_FIELDS
        .into_iter()
        .zip(forms)
        .map(|((key, label), emptied)| {
            let info = keys.iter().find(|info| info.key == key).cloned();
            view! { <Key key=key label info emptied update /> }
        })
        .collect_view();
    let clear_all = (!keys.is_empty()).then(|| {
        view! {
            <section class="card card-danger" aria-labelledby="clear-title">
                <h2 id="clear-title">"Clear"</h2>
                <p class="hint">"Removes all private values. What relies on them stops working."</p>
                <Form action=clear>
                    <Submit
                        form=FormState::of(clear)
                        label="Clear all private data"
                        busy="Clearing…"
                        class="button-danger"
                    />
                </Form>
            </section>
        }
    });
    view! {
        {cards}
        {clear_all}
    }
}

#[component]
fn Key(
    key: &'static str,
    label: &'static str,
    info: Option<PrivateKeyInfo>,
    emptied: Emptied,
    update: ServerAction<UpdatePrivateData>,
) -> impl IntoView {
    let form = FormState::of(update);
    let title = format!("{key}-title");
    let title_id = title.clone();
    let is_set = info.is_some();
    let state = match info {
        None => Either::Left(view! { <p class="hint">"Not set."</p> }),
        Some(info) => Either::Right(view! {
            <p class="hint">
                "Set on " <When at=info.updated_at clock=true />
                {info.hint.map(|hint| view! { ". It ends in " <code>{hint}</code> })} "."
            </p>
        }),
    };
    view! {
        <section class="card" aria-labelledby=title>
            <h2 id=title_id>{label}</h2>
            {state}
            <Form action=update node_ref=emptied.node attr:class="stack" on:submit=move |_| emptied.sent()>
                <Field
                    form
                    name=key
                    label=format!("New value for {label}")
                    kind="password"
                    autocomplete="off"
                    required=true
                />
                <Submit
                    form
                    label=if is_set { "Replace" } else { "Set" }
                    busy="Saving…"
                    name=format!("{} {label}", if is_set { "Replace" } else { "Set" })
                />
            </Form>
            {is_set
                .then(|| {
                    view! {
                        <Form action=update attr:class="after-form">
                            // Sent empty, a field is removed.
                            <input type="hidden" name=key value="" />
                            <Submit
                                form
                                label="Remove"
                                busy="Removing…"
                                name=format!("Remove {label}")
                                class="button-danger"
                            />
                        </Form>
                    }
                })}
        </section>
    }
}
