//! Every page: its module, its path and its route.
//!
//! A new page is a file in `pages/` and three lines here: its module, its path and its `<Route>`. It needs a session
//! unless [`PUBLIC`] lists it. If it has forms, [`FORMS`] lists them.

pub mod admin; // wing:admin
pub mod authorize; // wing:clients
pub mod claim; // wing:mail
pub mod code; // wing:mail
pub mod device; // wing:clients
pub mod finish; // wing:mail
pub mod forgot; // wing:mail
pub mod home;
pub mod login;
pub mod mail_link; // wing:mail
pub mod not_found;
pub mod passkeys; // wing:passkeys
pub mod privacy; // wing:data-rights
pub mod profile;
pub mod register;
pub mod reset; // wing:mail
pub mod second; // wing:second-factors
pub mod settings;
#[cfg(feature = "ssr")]
pub mod signed_in;
pub mod verify; // wing:mail

use leptos::{prelude::*, tachys::view::iterators::StaticVec};
use leptos_router::{
    ParamSegment, // wing:admin
    RouteDefs,
    SsrMode,
    StaticSegment,
    any_nested_route::{AnyNestedRoute, IntoAnyNestedRoute},
    components::{ParentRoute, Route, Routes},
};

use self::{
    home::Home,
    login::LoginPage,
    not_found::NotFound,
    profile::Profile,
    register::RegisterPage,
    settings::{Settings, accounts::Accounts, public::Public, security::Security, sessions::Sessions},
};
use crate::{forms::Endpoint, session, ui::link::load_this_page};

/// Every path, once. The module imports nothing, since any module may link to a page.
pub mod paths {
    /// The start page.
    pub const HOME: &str = "/";
    /// The page to sign in.
    pub const LOGIN: &str = "/login";
    /// The page for the second factor of a sign-in.
    pub const LOGIN_SECOND: &str = "/login/second"; // wing:second-factors
    /// The page to create an account.
    pub const REGISTER: &str = "/register";
    /// The profile of the signed-in user.
    pub const PROFILE: &str = "/profile";
    /// The settings. Shows the first tab.
    pub const SETTINGS: &str = "/settings";
    /// Public data.
    pub const SETTINGS_PUBLIC: &str = "/settings/public";
    /// Private data.
    pub const SETTINGS_PRIVATE: &str = "/settings/private"; // wing:private-data
    /// Connected provider accounts.
    pub const SETTINGS_ACCOUNTS: &str = "/settings/accounts";
    /// The user's own sessions.
    pub const SETTINGS_SESSIONS: &str = "/settings/sessions";
    /// The password, and confirming the user's identity.
    pub const SETTINGS_SECURITY: &str = "/settings/security";
    // wing:clients
    /// What has access to the user's account beside their browsers.
    pub const SETTINGS_ACCESS: &str = "/settings/access";
    /// Where an application asks for access.
    pub const AUTHORIZE: &str = "/oauth/authorize";
    /// Where a user types the code that a device shows.
    pub const DEVICE: &str = "/device";
    // end wing:clients
    // wing:data-rights
    /// What is kept about visitors and users.
    pub const PRIVACY: &str = "/privacy";
    /// Where the deletion of an account leads.
    pub const DELETED: &str = "/?deleted";
    // end wing:data-rights
    // wing:mail
    /// Where the link in a mail leads that verifies an address.
    pub const VERIFY: &str = "/verify";
    /// Where a link to a new password is asked for, and what happens then.
    pub const FORGOT: &str = "/forgot";
    /// The second of these.
    pub const FORGOT_SENT: &str = "/forgot/sent";
    /// Where that link leads.
    pub const RESET: &str = "/reset";
    /// What happens after an address was entered to register.
    pub const REGISTER_SENT: &str = "/register/sent";
    /// Where the link leads with which an account is created.
    pub const REGISTER_FINISH: &str = "/register/finish";
    /// Where a code to sign in is asked for.
    pub const LOGIN_MAIL: &str = "/login/mail";
    /// Where it is typed.
    pub const LOGIN_CODE: &str = "/login/code";
    /// Where the link leads that signs in.
    pub const LOGIN_LINK: &str = "/login/link";
    /// Where the link leads that was sent to a new address.
    pub const CONFIRM_ADDRESS: &str = "/settings/confirm-address";
    /// Where the link leads that was sent to the former address.
    pub const UNDO: &str = "/undo";
    // end wing:mail
    // wing:admin
    /// The list of people, for administrators. For all other visitors the page does not exist.
    pub const ADMIN: &str = "/admin";
    /// One person, for administrators. Forms name the person in their field `user_id`.
    pub const PERSON: &str = "/admin/people/{user_id}";

    /// The prefix of administration's server functions.
    pub const ADMIN_API: &str = "/api/admin";

    /// The path of one person's page.
    pub fn person(id: &str) -> String {
        PERSON.replace("{user_id}", id)
    }
    // end wing:admin

    /// Where a provider flow starts.
    pub fn provider_login(provider: &str) -> String {
        format!("/auth/login/{provider}")
    }
}

/// The pages that need no session. On every other page, anonymous visitors are redirected to [`paths::LOGIN`] before
/// any of it is rendered, so a page that is not listed is closed.
pub const PUBLIC: &[&str] = &[
    paths::HOME,
    paths::LOGIN,
    paths::LOGIN_SECOND, // wing:second-factors
    paths::REGISTER,
    paths::PRIVACY, // wing:data-rights
    // wing:mail
    paths::VERIFY,
    paths::FORGOT,
    paths::FORGOT_SENT,
    paths::RESET,
    paths::CONFIRM_ADDRESS,
    paths::UNDO,
    paths::LOGIN_MAIL,
    paths::LOGIN_CODE,
    paths::LOGIN_LINK,
    paths::REGISTER_SENT,
    paths::REGISTER_FINISH,
    // end wing:mail
];

/// The pages for visitors who are not signed in.
pub const ANONYMOUS: &[&str] = &[paths::LOGIN, paths::REGISTER];

/// The forms of every page. A form that is missing here leads back to the start page, and its text is lost.
pub const FORMS: &[&[Endpoint]] = &[
    session::FORMS,
    settings::theme::FORMS,
    login::FORMS,
    register::FORMS,
    settings::public::FORMS,
    settings::picture::FORMS, // wing:pictures
    settings::private::FORMS, // wing:private-data
    settings::accounts::FORMS,
    settings::sessions::FORMS,
    settings::security::FORMS,
    settings::your_data::FORMS, // wing:data-rights
    // wing:second-factors
    settings::second_factors::FORMS,
    second::FORMS,
    // end wing:second-factors
    // wing:passkeys
    settings::passkeys::FORMS,
    passkeys::FORMS,
    // end wing:passkeys
    settings::access::FORMS, // wing:clients
    device::FORMS,           // wing:clients
    // wing:mail
    verify::FORMS,
    forgot::FORMS,
    reset::FORMS,
    settings::address::FORMS,
    claim::FORMS,
    code::FORMS,
    finish::FORMS,
    // end wing:mail
    admin::person::FORMS, // wing:admin
    admin::invite::FORMS, // wing:admin+mail
];

/// The forms after which nobody is signed in.
pub const SIGNING_OUT: &[Endpoint] = &[
    session::LOGOUT,
    settings::your_data::DELETE_ACCOUNT, // wing:data-rights
];

/// The declaration of the form that posts to the server function at this path.
pub fn form_at(path: &str) -> Option<&'static Endpoint> {
    FORMS.iter().copied().flatten().find(|form| form.path == path)
}

/// The page at the document's address.
#[component]
pub fn Page() -> impl IntoView {
    view! {
        <Routes fallback=Missing>
            <Hydrated />
            <Documents />
        </Routes>
    }
}

/// The pages that the browser's program takes over, so that forms are sent, and pages of this list reached, without
/// leaving the document: those on which one stays.
///
/// Every page works in this list and in the other. Here it costs each user its code, so a page is moved by its line, and
/// `cargo xtask build` tells the price.
#[component(transparent)]
fn Hydrated() -> AnyNestedRoute {
    view! {
        // Async wherever a page depends on the user: its status and cookies are settled before the first byte, and it
        // is complete without JavaScript. Set on the parent, since the strictest mode of the matched chain wins.
        <Route path=last(paths::PROFILE) view=Profile ssr=SsrMode::Async />
        <ParentRoute path=last(paths::SETTINGS) view=Settings ssr=SsrMode::Async>
            <Route path=StaticSegment("") view=Public />
            <Route path=last(paths::SETTINGS_PUBLIC) view=Public />
            <Route path=last(paths::SETTINGS_PRIVATE) view=settings::private::Private /> // wing:private-data
            <Route path=last(paths::SETTINGS_SESSIONS) view=Sessions />
        </ParentRoute>
    }
    .into_inner()
    .into_any_nested_route()
}

/// The pages that are documents and nothing else: those that a visit begins with, those that lead on by one form, as the
/// pages of mailed links, and those that few people open. The program does not know them.
#[component(transparent)]
fn Documents() -> AnyNestedRoute {
    if !cfg!(feature = "ssr") {
        return StaticVec::<AnyNestedRoute>::from(Vec::new()).into_any_nested_route();
    }
    view! {
        <Route path=last(paths::HOME) view=Home ssr=SsrMode::Async />
        <Route path=last(paths::LOGIN) view=LoginPage ssr=SsrMode::Async />
        <Route path=last(paths::REGISTER) view=RegisterPage ssr=SsrMode::Async />
        <ParentRoute path=last(paths::SETTINGS) view=Settings ssr=SsrMode::Async>
            <Route path=last(paths::SETTINGS_ACCOUNTS) view=Accounts />
            <Route path=last(paths::SETTINGS_SECURITY) view=Security />
            <Route path=last(paths::SETTINGS_ACCESS) view=settings::access::Access /> // wing:clients
        </ParentRoute>
        <Route path=last_two(paths::LOGIN_SECOND) view=second::SecondFactorPage ssr=SsrMode::Async /> // wing:second-factors
        <Route path=last(paths::PRIVACY) view=privacy::Privacy ssr=SsrMode::Async /> // wing:data-rights
        // wing:clients
        <Route path=last_two(paths::AUTHORIZE) view=authorize::Authorize ssr=SsrMode::Async />
        <Route path=last(paths::DEVICE) view=device::Device ssr=SsrMode::Async />
        // end wing:clients
        // wing:mail
        <Route path=last(paths::VERIFY) view=verify::Verify ssr=SsrMode::Async />
        <Route path=last(paths::FORGOT) view=forgot::Forgot ssr=SsrMode::Async />
        <Route path=last(paths::RESET) view=reset::Reset ssr=SsrMode::Async />
        <Route path=last_two(paths::LOGIN_MAIL) view=code::AskPage ssr=SsrMode::Async />
        <Route path=last_two(paths::LOGIN_CODE) view=code::CodePage ssr=SsrMode::Async />
        <Route path=last_two(paths::REGISTER_FINISH) view=finish::RegisterFinish ssr=SsrMode::Async />
        <Route path=last_two(paths::FORGOT_SENT) view=forgot::ForgotSent ssr=SsrMode::Async />
        <Route path=last_two(paths::CONFIRM_ADDRESS) view=settings::address::ConfirmAddress ssr=SsrMode::Async />
        <Route path=last_two(paths::LOGIN_LINK) view=code::LinkPage ssr=SsrMode::Async />
        <Route path=last_two(paths::REGISTER_SENT) view=finish::RegisterSent ssr=SsrMode::Async />
        <Route path=last(paths::UNDO) view=settings::address::UndoChange ssr=SsrMode::Async />
        // end wing:mail
        // wing:admin
        <ParentRoute path=last(paths::ADMIN) view=admin::ForAdmins ssr=SsrMode::Async>
            <Route path=StaticSegment("") view=admin::people::People />
            <Route path=last_with_name(paths::PERSON) view=admin::person::Person />
        </ParentRoute>
        // end wing:admin
    }
    .into_inner()
    .into_any_nested_route()
}

/// What is shown where no route leads: on the server, that there is nothing. In the browser it may be a document, and
/// the server knows.
#[component]
fn Missing() -> impl IntoView {
    if cfg!(feature = "ssr") {
        NotFound().into_any()
    } else {
        load_this_page();
        ().into_any()
    }
}

/// Whether the program takes over the page at this path.
pub fn is_hydrated(path: &str) -> bool {
    thread_local! {
        static HYDRATED: RouteDefs<AnyNestedRoute> = RouteDefs::new(Hydrated());
    }
    HYDRATED.with(|routes| routes.match_route(path).is_some())
}

/// The last segment of a path: what a route adds to its parent's.
fn last(path: &'static str) -> StaticSegment<&'static str> {
    StaticSegment(path.rsplit_once('/').map_or(path, |(_, last)| last))
}

// wing:clients,mail,second-factors
/// The last two segments of a path.
fn last_two(path: &'static str) -> (StaticSegment<&'static str>, StaticSegment<&'static str>) {
    let above = path.rsplit_once('/').map_or("", |(above, _)| above);
    (last(above), last(path))
}
// end wing:clients,mail,second-factors

// wing:admin
/// The last two segments of a path that ends with a name in braces.
fn last_with_name(path: &'static str) -> (StaticSegment<&'static str>, ParamSegment) {
    let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
    (last(above), ParamSegment(name.trim_matches(['{', '}'])))
}
// end wing:admin
