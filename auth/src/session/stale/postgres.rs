//! Marks of other instances on one PostgreSQL: LISTEN and NOTIFY.
//!
//! Who marks also notifies, in the same transaction: the notification is sent when it commits, and only
//! then. All notifications of a database go through one queue in the order of their commits, so that an
//! instance which sends a *heartbeat* and gets it back has got everything committed before: that is the
//! proof. It is said on another connection than it is heard on: what a connection says itself comes back
//! together with the answer to saying it, also through a pooler that hands nothing else on (PgBouncer in
//! transaction mode). There, as with a half-open socket, nothing is ever proven.
//!
//! Through a pooler nobody even listens: a LISTEN would stay behind on a connection that serves others next,
//! and they would be told what they cannot make sense of. Where requests go through one, the feed is given an
//! address of its own (`LISTEN_DATABASE_URL`) that leads past it. The two could lead to different databases, of
//! which one would never hear of the other's marks and prove to itself all the same that it knows of all. So the
//! feed first says something where requests go, and begins only if it hears that where it listens.

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

/// A setting of the connection that listens, given with its start: a pooler refuses or drops it.
const SETTING: &str = "start_axum_auth.listener";
/// What PgBouncer answers to a setting it does not know.
const PROTOCOL_VIOLATION: &str = "08P01";
const POOLER: &str =
    "there is a pooler in between, through which nothing can be heard (LISTEN_DATABASE_URL leads past it)";
/// Between two heartbeats: three may be late or lost before anybody minds. Marks do not wait for them.
const HEARTBEAT_EVERY: Duration = Duration::from_millis(500);

/// What came over the channel.
#[derive(Debug, PartialEq)]
enum Message {
    Marks(Vec<Mark>),
    Heartbeat(Uuid),
    /// From another version of this program, perhaps: what it means is in the table.
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
    // A pool of one, so that neither a crowd of requests nor their end can take the connection away. It is
    // named for who looks into pg_stat_activity.
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
    // It would connect anew by itself, and be cut short in that by the next heartbeat: nobody would know that
    // it had not listened for a while.
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
    // After LISTEN: what commits from here on is heard, what was committed before is read.
    timeout(CATCH_UP_TIME, follower.catch_up(&mut listener, 0)).await??;
    let mut silence: fn() -> Broken = || {
        Deaf(
            "what is said is not heard: there may be a pooler in between (LISTEN_DATABASE_URL leads past it)",
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

/// Says something where requests go, which must be heard here: what is marked there is, too, then.
async fn cross(
    requests: &PgConnectOptions,
    follower: &Follower,
    listener: &mut PgListener,
) -> Result<(), Broken> {
    let until = Instant::now() + BOUND;
    let beat = Uuid::new_v4();
    let mut connection = timeout_at(until, requests.connect()).await??;
    // As text, and in one statement: not every pooler knows of prepared ones.
    let say = format!("SELECT pg_notify('{CHANNEL}', '{}')", spoken(beat));
    timeout_at(until, connection.execute(sqlx::raw_sql(&say))).await??;
    drop(timeout_at(until, connection.close()).await);
    let silence = || Deaf("LISTEN_DATABASE_URL and DATABASE_URL lead to different databases").into();
    hear_until(beat, until, follower, listener, silence).await
}

fn spoken(beat: Uuid) -> String {
    format!("heartbeat:{beat}")
}

/// Sends a heartbeat, and hears everything up to it; or else `silence`.
async fn heartbeat(
    follower: &Follower,
    speaker: &mut PgConnection,
    listener: &mut PgListener,
    sent: Moment,
    silence: fn() -> Broken,
) -> Result<(), Broken> {
    let until = Instant::from_std(sent.monotonic + BOUND);
    let beat = Uuid::new_v4();
    // A heartbeat need not survive a crash: it does not wait for the disk, nor do revocations wait for it. Only
    // this transaction is told so, since behind a pooler the connection may be somebody else's next.
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
        // Marks are kept by this clock: those remembered by a wrong one might be forgotten too early.
        timeout(CATCH_UP_TIME, follower.catch_up(&mut *listener, 0)).await??;
    }
    hear_until(beat, until, follower, listener, silence).await
}

/// Hears everything up to a heartbeat, by then.
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

/// Takes up what was heard; a heartbeat is handed back.
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
        Message::Unknown => Err("a notification that cannot be read: the table is read again".into()),
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
