//! Event streams: what 2 000 of them weigh, what an instance does while nothing happens to their sessions, and how soon they
//! end. Two instances have as many each. A session is revoked on one of them.

use std::{
    thread,
    time::{Duration, Instant},
};

use futures_util::future::try_join_all;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime::{self, Runtime},
    task::JoinHandle,
    time::timeout,
};

use super::{CLIENT, GivenOut, SESSIONS};
use crate::{
    Outcome, Rounds,
    database::TestDatabase,
    process::Server,
    report::{Report, quantile},
};

const USERS: usize = 10;
/// The most that one session may have on one instance.
const STREAMS: usize = 10;
/// The number on each instance.
const ALL: usize = USERS * SESSIONS * STREAMS;

/// How long streams may outlive their session on the instance that ended it.
const FROM_HERE: Duration = Duration::from_secs(1);
/// How long an instance may take to learn what another one did, as it is measured: what does not know in time trusts no
/// session.
const BOUND: Duration = Duration::from_secs(2);
/// How long streams are waited for.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn measure(rounds: Rounds, report: &Report) -> Outcome {
    let database = TestDatabase::new();
    let instances = Instances {
        servers: [Server::start(&database)?, Server::start(&database)?],
        runtime: runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?,
    };
    let given_out = instances.give_out("ada")?;
    let rest = rounds.time * 20;
    let (weight, work) = (instances.resident_mb()?, instances.at_rest(rest)?);
    let sessions = instances.follow(given_out)?;
    let (busy_weight, busy_work) = (instances.resident_mb()?, instances.at_rest(rest)?);
    report.row(
        &format!("memory of an event stream, {ALL} open"),
        &format!("{:.1} KiB", (busy_weight - weight) * 1024.0 / ALL as f64),
    );
    report.row(
        "CPU time of an instance at rest",
        &format!("{:.2} s a minute", work.as_secs_f64()),
    );
    report.row(
        &format!("the same with {ALL} event streams open"),
        &format!("{:.2} s a minute", busy_work.as_secs_f64()),
    );
    let [here, elsewhere] = instances.revoke_one_by_one(sessions)?;
    let what = format!("from the revocation of a session to the end of the last of its {STREAMS} streams");
    report_ends(report, &format!("{what}, same instance"), &here, FROM_HERE);
    report_ends(report, &format!("{what}, another instance"), &elsewhere, BOUND);
    let sessions = instances.follow(instances.give_out("grace")?)?;
    report_ends(
        report,
        &format!(
            "from the revocation, at the command line, of a client with {} sessions to the end of each stream",
            USERS * SESSIONS
        ),
        &instances.revoke_all(sessions)?,
        BOUND,
    );
    Ok(())
}

fn report_ends(report: &Report, what: &str, times: &[Duration], goal: Duration) {
    let millis = |share| quantile(times.iter().map(|time| time.as_secs_f64() * 1e3), share);
    report.row(
        &format!("{what}: median, longest"),
        &format!("{:.1} ms, {:.1} ms", millis(0.5), millis(1.0)),
    );
    report.at_most(
        &format!("the same, 99th percentile of {}", times.len()),
        millis(0.99),
        goal.as_secs_f64() * 1e3,
        "ms",
    );
}

/// A stream that is read until it ends, which is when.
type Following = JoinHandle<Outcome<Instant>>;

/// A session that is followed on both instances.
struct Followed {
    refresh_token: String,
    streams: [Vec<Following>; 2],
}

struct Instances {
    /// The one that is asked to revoke, and another.
    servers: [Server; 2],
    runtime: Runtime,
}

impl Instances {
    /// The tokens of sessions of new users.
    fn give_out(&self, name: &str) -> Outcome<Vec<(String, String)>> {
        let mut tokens = Vec::new();
        for n in 0..USERS {
            let given_out = GivenOut::by(&self.servers[0], &format!("{name}{n}@example.com"))?;
            tokens.extend(given_out.tokens);
        }
        Ok(tokens)
    }

    /// The mean of both.
    fn resident_mb(&self) -> Outcome<f64> {
        let [here, elsewhere] = &self.servers;
        Ok((here.resident_mb()? + elsewhere.resident_mb()?) / 2.0)
    }

    /// The CPU time that an instance takes in a minute: the mean of both.
    fn at_rest(&self, rest: Duration) -> Outcome<Duration> {
        let [here, elsewhere] = &self.servers;
        let micros = || -> Outcome<f64> { Ok((here.cpu_micros()? + elsewhere.cpu_micros()?) / 2.0) };
        let before = micros()?;
        thread::sleep(rest);
        Ok(Duration::from_micros((micros()? - before) as u64).mul_f64(60.0 / rest.as_secs_f64()))
    }

    /// Opens the streams of these sessions.
    fn follow(&self, tokens: Vec<(String, String)>) -> Outcome<Vec<Followed>> {
        let mut sessions = Vec::new();
        for (access_token, refresh_token) in tokens {
            let mut streams = [Vec::new(), Vec::new()];
            for (server, streams) in self.servers.iter().zip(&mut streams) {
                let opening = (0..STREAMS).map(|_| open(server.address(), &access_token));
                for stream in self.runtime.block_on(try_join_all(opening))? {
                    streams.push(self.runtime.spawn(end(stream)));
                }
            }
            sessions.push(Followed {
                refresh_token,
                streams,
            });
        }
        // What the opening has begun is over.
        thread::sleep(Duration::from_secs(2));
        Ok(sessions)
    }

    /// Revokes each session by itself, and waits for its streams: the time until the last one ends, on the instance that
    /// was asked to revoke and on the other.
    fn revoke_one_by_one(&self, sessions: Vec<Followed>) -> Outcome<[Vec<Duration>; 2]> {
        let mut times = [Vec::new(), Vec::new()];
        for session in sessions {
            let form = format!("client_id={CLIENT}&token={}", session.refresh_token);
            let began = Instant::now();
            self.servers[0].post("/oauth/revoke", &form)?;
            for (streams, times) in session.streams.into_iter().zip(&mut times) {
                times.extend(self.ends(streams, began)?.into_iter().max());
            }
        }
        Ok(times)
    }

    /// Revokes the client, and with it all its sessions, beside both instances.
    fn revoke_all(&self, sessions: Vec<Followed>) -> Outcome<Vec<Duration>> {
        let streams = sessions.into_iter().flat_map(|session| session.streams).flatten();
        let began = Instant::now();
        self.servers[0].get("/bench/revoke-client", "")?;
        self.ends(streams.collect(), began)
    }

    fn ends(&self, streams: Vec<Following>, began: Instant) -> Outcome<Vec<Duration>> {
        let ends = self
            .runtime
            .block_on(async { timeout(PATIENCE, try_join_all(streams)).await })??;
        ends.into_iter()
            .map(|end| Ok(end?.duration_since(began)))
            .collect()
    }
}

/// Opens a stream, and reads until it shows its session.
async fn open(address: &str, access_token: &str) -> Outcome<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!(
        "GET /api/events HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nAuthorization: Bearer {access_token}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut read = Vec::new();
    while !String::from_utf8_lossy(&read).contains("event: session") {
        if stream.read_buf(&mut read).await? == 0 {
            return Err(format!("no event stream: {}", String::from_utf8_lossy(&read)).into());
        }
    }
    Ok(stream)
}

/// Reads a stream to its end.
async fn end(mut stream: TcpStream) -> Outcome<Instant> {
    let mut read = Vec::new();
    stream.read_to_end(&mut read).await?;
    let at = Instant::now();
    let read = String::from_utf8_lossy(&read);
    if read.contains("event: end\ndata: {\"reason\":\"revoked\"}") {
        Ok(at)
    } else {
        Err(format!("a stream ended otherwise than by a revocation: {read}").into())
    }
}
