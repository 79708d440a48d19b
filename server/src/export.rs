//! `server users export`: everything that is kept about a user, for an operator who is asked for it.

use std::io::Write;

use auth::{Clock, Config, Error as AuthError, data::Buckets, data_rights::Export};
use futures_util::{TryStreamExt, pin_mut};

use crate::{command_line, serve::Failure};

/// Prints it as JSON.
///
/// # Errors
/// If no user matches, or the database does not respond.
pub async fn export(config: Config, who: &str) -> Result<(), Failure> {
    let db = command_line::open(&config).await?;
    let buckets = Buckets::at_command_line(&config, db.clone());
    let clock = Clock::system();
    let export = Export::at_command_line(
        &config, // wing:mail
        buckets, clock, who,
    );
    let export = match export.await {
        Err(AuthError::NotFound) => return Err(format!("no user has the id or address {who}").into()),
        export => export?,
    };
    let pieces = export.pieces();
    pin_mut!(pieces);
    let mut out = std::io::stdout().lock();
    while let Some(piece) = pieces.try_next().await? {
        out.write_all(piece.as_bytes())?;
    }
    out.flush()?;
    db.close().await;
    Ok(())
}
