//! The start page.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_location; // wing:data-rights
use wire::AuthSession;

use crate::{pages::paths, session::current_session, ui::time::When};

/// What this application is, for every visitor. It makes no database query.
#[component]
pub fn Home() -> impl IntoView {
    view! {
        <Title text="" />
        <div class="page">
            <p class="eyebrow">"Leptos, axum and SQL"</p>
            <h1>"Accounts and sign-in, ready to build on"</h1>
            <p class="lead">
                "Registration, sign-in with providers, sessions and settings already work. "
                "Replace this page with your application’s own."
            </p>
            <Deleted /> // wing:data-rights
            {match current_session() {
                Some(session) => view! { <SignedIn session /> }.into_any(),
                None => view! { <Anonymous /> }.into_any(),
            }}
            <section class="facts" aria-label="How it works">
                <div>
                    <h2>"Session checks without a query"</h2>
                    <p>
                        "The browser keeps a sealed snapshot of the session, valid for a few minutes. "
                        "Most pages, including this one, recognise a user without querying the database."
                    </p>
                </div>
                <div>
                    <h2>"Revocation takes effect at once"</h2>
                    <p>
                        "When you sign out, or end a session from another device, that session is refused "
                        "from that moment on, even if its snapshot has not expired."
                    </p>
                </div>
                <div>
                    <h2>"JavaScript is optional"</h2>
                    <p>
                        "Pages arrive fully rendered, and forms are plain HTML. "
                        "JavaScript makes them faster, but everything works without it."
                    </p>
                </div>
            </section>
            <p class="hint">"To change this page, edit " <code>"app/src/pages/home.rs"</code> "."</p>
        </div>
    }
}

// wing:data-rights
/// What a deletion leads to. Its address is no secret, so it says nothing to a user who is signed in.
#[component]
fn Deleted() -> impl IntoView {
    let asks = use_location().search.get_untracked().trim_start_matches('?') == "deleted"
        && current_session().is_none();
    asks.then(|| {
        view! {
            <p class="notice notice-done" role="status">
                "Your account has been deleted, with everything in it."
            </p>
        }
        .into_any()
    })
}
// end wing:data-rights

#[component]
fn Anonymous() -> impl IntoView {
    view! {
        <p class="actions">
            <a class="button button-primary" href=paths::REGISTER>
                "Create an account"
            </a>
            <a class="button button-quiet" href=paths::LOGIN>
                "I have an account"
            </a>
        </p>
    }
}

#[component]
fn SignedIn(session: AuthSession) -> impl IntoView {
    view! {
        <p>
            "You are signed in"
            {session.email.map(|email| view! { " as " <strong>{email}</strong> }.into_any())} ". Your session ends "
            <When at=session.expires_at /> " at the latest."
        </p>
        <p class="actions">
            <a class="button button-primary" href=paths::PROFILE>
                "Your profile"
            </a>
            <a class="button button-quiet" href=paths::SETTINGS>
                "Your settings"
            </a>
        </p>
    }
}
