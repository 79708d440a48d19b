//! The database that the instances share, beside them.

use crate::driver::fleet::Fleet;

/// Works on it over a connection of its own.
pub fn on<T>(
    fleet: &Fleet,
    work: impl AsyncFnOnce(&mut <auth::db::Db as sqlx::Database>::Connection) -> T,
) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(async {
        let mut connection = sqlx::Connection::connect(&fleet.database.url()).await.unwrap();
        work(&mut connection).await
    })
}
