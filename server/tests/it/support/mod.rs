//! What the tests are written with.

mod answer;
mod browser;
mod log;
mod process;
mod provider;
mod test_app;

use app::pages::paths;

pub use answer::Answer;
pub use browser::{Browser, Call};
pub use log::Log;
pub use process::{Server, command, read_to_end};
pub use provider::acme;
pub use test_app::{Folder, TestApp, clock};

/// The origin of a [`TestApp`], unless a test says otherwise.
pub const ORIGIN: &str = "https://app.example";
/// A password every rule accepts.
pub const PASSWORD: &str = "correct horse battery staple";
/// Another one.
pub const OTHER_PASSWORD: &str = "seven quiet rivers of tin";
/// Two secrets for the key ring.
pub const SECRET: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
pub const NEW_SECRET: &str = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";

/// A server function, with its fields.
pub type Function = (&'static str, &'static [(&'static str, &'static str)]);

/// Every server function with arguments it would accept, so that only what a test is about can refuse it.
pub const FUNCTIONS: &[Function] = &[
    (
        "register",
        &[("email", "new@example.com"), ("password", PASSWORD)],
    ),
    ("login", &[("email", "ada@example.com"), ("password", PASSWORD)]),
    ("logout", &[]),
    ("get_auth_session", &[]),
    ("get_user", &[]),
    ("list_sessions", &[]),
    ("revoke_session", &[("session_id", SOME_ID)]),
    ("revoke_other_sessions", &[]),
    ("list_own_events", &[]),
    ("list_accounts", &[]),
    ("get_ways_in", &[]),
    ("list_next_steps", &[]), // wing:mail,second-factors,passkeys
    ("unlink_account", &[("account_id", SOME_ID)]),
    (
        "change_password",
        &[("current_password", PASSWORD), ("new_password", OTHER_PASSWORD)],
    ),
    ("set_password", &[("new_password", OTHER_PASSWORD)]),
    ("confirm_identity", &[("password", PASSWORD)]),
    ("get_public_data", &[]),
    ("update_public_data", &[("display_name", "Ada L.")]),
    ("clear_public_data", &[]),
    ("choose_theme", &[("theme", "dark")]),
    ("remove_picture", &[]),                               // wing:pictures
    ("get_privacy", &[]),                                  // wing:data-rights
    ("delete_account", &[("confirm", "ada@example.com")]), // wing:data-rights
    // wing:private-data
    ("describe_private_data", &[]),
    ("update_private_data", &[("api_token", "token-of-some-service")]),
    ("clear_private_data", &[]),
    // end wing:private-data
    // wing:second-factors
    ("second_factor", &[("code", "123456")]),
    ("get_second_factors", &[]),
    ("start_totp", &[]),
    ("confirm_totp", &[("code", "123456")]),
    ("disable_totp", &[]),
    ("new_recovery_codes", &[]),
    // end wing:second-factors
    // wing:passkeys
    ("start_passkey_sign_in", &[]),
    ("passkey_sign_in", &[("credential", "{}")]),
    ("list_passkeys", &[]),
    ("start_passkey", &[]),
    ("finish_passkey", &[("credential", "{}"), ("name", "Phone")]),
    ("rename_passkey", &[("passkey_id", SOME_ID), ("name", "Phone")]),
    ("delete_passkey", &[("passkey_id", SOME_ID)]),
    ("start_passkey_confirmation", &[]),
    // end wing:passkeys
    // wing:clients
    ("list_access", &[]),
    ("create_key", &[("name", "Backups"), ("scope", "profile")]),
    ("get_device", &[("user_code", "BCDF-GHJK")]),
    (
        "decide_device",
        &[("user_code", "BCDF-GHJK"), ("decision", "allow")],
    ),
    // end wing:clients
    // wing:mail
    ("send_verification", &[]),
    ("send_confirmation_code", &[]),
    ("get_link", &[("link", "reset"), ("token", SOME_TOKEN)]),
    ("verify_email", &[("code", "12345678")]),
    ("forgot_password", &[("email", "ada@example.com")]),
    (
        "reset_password",
        &[("token", SOME_TOKEN), ("new_password", OTHER_PASSWORD)],
    ),
    ("change_email", &[("email", "new@example.com")]),
    ("confirm_email_change", &[("token", SOME_TOKEN)]),
    ("undo_email_change", &[("token", SOME_TOKEN)]),
    ("send_sign_in_code", &[("email", "ada@example.com")]),
    ("sign_in_with_code", &[("code", "12345678")]),
    ("claim_address", &[]),
    (
        "finish_registration",
        &[("token", SOME_TOKEN), ("password", PASSWORD)],
    ),
    // end wing:mail
];

// wing:admin
/// The server functions for administrators, about nobody.
pub const ADMIN_FUNCTIONS: &[Function] = &[
    ("admin/list_people", &[]),
    ("admin/get_person", &[("user_id", SOME_ID)]),
    ("admin/list_events", &[("user_id", SOME_ID)]),
    ("admin/revoke_session", &[("session_id", SOME_ID)]),
    ("admin/revoke_all_sessions", &[("user_id", SOME_ID)]),
    ("admin/invite", &[("email", "new@example.com"), ("role", "user")]), // wing:mail
    ("admin/disable_user", &[("user_id", SOME_ID)]),
    ("admin/enable_user", &[("user_id", SOME_ID)]),
    ("admin/set_role", &[("user_id", SOME_ID), ("role", "admin")]),
    ("admin/reset_factors", &[("user_id", SOME_ID)]), // wing:second-factors
];
// end wing:admin

/// The server functions of every wing.
pub fn all_functions() -> impl Iterator<Item = Function> {
    let wings = [
        FUNCTIONS,
        ADMIN_FUNCTIONS, // wing:admin
    ];
    wings.into_iter().flatten().copied()
}

/// The server functions that answer an anonymous visitor with something else than 401.
pub const OPEN_FUNCTIONS: &[&str] = &[
    "register",
    "login",
    "logout",
    "get_auth_session",
    "get_user",
    "choose_theme",
    "get_privacy",           // wing:data-rights
    "start_passkey_sign_in", // wing:passkeys
    "passkey_sign_in",       // wing:passkeys
    // wing:mail
    "get_link",
    "forgot_password",
    "reset_password",
    "undo_email_change",
    "send_sign_in_code",
    "sign_in_with_code",
    "finish_registration",
    "claim_address",
    // end wing:mail
];

/// A new id, in the words of the engine.
#[cfg(feature = "postgres")] // wing:postgres
pub const RANDOM_ID: &str = "gen_random_uuid()"; // wing:postgres
#[cfg(not(feature = "postgres"))] // wing:postgres
pub const RANDOM_ID: &str = "randomblob(16)";

/// Well-formed, and nobody's.
pub const SOME_ID: &str = "0190a8c0-0000-7000-8000-000000000001";

// wing:mail
/// The form of a link's token, and nobody's.
pub const SOME_TOKEN: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
// end wing:mail

/// The protected pages.
pub const PROTECTED: &[&str] = &[
    paths::PROFILE,
    paths::SETTINGS,
    paths::SETTINGS_PUBLIC,
    paths::SETTINGS_PRIVATE, // wing:private-data
    paths::SETTINGS_ACCOUNTS,
    paths::SETTINGS_SESSIONS,
    paths::SETTINGS_SECURITY,
    paths::SETTINGS_ACCESS, // wing:clients
];

/// Those of them that load nothing: they are there without the database.
pub const LOADS_NOTHING: &[&str] = &[];

/// Whether a text occurs in bytes.
pub fn contains(haystack: &[u8], needle: &str) -> bool {
    haystack
        .windows(needle.len())
        .any(|window| window == needle.as_bytes())
}

/// Waits for something another task does.
pub async fn until(done: impl Fn() -> bool) {
    while !done() {
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
}

/// Runs the same call in many browsers, or many times in one, all at once.
pub async fn all_at_once<T: Send + 'static>(
    tasks: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let running: Vec<_> = tasks.into_iter().map(tokio::spawn).collect();
    let mut done = Vec::new();
    for task in running {
        done.push(task.await.unwrap());
    }
    done
}
