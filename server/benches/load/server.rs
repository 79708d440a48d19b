//! The server's half: the whole application, and beside it routes that only a benchmark asks for.

use std::{
    env,
    fmt::Debug,
    hint::black_box,
    io::Read,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Instant,
};

use auth::{Auth, Clock, RequestAuth, Vars, db::Database, session_layer};
use axum::{
    Extension, Json, Router,
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, Request, StatusCode, header},
    middleware::from_fn_with_state,
    response::IntoResponse,
    routing::get,
};
use serde_json::json;
use server::{config::ServerConfig, connections::Connections, serve};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use tracing::field::{Field, Visit};
use tracing_subscriber::{Layer, filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

use crate::database::TestDatabase; // wing:mail,second-factors,passkeys
use crate::{Outcome, seed};

mod by_sql;
mod page;
mod tokens; // wing:clients

pub(crate) use by_sql::COOKIE as SQL_COOKIE;

const SECRET: &str = "YmVuY2gtYmVuY2gtYmVuY2gtYmVuY2gtYmVuY2gtMDE";

/// The variable that makes it count its queries.
pub(crate) const COUNTING: &str = "BENCH_COUNTS_QUERIES";

/// Prints its address, and serves until its input ends. It logs nothing.
pub(crate) fn serve_until_stopped() -> Outcome {
    let queries = Arc::new(AtomicU64::new(0));
    if env::var_os(COUNTING).is_some() {
        let only_queries = Targets::new().with_target("sqlx::query", tracing::Level::DEBUG);
        tracing_subscriber::registry()
            .with(Queries(Arc::clone(&queries)).with_filter(only_queries))
            .init();
    }
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    listener.set_nonblocking(true)?;
    let config = ServerConfig::from_vars(&variables(&address.to_string()), true)
        .map_err(|problems| format!("{problems:?}"))?;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(async {
            let db = Database::open_or_create(&config.auth.database_url).await?;
            db.migrate().await?;
            let leptos = config.site.leptos.clone();
            let connections = Connections::of(&config);
            let (router, auth) = serve::build(config, db.clone(), Clock::system()).await;
            let beside = beside(&auth, &db, router.clone(), queries).merge(page::router(&auth, &leptos));
            let router = Router::new().nest("/bench", beside).fallback_service(router);
            println!("{address}");
            let stop = CancellationToken::new();
            let stopping = stop.clone();
            thread::spawn(move || {
                drop(std::io::stdin().read_to_end(&mut Vec::new()));
                stopping.cancel();
            });
            serve::accept(
                tokio::net::TcpListener::from_std(listener)?,
                router,
                &connections,
                &stop,
            )
            .await;
            db.close().await;
            Ok(())
        })
}

// wing:mail,second-factors,passkeys
/// The origin of an application in this process.
pub(crate) const ORIGIN: &str = "http://localhost:3000";

/// The application in this process, with these variables beside those it needs.
pub(crate) async fn in_process(
    database: &TestDatabase,
    more: &[(&str, &str)],
    clock: Clock,
) -> Outcome<(Router, Auth)> {
    let url = database.url();
    let own = [
        ("PUBLIC_URL", ORIGIN),
        ("DATABASE_URL", &url),
        ("SESSION_SECRET", SECRET),
    ];
    let vars: Vars = own.iter().chain(more).copied().collect();
    let config = ServerConfig::from_vars(&vars, true).map_err(|problems| format!("{problems:?}"))?;
    let db = Database::open_or_create(&config.auth.database_url).await?;
    db.migrate().await?;
    Ok(serve::build(config, db, clock).await)
}
// end wing:mail,second-factors,passkeys

fn variables(address: &str) -> Vars {
    let fixed = [
        ("LEPTOS_SITE_ADDR", address),
        ("SESSION_SECRET", SECRET),
        // As long as snapshots live beside the shortest sessions: none is renewed while it is measured.
        ("SNAPSHOT_TTL", "900"),
        // So that sign-ins can come from many addresses.
        ("TRUSTED_PROXIES", "127.0.0.1"),
    ];
    let passed_on = ["DATABASE_URL", "LEPTOS_SITE_ROOT"].map(|name| (name, env::var(name)));
    fixed
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .chain(
            passed_on
                .into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), value.ok()?))),
        )
        .collect()
}

/// The routes of the benchmark. None of the application's layers is around them, but for the session's
/// around the one that measures it.
fn beside(auth: &Auth, db: &Database, application: Router, queries: Arc<AtomicU64>) -> Router {
    let check = Router::new()
        .route("/check", get(check))
        .layer(from_fn_with_state(auth.sessions.clone(), session_layer));
    let whole = (auth.clone(), application);
    let status = auth.clone();
    Router::new()
        .route("/bare", get(|| async { Json(json!({ "status": "ok" })) }))
        .merge(check)
        .merge(by_sql::router(auth, db))
        .merge(tokens::router(auth, db)) // wing:clients
        .route("/check-micros", get(check_micros).with_state(whole))
        .route(
            "/is-current",
            get(move || async move { status.sessions.status().feed_is_current.to_string() }),
        )
        .route(
            "/queries",
            get(move || async move { queries.load(Ordering::Relaxed).to_string() }),
        )
}

/// What the session layer recognised. 401 for nobody, which ends the benchmark.
async fn check(Extension(request): Extension<RequestAuth>) -> axum::response::Response {
    match request.session() {
        Some(session) => Json(session).into_response(),
        None => StatusCode::UNAUTHORIZED.into_response(),
    }
}

/// The time of a session check without HTTP around it, in microseconds, over all known sessions: the mean
/// of a pass, and of all passes the quickest, which nothing else has disturbed.
async fn check_micros(State((auth, application)): State<(Auth, Router)>) -> Result<String, StatusCode> {
    let mut known = Vec::new();
    for n in 0..seed::KNOWN {
        let headers = snapshot_of(&application, n)
            .await
            .ok_or(StatusCode::INTERNAL_SERVER_ERROR)?;
        auth.sessions
            .check(&headers)
            .ok_or(StatusCode::SERVICE_UNAVAILABLE)?;
        known.push(headers);
    }
    let pass = || {
        let started = Instant::now();
        for headers in &known {
            black_box(auth.sessions.check(black_box(headers)));
        }
        started.elapsed().as_secs_f64() * 1e6 / f64::from(seed::KNOWN)
    };
    Ok((0..100).map(|_| pass()).fold(f64::INFINITY, f64::min).to_string())
}

/// The cookies of a known session, with a fresh snapshot.
async fn snapshot_of(application: &Router, n: u32) -> Option<HeaderMap> {
    let id = format!("id={}", seed::id(n));
    let request = Request::get("/api/session")
        .header(header::HOST, "localhost")
        .header(header::COOKIE, &id)
        .body(Body::empty())
        .ok()?;
    let answer = application.clone().oneshot(request).await.ok()?;
    let cookies = answer.headers().get_all(header::SET_COOKIE).iter();
    let snapshot = cookies
        .filter_map(|cookie| cookie.to_str().ok()?.split(';').next())
        .find(|cookie| cookie.starts_with("auth="))?;
    let cookies = HeaderValue::from_str(&format!("{id}; {snapshot}")).ok()?;
    Some([(header::COOKIE, cookies)].into_iter().collect())
}

/// Counts what sqlx logs, but for the queries of the stale feed: these come by the clock.
struct Queries(Arc<AtomicU64>);

impl<S: tracing::Subscriber> Layer<S> for Queries {
    fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        let mut of_the_feed = OfTheFeed(false);
        event.record(&mut of_the_feed);
        if !of_the_feed.0 {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

struct OfTheFeed(bool);

impl Visit for OfTheFeed {
    fn record_str(&mut self, _: &Field, value: &str) {
        let words = ["PRAGMA data_version", "clock_timestamp()", "FROM stale_sessions"];
        self.0 |= words.iter().any(|words| value.contains(words));
    }

    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}
