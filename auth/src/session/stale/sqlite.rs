//! Marks of other processes on one SQLite file (the command line, a second server).
//!
//! `PRAGMA data_version` on one connection changes with every commit of any other connection. If the number is
//! unchanged, no mark was written in between. If it has changed, the new marks are read, which is cheap because
//! `seq` never goes back. Marks of this process are in memory before they are here.

use std::{convert::Infallible, time::Duration};

use sqlx::{ConnectOptions as _, SqliteConnection};
use tokio::time;

use super::{
    follower::{Broken, CATCH_UP_TIME, Follower},
    trust::{BOUND, Moment},
};

/// The time between two looks: the longest delay of another process's mark. A look takes some microseconds.
const LOOK_EVERY: Duration = Duration::from_millis(15);

pub(super) async fn follow(follower: &Follower) -> Result<Infallible, Broken> {
    follower.db.in_place()?;
    // Its statements would fill most of a statement log.
    let mut connection = follower
        .options
        .clone()
        .disable_statement_logging()
        .connect()
        .await?;
    // Without this check it might be another file, even if the original was put back since.
    follower.db.in_place()?;
    let (mut seq, mut seen) = (0, None);
    // Reads the whole table. This proves nothing: it may take longer than a proof is valid.
    time::timeout(
        CATCH_UP_TIME,
        look(follower, &mut connection, &mut seq, &mut seen),
    )
    .await??;
    loop {
        let moment = Moment::now();
        time::timeout(BOUND, look(follower, &mut connection, &mut seq, &mut seen)).await??;
        follower.prove(moment)?;
        time::sleep(LOOK_EVERY).await;
    }
}

/// Reads the new marks, if there may be any.
async fn look(
    follower: &Follower,
    connection: &mut SqliteConnection,
    seq: &mut i64,
    seen: &mut Option<i64>,
) -> Result<(), sqlx::Error> {
    // The version first: marks committed after it and before the read are read twice.
    let version = sqlx::query_scalar("PRAGMA data_version")
        .fetch_one(&mut *connection)
        .await?;
    if *seen != Some(version) {
        *seq = follower.catch_up(&mut *connection, *seq).await?;
        *seen = Some(version);
    }
    Ok(())
}
