//! The open connections: how long each may be silent, how many there may be, and which one is closed when there is no
//! room for the next.
//!
//! hyper times a request's head from the moment it starts waiting for one, which cuts off proxies that keep their
//! connections open for a minute or more. So the timeouts are kept here: below hyper, where bytes are seen to come
//! and go, and above it, where requests are seen to begin and responses to end.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    future::poll_fn,
    io,
    net::IpAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use auth::client::block;
use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use parking_lot::{Mutex, MutexGuard};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::Notify,
    time::{self, Instant, Sleep},
};

use crate::config::{ServerConfig, TrustedProxies};

/// The number of connections beyond the limit that are accepted for `/healthz` and `/readyz` only.
const FOR_HEALTH: usize = 16;
/// The highest number of connections, if the system allows that many files.
const MOST: usize = 8192;

/// How long connections may be silent, and how many there may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The time for a request's head, from its first byte.
    pub head: Duration,
    /// The time between requests, and before the first.
    pub keep_alive: Duration,
    /// The time within which a client must read some of a response.
    pub write: Duration,
    /// The highest number of connections.
    pub total: usize,
    /// The highest number from one address (IPv6: one /48). Trusted proxies stand for many clients and have no limit.
    pub per_network: usize,
}

impl Limits {
    /// The limits of a server with this time between requests. The number of connections follows from the number of
    /// files that the process may open, which is first raised as far as possible.
    pub fn new(keep_alive: Duration) -> Self {
        // The rest is for the database, static files and calls to providers.
        let total = (open_files() * 7 / 8).saturating_sub(64).clamp(16, MOST);
        Self {
            head: Duration::from_secs(10),
            keep_alive,
            write: Duration::from_secs(30),
            total,
            per_network: total / 4,
        }
    }
}

/// The number of files that this process may open.
#[cfg(unix)]
fn open_files() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = 2 * MOST as u64;
    let possible = maximum.map_or(wanted, |maximum| maximum.min(wanted));
    let raised = Rlimit {
        current: Some(possible),
        maximum,
    };
    let now = match current {
        Some(current) if current < possible => match setrlimit(Resource::Nofile, raised) {
            Ok(()) => possible,
            Err(_) => current,
        },
        current => current.unwrap_or(possible),
    };
    usize::try_from(now).unwrap_or(usize::MAX / 8)
}

#[cfg(not(unix))]
fn open_files() -> usize {
    2 * MOST
}

/// The open connections of one listener.
#[derive(Clone, Debug)]
pub struct Connections(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limits: Limits,
    proxies: TrustedProxies,
    open: Mutex<Open>,
    complaints: Mutex<Complaints>,
    /// Whether the server is about to stop.
    leaving: AtomicBool,
}

#[derive(Debug, Default)]
struct Open {
    /// The number of connections, without those for health checks only.
    total: usize,
    by_network: HashMap<IpAddr, usize>,
    for_health: usize,
    /// Counts the waits that have begun: of two waits, the one with the smaller number has lasted longer.
    ticks: u64,
    waiting: BTreeMap<u64, Waiting>,
    waiting_of: BTreeSet<(IpAddr, u64)>,
    /// The same for connections for health checks only.
    spare: BTreeMap<u64, Waiting>,
}

#[derive(Debug)]
struct Waiting {
    network: IpAddr,
    evicted: Arc<Notify>,
}

/// Log messages that are written at most once a second.
#[derive(Debug, Default)]
struct Complaints {
    last: Option<Instant>,
    unsaid: u64,
}

impl Connections {
    /// No connections yet.
    pub fn new(limits: Limits, proxies: TrustedProxies) -> Self {
        Self(Arc::new(Shared {
            limits,
            proxies,
            open: Mutex::default(),
            complaints: Mutex::default(),
            leaving: AtomicBool::new(false),
        }))
    }

    /// No connections yet, for a server with this configuration.
    pub fn of(config: &ServerConfig) -> Self {
        Self::new(
            Limits::new(config.keep_alive),
            config.site.trusted_proxies.clone(),
        )
    }

    /// Longer than the time between the end of a response and the end of the next request's head can be.
    pub(crate) fn longest_wait(&self) -> Duration {
        let Limits {
            head,
            keep_alive,
            write,
            ..
        } = self.0.limits;
        keep_alive.max(write) + head + Duration::from_secs(1)
    }

    /// The server is about to stop: each connection closes after its next response.
    pub fn leave(&self) {
        self.0.leaving.store(true, Ordering::Relaxed);
    }

    /// Whether the server is about to stop.
    pub(crate) fn are_leaving(&self) -> bool {
        self.0.leaving.load(Ordering::Relaxed)
    }

    /// Whether a peer is one of the trusted proxies.
    pub(crate) fn is_proxy(&self, peer: IpAddr) -> bool {
        self.0.proxies.trusts(peer)
    }

    /// A place for a connection from this address. If there is no room, the connection that has waited longest for a
    /// request is closed: first among those of the same address, then among all. If all are busy, the place is for
    /// health checks only. `None` if even those are taken.
    pub(crate) fn admit(&self, peer: IpAddr) -> Option<Arc<Line>> {
        let Limits {
            total, per_network, ..
        } = self.0.limits;
        let network = network(peer);
        let mut open = self.open();
        let own = open.by_network.get(&network).copied().unwrap_or(0);
        let fits = (own < per_network || self.0.proxies.trusts(peer) || open.evict_of(network))
            && (open.total < total || open.evict_oldest());
        if !fits {
            self.complain("the maximum number of busy connections is reached", &peer);
            if open.for_health >= FOR_HEALTH && !open.evict_spare() {
                return None;
            }
        }
        open.enter(network, !fits);
        let evicted = Arc::new(Notify::new());
        let tick = open.wait(network, !fits, &evicted);
        Some(Arc::new(Line {
            connections: self.clone(),
            network,
            for_health: !fits,
            evicted,
            phase: Mutex::new(Phase::Waiting {
                tick,
                since: Instant::now(),
                first_byte: None,
            }),
        }))
    }

    /// Handles a connection that could not be accepted, most likely because there were no files left. One waiting
    /// connection is closed to make room for new ones.
    pub(crate) async fn recover(&self, error: &io::Error) {
        use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
        // The client caused this itself.
        if matches!(
            error.kind(),
            ConnectionAborted | ConnectionRefused | ConnectionReset
        ) {
            return;
        }
        self.complain("a connection could not be accepted", error);
        self.open().evict_oldest();
        time::sleep(Duration::from_millis(100)).await;
    }

    fn complain(&self, what: &str, about: &dyn std::fmt::Display) {
        let mut complaints = self.0.complaints.lock();
        if let Some(unsaid) = complaints.at(Instant::now()) {
            tracing::warn!(%about, unsaid, "{what}");
        }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.open.lock()
    }
}

impl Complaints {
    /// The number of messages left out since the last one, if this one may be logged.
    fn at(&mut self, now: Instant) -> Option<u64> {
        if self
            .last
            .is_some_and(|last| now.duration_since(last) < Duration::from_secs(1))
        {
            self.unsaid += 1;
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.unsaid))
    }
}

/// The network that a connection counts towards: one IPv4 address, or the /48 of an IPv6 site.
fn network(peer: IpAddr) -> IpAddr {
    block(peer, 48)
}

impl Open {
    fn wait(&mut self, network: IpAddr, for_health: bool, evicted: &Arc<Notify>) -> u64 {
        let tick = self.ticks;
        self.ticks += 1;
        let waiting = Waiting {
            network,
            evicted: Arc::clone(evicted),
        };
        if for_health {
            self.spare.insert(tick, waiting);
        } else {
            self.waiting.insert(tick, waiting);
            self.waiting_of.insert((network, tick));
        }
        tick
    }

    /// Ends a wait. `None` if an eviction has ended it already.
    fn end_wait(&mut self, tick: u64) -> Option<Waiting> {
        if let Some(spare) = self.spare.remove(&tick) {
            return Some(spare);
        }
        let waiting = self.waiting.remove(&tick)?;
        self.waiting_of.remove(&(waiting.network, tick));
        Some(waiting)
    }

    fn enter(&mut self, network: IpAddr, for_health: bool) {
        if for_health {
            self.for_health += 1;
        } else {
            self.total += 1;
            *self.by_network.entry(network).or_default() += 1;
        }
    }

    fn leave(&mut self, network: IpAddr, for_health: bool) {
        if for_health {
            self.for_health -= 1;
            return;
        }
        self.total -= 1;
        if let Some(own) = self.by_network.get_mut(&network) {
            *own -= 1;
            if *own == 0 {
                self.by_network.remove(&network);
            }
        }
    }

    fn evict_of(&mut self, network: IpAddr) -> bool {
        let longest = self
            .waiting_of
            .range((network, 0)..=(network, u64::MAX))
            .next()
            .map(|(_, tick)| *tick);
        self.evict(longest, false)
    }

    fn evict_oldest(&mut self) -> bool {
        let longest = self.waiting.keys().next().copied();
        self.evict(longest, false)
    }

    fn evict_spare(&mut self) -> bool {
        let longest = self.spare.keys().next().copied();
        self.evict(longest, true)
    }

    fn evict(&mut self, tick: Option<u64>, for_health: bool) -> bool {
        let Some(waiting) = tick.and_then(|tick| self.end_wait(tick)) else {
            return false;
        };
        self.leave(waiting.network, for_health);
        waiting.evicted.notify_one();
        true
    }
}

/// The place of one connection.
#[derive(Debug)]
pub(crate) struct Line {
    connections: Connections,
    network: IpAddr,
    for_health: bool,
    evicted: Arc<Notify>,
    phase: Mutex<Phase>,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    /// Waiting for a request, whose head may have begun.
    Waiting {
        tick: u64,
        since: Instant,
        first_byte: Option<Instant>,
    },
    /// Serving a request, until its response is written. While it waits for more of the request's body, the
    /// connection can be closed like one without a request.
    Busy { body: Option<u64> },
}

/// Marks a request on a connection that was accepted for health checks only.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OnlyHealth;

/// The connection was closed to make room for another one.
#[derive(Debug, thiserror::Error)]
#[error("the connection was closed to make room for another")]
pub(crate) struct Evicted;

impl Line {
    /// A request has arrived. The connection counts as busy until the returned value is dropped.
    pub(crate) fn begin(self: &Arc<Self>) -> Result<Busy, Evicted> {
        let mut open = self.connections.open();
        let mut phase = self.phase();
        if let Phase::Waiting { tick, .. } = *phase {
            open.end_wait(tick).ok_or(Evicted)?;
        }
        *phase = Phase::Busy { body: None };
        Ok(Busy(Arc::clone(self)))
    }

    /// Whether this place is for health checks only.
    pub(crate) fn only_health(&self) -> Option<OnlyHealth> {
        self.for_health.then_some(OnlyHealth)
    }

    /// Returns when the connection has to close.
    pub(crate) async fn evicted(&self) {
        self.evicted.notified().await;
    }

    /// The connection's socket, with its timeouts.
    pub(crate) fn over(self: &Arc<Self>, stream: TcpStream) -> Timed<TcpStream> {
        // Small responses are complete: waiting for more bytes would only delay them.
        drop(stream.set_nodelay(true));
        // This code cannot see what is in the kernel's buffer, so the kernel has to enforce the timeout there.
        #[cfg(target_os = "linux")]
        drop(socket2::SockRef::from(&stream).set_tcp_user_timeout(Some(self.connections.0.limits.write)));
        Timed::new(stream, Arc::clone(self))
    }

    fn phase(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock()
    }

    /// Bytes have arrived.
    fn heard(&self, now: Instant) {
        if let Phase::Waiting { first_byte, .. } = &mut *self.phase() {
            first_byte.get_or_insert(now);
        }
    }

    /// Bytes were sent. A response's last bytes may be sent when it already counts as ended.
    fn said(&self, now: Instant) {
        if let Phase::Waiting { since, .. } = &mut *self.phase() {
            *since = now;
        }
    }

    /// The time by which the next bytes have to arrive.
    fn patience(&self) -> Option<Instant> {
        let limits = &self.connections.0.limits;
        match *self.phase() {
            Phase::Waiting {
                first_byte: Some(begun),
                ..
            } => Some(begun + limits.head),
            Phase::Waiting { since, .. } => Some(since + limits.keep_alive),
            // The time for a whole request is limited by the router.
            Phase::Busy { .. } => None,
        }
    }

    /// Starts to wait for more of a request's body.
    fn wants_body(&self) {
        let mut open = self.connections.open();
        if let Phase::Busy { body: body @ None } = &mut *self.phase() {
            *body = Some(open.wait(self.network, self.for_health, &self.evicted));
        }
    }

    /// More of the body has arrived, or no more is wanted.
    fn has_body(&self) -> Result<(), Evicted> {
        // Most bodies arrive with their heads, so there was no wait.
        if let Phase::Busy { body: None } = *self.phase() {
            return Ok(());
        }
        let mut open = self.connections.open();
        let mut phase = self.phase();
        let Phase::Busy { body: Some(tick) } = *phase else {
            return Ok(());
        };
        // For an evicted connection the wait stays as it is: it shows that the place was given to another connection.
        open.end_wait(tick).ok_or(Evicted)?;
        *phase = Phase::Busy { body: None };
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let mut open = self.connections.open();
        let phase = *self.phase();
        let there = match phase {
            Phase::Waiting { tick, .. } | Phase::Busy { body: Some(tick) } => open.end_wait(tick).is_some(),
            Phase::Busy { body: None } => true,
        };
        if there {
            open.leave(self.network, self.for_health);
        }
    }
}

/// What is read of a body that its request did not want: as much as a form may have, and for so long.
const REST_BYTES: usize = 512 * 1024;
const REST_TIME: Duration = Duration::from_secs(2);

/// A request on its connection. Dropped when its response is written.
#[derive(Debug)]
pub(crate) struct Busy(Arc<Line>);

impl Busy {
    /// The body of its request, as it arrives over the connection.
    pub(crate) fn asks<B>(&self, body: B) -> Asked<B> {
        Asked {
            body,
            line: Arc::clone(&self.0),
        }
    }

    /// Whether the server is about to stop, so that the connection closes after the response.
    pub(crate) fn is_last(&self) -> bool {
        self.0.connections.are_leaving()
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        if self.0.has_body().is_err() {
            return;
        }
        let Line {
            connections,
            network,
            for_health,
            evicted,
            ..
        } = &*self.0;
        let mut open = connections.open();
        *self.0.phase() = Phase::Waiting {
            tick: open.wait(*network, *for_health, evicted),
            since: Instant::now(),
            first_byte: None,
        };
    }
}

/// The body of a request. While it waits for more data, its connection can be closed to make room for another.
pub(crate) struct Asked<B> {
    body: B,
    line: Arc<Line>,
}

impl<B: HttpBody + Unpin> HttpBody for Asked<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        match polled {
            Poll::Pending => self.line.wants_body(),
            // Nothing more is read from an evicted connection: it closes, and the request ends with it.
            Poll::Ready(_) if self.line.has_body().is_err() => return Poll::Pending,
            Poll::Ready(_) => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A body that is still there when its request has been answered without it.
pub(crate) struct Rest<B>(Arc<Mutex<Asked<B>>>);

impl<B> Rest<B> {
    pub(crate) fn of(body: Asked<B>) -> Self {
        Self(Arc::new(Mutex::new(body)))
    }

    pub(crate) fn shared(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<B: HttpBody<Data = Bytes> + Unpin> Rest<B> {
    /// Reads on to the end. If the connection were closed before that, a proxy would report that it could not send the
    /// body, and not the response.
    pub(crate) async fn discard(mut self) {
        let read = async {
            let mut left = REST_BYTES;
            while !self.is_end_stream() {
                let next = poll_fn(|cx| Pin::new(&mut self).poll_frame(cx)).await;
                let Some(Ok(frame)) = next else { break };
                let length = frame.data_ref().map_or(0, Bytes::len);
                match left.checked_sub(length) {
                    Some(less) => left = less,
                    None => break,
                }
            }
        };
        drop(time::timeout(REST_TIME, read).await);
    }
}

impl<B: HttpBody + Unpin> HttpBody for Rest<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut *self.0.lock()).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.0.lock().is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.lock().size_hint()
    }
}

impl<B> Drop for Asked<B> {
    fn drop(&mut self) {
        // No request waits for it any more.
        drop(self.line.has_body());
    }
}

/// The body of a response, which keeps its connection busy until it is written.
pub(crate) struct Answer {
    body: Body,
    _busy: Busy,
}

impl Answer {
    pub(crate) fn new(body: Body, busy: Busy) -> Self {
        Self { body, _busy: busy }
    }
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A stream that ends if its client is silent for too long, or does not read.
#[derive(Debug)]
pub(crate) struct Timed<S> {
    stream: S,
    line: Arc<Line>,
    read: Pin<Box<Sleep>>,
    write: Pin<Box<Sleep>>,
    is_stuck: bool,
}

impl<S> Timed<S> {
    fn new(stream: S, line: Arc<Line>) -> Self {
        let now = Instant::now();
        Self {
            stream,
            line,
            read: Box::pin(time::sleep_until(now)),
            write: Box::pin(time::sleep_until(now)),
            is_stuck: false,
        }
    }

    /// The result of a write, unless the client has not read anything for too long.
    fn wrote(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        let now = Instant::now();
        if written.is_ready() {
            self.is_stuck = false;
            self.line.said(now);
            return written;
        }
        if !self.is_stuck {
            self.is_stuck = true;
            let until = now + self.line.connections.0.limits.write;
            self.write.as_mut().reset(until);
        }
        ready!(self.write.as_mut().poll(cx));
        Poll::Ready(Err(timed_out("the client does not read")))
    }
}

fn timed_out(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, what)
}

impl<S: AsyncRead + Unpin> AsyncRead for Timed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        if let Poll::Ready(read) = Pin::new(&mut self.stream).poll_read(cx, buffer) {
            if buffer.filled().len() > before {
                self.line.heard(Instant::now());
            }
            return Poll::Ready(read);
        }
        let Some(mut until) = self.line.patience() else {
            return Poll::Pending;
        };
        // The end of a response is still being sent, and has its own timeout.
        if self.is_stuck {
            until = until.max(self.write.deadline());
        }
        if self.read.deadline() != until {
            self.read.as_mut().reset(until);
        }
        ready!(self.read.as_mut().poll(cx));
        Poll::Ready(Err(timed_out("the client is silent")))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Timed<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.wrote(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.wrote(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn connections(total: usize, per_network: usize, proxies: &str) -> Connections {
        let limits = Limits {
            head: HOUR,
            keep_alive: HOUR,
            write: HOUR,
            total,
            per_network,
        };
        Connections::new(limits, TrustedProxies::parse(proxies).unwrap())
    }

    fn ip(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    fn is_evicted(line: &Arc<Line>) -> bool {
        line.begin().is_err()
    }

    #[test]
    fn the_longest_waiting_connection_is_closed_and_busy_ones_stay() {
        let connections = connections(3, 3, "");
        let busy = connections.admit(ip(1)).unwrap();
        let request = busy.begin().unwrap();
        let idle = connections.admit(ip(2)).unwrap();
        // It has waited longest, but then served a request: now the other one's wait is the longest.
        let used = connections.admit(ip(3)).unwrap();
        drop(idle.begin().unwrap());
        let fourth = connections.admit(ip(4)).unwrap();
        assert!(is_evicted(&used) && fourth.only_health().is_none());
        assert_eq!(connections.open().total, 3);
        let fifth = connections.admit(ip(5)).unwrap();
        assert!(is_evicted(&idle) && fifth.only_health().is_none());
        drop((request, busy, idle, used, fourth, fifth));
        let open = connections.open();
        assert_eq!((open.total, open.by_network.len(), open.waiting.len()), (0, 0, 0));
        assert!(open.waiting_of.is_empty());
    }

    #[test]
    fn one_address_pushes_out_its_own_connections_only() {
        let connections = connections(100, 2, "10.0.0.0/8");
        let others = connections.admit(ip(1)).unwrap();
        let first = connections.admit(ip(2)).unwrap();
        let second = connections.admit(ip(2)).unwrap();
        let third = connections.admit(ip(2)).unwrap();
        assert!(is_evicted(&first));
        let requests = [
            others.begin().unwrap(),
            second.begin().unwrap(),
            third.begin().unwrap(),
        ];
        // Both are busy, so new connections are for health checks only, and their number is limited.
        let spare: Vec<_> = (0..FOR_HEALTH)
            .map(|_| connections.admit(ip(2)).unwrap())
            .collect();
        assert!(spare.iter().all(|line| line.only_health().is_some()));
        assert!(connections.admit(ip(1)).unwrap().only_health().is_none());
        assert!(!spare.iter().any(is_evicted));
        drop(requests);
        // A proxy stands for many clients.
        let proxied: Vec<_> = (0..50)
            .map(|_| connections.admit([10, 0, 0, 1].into()).unwrap())
            .collect();
        assert!(
            proxied
                .iter()
                .all(|line| line.only_health().is_none() && !is_evicted(line))
        );
    }

    #[test]
    fn with_everything_busy_there_is_room_for_health_checks_and_then_none() {
        let connections = connections(2, 2, "");
        let lines: Vec<_> = (1..=2).map(|last| connections.admit(ip(last)).unwrap()).collect();
        let requests: Vec<_> = lines.iter().map(|line| line.begin().unwrap()).collect();
        let spare: Vec<_> = (0..FOR_HEALTH)
            .map(|_| connections.admit(ip(9)).unwrap())
            .collect();
        assert!(spare.iter().all(|line| line.only_health().is_some()));
        // Silent spare connections are closed like all others that wait.
        let next = connections.admit(ip(8)).unwrap();
        assert!(is_evicted(&spare[0]) && next.only_health().is_some());
        let checks: Vec<_> = spare[1..]
            .iter()
            .chain([&next])
            .map(|line| line.begin())
            .collect();
        assert!(checks.iter().all(Result::is_ok));
        assert!(connections.admit(ip(7)).is_none());
        drop((requests, checks, lines, spare, next));
        let open = connections.open();
        assert_eq!((open.total, open.for_health, open.spare.len()), (0, 0, 0));
        drop(open);
        assert!(connections.admit(ip(7)).unwrap().only_health().is_none());
    }

    #[test]
    fn a_network_is_an_ipv4_address_or_an_ipv6_48() {
        let of = |text: &str| network(text.parse().unwrap()).to_string();
        assert_eq!(of("192.0.2.1"), "192.0.2.1");
        assert_eq!(of("::ffff:192.0.2.1"), "192.0.2.1");
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1::");
    }

    #[test]
    fn a_head_is_timed_from_its_first_byte_and_an_idle_connection_from_its_last_answer() {
        let connections = Connections::new(
            Limits {
                head: Duration::from_secs(10),
                keep_alive: Duration::from_secs(75),
                ..connections(9, 9, "").0.limits
            },
            TrustedProxies::default(),
        );
        let line = connections.admit(ip(1)).unwrap();
        let opened = Instant::now();
        let after = |seconds| opened + Duration::from_secs(seconds);
        let left = |line: &Line| {
            line.patience()
                .map(|until| until.duration_since(opened).as_secs_f64().round())
        };
        assert_eq!(left(&line), Some(75.0));
        line.heard(after(60));
        assert_eq!(left(&line), Some(70.0));
        // A byte now and then does not extend the time.
        line.heard(after(69));
        assert_eq!(left(&line), Some(70.0));
        let request = line.begin().unwrap();
        assert_eq!(left(&line), None);
        line.heard(after(70));
        drop(request);
        line.said(after(100));
        assert_eq!(left(&line), Some(175.0));
        line.heard(after(170));
        assert_eq!(left(&line), Some(180.0));
    }

    #[tokio::test]
    async fn a_stream_that_takes_nothing_ends() {
        let short = Limits {
            write: Duration::from_millis(50),
            ..connections(9, 9, "").0.limits
        };
        let line = Connections::new(short, TrustedProxies::default())
            .admit(ip(1))
            .unwrap();
        let (ours, _theirs) = tokio::io::duplex(64);
        let mut timed = Timed::new(ours, line);
        timed.write_all(&[0; 64]).await.unwrap();
        let stuck = timed.write_all(&[0; 64]).await.unwrap_err();
        assert_eq!(stuck.kind(), io::ErrorKind::TimedOut);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn the_kernel_loses_its_patience_as_well() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let timed = connections(9, 9, "").admit(ip(1)).unwrap().over(stream);
        let socket = socket2::SockRef::from(&timed.stream);
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(HOUR));
        assert!(timed.stream.nodelay().unwrap());
    }

    #[test]
    fn complaints_come_once_a_second_and_count_what_they_leave_out() {
        let mut complaints = Complaints::default();
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        assert_eq!(complaints.at(at(0)), Some(0));
        assert_eq!((complaints.at(at(10)), complaints.at(at(999))), (None, None));
        assert_eq!(complaints.at(at(1000)), Some(2));
        assert_eq!(complaints.at(at(2500)), Some(0));
    }
}
