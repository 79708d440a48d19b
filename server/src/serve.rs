//! Serving: migrate, listen, and stop without dropping running requests.

use std::{
    error::Error,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use auth::{Auth, Clock, chain, db::Database};
use axum::{
    Router,
    body::{Body, HttpBody},
    extract::ConnectInfo,
    response::Response,
};
use http::{
    HeaderValue,
    header::{CONNECTION, EXPECT},
};
use hyper::{
    Request,
    body::Incoming,
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{
    net::{TcpListener, TcpStream},
    signal, time,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

use crate::{
    config::ServerConfig,
    connections::{Answer, Connections, Evicted, Line, Rest},
    jobs,
    router::router,
    routes::health::{self, Leaving},
};

/// The largest head of a request, in bytes, and the highest number of fields in it.
const HEAD_BYTES: usize = 16 * 1024;
const HEAD_FIELDS: usize = 100;
/// The time that running requests have to finish when the server stops.
const DRAIN_TIME: Duration = Duration::from_secs(30);
/// The time that a proxy has to use up its idle connections when the server stops.
const PROXY_TIME: Duration = Duration::from_secs(5);

/// What ends a subcommand without success.
pub type Failure = Box<dyn Error + Send + Sync>;

/// Migrates, serves until SIGTERM or SIGINT, drains, closes the pools.
///
/// # Errors
/// If the database cannot be opened or an address cannot be bound.
pub async fn run(config: ServerConfig) -> Result<(), Failure> {
    for doubt in &config.doubts {
        tracing::warn!("{doubt}");
    }
    let db = Database::open_or_create(&config.auth.database_url).await?;
    db.migrate().await?;
    let listener = TcpListener::bind(config.addr)
        .await
        .map_err(|error| format!("cannot listen on {}: {error}", config.addr))?;
    let addr = listener.local_addr()?;
    let metrics_listener = match config.metrics_addr {
        Some(addr) => Some(
            TcpListener::bind(addr)
                .await
                .map_err(|error| format!("cannot listen on {addr} for metrics: {error}"))?,
        ),
        None => None,
    };
    let public_url = config.auth.public_url.clone();
    let stop_delay = config.stop_delay;
    let connections = Connections::of(&config);
    let metrics_connections = Connections::of(&config);
    let (router, auth) = build(config, db.clone(), Clock::system()).await;

    let stop = CancellationToken::new();
    let tasks = TaskTracker::new();
    if let Some(listener) = metrics_listener {
        let (router, stop) = (health::metrics(auth.clone()), stop.clone());
        tasks.spawn(async move { accept(listener, router, &metrics_connections, &stop).await });
    }
    let detached = auth.detached.clone();
    let clients = auth.clients.clone(); // wing:clients
    let sessions = auth.sessions.clone(); // wing:clients
    tasks.spawn(jobs::mail(auth.clone(), stop.clone())); // wing:mail
    tasks.spawn(jobs::sweep(auth, stop.clone()));
    tokio::spawn({
        let (stop, connections) = (stop.clone(), connections.clone());
        async move {
            stop_signal().await;
            // `/readyz` now says that requests are to go elsewhere, and they are served until that is noticed. A second
            // signal ends the wait.
            connections.leave();
            drop(time::timeout(stop_delay, stop_signal()).await);
            stop.cancel();
        }
    });
    tracing::info!(%addr, url = public_url.origin(), "listening");
    let stopped = async {
        stop.cancelled().await;
        sessions.end_watches(); // wing:clients
        Instant::now()
    };
    let (stopped, ()) = tokio::join!(stopped, accept(listener, router, &connections, &stop));
    tasks.close();
    tasks.wait().await;
    let left = DRAIN_TIME.saturating_sub(stopped.elapsed());
    if !detached.drain(left).await {
        tracing::warn!("work whose client had disconnected did not finish in time");
    }
    // wing:clients
    if let Err(error) = clients.record_uses().await {
        tracing::warn!(error = %chain(&error), "uses of refresh tokens were not recorded");
    }
    // end wing:clients
    db.close().await;
    tracing::info!("stopped");
    Ok(())
}

/// Brings the schema up to date.
///
/// # Errors
/// If the database cannot be opened, or its schema is newer than this program.
pub async fn migrate(config: &ServerConfig) -> Result<(), Failure> {
    let db = Database::open_or_create(&config.auth.database_url).await?;
    db.migrate().await?;
    db.close().await;
    tracing::info!("the schema is up to date");
    Ok(())
}

/// The application over a migrated database: its router, and the [`Auth`] behind it.
pub async fn build(config: ServerConfig, db: Database, clock: Clock) -> (Router, Auth) {
    let ServerConfig { auth, site, .. } = config;
    let auth = Auth::new(auth, db, clock).await;
    // wing:clients
    if let Err(error) = auth.clients.ensure_dev_app().await {
        tracing::warn!(error = %chain(&error), "the development client could not be registered");
    }
    // end wing:clients
    (router(auth.clone(), site), auth)
}

/// Accepts connections until told to stop, then lets the running requests finish.
///
/// axum's own `serve` has no limits for a request's head. hyper's connection builder has them, and [`Connections`]
/// adds what hyper lacks.
pub async fn accept(
    listener: TcpListener,
    router: Router,
    connections: &Connections,
    stop: &CancellationToken,
) {
    let mut http = http1::Builder::new();
    // `connections` enforces the true timeouts. This one is never the first to expire, and only makes hyper read
    // again after each response: without it, hyper would wait for bytes that a silent client never sends.
    http.timer(TokioTimer::new())
        .header_read_timeout(connections.longest_wait())
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEAD_FIELDS);
    let graceful = GracefulShutdown::new();
    let (of_proxies, proxied) = (GracefulShutdown::new(), TaskTracker::new());
    let begin = |stream: TcpStream, peer: SocketAddr| {
        let Some(line) = connections.admit(peer.ip()) else {
            return;
        };
        let io = TokioIo::new(line.over(stream));
        let service = service(router.clone(), peer, Arc::clone(&line));
        let from_proxy = connections.is_proxy(peer.ip());
        let watcher = if from_proxy { &of_proxies } else { &graceful };
        let connection = watcher.watch(http.serve_connection(io, service));
        let served = async move {
            tokio::select! {
                ended = connection => if let Err(error) = ended {
                    tracing::debug!(%peer, error = %chain(&error), "a connection ended early");
                },
                () = line.evicted() => tracing::debug!(%peer, "closed a waiting connection to make room for another"),
            }
        };
        if from_proxy {
            proxied.spawn(served);
        } else {
            tokio::spawn(served);
        }
    };
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => begin(stream, peer),
                Err(error) => connections.recover(&error).await,
            },
            () = stop.cancelled() => break,
        }
    }
    connections.leave();
    for (stream, peer) in close(listener) {
        begin(stream, peer);
    }
    tracing::info!("stopping: finishing running requests");
    // A browser repeats what it sent over a connection that was just being closed. A proxy must not repeat a form, and
    // answers 502: so its idle connections are closed by the responses to their next requests.
    proxied.close();
    let of_proxies = async {
        drop(time::timeout(PROXY_TIME, proxied.wait()).await);
        of_proxies.shutdown().await;
    };
    let all = async { tokio::join!(graceful.shutdown(), of_proxies) };
    if time::timeout(DRAIN_TIME, all).await.is_err() {
        tracing::warn!("some requests did not finish in time");
    }
}

/// Lets nobody else in. Returns those who have connected already: the system would reset their connections, and what
/// they have sent over them would be lost.
fn close(listener: TcpListener) -> Vec<(TcpStream, SocketAddr)> {
    // With no queue, a connection waits at its client, and is refused when it is tried again.
    #[cfg(target_os = "linux")]
    drop(socket2::SockRef::from(&listener).listen(0));
    // Asks the system itself: tokio's listener knows what it was last told.
    let Ok(listener) = listener.into_std() else {
        return Vec::new();
    };
    let accept = || {
        let (stream, peer) = listener.accept().ok()?;
        stream.set_nonblocking(true).ok()?;
        Some((TcpStream::from_std(stream).ok()?, peer))
    };
    std::iter::from_fn(accept).collect()
}

/// The router. Requests get the peer's address, and the connection learns what its requests are doing.
fn service(
    router: Router,
    peer: SocketAddr,
    line: Arc<Line>,
) -> impl Service<Request<Incoming>, Response = Response<Answer>, Error = Evicted, Future: Send> {
    service_fn(move |request: Request<Incoming>| {
        let (router, line) = (router.clone(), Arc::clone(&line));
        async move {
            let busy = line.begin()?;
            let (head, body) = request.into_parts();
            let body = busy.asks(body);
            // Reading would ask the client for a body that it holds back until it is asked.
            let (body, rest) = if body.is_end_stream() || head.headers.contains_key(EXPECT) {
                (Body::new(body), None)
            } else {
                let rest = Rest::of(body);
                (Body::new(rest.shared()), Some(rest))
            };
            let mut request = Request::from_parts(head, body);
            request.extensions_mut().insert(ConnectInfo(peer));
            let only_health = line.only_health();
            if let Some(mark) = only_health {
                request.extensions_mut().insert(mark);
            }
            if busy.is_last() {
                request.extensions_mut().insert(Leaving);
            }
            let Ok(mut response) = router.oneshot(request).await;
            if let Some(rest) = rest {
                rest.discard().await;
            }
            if only_health.is_some() || busy.is_last() {
                response
                    .headers_mut()
                    .insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok(response.map(|body| Answer::new(body, busy)))
        }
    })
}

async fn stop_signal() {
    let interrupt = async { signal::ctrl_c().await };
    #[cfg(unix)]
    {
        let Ok(mut terminate) = signal::unix::signal(signal::unix::SignalKind::terminate()) else {
            drop(interrupt.await);
            return;
        };
        tokio::select! { _ = interrupt => {}, _ = terminate.recv() => {} }
    }
    #[cfg(not(unix))]
    drop(interrupt.await);
}
