//! On what ways PostgreSQL is reached: over TLS, through a pooler, and past it.

use std::{
    env, fs,
    net::TcpListener,
    os::unix::{
        fs::{MetadataExt, OpenOptionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use auth::{Auth, Vars, chain, db::Database};
use http::{HeaderMap, header::COOKIE};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use server::{config::ServerConfig, serve};
use sqlx::{ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions};
use url::Url;

use crate::support::{Browser, Folder, ORIGIN, OTHER_PASSWORD, SECRET, TestApp, command};

const ADA: &str = "ada@example.com";

/// The most by which a revocation may be late.
const BOUND: Duration = Duration::from_secs(2);
/// The most a program takes to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// What `cargo xtask` says of the cluster.
fn var(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| {
        panic!(
            "{name} is not set: run `cargo xtask postgres COMMAND` with PostgreSQL and PgBouncer installed"
        )
    })
}

/// The user PostgreSQL's programs run as, where that is another one: none of them runs as root.
fn owner() -> Option<u32> {
    env::var("TEST_POSTGRES_UID").ok().map(|uid| uid.parse().unwrap())
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// A program with files of its own, both of the owner's; ended when dropped.
struct Program {
    folder: PathBuf,
    child: Option<Child>,
}

impl Program {
    fn new() -> Self {
        let folder = env::temp_dir().join(format!("test-program-{}", uuid::Uuid::now_v7()));
        auth::at_rest::create_folder(&folder).unwrap();
        chown(&folder, owner(), None).unwrap();
        Self { folder, child: None }
    }

    /// Writes a file that only the owner can read.
    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.join(name);
        let mut options = fs::OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(&path);
        std::io::Write::write_all(&mut file.unwrap(), text.as_bytes()).unwrap();
        chown(&path, owner(), None).unwrap();
        path
    }

    fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if let Some(uid) = owner() {
            command.uid(uid);
        }
        command
    }

    /// Starts it, and waits until somebody can connect.
    async fn start(&mut self, command: &mut Command, options: &PgConnectOptions) {
        self.child = Some(command.spawn().unwrap());
        let start = Instant::now();
        while let Err(error) = options.connect().await {
            assert!(start.elapsed() < PATIENCE, "{command:?} does not answer: {error}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // At once, and with what it has started: PostgreSQL ends its other processes on this signal.
            let id = child.id().to_string();
            drop(Command::new("kill").args(["-INT", &id]).status());
            drop(child.wait());
        }
        drop(fs::remove_dir_all(&self.folder));
    }
}

/// A cluster that lets nobody in without TLS, and whose certificate is for `localhost`.
struct Encrypted {
    program: Program,
    port: u16,
    root: PathBuf,
    other_root: PathBuf,
}

impl Encrypted {
    async fn start() -> Self {
        let mut program = Program::new();
        let (root, certificate, key) = certificate();
        let files = (
            program.file("root.pem", &root),
            program.file("other.pem", &self::certificate().0),
            program.file("server.crt", &certificate),
            program.file("server.key", &key),
            program.file("password", OTHER_PASSWORD),
        );
        let (root, other_root, certificate, key, password) = files;
        let (programs, data) = (
            PathBuf::from(var("TEST_POSTGRES_PROGRAMS")),
            program.folder.join("data"),
        );
        let mut initdb = program.command(programs.join("initdb"));
        initdb.args([
            "--auth=scram-sha-256",
            "--username=postgres",
            "--locale=C",
            "--no-sync",
        ]);
        initdb.arg("--pwfile").arg(password).arg("--pgdata").arg(&data);
        assert!(initdb.status().unwrap().success());
        fs::write(
            data.join("pg_hba.conf"),
            "hostssl all all 127.0.0.1/32 scram-sha-256\n",
        )
        .unwrap();
        let port = free_port();
        let mut server = program.command(programs.join("postgres"));
        server
            .arg("-D")
            .arg(&data)
            .arg("-F")
            .arg("-k")
            .arg(&program.folder);
        server.args(["-h", "127.0.0.1", "-p", &port.to_string(), "-c", "ssl=on"]);
        server
            .arg("-c")
            .arg(format!("ssl_cert_file={}", certificate.display()));
        server.arg("-c").arg(format!("ssl_key_file={}", key.display()));
        let options = url_of("localhost", port, "sslmode=require").parse().unwrap();
        program.start(&mut server, &options).await;
        Self {
            program,
            port,
            root,
            other_root,
        }
    }

    fn url(&self, parameters: &str) -> String {
        url_of("localhost", self.port, parameters)
    }

    /// Why nobody connects to this address.
    async fn refusal(&self, url: &str) -> String {
        match Database::open(&url.into()).await {
            Ok(_) => panic!("{url} is connected to"),
            Err(error) => chain(&error).to_string(),
        }
    }
}

fn url_of(host: &str, port: u16, parameters: &str) -> String {
    let mut url = Url::parse("postgres://postgres@localhost/postgres").unwrap();
    url.set_host(Some(host)).unwrap();
    url.set_port(Some(port)).unwrap();
    url.set_password(Some(OTHER_PASSWORD)).unwrap();
    url.set_query(Some(parameters).filter(|parameters| !parameters.is_empty()));
    url.into()
}

/// A root, and a certificate for `localhost` it has signed, with its key.
fn certificate() -> (String, String, String) {
    let mut params = CertificateParams::new([]).unwrap();
    // Two roots of one name would be taken for one another.
    let name = uuid::Uuid::now_v7().to_string();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &root).unwrap();
    (root.pem(), certificate.pem(), key.serialize_pem())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_insists_on_tls_is_reached_in_every_mode_that_knows_it() {
    let server = Encrypted::start().await;
    let verified = format!("sslmode=verify-full&sslrootcert={}", server.root.display());
    for parameters in ["", "sslmode=prefer", "sslmode=require", &verified] {
        let url = server.url(parameters);
        let app = TestApp::with(&[("DATABASE_URL", &url)]).await;
        assert!(app.auth.sessions.status().feed_is_current, "{parameters}");
        assert!(
            app.registered(&format!("{}@example.com", uuid::Uuid::now_v7()))
                .await
                .is_signed_in()
                .await
        );
        let clients =
            "FROM pg_stat_activity JOIN pg_stat_ssl USING (pid) WHERE backend_type = 'client backend'";
        assert_eq!(
            app.number(&format!("SELECT count(*) {clients} AND NOT ssl"))
                .await,
            0,
            "{parameters}"
        );
        let names =
            format!("SELECT string_agg(DISTINCT application_name, ',' ORDER BY application_name) {clients}");
        assert_eq!(app.text(&names).await, "auth,auth heartbeat,auth stale feed");
    }
    let refusal = server.refusal(&server.url("sslmode=disable")).await;
    assert!(refusal.contains("no encryption"), "{refusal}");
    drop(server.program);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_untrusted_certificate_or_one_for_another_name_is_refused_and_the_error_says_so() {
    let server = Encrypted::start().await;
    let (root, other) = (server.root.display(), server.other_root.display());
    for parameters in [
        // The system's roots and the bundled ones.
        "sslmode=verify-full".to_owned(),
        format!("sslmode=verify-full&sslrootcert={other}"),
        format!("sslmode=verify-ca&sslrootcert={other}"),
        format!("sslmode=require&sslrootcert={other}"),
    ] {
        let refusal = server.refusal(&server.url(&parameters)).await;
        assert!(
            refusal.contains("invalid peer certificate: UnknownIssuer"),
            "{parameters}: {refusal}"
        );
    }
    for mode in ["verify-full", "verify-ca", "require"] {
        let parameters = format!("sslmode={mode}&sslrootcert={root}");
        let refusal = server
            .refusal(&url_of("127.0.0.1", server.port, &parameters))
            .await;
        let names = refusal.contains("not valid for name") && refusal.contains("localhost");
        assert!(names, "{parameters}: {refusal}");
    }
    drop(server.program);
}

#[tokio::test]
async fn a_server_without_tls_is_refused_where_tls_is_asked_for() {
    let app = TestApp::new().await;
    let mut url = app.auth.db.connect_options().to_url_lossy();
    url.set_query(Some("sslmode=require"));
    let error = Database::open(&url.to_string().into()).await.unwrap_err();
    assert!(
        chain(&error).to_string().contains("does not support TLS"),
        "{}",
        chain(&error).to_string()
    );
}

/// What keeps PgBouncer from knowing of prepared statements; a version that never does would not know the setting.
fn prepares_nothing() -> Option<&'static str> {
    let said = Command::new(var("TEST_PGBOUNCER"))
        .arg("--version")
        .output()
        .unwrap()
        .stdout;
    let said = String::from_utf8(said).unwrap();
    let version = said.lines().next().unwrap().strip_prefix("PgBouncer ").unwrap();
    let mut numbers = version.split('.').map(|number| number.parse::<u32>().unwrap());
    let version = (numbers.next().unwrap(), numbers.next().unwrap());
    (version >= (1, 21)).then_some("max_prepared_statements = 0\n")
}

/// PgBouncer in transaction mode, before the tests' cluster.
struct Pooler {
    url: String,
    _program: Program,
}

impl Pooler {
    async fn start(server: &PgConnectOptions) -> Self {
        let mut program = Program::new();
        let (mut url, port) = (server.to_url_lossy(), free_port());
        let users = format!("\"{}\" \"{}\"\n", url.username(), url.password().unwrap());
        let users = program.file("users", &users);
        let settings = format!(
            "[databases]\n\
             * = host={} port={}\n\
             [pgbouncer]\n\
             listen_addr = 127.0.0.1\n\
             listen_port = {port}\n\
             unix_socket_dir =\n\
             auth_type = scram-sha-256\n\
             auth_file = {}\n\
             pool_mode = transaction\n",
            server.get_host(),
            server.get_port(),
            users.display()
        );
        let settings = program.file(
            "pgbouncer.ini",
            &(settings + prepares_nothing().unwrap_or_default()),
        );
        url.set_port(Some(port)).unwrap();
        url.set_query(Some("sslmode=disable"));
        let url = String::from(url);
        let mut command = program.command(var("TEST_PGBOUNCER"));
        let options = url.parse::<PgConnectOptions>().unwrap().extra_float_digits(None);
        program.start(command.arg(settings), &options).await;
        Self {
            url,
            _program: program,
        }
    }
}

/// An instance on this database, whose schema is up to date, with these addresses.
async fn instance(app: &TestApp, vars: &[(&str, &str)]) -> Auth {
    let vars: Vars = [("PUBLIC_URL", ORIGIN), ("SESSION_SECRET", SECRET)]
        .into_iter()
        .chain(vars.iter().copied())
        .collect();
    let config = ServerConfig::from_vars(&vars, false).unwrap();
    let db = Database::open(&config.auth.database_url).await.unwrap();
    serve::build(config, db, app.clock.clone()).await.1
}

/// What a browser's requests carry.
fn headers(browser: &Browser) -> HeaderMap {
    let (id, snapshot) = browser.session_cookies();
    let cookies = format!("__Host-id={id}; __Host-auth={snapshot}");
    HeaderMap::from_iter([(COOKIE, cookies.parse().unwrap())])
}

/// Waits until the snapshot is void, which must not take longer than revocations may.
async fn is_void_within_the_bound(auth: &Auth, headers: &HeaderMap) {
    let start = Instant::now();
    while auth.sessions.check(headers).is_some() {
        assert!(start.elapsed() < BOUND, "accepted after the bound");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_that_mixes_up_statements_is_found_out_by_the_doctor() {
    let folder = Folder::new();
    let server = folder.database_url();
    let pooler = Pooler::start(&server.parse().unwrap()).await;
    let vars = [
        ("PUBLIC_URL", "http://127.0.0.1:3000"),
        ("LISTEN_DATABASE_URL", &*server),
    ];
    assert!(command(&folder, &vars).arg("migrate").status().unwrap().success());
    let mixed_up = "FAIL  database: a pooler mixes up prepared statements";
    for (url, expected) in [(&server, false), (&pooler.url, true)] {
        let doctor = command(&folder, &vars)
            .env("DATABASE_URL", url)
            .arg("doctor")
            .output()
            .unwrap();
        let said = String::from_utf8(doctor.stdout).unwrap();
        assert_eq!(said.contains(mixed_up), expected, "{said}");
        assert_eq!(doctor.status.success(), !expected, "{said}");
    }
}

/// With any PgBouncer. What needs one of its newer versions (see docs/deploy.md) is to use prepared statements on more than
/// one connection: here requests are answered from snapshots, and one transaction marks.
#[tokio::test(flavor = "multi_thread")]
async fn bypassing_a_pooler_the_feed_is_current_and_the_authority_is_not_asked() {
    let app = TestApp::new().await;
    let (ada, lost) = (app.registered(ADA).await, app.signed_in(ADA).await);
    let user_id = ada.session().await["user_id"].as_str().unwrap().parse().unwrap();
    let (ada_sends, lost_sends) = (headers(&ada), headers(&lost));
    let server = app.auth.db.connect_options();
    let pooler = Pooler::start(&server).await;

    let deaf = instance(&app, &[("DATABASE_URL", &pooler.url)]).await;
    assert!(!deaf.sessions.status().feed_is_current);
    let trouble = deaf.sessions.feed_trouble().unwrap();
    assert!(trouble.contains("do not pass through the pooler"), "{trouble}");

    let direct = server.to_url_lossy().to_string();
    let vars = [
        ("DATABASE_URL", pooler.url.as_str()),
        ("LISTEN_DATABASE_URL", &direct),
    ];
    let auth = instance(&app, &vars).await;
    assert!(auth.sessions.status().feed_is_current);
    assert_eq!(auth.sessions.feed_trouble(), None);
    assert!(auth.sessions.check(&ada_sends).is_some() && auth.sessions.check(&lost_sends).is_some());

    // Marked beside the pooler, and heard past it.
    ada.call("revoke_other_sessions", &[]).await.expect(200);
    is_void_within_the_bound(&auth, &lost_sends).await;
    assert!(auth.sessions.check(&ada_sends).is_some());
    // Marked through it.
    let pooler = Pooler::start(&server).await;
    let pooled = Database::open(&pooler.url.as_str().into()).await.unwrap();
    let mut tx = pooled.begin().await.unwrap();
    app.auth.sessions.end_all(&mut tx, user_id).await.unwrap();
    tx.commit().await.unwrap();
    is_void_within_the_bound(&auth, &ada_sends).await;
    assert_eq!(auth.sessions.status().authority_reads, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_that_listens_at_another_database_is_not_trusted() {
    let (app, elsewhere) = (TestApp::new().await, TestApp::new().await);
    let (ada, lost) = (app.registered(ADA).await, app.signed_in(ADA).await);
    let address = elsewhere.auth.db.connect_options().to_url_lossy().to_string();
    let other = app.restarted(&[("LISTEN_DATABASE_URL", &address)]).await;
    assert!(!other.auth.sessions.status().feed_is_current);
    let start = Instant::now();
    let trouble = loop {
        match other.auth.sessions.feed_trouble() {
            Some(trouble) => break trouble,
            None => tokio::time::sleep(Duration::from_millis(5)).await,
        }
        assert!(start.elapsed() < PATIENCE);
    };
    assert!(trouble.contains("lead to different databases"), "{trouble}");
    assert!(!other.auth.sessions.status().feed_is_current);
    ada.call("revoke_other_sessions", &[]).await.expect(200);
    assert!(!lost.before(&other).is_signed_in().await);
}

#[tokio::test]
async fn an_address_to_listen_at_is_judged_with_the_rest_of_the_configuration() {
    for (address, expected) in [
        ("mysql://ada:canary@localhost/app", "must be postgres://"),
        (
            "postgres://ada:canary@localhost/app?sslmode=verify-ful",
            "cannot be read",
        ),
        (
            "postgres://ada:canary@localhost/app?sslrootcert=/nowhere.pem",
            "/nowhere.pem",
        ),
    ] {
        let vars = [
            ("DATABASE_URL", "postgres://localhost/app"),
            ("LISTEN_DATABASE_URL", address),
        ];
        let vars = vars.into_iter().collect();
        let problems = ServerConfig::from_vars(&vars, false).unwrap_err();
        let [problem] = &problems[..] else {
            panic!("{problems:?}")
        };
        assert_eq!(problem.variable, "LISTEN_DATABASE_URL");
        assert!(problem.message.contains(expected), "{problem}");
        assert!(!problem.message.contains("canary"));
    }
}

#[tokio::test]
async fn the_tests_cluster_needs_its_password_and_its_folder_is_private() {
    let mut url = Url::parse(&var("TEST_DATABASE_URL")).unwrap();
    url.set_password(Some("wrong")).unwrap();
    let error = PgConnection::connect(url.as_str()).await.unwrap_err();
    assert_eq!(
        error.as_database_error().unwrap().code().as_deref(),
        Some("28P01")
    );
    let data = PathBuf::from(var("TEST_POSTGRES_DATA"));
    assert_eq!(data.parent().unwrap().metadata().unwrap().mode() & 0o777, 0o700);
}
