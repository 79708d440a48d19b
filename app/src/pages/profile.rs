//! The profile of the signed-in user.

use leptos::prelude::*;
use leptos_meta::Title;
use wire::User;

use crate::pages::settings::next_steps::NextSteps; // wing:mail,second-factors,passkeys
use crate::session::shown_picture; // wing:pictures
use crate::{
    error::AppError,
    pages::{
        paths,
        settings::public::{About, PublicData, PublicDataContext},
    },
    session::{GetUser, current_session},
    setup::Setup, // wing:mail
    theme::ThemeContext,
    ui::{
        address::Address,
        avatar::{Avatar, local_part},
        failure::Failure,
        load::{Load, once_loaded},
        marks::Mark,
        providers::provider_name,
        time::{Day, When},
    },
};

/// The page that shows the user their own profile.
#[component]
pub fn Profile() -> impl IntoView {
    let shown = PublicDataContext::take();
    let user = Load::new(|| 0, || GetUser {});
    let public = shown.load();
    view! {
        <Title text="Profile" />
        <div class="page">
            {once_loaded(move || async move {
                // Without the public data the page is still worth showing.
                let (user, public) = (user.get().await, public.get().await.ok());
                match user.and_then(|user| user.ok_or(AppError::Unauthenticated)) {
                    Ok(user) => view! { <Person user public /> }.into_any(),
                    Err(error) => {
                        view! {
                            <h1>"Profile"</h1>
                            <Failure error />
                        }
                            .into_any()
                    }
                }
            })}
        </div>
    }
}

#[component]
fn Person(user: User, public: Option<PublicData>) -> impl IntoView {
    let called = public
        .as_ref()
        .and_then(|public| public.display_name.clone())
        .or_else(|| user.name.clone())
        .unwrap_or_else(|| local_part(user.email.as_deref()));
    if let Some(public) = &public {
        ThemeContext::follow(public.theme);
    }
    let picture = None;
    let picture = shown_picture().or(picture); // wing:pictures
    let can_verify = Setup::get().has_mail && user.email.is_some() && !user.email_verified; // wing:mail
    let expires_at = current_session().map(|session| session.expires_at);
    view! {
        <header class="person">
            <Avatar id=user.id name=called.clone() picture class="avatar-large" />
            <div>
                <h1>{called}</h1>
                <p class="hint">"Member since " <Day at=user.created_at.clone() /></p>
            </div>
        </header>
        <NextSteps after=Signal::derive(|| 0) urgent=true /> // wing:mail,second-factors,passkeys
        {public.map(|public| view! { <About public /> }.into_any())}
        <section class="card" aria-labelledby="account-title">
            <h2 id="account-title">"Account"</h2>
            <dl class="facts-list">
                <dt>"Name"</dt>
                <dd>{user.name.clone().unwrap_or_else(|| "Not set".to_owned())}</dd>
                <dt>"E-mail"</dt>
                <dd>
                    <Address email=user.email.clone() is_verified=user.email_verified />
                    {can_verify.then(|| view! { " " <a href=paths::VERIFY>"Verify it"</a> }.into_any())} // wing:mail
                </dd>
                <dt>"Id"</dt>
                <dd>
                    <code>{user.id.to_string()}</code>
                </dd>
                <dt>"Providers"</dt>
                <dd>
                    <Connected user />
                </dd>
                {expires_at
                    .map(|at| {
                        view! {
                            <dt>"This session ends"</dt>
                            <dd>
                                <When at />
                            </dd>
                        }.into_any()
                    })}
            </dl>
        </section>
    }
}

#[component]
fn Connected(user: User) -> impl IntoView {
    if user.accounts.is_empty() {
        return view! {
            "None yet. "
            <a href=paths::SETTINGS_ACCOUNTS>"Connect one"</a>
        }
        .into_any();
    }
    let accounts = user
        .accounts
        .into_iter()
        .map(|account| {
            view! {
                <li>
                    <Mark provider=account.provider.clone() />
                    {provider_name(&account.provider)}
                </li>
            }
            .into_any()
        })
        .collect_view();
    view! { <ul class="marks">{accounts}</ul> }.into_any()
}
