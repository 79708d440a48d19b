//! A database of one's own, for one test: of this crate, and of the server, whose tests take this file by
//! its path.
//!
//! On PostgreSQL it is made in the cluster that `TEST_DATABASE_URL` names, which `cargo xtask test` and
//! `cargo xtask postgres` start for the purpose.

#![allow(
    clippy::unwrap_used,
    dead_code,
    reason = "what is unexpected ends a test, and not every test uses all of it"
)]

#[cfg(not(feature = "postgres"))] // wing:postgres
pub use self::file::TestDatabase;
#[cfg(feature = "postgres")] // wing:postgres
pub use self::server::TestDatabase; // wing:postgres

#[cfg(not(feature = "postgres"))] // wing:postgres
mod file {
    use std::{
        fs,
        path::{Path, PathBuf},
        time::SystemTime,
    };

    use sqlx::{Connection, Executor, SqliteConnection};
    use uuid::Uuid;

    /// A file in a folder that goes away with it.
    pub struct TestDatabase(PathBuf);

    impl TestDatabase {
        pub fn new() -> Self {
            let folder = std::env::temp_dir().join(format!("test-db-{}", Uuid::now_v7()));
            fs::create_dir_all(&folder).unwrap();
            Self(folder)
        }

        /// One with the schema that this makes of an empty one, leaving no connection. All tests of a program have a copy of
        /// the first.
        pub async fn with_schema(migrate: impl AsyncFnOnce(String)) -> Self {
            let program = std::env::current_exe().unwrap();
            let template = program.with_extension("db");
            if written(&template) <= written(&program) {
                let made = Self::new();
                migrate(made.url()).await;
                // What is written is in the log still, though nobody is connected.
                let mut connection = SqliteConnection::connect(&made.url()).await.unwrap();
                connection
                    .execute("PRAGMA wal_checkpoint(TRUNCATE)")
                    .await
                    .unwrap();
                connection.close().await.unwrap();
                // Several tests may do this at once: what is there is complete at any time.
                let copy = template.with_extension(Uuid::now_v7().simple().to_string());
                fs::copy(made.file(), &copy).unwrap();
                fs::rename(copy, &template).unwrap();
            }
            let database = Self::new();
            fs::copy(template, database.file()).unwrap();
            database
        }

        fn file(&self) -> PathBuf {
            self.0.join("app.db")
        }

        pub fn url(&self) -> String {
            format!("sqlite:{}", self.file().display())
        }

        /// All that lies on the disk: the file, its log, its index.
        pub fn stored(&self) -> Vec<u8> {
            let files = fs::read_dir(&self.0).unwrap();
            files
                .flat_map(|file| fs::read(file.unwrap().path()).unwrap())
                .collect()
        }
    }

    impl Drop for TestDatabase {
        fn drop(&mut self) {
            drop(fs::remove_dir_all(&self.0));
        }
    }

    fn written(file: &Path) -> Option<SystemTime> {
        fs::metadata(file).and_then(|file| file.modified()).ok()
    }
}

// wing:postgres
#[cfg(feature = "postgres")]
mod server {
    use std::time::UNIX_EPOCH;

    use sqlx::{Connection, Executor, PgConnection};
    use uuid::Uuid;

    /// A database that is dropped with it, whoever is still connected.
    pub struct TestDatabase(String);

    impl TestDatabase {
        pub fn new() -> Self {
            let name = unique();
            run(format!("CREATE DATABASE {name}"));
            Self(name)
        }

        /// One with the schema that this makes of an empty one, leaving no connection. All tests of a program have a copy of
        /// the first: making it took a third of their time.
        pub async fn with_schema(migrate: impl AsyncFnOnce(String)) -> Self {
            let template = template();
            let mut connection = connect().await;
            let mut execute = async |sql: &str| connection.execute(sql).await.unwrap().rows_affected();
            execute("SELECT pg_advisory_lock(1)").await;
            let exists = format!("SELECT 1 FROM pg_database WHERE datname = '{template}'");
            if execute(&exists).await == 0 {
                let made = unique();
                execute(&format!("CREATE DATABASE {made}")).await;
                migrate(format!("{}/{made}", cluster())).await;
                execute(&format!("ALTER DATABASE {made} RENAME TO {template}")).await;
            }
            execute("SELECT pg_advisory_unlock(1)").await;
            let name = unique();
            execute(&format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
            Self(name)
        }

        pub fn url(&self) -> String {
            format!("{}/{}", cluster(), self.0)
        }

        /// All that lies in the tables, bytes in hexadecimal digits.
        pub fn stored(&self) -> Vec<u8> {
            let url = self.url();
            wait_for(async move {
                let mut connection = PgConnection::connect(&url).await.unwrap();
                let tables: Vec<String> =
                    sqlx::query_scalar("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
                        .fetch_all(&mut connection)
                        .await
                        .unwrap();
                let mut stored = String::new();
                for table in tables {
                    let rows = format!("SELECT coalesce(string_agg(t::text, ' '), '') FROM {table} t");
                    stored += &sqlx::query_scalar::<_, String>(&rows)
                        .fetch_one(&mut connection)
                        .await
                        .unwrap();
                }
                stored.into_bytes()
            })
        }
    }

    impl Drop for TestDatabase {
        fn drop(&mut self) {
            run(format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.0));
        }
    }

    fn cluster() -> String {
        std::env::var("TEST_DATABASE_URL").expect(
            "TEST_DATABASE_URL names a PostgreSQL cluster to make databases in: run `cargo xtask postgres COMMAND`",
        )
    }

    fn unique() -> String {
        format!("test_{}", Uuid::now_v7().simple())
    }

    /// The name of the template of this program. After it was compiled again, the schema may be another one.
    fn template() -> String {
        let program = std::env::current_exe().unwrap();
        let compiled = program.metadata().unwrap().modified().unwrap();
        let compiled = compiled.duration_since(UNIX_EPOCH).unwrap().as_nanos();
        let name = program.file_name().unwrap().to_string_lossy();
        format!("template_{}_{compiled}", name.replace('-', "_"))
    }

    async fn connect() -> PgConnection {
        let url = format!("{}/postgres", cluster());
        PgConnection::connect(&url).await.unwrap()
    }

    fn run(statement: String) {
        wait_for(async move {
            connect().await.execute(statement.as_str()).await.unwrap();
        });
    }

    /// In a thread and runtime of its own, since a value is dropped outside of any, or in the midst of one.
    fn wait_for<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        std::thread::spawn(|| runtime.unwrap().block_on(work))
            .join()
            .unwrap()
    }
}
// end wing:postgres
