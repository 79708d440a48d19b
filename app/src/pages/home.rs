//! The start page.

use leptos::{nonce::use_nonce, prelude::*};
use leptos_meta::Title;
use leptos_router::hooks::use_location; // wing:data-rights
use wire::AuthSession;

use crate::{pages::paths, session::current_session, ui::time::When};

/// What this application is, for every visitor. It makes no database query, and no program takes it over: it is a document,
/// so that a first visit loads little.
#[component]
pub fn Home() -> impl IntoView {
    view! {
        <Title text="" />
        <div class="page">
            <p class="eyebrow">"Leptos, axum and SQL"</p>
            <h1>"Accounts and " <span class="whole">"sign-in"</span> ", ready to build on"</h1>
            <p class="lead">
                "Registration, sign-in with providers, sessions and settings already work. "
                "Replace this page with your application’s own."
            </p>
            <Deleted /> // wing:data-rights
            {match current_session() {
                Some(session) => view! { <SignedIn session /> }.into_any(),
                None => view! { <Anonymous /> }.into_any(),
            }}
            <Checks />
            <Pictures />
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

/// How wide the pictures are at most, from which browsers choose a file.
const SHOWN: &str = "(width < 34rem) 93vw, 34rem";

/// Pictures of the application with the people of `cargo xtask seed`, taken by `cargo xtask screenshots`.
#[component]
fn Pictures() -> impl IntoView {
    // The first one is in sight when the page opens, on a phone, too, and the largest thing there.
    let picture =
        |name: &'static str, loading: &'static str, (width, height): (u32, u32), alt: &'static str| {
            // As `end2end/pictures/take.mjs` takes them.
            let sizes = move |theme: &str| {
                let small = width * 13 / 20;
                format!("/shots/{name}-{theme}-small.webp {small}w, /shots/{name}-{theme}.webp {width}w")
            };
            view! {
                <picture>
                    <source
                        media="(prefers-color-scheme: dark)"
                        srcset=sizes("dark")
                        sizes=SHOWN
                    />
                    <img
                        class="shot"
                        src=format!("/shots/{name}-light.webp")
                        srcset=sizes("light")
                        sizes=SHOWN
                        width=width
                        height=height
                        alt=alt
                        loading=loading
                    />
                </picture>
            }
        };
    view! {
        <div class="shots">
            {picture("sessions", "eager", (1100, 760), "The settings: a list of one’s sessions, each with a button that ends it.")}
            {picture("phone", "lazy", (390, 760), "The sign-in page on a phone.")}
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
        <p class="notice" id="watched" hidden=true></p>
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
        <Proof />
    }
}

/// Lets a user see that a session which is ended is refused at once.
#[component]
fn Proof() -> impl IntoView {
    view! {
        <section class="card" aria-labelledby="proof-title">
            <h2 id="proof-title">"See it for yourself"</h2>
            <ol class="steps">
                <li>"Sign in on another device or in a private window, too. Open this page there, and start the checks below."</li>
                <li>
                    "Here, end that session in " <a href=paths::SETTINGS_SESSIONS>"the list of your sessions"</a> "."
                </li>
                <li>"The next check over there is refused, although its snapshot would be valid for minutes."</li>
            </ol>
            <p class="actions">
                <button type="button" class="button button-quiet" id="watch" hidden=true>
                    "Check every second"
                </button>
            </p>
            <p class="hint" id="watched">
                "Each check is a request that is answered without a query. Without JavaScript, load this page again instead."
            </p>
        </section>
    }
}

/// The script that checks, and reports on the page of the visitor whose session was refused.
#[component]
fn Checks() -> impl IntoView {
    let start = format!("{}({})", include_str!("home.js"), current_session().is_some());
    view! {
        <script type="module" nonce=use_nonce()>
            {start}
        </script>
    }
}
