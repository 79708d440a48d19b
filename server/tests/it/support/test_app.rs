//! The application in this process, over a database of its own.

use std::{path::PathBuf, sync::Arc};

use auth::mail::{MailConfig, Mailbox, Sender}; // wing:mail
use auth::{Auth, Clock, SqlUsers, UserAdapter, Vars, clock::from_unix, db::Database};
use axum::Router;
use server::{config::ServerConfig, router::router, serve};
use time::Duration;

use super::{Browser, ORIGIN, PASSWORD, SECRET, acme};
use crate::database::TestDatabase;

/// Unix seconds at which every test begins.
const START: i64 = 1_800_000_000;

/// A clock that moves only when told to.
pub fn clock() -> Clock {
    Clock::manual(from_unix(START))
}

/// The application. Cheap to clone.
#[derive(Clone)]
pub struct TestApp {
    pub router: Router,
    pub auth: Auth,
    pub clock: Clock,
    pub origin: String,
    folder: Arc<Folder>,
    /// What it is started with beside the variables of a test.
    usual: Vec<(&'static str, &'static str)>,
}

/// A folder and a database that go away with their last user.
pub struct Folder(pub PathBuf, pub TestDatabase);

impl Folder {
    /// With an empty database.
    pub fn new() -> Self {
        Self::around(TestDatabase::new())
    }

    /// With a database that has been migrated.
    async fn migrated() -> Self {
        let migrate = async |url: String| {
            let db = Database::open_or_create(&url.into()).await.unwrap();
            db.migrate().await.unwrap();
            db.close().await;
        };
        Self::around(TestDatabase::with_schema(migrate).await)
    }

    fn around(database: TestDatabase) -> Self {
        let path = std::env::temp_dir().join(format!("test-{}", uuid::Uuid::now_v7()));
        std::fs::create_dir_all(path.join("site/pkg")).unwrap();
        std::fs::write(path.join("site/hello.txt"), "hello, static file").unwrap();
        std::fs::write(path.join(format!("site/pkg/{}.css", app::NAME)), "body{}").unwrap();
        Self(path, database)
    }

    pub fn database_url(&self) -> String {
        self.1.url()
    }

    pub fn site(&self) -> String {
        self.0.join("site").display().to_string()
    }

    /// The configuration with these variables over the defaults, and the database it names.
    async fn open(&self, vars: &[(&str, &str)]) -> (ServerConfig, Database) {
        let (database_url, site) = (self.database_url(), self.site());
        let defaults = [
            ("PUBLIC_URL", ORIGIN),
            ("DATABASE_URL", &database_url),
            ("SESSION_SECRET", SECRET),
            ("LEPTOS_SITE_ROOT", &site),
        ];
        // Of two with one name the later counts, and an empty one is none.
        let vars: Vars = defaults.iter().chain(vars).copied().collect();
        let config = ServerConfig::from_vars(&vars, false).unwrap();
        let config = with_mail(config); // wing:mail
        let db = Database::open_or_create(&config.auth.database_url).await.unwrap();
        db.migrate().await.unwrap();
        (config, db)
    }
}

// wing:mail
/// Mails stay in memory, also where no development server would keep them there.
fn with_mail(mut config: ServerConfig) -> ServerConfig {
    if matches!(config.auth.mail, MailConfig::Off) {
        config.auth.mail = MailConfig::Memory(Sender::development(), Mailbox::new("/dev/mail"));
    }
    config
}
// end wing:mail

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
        Self::build(
            Arc::new(Folder::migrated().await),
            &clock(),
            acme().to_vec(),
            vars,
        )
        .await
    }

    /// With the clock of a test's own providers, and with no provider but those that `vars` configure.
    pub async fn with_own_providers(clock: &Clock, vars: &[(&str, &str)]) -> Self {
        Self::build(Arc::new(Folder::migrated().await), clock, Vec::new(), vars).await
    }

    /// The same database under another process of the application.
    pub async fn restarted(&self, vars: &[(&str, &str)]) -> Self {
        let (folder, usual) = (Arc::clone(&self.folder), self.usual.clone());
        Self::build(folder, &self.clock, usual, vars).await
    }

    async fn build(
        folder: Arc<Folder>,
        clock: &Clock,
        usual: Vec<(&'static str, &'static str)>,
        vars: &[(&str, &str)],
    ) -> Self {
        let (config, db) = folder.open(&[&usual, vars].concat()).await;
        let origin = config.auth.public_url.origin().to_owned();
        let (router, auth) = serve::build(config, db, clock.clone()).await;
        Self {
            router,
            auth,
            clock: clock.clone(),
            origin,
            folder,
            usual,
        }
    }

    // wing:admin
    /// The configuration, as a command beside the server has it.
    pub async fn config(&self) -> auth::Config {
        self.folder.open(&self.usual).await.0.auth
    }
    // end wing:admin

    /// The same process, with a configuration that no variable can give it.
    pub async fn configured(self, vars: &[(&str, &str)], change: impl FnOnce(&mut ServerConfig)) -> Self {
        let (mut config, db) = self.folder.open(&[&self.usual, vars].concat()).await;
        change(&mut config);
        let (router, auth) = serve::build(config, db, self.clock.clone()).await;
        Self { router, auth, ..self }
    }

    /// The same process with its users behind an adapter of a fork's.
    pub async fn with_users(
        self,
        vars: &[(&str, &str)],
        adapter: impl FnOnce(SqlUsers) -> Arc<dyn UserAdapter>,
    ) -> Self {
        let (config, db) = self.folder.open(&[&self.usual, vars].concat()).await;
        let users = adapter(SqlUsers::new(db.clone()));
        let auth = Auth::with_users(config.auth, db, self.clock.clone(), users).await;
        let router = router(auth.clone(), config.site);
        Self { router, auth, ..self }
    }

    /// A browser without cookies, at the address the documentation gives to examples.
    pub fn browser(&self) -> Browser {
        Browser::new(self.clone())
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

    pub async fn count(&self, table: &str) -> i64 {
        self.number(&format!("SELECT count(*) FROM {table}")).await
    }

    #[track_caller]
    pub fn assert_counts<'a>(&'a self, expected: &'a [(&'a str, i64)]) -> impl Future<Output = ()> + 'a {
        let caller = std::panic::Location::caller();
        async move {
            for (table, rows) in expected {
                assert_eq!(self.count(table).await, *rows, "rows of {table}, from {caller}");
            }
        }
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
