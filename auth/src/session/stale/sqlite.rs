//! Marks of other processes on one SQLite file (the command line, a second server).
//!
//! `PRAGMA data_version` on one connection changes with every commit of any other: the same number as
//! before proves that no mark was written in between. A changed one is followed by reading what is new,
//! which a seq that never goes back makes cheap. Marks of this process are in memory before they are here.

use std::{convert::Infallible, time::Duration};

use sqlx::{ConnectOptions as _, SqliteConnection};
use tokio::time;

use super::{
    follower::{Broken, CATCH_UP_TIME, Follower},
    trust::{BOUND, Moment},
};

/// Between two looks: the most by which a mark of another process comes late. A look is some microseconds.
const LOOK_EVERY: Duration = Duration::from_millis(15);

pub(super) async fn follow(follower: &Follower) -> Result<Infallible, Broken> {
    follower.db.in_place()?;
    // Its statements would be most of what a log of statements says.
    let mut connection = follower
        .options
        .clone()
        .disable_statement_logging()
        .connect()
        .await?;
    // Otherwise this may be another file, also after the one was put back.
    follower.db.in_place()?;
    let (mut seq, mut seen) = (0, None);
    // The whole table, which proves nothing: it may be read for longer than a proof is good for.
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

/// Reads what is new, if anything may be.
async fn look(
    follower: &Follower,
    connection: &mut SqliteConnection,
    seq: &mut i64,
    seen: &mut Option<i64>,
) -> Result<(), sqlx::Error> {
    // The version first: what is committed after it and before the marks are read is read twice.
    let version = sqlx::query_scalar("PRAGMA data_version")
        .fetch_one(&mut *connection)
        .await?;
    if *seen != Some(version) {
        *seq = follower.catch_up(&mut *connection, *seq).await?;
        *seen = Some(version);
    }
    Ok(())
}
