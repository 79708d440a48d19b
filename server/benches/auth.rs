//! `cargo xtask bench`: what authentication costs, as ratios within one run.
//!
//! The server runs as a process of its own (this program, started again with `serve`), so that its CPU
//! time and memory are its own; the load comes from here, over loopback.

use std::{
    env,
    error::Error,
    hint::black_box,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, ChildStdout, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use auth::{Clock, Vars, db::Database};
use axum::{Json, Router, routing::get};
use http::{HeaderMap, HeaderValue, header::COOKIE};
use serde_json::json;
use server::{config::ServerConfig, serve};
use tracing_subscriber::{Layer, filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

/// Connections under load: enough to keep the server's threads busy, few enough for two cores.
const CONNECTIONS: usize = 8;

fn main() -> Outcome {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "serve") {
        return serve_until_stopped();
    }
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let time = Duration::from_secs(if quick { 1 } else { 5 });
    let mut server = Server::start()?;
    let report = measure(&mut server, time);
    server.stop();
    report
}

fn measure(server: &mut Server, time: Duration) -> Outcome {
    let idle = server.resident_kib()?;
    let cookies = server.sign_in()?;
    println!("| what | measured |\n| --- | --- |");

    let before = server.queries()?;
    let checks = 100;
    for _ in 0..checks {
        server.get("/api/session", &cookies)?;
    }
    let queries = server.queries()? - before;
    println!("| queries in {checks} session checks | {queries} |");
    println!(
        "| opening a snapshot (cookies read, unsealed, compared with the stale marks) | {:.2} µs |",
        server.check_micros
    );

    let bare = server.load("/bare", "", time)?;
    let plain = server.load("/healthz", "", time)?;
    let session = server.load("/api/session", &cookies, time)?;
    println!("| bare axum JSON route | {bare} |");
    println!("| the same layers without a session (`/healthz`) | {plain} |");
    println!("| `GET /api/session`, signed in | {session} |");
    println!(
        "| `GET /api/session` ÷ bare route | {:.2} |",
        session.per_second / bare.per_second
    );
    println!(
        "| `GET /api/session` ÷ the same layers without a session | {:.2} |",
        session.per_second / plain.per_second
    );
    println!(
        "| CPU time added to the bare route | {:.1} µs |",
        session.cpu_micros - bare.cpu_micros
    );
    println!(
        "| CPU time added by the session | {:.1} µs |",
        session.cpu_micros - plain.cpu_micros
    );

    let anonymous = server.load("/", "", time)?;
    let signed_in = server.load("/", &cookies, time)?;
    println!("| page, anonymous | {anonymous} |");
    println!("| page, signed in | {signed_in} |");
    println!(
        "| page signed in ÷ anonymous | {:.2} |",
        signed_in.per_second / anonymous.per_second
    );

    println!("| resident memory, idle | {:.1} MB |", idle as f64 / 1024.0);
    println!(
        "| resident memory, after the load | {:.1} MB |",
        server.resident_kib()? as f64 / 1024.0
    );
    for (name, what) in [
        ("WASM_BYTES", "wasm"),
        ("WASM_GZIP_BYTES", "wasm, gzip"),
        ("WASM_BROTLI_BYTES", "wasm, brotli"),
    ] {
        if let Ok(bytes) = env::var(name) {
            println!("| {what} | {:.0} KiB |", bytes.parse::<f64>()? / 1024.0);
        }
    }
    Ok(())
}

/// What a load showed.
struct Load {
    per_second: f64,
    cpu_micros: f64,
}

impl std::fmt::Display for Load {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:.0} req/s, {:.1} µs CPU a request",
            self.per_second, self.cpu_micros
        )
    }
}

struct Server {
    process: Child,
    address: String,
    /// Kept open: the server stops when the other end reads nothing more.
    _output: BufReader<ChildStdout>,
    check_micros: f64,
}

impl Server {
    fn start() -> Outcome<Self> {
        let mut process = Command::new(env::current_exe()?)
            .arg("serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut output = BufReader::new(process.stdout.take().ok_or("the server has no output")?);
        let mut line = String::new();
        output.read_line(&mut line)?;
        let mut words = line.split_whitespace();
        let address = words.next().ok_or("the server did not start")?.to_owned();
        let check_micros = words.next().ok_or("the server did not measure")?.parse()?;
        Ok(Self {
            process,
            address,
            _output: output,
            check_micros,
        })
    }

    fn stop(mut self) {
        // Closing its input is the sign to stop; the temporary database goes with it.
        drop(self.process.stdin.take());
        drop(self.process.wait());
    }

    fn get(&self, path: &str, cookies: &str) -> Outcome<String> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream.write_all(request("GET", path, &self.address, cookies, "", "close").as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        match answer.starts_with("HTTP/1.1 200") {
            true => Ok(answer),
            false => Err(format!("GET {path} answered {:?}", answer.lines().next()).into()),
        }
    }

    fn queries(&self) -> Outcome<u64> {
        let answer = self.get("/queries", "")?;
        Ok(answer.rsplit("\r\n\r\n").next().unwrap_or("").trim().parse()?)
    }

    fn sign_in(&self) -> Outcome<String> {
        let body = "email=ada%40example.com&password=correct+horse+battery+staple";
        let mut stream = TcpStream::connect(&self.address)?;
        stream.write_all(request("POST", "/api/register", &self.address, "", body, "close").as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let cookies: Vec<&str> = answer
            .lines()
            .filter_map(|line| line.strip_prefix("set-cookie: ")?.split(';').next())
            .collect();
        match cookies.len() {
            2 => Ok(cookies.join("; ")),
            _ => Err(format!("registering answered {:?}", answer.lines().next()).into()),
        }
    }

    fn load(&self, path: &str, cookies: &str, time: Duration) -> Outcome<Load> {
        let request: Arc<str> = request("GET", path, &self.address, cookies, "", "keep-alive").into();
        let run = |time: Duration| -> Outcome<u64> {
            let workers: Vec<_> = (0..CONNECTIONS)
                .map(|_| {
                    let (address, request) = (self.address.clone(), Arc::clone(&request));
                    thread::spawn(move || requests(&address, &request, time))
                })
                .collect();
            let mut done = 0;
            for worker in workers {
                done += worker.join().map_err(|_| "a load thread panicked")??;
            }
            Ok(done)
        };
        run(time / 4)?;
        let (cpu, started) = (self.cpu_micros()?, Instant::now());
        let done = run(time)? as f64;
        let seconds = started.elapsed().as_secs_f64();
        Ok(Load {
            per_second: done / seconds,
            cpu_micros: (self.cpu_micros()? - cpu) / done,
        })
    }

    /// User and system time of the server's process, from `/proc` (ticks of 10 ms).
    fn cpu_micros(&self) -> Outcome<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id()))?;
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
        let ticks: f64 = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
        Ok(ticks * 10_000.0)
    }

    fn resident_kib(&self) -> Outcome<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .ok_or("no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }
}

fn request(method: &str, path: &str, host: &str, cookies: &str, body: &str, connection: &str) -> String {
    let cookie = if cookies.is_empty() {
        String::new()
    } else {
        format!("Cookie: {cookies}\r\n")
    };
    let form = match body.is_empty() {
        true => String::new(),
        false => format!(
            "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n",
            body.len()
        ),
    };
    format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: {connection}\r\n{cookie}{form}\r\n{body}"
    )
}

/// Asks again and again over one connection; every answer must be 200.
fn requests(address: &str, request: &str, time: Duration) -> Outcome<u64> {
    let mut stream = BufReader::new(TcpStream::connect(address)?);
    stream.get_ref().set_nodelay(true)?;
    let started = Instant::now();
    let (mut done, mut line, mut body) = (0, String::new(), Vec::new());
    while started.elapsed() < time {
        stream.get_mut().write_all(request.as_bytes())?;
        let (mut length, mut chunked, mut first) = (0, false, true);
        loop {
            line.clear();
            stream.read_line(&mut line)?;
            if std::mem::take(&mut first) && !line.starts_with("HTTP/1.1 200") {
                return Err(format!("answered {line}").into());
            }
            match line.trim_end() {
                "" => break,
                "transfer-encoding: chunked" => chunked = true,
                header => {
                    if let Some(value) = header.strip_prefix("content-length: ") {
                        length = value.parse()?;
                    }
                }
            }
        }
        loop {
            if chunked {
                line.clear();
                stream.read_line(&mut line)?;
                length = usize::from_str_radix(line.trim_end(), 16)? + 2;
            }
            body.resize(length, 0);
            stream.read_exact(&mut body)?;
            if !chunked || length == 2 {
                break;
            }
        }
        done += 1;
    }
    Ok(done)
}

/// Counts what sqlx logs.
struct Queries(Arc<AtomicU64>);

impl<S: tracing::Subscriber> Layer<S> for Queries {
    fn on_event(&self, _: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// The server's half: prints its address and the time of a session check, serves until its input ends.
fn serve_until_stopped() -> Outcome {
    let queries = Arc::new(AtomicU64::new(0));
    let only_queries = Targets::new().with_target("sqlx::query", tracing::Level::DEBUG);
    tracing_subscriber::registry()
        .with(Queries(Arc::clone(&queries)).with_filter(only_queries))
        .init();

    let folder = env::temp_dir().join(format!("start-axum-auth-bench-{}", std::process::id()));
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    listener.set_nonblocking(true)?;
    let vars: Vars = [
        ("LEPTOS_SITE_ADDR".to_owned(), address.to_string()),
        (
            "DATABASE_URL".to_owned(),
            format!("sqlite:{}", folder.join("app.db").display()),
        ),
        (
            "SESSION_SECRET".to_owned(),
            "YmVuY2gtYmVuY2gtYmVuY2gtYmVuY2gtYmVuY2gtMDE".to_owned(),
        ),
    ]
    .into_iter()
    .chain(
        env::var("LEPTOS_SITE_ROOT")
            .ok()
            .map(|root| ("LEPTOS_SITE_ROOT".to_owned(), root)),
    )
    .collect();
    let config = ServerConfig::from_vars(&vars, true).map_err(|problems| format!("{problems:?}"))?;
    let outcome = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(async {
            let db = Database::open(&config.auth.database_url).await?;
            db.migrate().await?;
            let (router, auth) = serve::build(config, db, Clock::system()).await;
            let micros = check_micros(&router, &auth).await?;
            let router = Router::new()
                .route("/bare", get(|| async { Json(json!({ "status": "ok" })) }))
                .route(
                    "/queries",
                    get(move || async move { queries.load(Ordering::Relaxed).to_string() }),
                )
                .fallback_service(router);
            println!("{address} {micros}");
            let stop = tokio_util::sync::CancellationToken::new();
            let stopping = stop.clone();
            thread::spawn(move || {
                drop(std::io::stdin().read_to_end(&mut Vec::new()));
                stopping.cancel();
            });
            serve::accept(tokio::net::TcpListener::from_std(listener)?, router, &stop).await;
            Ok(())
        });
    drop(std::fs::remove_dir_all(folder));
    outcome
}

/// The time of one session check, without HTTP around it.
async fn check_micros(router: &Router, auth: &auth::Auth) -> Outcome<f64> {
    use tower::ServiceExt;
    let register = http::Request::post("/api/register")
        .header(http::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(axum::body::Body::from(
            "email=alan%40example.com&password=correct+horse+battery+staple",
        ))?;
    let answer = router.clone().oneshot(register).await?;
    let cookies: Vec<_> = answer
        .headers()
        .get_all(http::header::SET_COOKIE)
        .iter()
        .filter_map(|cookie| cookie.to_str().ok()?.split(';').next())
        .collect();
    let headers: HeaderMap = [(COOKIE, HeaderValue::from_str(&cookies.join("; "))?)]
        .into_iter()
        .collect();
    if auth.sessions.check(&headers).is_none() {
        return Err("the snapshot does not open".into());
    }
    let rounds = 100_000;
    let started = Instant::now();
    for _ in 0..rounds {
        black_box(auth.sessions.check(black_box(&headers)));
    }
    Ok(started.elapsed().as_secs_f64() * 1e6 / f64::from(rounds))
}
