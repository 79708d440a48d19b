//! `server backup`: a copy of the database while servers use it.

use std::path::PathBuf;

use auth::Config;
use clap::Args;

use crate::serve::Failure;

/// The arguments of `server backup`.
#[derive(Args)]
pub struct Backup {
    /// The file to write, which must not exist
    file: PathBuf,
}

#[cfg(not(feature = "postgres"))] // wing:postgres
/// Runs `server backup`.
///
/// # Errors
/// Why there is no backup.
pub async fn backup(config: &Config, Backup { file }: Backup) -> Result<(), Failure> {
    let bytes = auth::db::backup(&config.database_url, &file).await?;
    println!("{} has been written, {bytes} bytes", file.display());
    Ok(())
}

// wing:postgres
/// PostgreSQL has a program of its own for it.
///
/// # Errors
/// Always.
#[cfg(feature = "postgres")]
#[expect(clippy::unused_async, reason = "SQLite has to be copied")]
pub async fn backup(_: &Config, Backup { file }: Backup) -> Result<(), Failure> {
    Err(format!(
        "PostgreSQL is backed up by pg_dump: pg_dump --format=custom --file={} \"$DATABASE_URL\"",
        file.display()
    )
    .into())
}
// end wing:postgres
