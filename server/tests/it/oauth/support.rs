//! The application in this process, browsers to visit it with, and a world that holds both and two
//! providers.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use auth::{
    Auth, Clock, LiveSession, RequestAuth, SqlUsers, UserAdapter, Vars,
    clock::from_unix,
    db::Database,
    keys::{Place, Purpose},
    session_layer,
};
use axum::{
    Extension, Router, body::Body, extract::ConnectInfo, middleware::from_fn_with_state, routing::get,
};
use http::{
    HeaderMap, Method, Request, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, COOKIE, HOST, LOCATION, ORIGIN, SET_COOKIE},
    request::Builder,
};
use serde_json::{Value, json};
use server::{config::ServerConfig, router::router};
use time::Duration;
use tokio::{sync::oneshot, time::timeout};
use tower::ServiceExt;
use tracing_subscriber::fmt::MakeWriter;
use url::Url;
use uuid::Uuid;

use super::idp::{Endpoint, Idp};
use crate::{database::TestDatabase, support as shared};

/// Where people find the application. https, as in earnest: cookies are `__Host-` ones.
pub const ORIGIN_URL: &str = "https://app.example";
const SECRET: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
/// Unix seconds at which every test begins.
const START: i64 = 1_800_000_000;
pub const PASSWORD: &str = "a river runs past the mill";

/// The number of places of one provider.
pub const PLACES: usize = 64;

/// A person at a provider, with a verified address.
pub fn person(name: &str) -> Value {
    json!({
        "sub": format!("{name}-at-idp"), "email": format!("{name}@example.com"), "email_verified": true, "name": name,
    })
}

/// A person with other or fewer claims.
pub fn person_with(name: &str, changes: Value) -> Value {
    let mut person = person(name);
    crate::oauth::keys::patch(&mut person, &changes);
    person
}

pub fn clock() -> Clock {
    Clock::manual(from_unix(START))
}

/// The application. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<AppInner>);

struct AppInner {
    router: Router,
    auth: Auth,
    clock: Clock,
    origin: String,
    database: Arc<TestDatabase>,
}

impl App {
    /// The application with these variables, over a database of its own.
    pub async fn start(clock: &Clock, vars: &[(&str, &str)]) -> Self {
        Self::start_in(Arc::new(TestDatabase::new()), clock, vars).await
    }

    /// Once more over the same database, with these variables.
    pub async fn restart(&self, vars: &[(&str, &str)]) -> Self {
        Self::start_in(Arc::clone(&self.0.database), &self.0.clock, vars).await
    }

    async fn start_in(database: Arc<TestDatabase>, clock: &Clock, vars: &[(&str, &str)]) -> Self {
        Self::start_with(database, clock, vars, |users| Arc::new(users)).await
    }

    /// With users behind this adapter.
    async fn start_with(
        database: Arc<TestDatabase>,
        clock: &Clock,
        vars: &[(&str, &str)],
        adapter: impl FnOnce(SqlUsers) -> Arc<dyn UserAdapter>,
    ) -> Self {
        let url = database.url();
        let usual = [
            ("PUBLIC_URL", ORIGIN_URL),
            ("SESSION_SECRET", SECRET),
            ("DATABASE_URL", &url),
        ];
        // Of two with one name the later counts, and an empty one is none.
        let vars: Vars = usual.iter().chain(vars).copied().collect();
        let config = ServerConfig::from_vars(&vars, false).unwrap();
        let origin = config.auth.public_url.origin().to_owned();
        let db = Database::open(&config.auth.database_url).await.unwrap();
        db.migrate().await.unwrap();
        let users = adapter(SqlUsers::new(db.clone()));
        let auth = Auth::with_users(config.auth, db, clock.clone(), users).await;
        let router = router(
            auth.clone(),
            config.leptos,
            config.trusted_proxies,
            config.reload_port,
        );
        Self(Arc::new(AppInner {
            router,
            auth,
            clock: clock.clone(),
            origin,
            database,
        }))
    }

    pub fn router(&self) -> Router {
        self.0.router.clone()
    }

    pub fn auth(&self) -> &Auth {
        &self.0.auth
    }

    /// Everything that is stored.
    pub fn bytes_at_rest(&self) -> Vec<u8> {
        self.0.database.stored()
    }

    /// A new browser.
    pub fn browser(&self) -> Browser {
        Browser {
            app: self.clone(),
            jar: BTreeMap::new(),
            address: None,
        }
    }

    pub fn advance(&self, seconds: i64) {
        self.0.clock.advance(Duration::seconds(seconds));
    }

    /// The result of a query that returns one number.
    pub async fn number(&self, sql: &str) -> i64 {
        sqlx::query_scalar(sql)
            .fetch_one(self.auth().db.read())
            .await
            .unwrap()
    }

    /// The result of a query that returns one text or NULL.
    pub async fn text(&self, sql: &str) -> Option<String> {
        sqlx::query_scalar(sql)
            .fetch_one(self.auth().db.read())
            .await
            .unwrap()
    }

    /// A token of the one account: none stored, or what it opens to for this purpose, which may be nothing.
    pub async fn token(&self, purpose: Purpose, column: &'static str) -> Option<Option<String>> {
        let sql = format!("SELECT id, {column} FROM accounts");
        let (id, sealed): (Uuid, Option<String>) = sqlx::query_as(&sql)
            .fetch_one(self.auth().db.read())
            .await
            .unwrap();
        let place = match column {
            "access_token" => "accounts.access_token",
            _ => "accounts.refresh_token",
        };
        let place = Place::new(place, &[id.as_bytes()]);
        Some(self.auth().keys.open_at(purpose, &place, &sealed?))
    }

    pub async fn execute(&self, sql: &str) {
        sqlx::query(sql).execute(self.auth().db.write()).await.unwrap();
    }

    pub async fn count(&self, table: &str) -> i64 {
        self.number(&format!("SELECT count(*) FROM {table}")).await
    }

    #[track_caller]
    pub fn assert_counts<'a>(&'a self, expected: &'a [(&'a str, i64)]) -> impl Future<Output = ()> + 'a {
        let caller = std::panic::Location::caller();
        async move {
            for (table, rows) in expected {
                assert_eq!(self.count(table).await, *rows, "rows of {table}, from {caller}");
            }
        }
    }

    /// There is no user, no session, and no flow is left.
    #[track_caller]
    pub fn assert_untouched(&self) -> impl Future<Output = ()> + '_ {
        self.assert_counts(&[
            ("users", 0),
            ("accounts", 0),
            ("sessions", 0),
            ("sign_in_flows", 0),
            ("pending_links", 0),
        ])
    }

    /// Deletes all users, flows and sessions.
    pub async fn wipe(&self) {
        for table in ["users", "sign_in_flows", "sessions"] {
            self.execute(&format!("DELETE FROM {table}")).await;
        }
    }
}

/// A browser: cookies, and an address that is another one each time, so that no limit is in the way.
#[derive(Clone)]
pub struct Browser {
    app: App,
    pub jar: BTreeMap<String, String>,
    /// A fixed address, where limits are the matter.
    pub address: Option<IpAddr>,
}

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

static ADDRESSES: AtomicU32 = AtomicU32::new(0x0a00_0001);

impl Browser {
    pub fn request(&self, method: Method, path: &str) -> Builder {
        let mut request = Request::builder().method(method).uri(path);
        if !self.jar.is_empty() {
            let pairs: Vec<_> = self
                .jar
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            request = request.header(COOKIE, pairs.join("; "));
        }
        request
    }

    /// Sends a request without keeping what it sets: for several at once. Checks what must hold for every answer.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        let mut request = request;
        if !request.headers().contains_key(HOST) {
            let host = self.app.0.origin.split_once("://").unwrap().1;
            request.headers_mut().insert(HOST, host.parse().unwrap());
        }
        let address = self
            .address
            .unwrap_or_else(|| Ipv4Addr::from(ADDRESSES.fetch_add(1, Ordering::Relaxed)).into());
        request
            .extensions_mut()
            .insert(ConnectInfo(SocketAddr::new(address, 1024)));
        let response = self.app.router().oneshot(request).await.unwrap();
        let answer = shared::Answer::read(response).await;
        answer.check_invariants(self.app.0.origin.starts_with("https:"));
        Answer {
            status: StatusCode::from_u16(answer.status).unwrap(),
            body: answer.text(),
            headers: answer.headers,
        }
    }

    /// Keeps the cookies of an answer.
    pub fn keep(&mut self, answer: &Answer) {
        for cookie in answer.set_cookies() {
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            match value {
                "" => self.jar.remove(name),
                value => self.jar.insert(name.to_owned(), value.to_owned()),
            };
        }
    }

    pub async fn visit(&mut self, request: Request<Body>) -> Answer {
        let answer = self.send(request).await;
        self.keep(&answer);
        answer
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        let request = self.request(Method::GET, path).header("accept", "text/html");
        self.visit(request.body(Body::empty()).unwrap()).await
    }

    /// A form's post, as from one of our own pages; the answer is for a script.
    pub fn form(&self, path: &str, fields: &[(&str, &str)]) -> Request<Body> {
        self.request(Method::POST, path)
            .header(ORIGIN, &self.app.0.origin)
            .header("sec-fetch-site", "same-origin")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(serde_urlencoded::to_string(fields).unwrap().into())
            .unwrap()
    }

    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let request = self.form(path, fields);
        self.visit(request).await
    }

    /// What `/api/session` returns: the session, or null.
    pub async fn session(&mut self) -> Value {
        let answer = self.get("/api/session").await;
        assert_eq!(answer.status, StatusCode::OK);
        answer.json()
    }

    /// The session by the authority rather than by the snapshot.
    pub async fn live_session_id(&self) -> Option<String> {
        let mut without_snapshot = self.clone();
        without_snapshot.jar.remove("__Host-auth");
        let session = without_snapshot.session().await;
        session["session_id"].as_str().map(str::to_owned)
    }

    /// Whether the cookies are worth a session without asking the authority.
    pub fn has_live_snapshot(&self) -> bool {
        let request = self.request(Method::GET, "/").body(()).unwrap();
        self.app.auth().sessions.check(request.headers()).is_some()
    }

    /// The live session, as a server function has it.
    pub async fn live(&self) -> LiveSession {
        let found = Arc::new(Mutex::new(None));
        let keep = Arc::clone(&found);
        let handler = |Extension(request): Extension<RequestAuth>| async move {
            *keep.lock().unwrap() = Some(request.require().await.unwrap());
        };
        let layer = from_fn_with_state(self.app.auth().sessions.clone(), session_layer);
        let router = Router::new().route("/", get(handler)).layer(layer);
        let request = self.request(Method::GET, "/").body(Body::empty()).unwrap();
        router.oneshot(request).await.unwrap();
        found.lock().unwrap().take().unwrap()
    }

    pub async fn user(&mut self) -> Value {
        let answer = self.post("/api/get_user", &[]).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        answer.json()
    }

    pub async fn user_id(&mut self) -> Uuid {
        self.user().await["id"].as_str().unwrap().parse().unwrap()
    }

    /// The providers of the user's connected accounts.
    pub async fn providers(&mut self) -> Vec<String> {
        let user = self.user().await;
        let accounts = user["accounts"].as_array().unwrap().iter();
        accounts
            .map(|account| account["provider"].as_str().unwrap().to_owned())
            .collect()
    }

    /// The id of the user's account at a provider.
    pub async fn account_id(&mut self, provider: &str) -> String {
        let user = self.user().await;
        let mut accounts = user["accounts"].as_array().unwrap().iter();
        let account = accounts.find(|account| account["provider"] == provider);
        account.unwrap()["id"].as_str().unwrap().to_owned()
    }

    pub async fn unlink(&mut self, account_id: &str) -> Answer {
        self.post("/api/unlink_account", &[("account_id", account_id)])
            .await
    }

    /// Creates a user with [`PASSWORD`].
    pub async fn register(&mut self, email: &str) {
        let answer = self
            .post("/api/register", &[("email", email), ("password", PASSWORD)])
            .await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    }

    pub async fn log_in(&mut self, email: &str) -> Answer {
        self.post("/api/login", &[("email", email), ("password", PASSWORD)])
            .await
    }

    /// Presses a provider's button.
    pub async fn begin_with(&mut self, provider: &str, fields: &[(&str, &str)]) -> Hop {
        let answer = self.post(&format!("/auth/login/{provider}"), fields).await;
        Hop::of(provider, &answer)
    }

    pub async fn begin(&mut self, provider: &str) -> Hop {
        self.begin_with(provider, &[]).await
    }

    pub async fn begin_link(&mut self, provider: &str) -> Hop {
        self.begin_with(provider, &[("intent", "link")]).await
    }

    /// The whole way: start, the person's consent, callback.
    pub async fn sign_in(&mut self, provider: &str, idp: &Idp, person: &Value) -> Answer {
        let hop = self.begin(provider).await;
        self.finish(&hop, idp, person).await
    }

    pub async fn link(&mut self, provider: &str, idp: &Idp, person: &Value) -> Answer {
        let hop = self.begin_link(provider).await;
        self.finish(&hop, idp, person).await
    }

    pub async fn finish(&mut self, hop: &Hop, idp: &Idp, person: &Value) -> Answer {
        let callback = hop.approved(idp, person);
        self.get(&callback).await
    }
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn location(&self) -> &str {
        self.header(LOCATION.as_str())
    }

    pub fn set_cookies(&self) -> Vec<&str> {
        self.headers
            .get_all(SET_COOKIE)
            .iter()
            .map(|value| value.to_str().unwrap())
            .collect()
    }

    /// Whether a session or snapshot cookie is set, to whatever value.
    pub fn touches_session(&self) -> bool {
        self.set_cookies()
            .iter()
            .map(|cookie| cookie.trim_start_matches("__Host-"))
            .any(|cookie| cookie.starts_with("id=") || cookie.starts_with("auth="))
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    #[track_caller]
    pub fn assert_leads_to(&self, location: &str) {
        assert_eq!(
            (self.status, self.location()),
            (StatusCode::SEE_OTHER, location),
            "{}",
            self.body
        );
        assert_eq!(self.header(CACHE_CONTROL.as_str()), "no-store");
    }

    /// A callback that failed: to the login page with a code of ours, and nothing else.
    #[track_caller]
    pub fn assert_failed(&self, code: &str) {
        self.assert_leads_to(&format!("/login?error={code}"));
        assert_eq!(self.header("referrer-policy"), "no-referrer");
        assert!(!self.touches_session(), "{:?}", self.set_cookies());
        assert_eq!(self.body, "");
    }

    /// An error of the JSON interface.
    #[track_caller]
    pub fn assert_error(&self, status: u16, code: &str) {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        assert_eq!(self.json()["error"], code);
    }
}

/// A browser on its way to a provider.
#[derive(Clone, Debug)]
pub struct Hop {
    pub provider: String,
    pub url: Url,
}

impl Hop {
    #[track_caller]
    pub fn of(provider: &str, answer: &Answer) -> Self {
        assert_eq!(
            answer.status,
            StatusCode::OK,
            "{} {}",
            answer.location(),
            answer.body
        );
        let start = answer.body.find("<a href=\"").expect("the page has a link") + "<a href=\"".len();
        let url = answer.body[start..]
            .split('"')
            .next()
            .unwrap()
            .replace("&amp;", "&");
        Self {
            provider: provider.to_owned(),
            url: Url::parse(&url).unwrap(),
        }
    }

    pub fn param(&self, name: &str) -> Option<String> {
        let mut values = self.url.query_pairs().filter(|(found, _)| found == name);
        let value = values.next().map(|(_, value)| value.into_owned());
        assert!(values.next().is_none(), "{name} occurs twice");
        value
    }

    pub fn state(&self) -> String {
        self.param("state").unwrap()
    }

    /// The callback's address with these parameters.
    pub fn callback(&self, pairs: &[(&str, &str)]) -> String {
        callback(&self.provider, pairs)
    }

    /// The callback after the person agreed.
    pub fn approved(&self, idp: &Idp, person: &Value) -> String {
        let code = idp.approve(&self.url, person);
        self.callback(&[("code", &code), ("state", &self.state())])
    }
}

pub fn callback(provider: &str, pairs: &[(&str, &str)]) -> String {
    format!(
        "/auth/callback/{provider}?{}",
        serde_urlencoded::to_string(pairs).unwrap()
    )
}

/// The application with two providers about which nothing is known but their issuers.
pub struct World {
    pub acme: Idp,
    pub corp: Idp,
    pub app: App,
}

impl World {
    pub async fn new() -> Self {
        Self::with(&[]).await
    }

    pub async fn with(vars: &[(&str, &str)]) -> Self {
        Self::build(vars, |users| Arc::new(users)).await
    }

    /// With users behind an adapter of a fork's.
    pub async fn with_users(adapter: impl FnOnce(SqlUsers) -> Arc<dyn UserAdapter>) -> Self {
        Self::build(&[], adapter).await
    }

    async fn build(vars: &[(&str, &str)], adapter: impl FnOnce(SqlUsers) -> Arc<dyn UserAdapter>) -> Self {
        let clock = clock();
        let (acme, corp) = (Idp::start(&clock).await, Idp::start(&clock).await);
        let vars = [&Self::providers(&acme, &corp), vars].concat();
        let app = App::start_with(Arc::new(TestDatabase::new()), &clock, &vars, adapter).await;
        Self { acme, corp, app }
    }

    fn providers<'a>(acme: &'a Idp, corp: &'a Idp) -> [(&'a str, &'a str); 7] {
        [
            ("AUTH_PROVIDERS", "acme,corp"),
            ("ACME_ISSUER", acme.origin()),
            ("ACME_CLIENT_ID", "acme-client"),
            // Characters that HTTP Basic and forms write differently.
            ("ACME_CLIENT_SECRET", "acme secret:+%&"),
            ("CORP_ISSUER", corp.origin()),
            ("CORP_CLIENT_ID", "corp-client"),
            ("CORP_CLIENT_SECRET", "corp-secret"),
        ]
    }

    /// The application anew, over the same database and with the same providers unless `vars` say otherwise.
    pub async fn restart(&mut self, vars: &[(&str, &str)]) {
        let vars = [&Self::providers(&self.acme, &self.corp), vars].concat();
        self.app = self.app.restart(&vars).await;
    }

    pub fn browser(&self) -> Browser {
        self.app.browser()
    }

    /// Takes this number of a provider's places, until what this returns is dropped.
    pub async fn crowd(&self, provider: &str, places: usize) -> Vec<oneshot::Sender<()>> {
        let at = self.app.auth().oauth.callbacks_of(provider).unwrap();
        let mut crowd = Vec::new();
        for _ in 0..places {
            let (leave, left) = oneshot::channel();
            let waiting = at.run(async move { drop(left.await) });
            // It has begun, and goes on.
            timeout(std::time::Duration::ZERO, waiting).await.unwrap_err();
            crowd.push(leave);
        }
        crowd
    }

    /// How often a provider was asked for tokens.
    pub fn token_requests(&self) -> usize {
        self.acme.count(Endpoint::Token) + self.corp.count(Endpoint::Token)
    }

    /// Signs a person in with a provider, in a new browser.
    pub async fn signed_in(&self, provider: &str, person: &Value) -> Browser {
        let idp = match provider {
            "corp" => &self.corp,
            _ => &self.acme,
        };
        let mut browser = self.browser();
        let answer = browser.sign_in(provider, idp, person).await;
        answer.assert_leads_to("/profile");
        browser
    }

    /// What failed has left nothing behind: no row, and nothing in the way of the next sign-in.
    pub async fn assert_recovers(&self) {
        self.app.assert_untouched().await;
        self.acme.behave();
        let mut browser = self.signed_in("acme", &person("ada")).await;
        assert_eq!(browser.session().await["email"], "ada@example.com");
        self.app.wipe().await;
    }
}

/// Waits for something another task does.
pub async fn until(done: impl Fn() -> bool) {
    while !done() {
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
}

/// What is logged in this thread while this lives.
#[derive(Clone)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Everything our own crates log, and all but the finest detail of the others.
    pub fn capture() -> (Self, tracing::subscriber::DefaultGuard) {
        let log = Self(Arc::default());
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_env_filter("debug,app=trace,auth=trace,server=trace")
            .with_writer(log.clone())
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
