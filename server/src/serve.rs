//! Serving: migrate, listen, and stop without dropping what runs.

use std::{convert::Infallible, error::Error, net::SocketAddr, time::Duration};

use auth::{Auth, Clock, db::Database};
use axum::{Router, body::Body, extract::ConnectInfo};
use hyper::{Request, body::Incoming, server::conn::http1};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{net::TcpListener, signal, time};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

use crate::{config::ServerConfig, jobs, router::router, routes::health};

/// The time a client has for its request's head.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// The most a request's head may weigh, and how many fields it may have.
const HEAD_BYTES: usize = 16 * 1024;
const HEAD_FIELDS: usize = 100;
/// The time running requests have to finish at a stop.
const DRAIN_TIME: Duration = Duration::from_secs(30);

/// What ends a subcommand without success.
pub type Failure = Box<dyn Error + Send + Sync>;

/// Migrates, serves until SIGTERM or SIGINT, drains, closes the pools.
///
/// # Errors
/// If the database cannot be opened or an address not be bound.
pub async fn run(config: ServerConfig) -> Result<(), Failure> {
    let db = Database::open(&config.auth.database_url).await?;
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
    let (router, auth) = build(config, db.clone(), Clock::system()).await;

    let stop = CancellationToken::new();
    let tasks = TaskTracker::new();
    if let Some(listener) = metrics_listener {
        let (router, stop) = (health::metrics(auth.clone()), stop.clone());
        tasks.spawn(async move { accept(listener, router, &stop).await });
    }
    tasks.spawn(jobs::sweep(auth.clone(), stop.clone()));
    tokio::spawn({
        let stop = stop.clone();
        async move {
            stop_signal().await;
            stop.cancel();
        }
    });
    tracing::info!(%addr, url = public_url.origin(), "listening");
    accept(listener, router, &stop).await;
    // What runs by itself goes on when its connection is gone.
    if time::timeout(DRAIN_TIME, auth.oauth.settle()).await.is_err() {
        tracing::warn!("some sign-ins did not finish in time");
    }
    tasks.close();
    tasks.wait().await;
    db.close().await;
    tracing::info!("stopped");
    Ok(())
}

/// Brings the schema up to date.
///
/// # Errors
/// If the database cannot be opened, or its schema is newer than this program.
pub async fn migrate(config: &ServerConfig) -> Result<(), Failure> {
    let db = Database::open(&config.auth.database_url).await?;
    db.migrate().await?;
    db.close().await;
    tracing::info!("the schema is up to date");
    Ok(())
}

/// The application over a migrated database: its router, and the handle behind it.
pub async fn build(config: ServerConfig, db: Database, clock: Clock) -> (Router, Auth) {
    let ServerConfig {
        auth,
        trusted_proxies,
        leptos,
        reload_port,
        ..
    } = config;
    let auth = Auth::new(auth, db, clock).await;
    (router(auth.clone(), leptos, trusted_proxies, reload_port), auth)
}

/// Accepts connections until told to stop, then lets the running requests finish.
///
/// axum's own `serve` has no limits for a request's head; hyper's connection builder has them all.
pub async fn accept(listener: TcpListener, router: Router, stop: &CancellationToken) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEAD_FIELDS);
    let graceful = GracefulShutdown::new();
    loop {
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, most likely: some will come back.
                    tracing::warn!(%error, "a connection could not be accepted");
                    time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
            () = stop.cancelled() => break,
        };
        // Small answers are whole answers: waiting for more bytes only delays them.
        drop(stream.set_nodelay(true));
        let service = TowerToHyperService::new(with_peer(router.clone(), peer));
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%peer, %error, "a connection ended early");
            }
        });
    }
    drop(listener);
    tracing::info!("stopping: finishing what runs");
    if time::timeout(DRAIN_TIME, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not finish in time");
    }
}

/// The router, told who is at the other end of the connection.
fn with_peer(
    router: Router,
    peer: SocketAddr,
) -> impl tower::Service<Request<Incoming>, Response = axum::response::Response, Error = Infallible, Future: Send>
+ Clone
+ Send {
    router.map_request(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        request
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
