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
    use std::path::PathBuf;

    use uuid::Uuid;

    /// A file in a folder that goes away with it.
    pub struct TestDatabase(PathBuf);

    impl TestDatabase {
        pub fn new() -> Self {
            let folder = std::env::temp_dir().join(format!("test-db-{}", Uuid::now_v7()));
            std::fs::create_dir_all(&folder).unwrap();
            Self(folder)
        }

        pub fn url(&self) -> String {
            format!("sqlite:{}", self.0.join("app.db").display())
        }

        /// All that lies on the disk: the file, its log, its index.
        pub fn stored(&self) -> Vec<u8> {
            let files = std::fs::read_dir(&self.0).unwrap();
            files
                .flat_map(|file| std::fs::read(file.unwrap().path()).unwrap())
                .collect()
        }
    }

    impl Drop for TestDatabase {
        fn drop(&mut self) {
            drop(std::fs::remove_dir_all(&self.0));
        }
    }
}

// wing:postgres
#[cfg(feature = "postgres")]
mod server {
    use sqlx::{Connection, Executor, PgConnection};
    use uuid::Uuid;

    /// A database that is dropped with it, whoever is still connected.
    pub struct TestDatabase(String);

    impl TestDatabase {
        pub fn new() -> Self {
            let name = format!("test_{}", Uuid::now_v7().simple());
            run(format!("CREATE DATABASE {name}"));
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

    fn run(statement: String) {
        wait_for(async move {
            let mut connection = PgConnection::connect(&format!("{}/postgres", cluster()))
                .await
                .unwrap();
            connection.execute(statement.as_str()).await.unwrap();
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
