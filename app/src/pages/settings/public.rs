//! Public data: what the person says about themselves.

use leptos::{either::Either, html, prelude::*};
use leptos_meta::Title;

use crate::{
    data::{ClearPublicData, PublicData, PublicDataContext, Theme, UpdatePublicData},
    error::AppError,
    pages::profile::About,
    theme::ThemeContext,
    ui::{
        failure::Failure,
        field::{Field, TextArea},
        form::{Form, FormState, Notices, Submit},
    },
};

/// The tab for public data.
#[component]
pub fn Public() -> impl IntoView {
    let shown = PublicDataContext::take();
    let update = ServerAction::<UpdatePublicData>::new();
    let clear = ServerAction::<ClearPublicData>::new();
    let form = NodeRef::<html::Form>::new();
    Effect::new(move |_| show_answer(shown, form, update.value().get()));
    Effect::new(move |_| show_answer(shown, form, clear.value().get()));

    let data = Resource::new(move || shown.known(), |known| known.or_asked());
    view! {
        <Title text="Public data" />
        <Notices of=vec![(FormState::of(update), "Saved."), (FormState::of(clear), "Cleared.")] />
        <Transition fallback=|| view! { <p class="hint">"One moment…"</p> }>
            {move || Suspend::new(async move {
                match data.await {
                    Ok(data) => Either::Left(view! { <Cards data update clear form /> }),
                    Err(error) => Either::Right(view! { <Failure error /> }),
                }
            })}
        </Transition>
    }
}

type Answer = Option<Result<PublicData, AppError>>;

/// Lets every view show what was saved. The form forgets what was typed, so that its fields follow, too:
/// to what the server made of it, or to nothing.
fn show_answer(shown: PublicDataContext, form: NodeRef<html::Form>, answer: Answer) {
    if let Some(Ok(data)) = answer {
        if let Some(form) = form.get_untracked() {
            form.reset();
        }
        shown.set(data);
    }
}

#[component]
fn Cards(
    data: PublicData,
    update: ServerAction<UpdatePublicData>,
    clear: ServerAction<ClearPublicData>,
    form: NodeRef<html::Form>,
) -> impl IntoView {
    let state = FormState::of(update);
    let PublicData {
        display_name,
        bio,
        website,
        theme,
    } = data.clone();
    let called = display_name.clone();
    ThemeContext::follow(theme);
    let is_empty = data == PublicData::default();
    view! {
        <section class="card" aria-labelledby="public-title">
            <h2 id="public-title">"About you"</h2>
            <p class="hint">"You can read and change this in the browser; the application may show it to others."</p>
            <Form action=update node_ref=form attr:class="stack">
                <Field
                    form=state
                    name="display_name"
                    label="Display name"
                    autocomplete="nickname"
                    value=display_name
                    hint="What to call you. At most 100 characters."
                />
                <TextArea
                    form=state
                    name="bio"
                    label="Bio"
                    value=bio
                    hint="A few words about you. At most 2000 characters."
                />
                <Field
                    form=state
                    name="website"
                    label="Website"
                    autocomplete="url"
                    value=website
                    hint="An address that begins with https:// or http://."
                />
                <ThemeChoice form=state theme />
                <Submit form=state label="Save" busy="Saving…" />
            </Form>
        </section>
        <section class="card" aria-labelledby="preview-title">
            <h2 id="preview-title">"How it looks"</h2>
            {called.map(|name| view! { <p class="preview-name">{name}</p> })}
            <About public=data />
        </section>
        <section class="card card-danger" aria-labelledby="clear-title">
            <h2 id="clear-title">"Clear"</h2>
            {if is_empty {
                Either::Left(view! { <p class="hint">"There is no public data to clear."</p> })
            } else {
                Either::Right(view! {
                    <p class="hint">"Removes all of the public data. Your account stays as it is."</p>
                    <Form action=clear>
                        <Submit
                            form=FormState::of(clear)
                            label="Clear all public data"
                            busy="Clearing…"
                            class="button-danger"
                        />
                    </Form>
                })
            }}
        </section>
    }
}

#[component]
fn ThemeChoice(form: FormState, theme: Option<Theme>) -> impl IntoView {
    let chosen = form
        .typed("theme")
        .unwrap_or_else(|| theme.map_or("", Theme::name).to_owned());
    let options = [
        ("", "As the system"),
        (Theme::Light.name(), "Light"),
        (Theme::Dark.name(), "Dark"),
    ]
    .map(|(value, label)| {
        view! {
            <option value=value selected=chosen == value>
                {label}
            </option>
        }
    })
    .collect_view();
    view! {
        <div class="field">
            <label for="theme">"Theme"</label>
            <select id="theme" name="theme" autocomplete="off">
                {options}
            </select>
        </div>
    }
}
