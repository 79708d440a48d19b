//! What the pages have in common that links in mails lead to: they look at the link, which changes nothing, and have one
//! form that uses it.

#![expect(
    missing_docs,
    reason = "`#[server]` generates a struct for each function, whose fields are the arguments"
)]

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_location;
use wire::{LinkUse, MailLink};

#[cfg(feature = "ssr")]
use crate::context::Context;
use crate::{
    error::AppError,
    pages::{not_found::NotFound, paths},
    secret::Secret,
    setup::Setup,
    ui::{
        failure::{DeadLink, Failure, no_referrer_path, set_status},
        form::{Form, FormState, Notice, Submit},
        link::{TOKEN, leading_to, this_page, value_of},
        load::{Load, once_loaded},
        shown::ShownWhile,
    },
};

/// Where a link can be used, if it is still good. Changes nothing.
#[server]
pub async fn get_link(link: MailLink, token: Secret) -> Result<LinkUse, AppError> {
    let context = Context::take()?;
    let found = context
        .auth
        .look_at_link(&context.request, link, &token.into())
        .await?;
    Ok(found)
}

/// A page that exists only with mail.
#[component]
pub fn MailPage(
    /// Its title.
    title: &'static str,
    /// Whether it exists.
    #[prop(default = Setup::get().has_mail)]
    exists: bool,
    /// What is on it.
    children: Children,
) -> impl IntoView {
    if !exists {
        return view! { <NotFound /> }.into_any();
    }
    view! {
        <Title text=title />
        <div class="page page-narrow">
            <h1>{title}</h1>
            {children()}
        </div>
    }
    .into_any()
}

/// The token in this page's address; empty without one.
pub fn token_here() -> String {
    let search = use_location().search.get_untracked();
    value_of(&search, TOKEN).unwrap_or_default()
}

/// The link in this page's address, and the form that uses it.
#[component]
pub fn ByLink(
    /// What the link is for.
    link: MailLink,
    /// The form.
    form: FormState,
    /// What the form does.
    #[prop(into)]
    about: ViewFn,
    /// Its fields, beside the token.
    #[prop(into, optional)]
    fields: ViewFn,
    /// The label of its button.
    label: &'static str,
    /// The label while it is being sent.
    busy: &'static str,
    /// What there is to do if the link is of no use any more.
    #[prop(into)]
    again: ViewFn,
    /// What is said if another account has the address by now.
    #[prop(optional)]
    taken: Option<&'static str>,
    /// What is shown once the form is done, where it leads to this very page.
    #[prop(into, optional)]
    done: Option<ViewFn>,
) -> impl IntoView {
    no_referrer_path();
    let token = token_here();
    let asked = token.clone();
    let load = Load::new(
        || 0,
        move || GetLink {
            link,
            token: Secret::from(asked.clone()),
        },
    );
    let here = taken.map(|text| (AppError::EmailTaken, text));
    let dead = {
        let again = again.clone();
        move || match form.failure() {
            // It was used just now.
            Some(AppError::EmailTaken) => view! { <Notice form here /> }.into_any(),
            _ => view! { <DeadLink /> {again.run()} }.into_any(),
        }
    };
    let is_dead = move || form.failure() == Some(AppError::LinkExpired);
    let question = once_loaded(move || {
        let (token, about, fields, dead) = (token.clone(), about.clone(), fields.clone(), dead.clone());
        async move {
            match load.get().await {
                Ok(LinkUse::Here) => view! {
                    {about.run()}
                    <Notice form here />
                    <Form form class="stack">
                        <input type="hidden" name=TOKEN value=token />
                        {fields.run()}
                        <Submit form label busy />
                    </Form>
                }
                .into_any(),
                Ok(LinkUse::ByAnother) => view! {
                    <p>
                        "This link belongs to a different account from the one that is signed in. "
                        "Sign out, then open the link again."
                    </p>
                }
                .into_any(),
                Ok(LinkUse::InAnotherBrowser) => view! {
                    <p>
                        "This link is for the browser in which you asked for it. Open it there, or type the code "
                        "from the same mail there."
                    </p>
                }
                .into_any(),
                Ok(LinkUse::AfterSignIn) => view! { <SignInFirst /> }.into_any(),
                Err(error @ AppError::LinkExpired) => {
                    set_status(error.status());
                    dead()
                }
                Err(error) => view! { <Failure error /> }.into_any(),
            }
        }
    });
    let is_done = {
        let shows_done = done.is_some();
        move || shows_done && form.is_done()
    };
    view! {
        <ShownWhile holds=is_done>{done.as_ref().map(ViewFn::run)}</ShownWhile>
        <ShownWhile holds=is_dead>
            <DeadLink />
            {again.run()}
        </ShownWhile>
        <div hidden=move || is_done() || is_dead()>{question}</div>
    }
}

/// Without a session of the account, a link that proves an address for it proves nothing.
#[component]
pub fn SignInFirst() -> impl IntoView {
    view! {
        <p>"Sign in to the account that this is about. You come back here afterwards."</p>
        <p>
            <a class="button button-primary" href=leading_to(paths::LOGIN, Some(&this_page())) rel="external">
                "Sign in"
            </a>
        </p>
    }
}
