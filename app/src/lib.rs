//! The application: views and server functions, on both sides of the wire.
//!
//! A fork edits [`routes`], [`pages`] and [`data`]; the rest is there to be relied on.

pub mod admin;
pub mod client;
#[cfg(feature = "ssr")]
mod context;
pub mod data;
pub mod error;
pub mod flash;
pub mod for_admins;
pub mod forms;
mod hydration;
pub mod pages;
pub mod routes;
pub mod secret;
pub mod session;
pub mod tabs;
pub mod theme;
pub mod ui;

use leptos::prelude::*;
use leptos_meta::{HashedStylesheet, Link, MetaTags, Title, provide_meta_context};
use leptos_router::{
    SsrMode,
    components::{ParentRoute, Route, Router, Routes},
    path,
};
use wire::ProviderInfo;

use crate::{
    data::PublicDataContext,
    flash::FlashContext,
    for_admins::ForAdmins,
    hydration::Hydration,
    pages::{
        admin::{people::People, person::Person},
        home::Home,
        login::Login,
        not_found::NotFound,
        profile::Profile,
        register::Register,
        settings::{
            Settings, accounts::Accounts, private::Private, public::Public, security::Security,
            sessions::Sessions,
        },
    },
    session::CurrentSession,
    theme::ThemeContext,
    ui::layout::Layout,
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
                <HashedStylesheet options=options id="style" />
                <MetaTags />
            </head>
            <body>
                <App />
            </body>
        </html>
    }
}

/// What every page can know without asking: the providers with a button, the shortest password.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Setup {
    /// The configured providers, in the order of their buttons.
    pub providers: Vec<ProviderInfo>,
    /// The shortest password, in characters.
    pub password_min_length: usize,
}

impl Setup {
    /// Takes the set-up from the server, and hands it on to hydration.
    fn provide() {
        let setup = SharedValue::new(|| {
            #[cfg(feature = "ssr")]
            if let Some(auth) = use_context::<auth::Auth>() {
                return Self {
                    providers: auth.oauth.list(),
                    password_min_length: auth.passwords.min_length(),
                };
            }
            // While the list of routes is made there is no request, and nobody looks.
            Self {
                providers: Vec::new(),
                password_min_length: 15,
            }
        });
        provide_context(setup.into_inner());
    }

    /// The set-up, for a view.
    pub fn get() -> Self {
        use_context().unwrap_or(Self {
            providers: Vec::new(),
            password_min_length: 15,
        })
    }
}

/// The application.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    CurrentSession::provide();
    client::MadeFor::provide();
    FlashContext::provide();
    Setup::provide();
    ThemeContext::provide();
    PublicDataContext::provide();
    tabs::follow_other_tabs();

    view! {
        <Title formatter=|title: String| {
            if title.is_empty() { "start-axum-auth".to_owned() } else { format!("{title} · start-axum-auth") }
        } />
        <Link rel="icon" href="/favicon.svg" type_="image/svg+xml" />
        <Router>
            <Layout>
                <Routes fallback=NotFound>
                    // Async wherever a page depends on the person: its status and cookies are settled
                    // before the first byte, and it is whole without JavaScript. On the parent, since the
                    // strictest mode of the matched chain wins.
                    <Route path=path!("/") view=Home ssr=SsrMode::Async />
                    <Route path=path!("/login") view=Login ssr=SsrMode::Async />
                    <Route path=path!("/register") view=Register ssr=SsrMode::Async />
                    <Route path=path!("/profile") view=Profile ssr=SsrMode::Async />
                    <Route path=ForAdmins::at(path!("/admin")) view=People ssr=SsrMode::Async />
                    <Route path=ForAdmins::at(path!("/admin/people/:id")) view=Person ssr=SsrMode::Async />
                    <ParentRoute path=path!("/settings") view=Settings ssr=SsrMode::Async>
                        <Route path=path!("") view=Public />
                        <Route path=path!("public") view=Public />
                        <Route path=path!("private") view=Private />
                        <Route path=path!("accounts") view=Accounts />
                        <Route path=path!("sessions") view=Sessions />
                        <Route path=path!("security") view=Security />
                    </ParentRoute>
                </Routes>
            </Layout>
        </Router>
    }
}
