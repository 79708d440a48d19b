//! What the tests are written with.

mod answer;
mod browser;
mod process;
mod provider;

use std::{path::PathBuf, sync::Arc};

use app::pages::paths;
use auth::{Auth, Clock, Vars};
use axum::Router;
use server::{config::ServerConfig, serve};
use time::{Duration, OffsetDateTime};

use crate::database::TestDatabase;

pub use answer::Answer;
pub use browser::{Browser, Call};
pub use process::{Server, command, read_to_end};
pub use provider::acme;

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
    // wing:private-data
    ("describe_private_data", &[]),
    ("update_private_data", &[("api_token", "token-of-some-service")]),
    ("clear_private_data", &[]),
    // end wing:private-data
];

// wing:admin
/// The server functions for administrators, about nobody.
pub const ADMIN_FUNCTIONS: &[Function] = &[
    ("admin/list_people", &[]),
    ("admin/get_person", &[("user_id", SOME_ID)]),
    ("admin/list_events", &[("user_id", SOME_ID)]),
    ("admin/revoke_session", &[("session_id", SOME_ID)]),
    ("admin/revoke_all_sessions", &[("user_id", SOME_ID)]),
    ("admin/disable_user", &[("user_id", SOME_ID)]),
    ("admin/enable_user", &[("user_id", SOME_ID)]),
    ("admin/set_role", &[("user_id", SOME_ID), ("role", "admin")]),
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
pub const OPEN_FUNCTIONS: [&str; 5] = ["register", "login", "logout", "get_auth_session", "get_user"];

/// A new id, in the words of the engine.
#[cfg(feature = "postgres")] // wing:postgres
pub const RANDOM_ID: &str = "gen_random_uuid()"; // wing:postgres
#[cfg(not(feature = "postgres"))] // wing:postgres
pub const RANDOM_ID: &str = "randomblob(16)";

/// Well-formed, and nobody's.
pub const SOME_ID: &str = "0190a8c0-0000-7000-8000-000000000001";

/// The protected pages.
pub const PROTECTED: &[&str] = &[
    paths::PROFILE,
    paths::SETTINGS,
    paths::SETTINGS_PUBLIC,
    paths::SETTINGS_PRIVATE, // wing:private-data
    paths::SETTINGS_ACCOUNTS,
    paths::SETTINGS_SESSIONS,
    paths::SETTINGS_SECURITY,
];

/// The application over a database of its own.
pub struct TestApp {
    pub router: Router,
    pub auth: Auth,
    pub clock: Clock,
    pub origin: String,
    folder: Arc<Folder>,
}

/// A folder and a database that go away with their last user.
pub struct Folder(pub PathBuf, pub TestDatabase);

impl Folder {
    pub fn new() -> Self {
        let path = std::env::temp_dir().join(format!("test-{}", uuid::Uuid::now_v7()));
        std::fs::create_dir_all(path.join("site/pkg")).unwrap();
        std::fs::write(path.join("site/hello.txt"), "hello, static file").unwrap();
        std::fs::write(path.join(format!("site/pkg/{}.css", app::NAME)), "body{}").unwrap();
        Self(path, TestDatabase::new())
    }

    pub fn database_url(&self) -> String {
        self.1.url()
    }

    pub fn site(&self) -> String {
        self.0.join("site").display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

impl TestApp {
    /// The id of the user with this address.
    pub async fn id_of(&self, email: &str) -> uuid::Uuid {
        sqlx::query_scalar("SELECT id FROM users WHERE email = $1")
            .bind(email)
            .fetch_one(self.auth.db.read())
            .await
            .unwrap()
    }

    /// Makes the user with this address an administrator.
    pub async fn promote(&self, email: &str) {
        let id = self.id_of(email).await;
        sqlx::query("UPDATE users SET role = 'admin' WHERE id = $1")
            .bind(id)
            .execute(self.auth.db.write())
            .await
            .unwrap();
    }

    /// Under https, with the defaults.
    pub async fn new() -> Self {
        Self::with(&[]).await
    }

    /// With these variables over the defaults.
    pub async fn with(vars: &[(&str, &str)]) -> Self {
        #[expect(clippy::disallowed_methods, reason = "only where the test's own clock starts")]
        let now = OffsetDateTime::now_utc();
        Self::build(Arc::new(Folder::new()), Clock::manual(now), vars).await
    }

    /// The same database under another process of the application.
    pub async fn restarted(&self, vars: &[(&str, &str)]) -> Self {
        Self::build(Arc::clone(&self.folder), self.clock.clone(), vars).await
    }

    async fn build(folder: Arc<Folder>, clock: Clock, vars: &[(&str, &str)]) -> Self {
        let (database_url, site) = (folder.database_url(), folder.site());
        let defaults = [
            ("PUBLIC_URL", ORIGIN),
            ("DATABASE_URL", &database_url),
            ("SESSION_SECRET", SECRET),
            ("LEPTOS_SITE_ROOT", &site),
        ];
        let vars: Vars = defaults
            .into_iter()
            .chain(acme())
            .chain(vars.iter().copied())
            .collect();
        let config = ServerConfig::from_vars(&vars, false).unwrap();
        let origin = config.auth.public_url.origin().to_owned();
        let db = auth::db::Database::open(&config.auth.database_url).await.unwrap();
        db.migrate().await.unwrap();
        let (router, auth) = serve::build(config, db, clock.clone()).await;
        Self {
            router,
            auth,
            clock,
            origin,
            folder,
        }
    }

    /// A browser without cookies, at the address the documentation gives to examples.
    pub fn browser(&self) -> Browser {
        Browser::of(self)
    }

    /// A browser whose person has just registered with [`PASSWORD`].
    pub async fn registered(&self, email: &str) -> Browser {
        let browser = self.browser();
        browser.register(email).await;
        browser
    }

    /// Another browser of a registered person, signed in.
    pub async fn signed_in(&self, email: &str) -> Browser {
        let browser = self.browser();
        browser.login(email, PASSWORD).await.expect(200);
        browser
    }

    pub fn advance(&self, seconds: i64) {
        self.clock.advance(Duration::seconds(seconds));
    }

    /// Runs a statement behind the application's back.
    pub async fn sql(&self, statement: &str) -> u64 {
        sqlx::query(statement)
            .execute(self.auth.db.write())
            .await
            .unwrap()
            .rows_affected()
    }

    /// The one number a query answers.
    pub async fn number(&self, query: &str) -> i64 {
        sqlx::query_scalar(query)
            .fetch_one(self.auth.db.write())
            .await
            .unwrap()
    }

    /// The one text a query answers.
    pub async fn text(&self, query: &str) -> String {
        sqlx::query_scalar(query)
            .fetch_one(self.auth.db.write())
            .await
            .unwrap()
    }

    /// Takes the database away: from now on every query fails at once.
    pub async fn lose_database(&self) {
        self.auth.db.close().await;
    }

    /// Everything that is stored.
    pub fn disk(&self) -> Vec<u8> {
        self.folder.1.stored()
    }
}

/// Whether a text occurs in bytes.
pub fn contains(haystack: &[u8], needle: &str) -> bool {
    haystack
        .windows(needle.len())
        .any(|window| window == needle.as_bytes())
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
