//! The application: views and server functions, on both sides of the wire.
//!
//! A fork edits [`pages`] and relies on the rest. A module imports only from the modules above it in this list, so
//! that there are no circles: `error`, `secret`, `entered`, `setup`, `theme`, `pages::paths`, `context`, `flash`,
//! `client`, `made_for`, `forms`, `session`, `ui`, `pages`, `document`.

pub mod client;
#[cfg(feature = "ssr")]
mod context;
mod document;
pub mod entered;
pub mod error;
pub mod flash;
pub mod forms;
pub mod made_for;
pub mod pages;
pub mod secret;
pub mod session;
pub mod setup;
pub mod theme;
pub mod ui;

use leptos::{attr::custom::custom_attribute, prelude::*};
use leptos_meta::{HashedStylesheet, MetaTags, Title, provide_meta_context};
use leptos_router::components::Router;
pub use wire::NAME;

#[cfg(feature = "ssr")]
pub use crate::document::hydration::beside_program;

use crate::session::ShownPicture; // wing:pictures
use crate::{
    document::{
        bar::Bar,
        events::Events, // wing:clients
        hydration::{Hydration, leave_by_other_links, mark_hydrated},
        tabs::Tabs,
        times::Times,
    },
    flash::FlashContext,
    made_for::MadeFor,
    pages::{Page, settings::public::PublicDataContext, settings::theme::ThemeForm},
    session::{CurrentSession, ShownName, current_session},
    setup::Setup,
    theme::ThemeContext,
    ui::{form::Newest, layout::Layout},
};

/// What search engines and previews of links say of the site.
const DESCRIPTION: &str = "An application with accounts, built with Leptos and axum.";

/// The document around [`App`], rendered on the server only. While cargo-leptos watches, the page is patched and
/// loaded again when the sources change.
pub fn shell(options: LeptosOptions, is_watched: bool) -> impl IntoView {
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="light dark" />
                <meta name="description" content=DESCRIPTION />
                <Times />
                <AutoReload disable_watch=!is_watched options=options.clone() />
                <Hydration options=options.clone() />
                <Tabs />
                <Bar />
                <Events /> // wing:clients
                <PasskeyScript /> // wing:passkeys
                <link rel="icon" href="/favicon.ico" sizes="32x32" />
                <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
                <link rel="apple-touch-icon" href="/apple-touch-icon.png" />
                <link rel="manifest" href="/site.webmanifest" />
                <Preview />
                <HashedStylesheet options=options id="style" />
                <MetaTags />
            </head>
            <body>
                <App />
                <ThemeForm />
            </body>
        </html>
    }
}

/// What other sites show where somebody has shared a link to this one. Only the address of the picture is needed in full.
#[component]
fn Preview() -> impl IntoView {
    #[cfg(feature = "ssr")]
    let picture = use_context::<auth::Auth>().map(|auth| auth.public_url.join("/preview.png"));
    #[cfg(not(feature = "ssr"))]
    let picture: Option<String> = None;
    // The view's macro knows no such attribute.
    let property = |name: &'static str| custom_attribute("property", name);
    view! {
        <meta {..property("og:type")} content="website" />
        <meta {..property("og:title")} content=NAME />
        <meta {..property("og:description")} content=DESCRIPTION />
        <meta {..property("og:image")} content=picture />
        <meta name="twitter:card" content="summary_large_image" />
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
    is_on.then(|| view! { <script src="/passkeys.js" defer=true fetchpriority="low"></script> }.into_any())
}
// end wing:passkeys

/// The application.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    CurrentSession::provide();
    ShownName::provide();
    ShownPicture::provide(); // wing:pictures
    MadeFor::provide(current_session().map(|session| session.user_id));
    FlashContext::provide();
    Newest::provide();
    Setup::provide();
    ThemeContext::provide();
    PublicDataContext::provide();
    mark_hydrated();
    leave_by_other_links();

    view! {
        <Title formatter=|title: String| {
            if title.is_empty() { NAME.to_owned() } else { format!("{title} · {NAME}") }
        } />
        <Router>
            <Layout>
                <Page />
            </Layout>
        </Router>
    }
}
