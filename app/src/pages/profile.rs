//! The signed-in person.

use leptos::{either::Either, prelude::*};
use leptos_meta::Title;
use wire::User;

use crate::{
    data::{PublicData, PublicDataContext},
    error::AppError,
    routes,
    session::{current_session, get_user},
    theme::ThemeContext,
    ui::{
        address::Address,
        avatar::{Avatar, local_part},
        failure::Failure,
        marks::Mark,
        providers::provider_name,
        time::When,
    },
};

/// The page that shows the person to themselves.
#[component]
pub fn Profile() -> impl IntoView {
    let shown = PublicDataContext::take();
    let person = Resource::new(
        move || shown.known(),
        |known| async move {
            let user = get_user().await?.ok_or(AppError::Unauthenticated)?;
            // Without its public part the page is still worth showing.
            Ok::<_, AppError>((user, known.or_asked().await.ok()))
        },
    );
    view! {
        <Title text="Profile" />
        <div class="page">
            <Transition fallback=|| view! { <p class="hint">"One moment…"</p> }>
                {move || Suspend::new(async move {
                    match person.await {
                        Ok((user, public)) => Either::Left(view! { <Person user public /> }),
                        Err(error) => {
                            Either::Right(view! {
                                <h1>"Profile"</h1>
                                <Failure error />
                            })
                        }
                    }
                })}
            </Transition>
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
    let expires_at = current_session().map(|session| session.expires_at);
    view! {
        <header class="person">
            <Avatar id=user.id name=called.clone() picture=user.avatar_url.clone() class="avatar-large" />
            <div>
                <h1>{called}</h1>
                <p class="hint">"Member since " <When at=user.created_at /></p>
            </div>
        </header>
        {public.map(|public| view! { <About public /> })}
        <section class="card" aria-labelledby="account-title">
            <h2 id="account-title">"Account"</h2>
            <dl class="facts-list">
                <dt>"Name"</dt>
                <dd>{user.name.clone().unwrap_or_else(|| "Not set".to_owned())}</dd>
                <dt>"E-mail"</dt>
                <dd>
                    <Address email=user.email.clone() is_verified=user.email_verified />
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
                                <When at clock=true />
                            </dd>
                        }
                    })}
            </dl>
        </section>
    }
}

#[component]
fn Connected(user: User) -> impl IntoView {
    if user.accounts.is_empty() {
        return Either::Left(view! {
            "None yet. "
            <a href=routes::SETTINGS_ACCOUNTS>"Connect one"</a>
        });
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
        })
        .collect_view();
    Either::Right(view! { <ul class="marks">{accounts}</ul> })
}

/// What the person says about themselves.
#[component]
pub(super) fn About(public: PublicData) -> impl IntoView {
    if public.bio.is_none() && public.website.is_none() {
        return Either::Left(view! {
            <p class="empty">
                "You have not said anything about yourself. "
                <a href=routes::SETTINGS_PUBLIC>"Write a few words"</a>
            </p>
        });
    }
    // Other ways lead into the data than our form: only an address that is safe to follow is a link.
    let website = public.website.map(|address| match address.get(..8) {
        Some(start) if is_web(start) => {
            Either::Left(view! { <a href=address.clone() rel="external nofollow noopener noreferrer">{address.clone()}</a> })
        }
        _ => Either::Right(address),
    });
    Either::Right(view! {
        <div class="about">
            {public.bio.map(|bio| view! { <p class="prose">{bio}</p> })}
            {website.map(|website| view! { <p>{website}</p> })}
        </div>
    })
}

fn is_web(start: &str) -> bool {
    let start = start.to_ascii_lowercase();
    start.starts_with("https://") || start.starts_with("http://")
}
