//! Marks of other instances on one PostgreSQL: LISTEN and NOTIFY.
//!
//! An instance that writes a mark also notifies, in the same transaction. The notification is sent when that
//! commits, and only then. All notifications of a database go through one queue in the order of their commits. So
//! an instance that sends a *heartbeat* and gets it back has received everything committed before: that is the
//! proof. Heartbeats are sent on a different connection from the listener's: a connection gets its own
//! notifications back with the query result, even through a pooler that delivers no others (PgBouncer in
//! transaction mode). Through such a pooler, as with a half-open socket, nothing is ever proven.
//!
//! The feed does not even try to LISTEN through a pooler: the LISTEN would stay behind on a connection that serves
//! other clients next, and they would receive notifications they cannot interpret. If requests go through a pooler,
//! the feed gets an address of its own (`LISTEN_DATABASE_URL`) that bypasses it. The two addresses could lead to
//! different databases. The feed would then never hear of the marks in the other one, and still prove that it has
//! all of them. So it first sends a notification where requests go, and begins only if that arrives where it
//! listens.

use std::{convert::Infallible, time::Duration};

use sqlx::{
    ConnectOptions as _, Connection, Executor, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgListener, PgNotification, PgPoolOptions},
};
use time::OffsetDateTime;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use uuid::Uuid;

use super::{
    follower::{Broken, CATCH_UP_TIME, Deaf, Follower},
    marks::{CHANNEL, Mark},
    trust::{BOUND, Moment},
};

/// A setting of the listening connection, given at its start. A pooler refuses or drops it.
const SETTING: &str = "start_axum_auth.listener";
/// PgBouncer's error for a setting it does not know.
const PROTOCOL_VIOLATION: &str = "08P01";
const POOLER: &str =
    "notifications do not pass through the pooler (set LISTEN_DATABASE_URL to an address that bypasses it)";
/// The time between two heartbeats. Three may be late or lost without consequence. Marks do not wait for them.
const HEARTBEAT_EVERY: Duration = Duration::from_millis(500);

/// What came over the channel.
#[derive(Debug, PartialEq)]
enum Message {
    Marks(Vec<Mark>),
    Heartbeat(Uuid),
    /// Perhaps from another version of this program. Its meaning is in the table.
    Unknown,
}

impl Message {
    fn read(payload: &str) -> Self {
        if let Some(beat) = payload.strip_prefix("heartbeat:") {
            return beat.parse().map_or(Self::Unknown, Self::Heartbeat);
        }
        let mark = |text: &str| {
            let (session_id, min_version) = text.split_once(':')?;
            Some(Mark {
                session_id: session_id.parse().ok()?,
                min_version: min_version.parse().ok()?,
            })
        };
        let marks: Option<Vec<Mark>> = payload.split(',').map(mark).collect();
        marks.map_or(Self::Unknown, Self::Marks)
    }
}

pub(super) async fn follow(follower: &Follower) -> Result<Infallible, Broken> {
    // A pool of one, so that neither a crowd of requests nor their end can take the connection away. The name
    // identifies it in pg_stat_activity.
    let options = follower
        .options
        .clone()
        .application_name(concat!(env!("CARGO_PKG_NAME"), " stale feed"));
    let heartbeat_options = follower
        .options
        .clone()
        .disable_statement_logging()
        .application_name(concat!(env!("CARGO_PKG_NAME"), " heartbeat"));
    let mut speaker = timeout(BOUND, heartbeat_options.connect()).await??;
    let own = Uuid::new_v4().simple().to_string();
    let pool: PgPool = PgPoolOptions::new()
        .max_connections(1)
        .max_lifetime(None)
        .idle_timeout(None)
        .acquire_timeout(BOUND)
        .connect_lazy_with(options.options([(SETTING, &own)]));
    let mut listener = PgListener::connect_with(&pool).await.map_err(|error| {
        let code = error.as_database_error().and_then(|error| error.code());
        match code.as_deref() {
            Some(PROTOCOL_VIOLATION) => Deaf(POOLER).into(),
            _ => Broken::from(error),
        }
    })?;
    // It would reconnect by itself, and the next heartbeat would interrupt that. It would then be unnoticed that it
    // had not listened for a while.
    listener.eager_reconnect(false);
    let setting = sqlx::query_scalar("SELECT current_setting($1, TRUE)")
        .bind(SETTING)
        .fetch_one(&mut listener);
    let found: Option<String> = timeout(BOUND, setting).await??;
    if found != Some(own) {
        return Err(Deaf(POOLER).into());
    }
    timeout(BOUND, listener.listen(CHANNEL)).await??;
    if let Some(requests) = &follower.requests {
        cross(requests, follower, &mut listener).await?;
    }
    // After LISTEN: later commits arrive as notifications, earlier ones are read here.
    timeout(CATCH_UP_TIME, follower.catch_up(&mut listener, 0)).await??;
    let mut silence: fn() -> Broken = || {
        Deaf(
            "notifications do not arrive: there may be a pooler in between (set LISTEN_DATABASE_URL to an address that bypasses it)",
        )
        .into()
    };
    loop {
        let sent = Moment::now();
        heartbeat(follower, &mut speaker, &mut listener, sent, silence).await?;
        follower.prove(sent)?;
        silence = || "the heartbeat does not come back".into();
        let next = Instant::now() + HEARTBEAT_EVERY;
        loop {
            tokio::select! {
                heard = listener.try_recv() => { hear(follower, heard?)?; }
                () = sleep_until(next) => break,
            }
        }
    }
}

/// Sends a notification where requests go, which must arrive here. Marks written there then arrive here as well.
async fn cross(
    requests: &PgConnectOptions,
    follower: &Follower,
    listener: &mut PgListener,
) -> Result<(), Broken> {
    let until = Instant::now() + BOUND;
    let beat = Uuid::new_v4();
    let mut connection = timeout_at(until, requests.connect()).await??;
    // As text, and in one statement: not every pooler supports prepared statements.
    let say = format!("SELECT pg_notify('{CHANNEL}', '{}')", spoken(beat));
    timeout_at(until, connection.execute(sqlx::raw_sql(&say))).await??;
    drop(timeout_at(until, connection.close()).await);
    let silence = || Deaf("LISTEN_DATABASE_URL and DATABASE_URL lead to different databases").into();
    hear_until(beat, until, follower, listener, silence).await
}

fn spoken(beat: Uuid) -> String {
    format!("heartbeat:{beat}")
}

/// Sends a heartbeat and receives everything up to it, or fails with `silence`.
async fn heartbeat(
    follower: &Follower,
    speaker: &mut PgConnection,
    listener: &mut PgListener,
    sent: Moment,
    silence: fn() -> Broken,
) -> Result<(), Broken> {
    let until = Instant::from_std(sent.monotonic + BOUND);
    let beat = Uuid::new_v4();
    // A heartbeat need not survive a crash, so it does not wait for the disk, and revocations do not wait for it.
    // The setting applies to this transaction only, since behind a pooler another client may get the connection next.
    let send = sqlx::query_scalar(
        "SELECT clock_timestamp() FROM set_config('synchronous_commit', 'off', TRUE), pg_notify($1, $2)",
    )
    .bind(CHANNEL)
    .bind(spoken(beat))
    .fetch_one(speaker);
    let server_time: OffsetDateTime = timeout_at(until, send).await??;
    if follower
        .marks
        .clock()
        .agree(server_time, sent.monotonic.elapsed())
    {
        // Marks are kept by this clock. Marks remembered by a wrong clock might be forgotten too early.
        timeout(CATCH_UP_TIME, follower.catch_up(&mut *listener, 0)).await??;
    }
    hear_until(beat, until, follower, listener, silence).await
}

/// Receives everything up to a heartbeat, until the deadline.
async fn hear_until(
    beat: Uuid,
    until: Instant,
    follower: &Follower,
    listener: &mut PgListener,
    silence: fn() -> Broken,
) -> Result<(), Broken> {
    loop {
        let heard = timeout_at(until, listener.try_recv())
            .await
            .map_err(|_| silence())??;
        if hear(follower, heard)? == Some(beat) {
            return Ok(());
        }
    }
}

/// Processes a notification. Returns a heartbeat to the caller.
fn hear(follower: &Follower, heard: Option<PgNotification>) -> Result<Option<Uuid>, Broken> {
    let heard = heard.ok_or("the connection was lost")?;
    match Message::read(heard.payload()) {
        Message::Heartbeat(beat) => Ok(Some(beat)),
        Message::Marks(marks) => {
            for mark in marks {
                follower.marks.remember(mark);
            }
            Ok(None)
        }
        Message::Unknown => Err("a notification cannot be read, so the table is read again".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_as_they_are_written_and_others_are_not_guessed() {
        let id = Uuid::from_u128(7);
        let mark = |min_version| Mark {
            session_id: id,
            min_version,
        };
        assert_eq!(
            Message::read(&format!("{}:3,{id}:{}", id.simple(), i64::MAX)),
            Message::Marks(vec![mark(3), mark(i64::MAX)])
        );
        assert_eq!(Message::read(&format!("heartbeat:{id}")), Message::Heartbeat(id));
        for other in [
            "",
            "heartbeat:",
            "x",
            "a:1",
            &format!("{id}:x"),
            &format!("{id}:1,"),
            "reload",
        ] {
            assert_eq!(Message::read(other), Message::Unknown, "{other}");
        }
    }
}
