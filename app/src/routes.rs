//! Every path, once.

/// What this is.
pub const HOME: &str = "/";
/// Sign in.
pub const LOGIN: &str = "/login";
/// Make an account.
pub const REGISTER: &str = "/register";
/// The signed-in person.
pub const PROFILE: &str = "/profile";
/// The settings: leads to the first tab.
pub const SETTINGS: &str = "/settings";
/// Public data.
pub const SETTINGS_PUBLIC: &str = "/settings/public";
/// Private data.
pub const SETTINGS_PRIVATE: &str = "/settings/private";
/// Connected provider accounts.
pub const SETTINGS_ACCOUNTS: &str = "/settings/accounts";
/// One's sessions.
pub const SETTINGS_SESSIONS: &str = "/settings/sessions";
/// The password, and confirming who one is.
pub const SETTINGS_SECURITY: &str = "/settings/security";

/// People, for administrators; for everybody else there is no such page.
pub const ADMIN: &str = "/admin";
/// The server functions of administration.
pub const ADMIN_API: &str = "/api/admin";

/// One person, for administrators: where a form says who it is about by its field `user_id`.
pub const PERSON: &str = "/admin/people/{user_id}";

/// One person's page.
pub fn person(id: &str) -> String {
    format!("{ADMIN}/people/{id}")
}

/// The pages for everybody. Every other page needs a session: anonymous visitors are sent to [`LOGIN`]
/// before anything of it is rendered, so a page that is not listed is closed.
pub const PUBLIC: [&str; 3] = [HOME, LOGIN, REGISTER];

/// The pages for who is not signed in.
pub const ANONYMOUS: [&str; 2] = [LOGIN, REGISTER];

/// Where a provider flow starts.
pub fn provider_login(provider: &str) -> String {
    format!("/auth/login/{provider}")
}
