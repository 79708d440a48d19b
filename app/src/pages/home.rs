//! The start page.

use leptos::{either::Either, prelude::*};
use leptos_meta::Title;
use wire::AuthSession;

use crate::{pages::paths, session::current_session, ui::time::When};

/// What this application is, for every visitor. It makes no database query.
#[component]
pub fn Home() -> impl IntoView {
    view! {
        <Title text="" />
        <div class="page">
            <p class="eyebrow">"A Leptos template"</p>
            <h1>"An application people can sign in to"</h1>
            <p class="lead">
                "Accounts, providers, sessions and settings are here already. Change the name and the colour, "
                "and begin with what only your application does."
            </p>
            {match current_session() {
                Some(session) => Either::Left(view! { <SignedIn session /> }),
                None => Either::Right(view! { <Anonymous /> }),
            }}
            <section class="facts" aria-label="How it works">
                <div>
                    <h2>"No query to know you"</h2>
                    <p>
                        "Beside the session there is a sealed snapshot of it, good for minutes. "
                        "Most pages, this one too, know who is signed in without asking the database."
                    </p>
                </div>
                <div>
                    <h2>"Refused at once"</h2>
                    <p>
                        "A session that is ended on another device, or that you sign out of, is refused "
                        "from that moment on, however fresh its snapshot is."
                    </p>
                </div>
                <div>
                    <h2>"No script needed"</h2>
                    <p>
                        "Every page is whole when it arrives and every form is a real one. "
                        "JavaScript makes it quicker, and is never what makes it work."
                    </p>
                </div>
            </section>
            <p class="hint">"Begin here: this page is " <code>"app/src/pages/home.rs"</code> "."</p>
        </div>
    }
}

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
            {session.email.map(|email| view! { " as " <strong>{email}</strong> })} ", until " <When at=session.expires_at />
            " at the latest."
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
