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

/// One person, for administrators.
pub fn person(id: &str) -> String {
    format!("{ADMIN}/people/{id}")
}

/// The pages for who is signed in; everybody else is sent to [`LOGIN`] before anything is rendered.
pub const PROTECTED: [&str; 7] = [
    PROFILE,
    SETTINGS,
    SETTINGS_PUBLIC,
    SETTINGS_PRIVATE,
    SETTINGS_ACCOUNTS,
    SETTINGS_SESSIONS,
    SETTINGS_SECURITY,
];

/// The pages for who is not signed in.
pub const ANONYMOUS: [&str; 2] = [LOGIN, REGISTER];

/// Where a provider flow starts.
pub fn provider_login(provider: &str) -> String {
    format!("/auth/login/{provider}")
}

/// The page that holds the form of a server function: where a form without JavaScript leads back to when
/// the browser does not say where it was.
pub fn form_page(endpoint: &str) -> &'static str {
    match endpoint {
        "login" => LOGIN,
        "register" => REGISTER,
        "update_public_data" | "clear_public_data" => SETTINGS_PUBLIC,
        "update_private_data" | "clear_private_data" => SETTINGS_PRIVATE,
        "unlink_account" => SETTINGS_ACCOUNTS,
        "revoke_session" | "revoke_other_sessions" => SETTINGS_SESSIONS,
        "change_password" | "set_password" | "confirm_identity" => SETTINGS_SECURITY,
        administration if administration.starts_with("admin/") => ADMIN,
        _ => HOME,
    }
}
