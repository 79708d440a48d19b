//! The application: views and server functions, on both sides of the wire.
//!
//! A fork edits [`pages`] and relies on the rest. A module imports only from the modules above it in this list, so
//! that there are no circles: `error`, `secret`, `entered`, `setup`, `theme`, `pages::paths`, `context`, `flash`,
//! `client`, `made_for`, `forms`, `session`, `tabs`, `ui`, `pages`.

pub mod client;
#[cfg(feature = "ssr")]
mod context;
pub mod entered;
pub mod error;
mod events; // wing:clients
pub mod flash;
pub mod forms;
mod hydration;
pub mod made_for;
pub mod pages;
pub mod secret;
pub mod session;
pub mod setup;
pub mod tabs;
pub mod theme;
pub mod ui;

use leptos::prelude::*;
use leptos_meta::{HashedStylesheet, Link, MetaTags, Title, provide_meta_context};
use leptos_router::components::Router;
pub use wire::NAME;

use crate::{
    flash::FlashContext,
    hydration::Hydration,
    made_for::MadeFor,
    pages::{Page, settings::public::PublicDataContext},
    session::{CurrentSession, current_session},
    setup::Setup,
    theme::ThemeContext,
    ui::{form::Newest, layout::Layout},
};

/// The document around [`App`], rendered on the server only.
pub fn shell(options: LeptosOptions) -> impl IntoView {
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="light dark" />
                <AutoReload options=options.clone() />
                <Hydration options=options.clone() />
                <events::Events /> // wing:clients
                <PasskeyScript /> // wing:passkeys
                <HashedStylesheet options=options id="style" />
                <MetaTags />
            </head>
            <body>
                <App />
            </body>
        </html>
    }
}

// wing:passkeys
/// The script that asks authenticators, where there are passkeys. On every page, since pages change without being loaded.
#[component]
fn PasskeyScript() -> impl IntoView {
    #[cfg(feature = "ssr")]
    let is_on = use_context::<auth::Auth>().is_some_and(|auth| auth.passkeys.is_on());
    #[cfg(not(feature = "ssr"))]
    let is_on = false;
    is_on.then(|| view! { <script src="/passkeys.js" defer=true fetchpriority="low"></script> })
}
// end wing:passkeys

/// The application.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    CurrentSession::provide();
    MadeFor::provide(current_session().map(|session| session.user_id));
    FlashContext::provide();
    Newest::provide();
    Setup::provide();
    ThemeContext::provide();
    let public_data = PublicDataContext::provide();
    tabs::follow_other_tabs(move || public_data.refetch());

    view! {
        <Title formatter=|title: String| {
            if title.is_empty() { NAME.to_owned() } else { format!("{title} · {NAME}") }
        } />
        <Link rel="icon" href="/favicon.svg" type_="image/svg+xml" />
        <Router>
            <Layout>
                <Page />
            </Layout>
        </Router>
    }
}
