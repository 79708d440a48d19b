//! Whole flows: a browser, the service behind the true session layer, and a provider on loopback that
//! answers whatever a test tells it to.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Extension, Form, Json, Router,
    extract::{Path, RawQuery, State},
    middleware::from_fn_with_state,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use futures_util::FutureExt;
use http::{
    HeaderMap, HeaderName, StatusCode,
    header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE},
};
use serde_json::{Value, json};
use time::Duration;
use url::Url;
use uuid::Uuid;
use wire::User;

use super::{Finished, Http, Intent, StartError, Wish, from_vars, testing::Signer};
use crate::{
    Auth, Clock, Config, Error, Lifetimes, PublicUrl, RequestAuth, Vars,
    clock::from_unix,
    database::TestDatabase,
    db::{Database, Tx},
    email::Email,
    keys::{Place, Purpose},
    session::IdHash,
    session_layer,
    users::{NewUser, Occasion, SqlUsers, UserAdapter},
};

/// Unix seconds.
const NOW: i64 = 1_800_000_000;

/// What the provider does next.
struct Script {
    metadata: Value,
    /// Replaces claims of the ID token; null removes one.
    id_token: Value,
    /// Replaces fields of the token answer; null removes one.
    answer: Value,
    /// Instead of the token answer.
    token: Option<(StatusCode, &'static str, Vec<u8>)>,
    userinfo: Option<(StatusCode, &'static str, Vec<u8>)>,
    emails: Value,
    signer: Signer,
    published: Vec<Signer>,
    nonce: Option<String>,
    token_form: HashMap<String, String>,
    authorization: Option<String>,
}

#[derive(Clone)]
struct Idp {
    base: String,
    clock: Clock,
    script: Arc<Mutex<Script>>,
    tokens: Arc<AtomicUsize>,
    key_sets: Arc<AtomicUsize>,
}

fn patch(target: &mut Value, changes: &Value) {
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => target.as_object_mut().unwrap().remove(name),
            value => target
                .as_object_mut()
                .unwrap()
                .insert(name.clone(), value.clone()),
        };
    }
}

async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    base
}

fn raw((status, kind, body): (StatusCode, &'static str, Vec<u8>)) -> Response {
    (
        status,
        [(CONTENT_TYPE, kind), (LOCATION, "http://127.0.0.1:1/evil")],
        body,
    )
        .into_response()
}

impl Idp {
    async fn new(clock: Clock) -> Self {
        let script = Script {
            metadata: json!({}),
            id_token: json!({}),
            answer: json!({}),
            token: None,
            userinfo: None,
            emails: json!([]),
            signer: Signer::es256("a"),
            published: vec![Signer::es256("a")],
            nonce: None,
            token_form: HashMap::new(),
            authorization: None,
        };
        let idp = Arc::new(Mutex::new(None::<Self>));
        let handler = {
            let idp = Arc::clone(&idp);
            move |Path(path): Path<String>, headers: HeaderMap, body: String| {
                let idp = idp.lock().unwrap().clone().unwrap();
                async move { idp.answer(&path, &headers, &body).await }
            }
        };
        let base = serve(Router::new().route("/{*path}", get(handler.clone()).post(handler))).await;
        let new = Self {
            base,
            clock,
            script: Arc::new(Mutex::new(script)),
            tokens: Arc::default(),
            key_sets: Arc::default(),
        };
        *idp.lock().unwrap() = Some(new.clone());
        new
    }

    fn script(&self, change: impl FnOnce(&mut Script)) {
        change(&mut self.script.lock().unwrap());
    }

    fn tokens(&self) -> usize {
        self.tokens.load(Ordering::SeqCst)
    }

    async fn answer(&self, path: &str, headers: &HeaderMap, body: &str) -> Response {
        // Long enough for two callbacks to meet.
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        let mut script = self.script.lock().unwrap();
        let path = path.strip_prefix("common/v2.0/").unwrap_or(path);
        let at = |path: &str| format!("{}/{path}", self.base);
        let now = self.clock.unix();
        match path {
            ".well-known/openid-configuration" => {
                let mut metadata = json!({
                    "issuer": self.base, "authorization_endpoint": at("authorize"), "token_endpoint": at("token"),
                    "userinfo_endpoint": at("userinfo"), "jwks_uri": at("jwks"),
                    "id_token_signing_alg_values_supported": ["RS256", "ES256", "EdDSA"],
                });
                patch(&mut metadata, &script.metadata);
                Json(metadata).into_response()
            }
            "jwks" => {
                self.key_sets.fetch_add(1, Ordering::SeqCst);
                Json(Signer::jwks(&script.published.iter().collect::<Vec<_>>())).into_response()
            }
            "token" => {
                self.tokens.fetch_add(1, Ordering::SeqCst);
                script.token_form = url::form_urlencoded::parse(body.as_bytes())
                    .into_owned()
                    .collect();
                let header = headers.get(http::header::AUTHORIZATION);
                script.authorization = header.map(|value| value.to_str().unwrap().to_owned());
                if let Some(token) = script.token.clone() {
                    return raw(token);
                }
                let mut claims = json!({
                    "iss": self.base, "sub": "1", "aud": "client", "iat": now, "exp": now + 300, "nonce": script.nonce,
                    "email": "ada@example.com", "email_verified": true, "name": "Ada",
                });
                patch(&mut claims, &script.id_token);
                let mut answer = json!({
                    "access_token": "the-access-token", "refresh_token": "the-refresh-token", "token_type": "Bearer",
                    "expires_in": 3600, "scope": "openid email", "id_token": script.signer.token(claims),
                });
                patch(&mut answer, &script.answer);
                Json(answer).into_response()
            }
            "userinfo" => match script.userinfo.clone() {
                Some(answer) => raw(answer),
                None => StatusCode::UNAUTHORIZED.into_response(),
            },
            "userinfo/emails" => Json(script.emails.clone()).into_response(),
            _ => StatusCode::NOT_FOUND.into_response(),
        }
    }
}

/// The application, and its database.
struct App {
    base: String,
    auth: Auth,
    clock: Clock,
    idp: Idp,
    _database: TestDatabase,
}

impl App {
    async fn new() -> Self {
        Self::with(&[]).await
    }

    /// `IDP` in a value stands for the provider's address.
    async fn with(more: &[(&str, &str)]) -> Self {
        Self::with_users(more, |users| Arc::new(users)).await
    }

    /// With users behind another adapter.
    async fn with_users(
        more: &[(&str, &str)],
        adapter: impl FnOnce(SqlUsers) -> Arc<dyn UserAdapter>,
    ) -> Self {
        let clock = Clock::manual(from_unix(NOW));
        let idp = Idp::new(clock.clone()).await;
        let acme = [
            ("AUTH_PROVIDERS", "acme,corp"),
            ("ACME_ISSUER", "IDP"),
            ("ACME_CLIENT_ID", "client"),
            ("ACME_CLIENT_SECRET", "secret"),
            ("CORP_ISSUER", "IDP"),
            ("CORP_CLIENT_ID", "client"),
            ("CORP_CLIENT_SECRET", "secret"),
        ];
        let vars: Vars = acme
            .iter()
            .chain(more)
            .map(|(name, value)| (*name, value.replace("IDP", &idp.base)))
            .collect();
        let mut problems = Vec::new();
        let providers = from_vars(&vars, &mut problems);
        assert_eq!(problems, []);
        let database = TestDatabase::new();
        let config = Config {
            public_url: PublicUrl::parse("http://127.0.0.1:3000").unwrap(),
            database_url: database.url().into(),
            listen: None,
            secrets: vec![(0..32).collect::<Vec<u8>>().into()],
            lifetimes: Lifetimes::default(),
            password_min_length: 15,
            address_limits: Default::default(),
            providers,
            provider_http: Http::from_vars(&vars, &mut problems),
        };
        let db = Database::open(&config.database_url).await.unwrap();
        db.migrate().await.unwrap();
        let users = adapter(SqlUsers::new(db.clone()));
        let auth = Auth::with_users(config, db, clock.clone(), users).await;
        let router = Router::new()
            .route("/start/{provider}", post(start))
            .route("/callback/{provider}", get(finish))
            .route("/sign-in/{user}", post(sign_in))
            .route("/unlink/{account}", post(unlink))
            .route("/me", get(me))
            .route("/name", get(name))
            .layer(from_fn_with_state(auth.sessions.clone(), session_layer))
            .with_state(auth.clone());
        Self {
            base: serve(router).await,
            auth,
            clock,
            idp,
            _database: database,
        }
    }

    fn browser(&self) -> Browser<'_> {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .unwrap();
        Browser {
            app: self,
            http,
            jar: Mutex::default(),
        }
    }

    async fn user(&self, email: Option<&str>, with_password: bool) -> Uuid {
        let password_hash = match with_password {
            true => Some(
                self.auth
                    .passwords
                    .hash(
                        crate::password::Password::new(&"correct horse battery".into()).unwrap(),
                        [127, 0, 0, 1].into(),
                        None,
                    )
                    .await
                    .unwrap(),
            ),
            false => None,
        };
        let new = NewUser {
            email: email.map(|email| email.parse().unwrap()),
            password_hash,
            ..NewUser::default()
        };
        let mut tx = self.auth.db.begin().await.unwrap();
        let id = self
            .auth
            .users
            .upsert(&mut tx, Occasion::Registration, new, self.clock.now())
            .await
            .unwrap();
        tx.commit().await.unwrap();
        id
    }

    async fn count(&self, table: &str) -> i64 {
        sqlx::query_scalar(&format!("SELECT count(*) FROM {table}"))
            .fetch_one(self.auth.db.read())
            .await
            .unwrap()
    }

    async fn accounts(&self) -> Vec<(Uuid, Uuid, String, String)> {
        sqlx::query_as("SELECT id, user_id, provider, subject FROM accounts ORDER BY created_at, id")
            .fetch_all(self.auth.db.read())
            .await
            .unwrap()
    }

    async fn users(&self) -> Vec<(Option<String>, bool, Option<String>)> {
        sqlx::query_as("SELECT email, email_verified_at IS NOT NULL, name FROM users ORDER BY created_at, id")
            .fetch_all(self.auth.db.read())
            .await
            .unwrap()
    }
}

async fn start(
    State(auth): State<Auth>,
    Path(provider): Path<String>,
    Extension(request): Extension<RequestAuth>,
    Form(form): Form<HashMap<String, String>>,
) -> Response {
    let intent = Intent::from_form(form.get("intent").map(String::as_str)).unwrap();
    let wish = Wish {
        intent,
        return_to: form.get("return_to").map(String::as_str),
        remember: false,
    };
    match auth.oauth.start(&provider, wish, &request).await {
        Ok(started) => ([(SET_COOKIE, started.flow_cookie)], started.authorize_url).into_response(),
        Err(StartError::UnknownProvider) => (StatusCode::NOT_FOUND, "unknown").into_response(),
        Err(StartError::Flow(error)) => (StatusCode::BAD_GATEWAY, error.code()).into_response(),
        Err(StartError::Auth(error)) => (StatusCode::FORBIDDEN, error.to_string()).into_response(),
    }
}

async fn finish(
    State(auth): State<Auth>,
    Path(provider): Path<String>,
    RawQuery(query): RawQuery,
    Extension(request): Extension<RequestAuth>,
) -> String {
    let query = query.unwrap_or_default();
    match auth.oauth.finish(&provider, &query, &request).await {
        Finished::SignedIn { return_to } => format!("signed in {}", return_to.as_str()),
        Finished::Linked { .. } => "linked".to_owned(),
        Finished::Confirmed { .. } => "confirmed".to_owned(),
        Finished::AlreadySignedIn => "already".to_owned(),
        Finished::Failed {
            error,
            intent,
            return_to,
        } => {
            let return_to = return_to.as_ref().map_or("-", |path| path.as_str());
            format!("{} {} {return_to}", intent.as_str(), error.code())
        }
        Finished::UnknownProvider => "unknown".to_owned(),
        Finished::Busy => "busy".to_owned(),
        Finished::Unavailable(error) => error.to_string(),
    }
}

/// Signs in as the password's form would.
async fn sign_in(
    State(auth): State<Auth>,
    Path(user): Path<Uuid>,
    Extension(request): Extension<RequestAuth>,
) -> String {
    let mut tx = auth.db.begin().await.unwrap();
    let linked = auth
        .oauth
        .complete_pending(&mut tx, &request, user)
        .await
        .unwrap();
    request.start_session(tx, user, "password", false).await.unwrap();
    linked.unwrap_or_default()
}

async fn unlink(
    State(auth): State<Auth>,
    Path(account): Path<Uuid>,
    Extension(request): Extension<RequestAuth>,
) -> &'static str {
    let recent = match request.require_recent().await {
        Ok(recent) => recent,
        Err(_) => return "not recent",
    };
    match auth.oauth.unlink(&request, recent, account).await {
        Ok(()) => "unlinked",
        Err(Error::LastWayIn) => "last",
        Err(Error::NotFound) => "not found",
        Err(Error::NotSignedIn) => "not signed in",
        Err(error) => panic!("{error}"),
    }
}

async fn me(Extension(request): Extension<RequestAuth>) -> String {
    request
        .require()
        .await
        .map(|live| live.user_id().to_string())
        .unwrap_or_default()
}

async fn name(State(auth): State<Auth>, Extension(request): Extension<RequestAuth>) -> String {
    let user = auth.user(&request).await.unwrap();
    user.and_then(|user| user.name).unwrap_or_default()
}

struct Browser<'a> {
    app: &'a App,
    http: reqwest::Client,
    jar: Mutex<HashMap<String, String>>,
}

impl Browser<'_> {
    async fn send(&self, request: reqwest::RequestBuilder) -> (StatusCode, String) {
        let cookies: Vec<String> = self
            .jar
            .lock()
            .unwrap()
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let request = if cookies.is_empty() {
            request
        } else {
            request.header(COOKIE, cookies.join("; "))
        };
        let response = request.send().await.unwrap();
        for cookie in response.headers().get_all(SET_COOKIE) {
            let (name, rest) = cookie.to_str().unwrap().split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            self.jar.lock().unwrap().insert(name.to_owned(), value.to_owned());
        }
        (response.status(), response.text().await.unwrap())
    }

    async fn get(&self, path: &str) -> String {
        self.send(self.http.get(format!("{}{path}", self.app.base)))
            .await
            .1
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> (StatusCode, String) {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let kind = (
            HeaderName::from_static("content-type"),
            "application/x-www-form-urlencoded",
        );
        self.send(
            self.http
                .post(format!("{}{path}", self.app.base))
                .header(kind.0, kind.1)
                .body(body),
        )
        .await
    }

    async fn sign_in_as(&self, user: Uuid) -> String {
        self.post(&format!("/sign-in/{user}"), &[]).await.1
    }

    /// Starts a flow; the provider will answer with its nonce. The parameters of the authorization request.
    async fn begin(&self, provider: &str, form: &[(&str, &str)]) -> HashMap<String, String> {
        let (status, url) = self.post(&format!("/start/{provider}"), form).await;
        assert_eq!(status, StatusCode::OK, "{url}");
        let parameters: HashMap<String, String> =
            Url::parse(&url).unwrap().query_pairs().into_owned().collect();
        self.app
            .idp
            .script(|script| script.nonce = parameters.get("nonce").cloned());
        parameters
    }

    async fn come_back(&self, provider: &str, state: &str) -> String {
        self.get(&format!("/callback/{provider}?code=the-code&state={state}"))
            .await
    }

    async fn flow(&self, provider: &str) -> String {
        let state = self.begin(provider, &[]).await.remove("state").unwrap();
        self.come_back(provider, &state).await
    }

    async fn link(&self, provider: &str) -> String {
        let state = self
            .begin(provider, &[("intent", "link")])
            .await
            .remove("state")
            .unwrap();
        self.come_back(provider, &state).await
    }
}

#[tokio::test]
async fn a_first_sign_in_makes_a_user_and_a_later_one_refreshes_the_account() {
    let app = App::new().await;
    let browser = app.browser();
    let asked = browser.begin("acme", &[("return_to", "/settings?x=1")]).await;
    assert_eq!(asked["response_type"], "code");
    assert_eq!(asked["client_id"], "client");
    assert_eq!(asked["redirect_uri"], "http://127.0.0.1:3000/auth/callback/acme");
    assert_eq!(asked["scope"], "openid profile email");
    assert_eq!(
        (
            asked["state"].len(),
            asked["nonce"].len(),
            asked["code_challenge"].len()
        ),
        (43, 43, 43)
    );
    assert_eq!(asked["code_challenge_method"], "S256");
    assert_eq!(
        browser.come_back("acme", &asked["state"]).await,
        "signed in /settings?x=1"
    );
    assert_eq!(
        app.users().await,
        [(Some("ada@example.com".to_owned()), true, Some("Ada".to_owned()))]
    );
    app.idp.script(|script| {
        let verifier = &script.token_form["code_verifier"];
        let challenge = oauth2::PkceCodeChallenge::from_code_verifier_sha256(&oauth2::PkceCodeVerifier::new(
            verifier.clone(),
        ));
        assert_eq!(challenge.as_str(), asked["code_challenge"]);
        assert_eq!(
            script.authorization.as_deref(),
            Some("Basic Y2xpZW50OnNlY3JldA==")
        );
        script.answer = json!({ "refresh_token": null, "access_token": "another-token" });
        script.id_token = json!({ "email": "new@example.com", "name": "Countess" });
    });
    let me = browser.get("/me").await;
    assert_eq!(app.browser().flow("acme").await, "signed in /profile");
    assert_eq!(
        app.users().await,
        [(
            Some("ada@example.com".to_owned()),
            true,
            Some("Countess".to_owned())
        )]
    );
    let (id, user, email, access, refresh): (Uuid, Uuid, String, String, String) =
        sqlx::query_as("SELECT id, user_id, email, access_token, refresh_token FROM accounts")
            .fetch_one(app.auth.db.read())
            .await
            .unwrap();
    assert_eq!((user.to_string(), email), (me, "new@example.com".to_owned()));
    let open = |column, sealed: &str| {
        let place = Place::new(column, &[id.as_bytes()]);
        app.auth.keys.open_at(Purpose::ProviderToken, &place, sealed)
    };
    let (access_token, refresh_token) = ("accounts.access_token", "accounts.refresh_token");
    assert_eq!(open(access_token, &access).as_deref(), Some("another-token"));
    assert_eq!(
        open(refresh_token, &refresh).as_deref(),
        Some("the-refresh-token")
    );
    assert_eq!(open(refresh_token, &access), None);
    assert_eq!(app.count("sign_in_flows").await, 0);
}

#[tokio::test]
async fn a_state_is_good_for_one_callback() {
    let app = App::new().await;
    let browser = app.browser();
    let state = browser.begin("acme", &[]).await.remove("state").unwrap();
    let (one, other) = tokio::join!(
        browser.come_back("acme", &state),
        browser.come_back("acme", &state)
    );
    // The second joins the first.
    assert_eq!([one, other], ["signed in /profile", "signed in /profile"]);
    assert_eq!((app.idp.tokens(), app.count("sessions").await), (1, 1));
    let before = browser.get("/me").await;
    assert_eq!(browser.come_back("acme", &state).await, "signed in /profile");
    app.clock.advance(Duration::seconds(60));
    assert_eq!(browser.come_back("acme", &state).await, "already");
    assert_eq!((app.idp.tokens(), browser.get("/me").await), (1, before));
}

#[tokio::test]
async fn a_callback_that_is_not_the_flows_own_fails_and_uses_it_up() {
    let app = App::new().await;
    let browser = app.browser();
    for (provider, wrong_browser, late) in [
        ("acme", true, false),
        ("corp", false, false),
        ("acme", false, true),
    ] {
        let state = browser
            .begin("acme", &[("return_to", "/x")])
            .await
            .remove("state")
            .unwrap();
        if late {
            app.clock.advance(Duration::seconds(600));
        }
        let other = app.browser();
        let path = format!("/callback/{provider}?code=c&state={state}");
        let end = if wrong_browser {
            other.get(&path).await
        } else {
            browser.get(&path).await
        };
        // Only who began it learns where it was to lead.
        assert_eq!(
            end,
            if late {
                "sign_in expired /x"
            } else {
                "sign_in expired -"
            }
        );
        assert_eq!(browser.come_back("acme", &state).await, "sign_in expired /x");
        assert_eq!(other.come_back("acme", &state).await, "sign_in expired -");
    }
    let state = browser.begin("acme", &[]).await.remove("state").unwrap();
    for bad in ["", "x", &state[1..], &format!("{state}x")] {
        assert!(
            browser
                .come_back("acme", bad)
                .await
                .starts_with("sign_in expired"),
            "{bad}"
        );
    }
    assert_eq!(
        browser
            .get(&format!("/callback/nobody?code=c&state={state}"))
            .await,
        "unknown"
    );
    assert_eq!(app.idp.tokens(), 0);
    assert_eq!(browser.come_back("acme", &state).await, "signed in /profile");
    assert_eq!(browser.post("/start/nobody", &[]).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn errors_and_ambiguous_callbacks_fail_and_use_the_flow_up() {
    let app = App::new().await;
    let browser = app.browser();
    for (query, end) in [
        ("error=access_denied&error_description=%3Cscript%3E", "denied"),
        ("error=server_error", "provider"),
        ("error=access_denied&code=c", "provider"),
        ("code=c&code=c", "provider"),
        ("code=%ff", "provider"),
        ("code=c&iss=https%3A%2F%2Fevil.example", "provider"),
        ("x=1", "provider"),
    ] {
        let state = browser
            .begin("acme", &[("return_to", "/x")])
            .await
            .remove("state")
            .unwrap();
        let found = browser
            .get(&format!("/callback/acme?{query}&state={state}"))
            .await;
        assert_eq!(found, format!("sign_in {end} /x"), "{query}");
        assert_eq!(app.count("sign_in_flows").await, 0, "{query}");
    }
    let state = browser.begin("acme", &[]).await.remove("state").unwrap();
    assert_eq!(
        browser
            .get(&format!("/callback/acme?code=c&state={state}&state={state}"))
            .await,
        "sign_in provider -"
    );
    assert_eq!(
        (
            app.count("sign_in_flows").await,
            app.idp.tokens(),
            app.count("users").await
        ),
        (0, 0, 0)
    );
}

#[tokio::test]
async fn the_issuer_is_compared_byte_for_byte_and_missed_where_it_is_promised() {
    let app = App::new().await;
    app.idp
        .script(|script| script.metadata = json!({ "authorization_response_iss_parameter_supported": true }));
    let browser = app.browser();
    let base = &app.idp.base;
    let same = format!("&iss={base}");
    for iss in [
        String::new(),
        format!("&iss={base}/"),
        format!("&iss={}", base.to_uppercase()),
        format!("{same}{same}"),
    ] {
        let state = browser.begin("acme", &[]).await.remove("state").unwrap();
        assert_eq!(
            browser
                .get(&format!("/callback/acme?code=c&state={state}{iss}"))
                .await,
            "sign_in provider -",
            "{iss}"
        );
    }
    assert_eq!(app.idp.tokens(), 0);
    let state = browser.begin("acme", &[]).await.remove("state").unwrap();
    assert_eq!(
        browser
            .get(&format!("/callback/acme?code=c&state={state}{same}"))
            .await,
        "signed in /profile"
    );
}

#[tokio::test]
async fn a_token_endpoint_that_misbehaves_signs_nobody_in() {
    let app = App::new().await;
    let browser = app.browser();
    let json = "application/json";
    let ok = StatusCode::OK;
    let replies: Vec<(StatusCode, &'static str, Vec<u8>)> = vec![
        (
            StatusCode::BAD_REQUEST,
            json,
            br#"{"error":"invalid_grant","error_description":"<script>"}"#.to_vec(),
        ),
        (StatusCode::INTERNAL_SERVER_ERROR, json, b"{}".to_vec()),
        (StatusCode::FOUND, json, vec![]),
        (ok, "text/html", b"<html>".to_vec()),
        (ok, json, b"<html>".to_vec()),
        (ok, json, vec![]),
        (ok, json, b"[]".to_vec()),
        (ok, json, br#"{"error":"bad_verification_code"}"#.to_vec()),
        (ok, json, vec![b' '; 10 << 20]),
    ];
    for reply in replies {
        let what = format!("{} {} {}", reply.0, reply.1, reply.2.len());
        app.idp.script(|script| script.token = Some(reply));
        let before = app.idp.tokens();
        assert_eq!(browser.flow("acme").await, "sign_in provider -", "{what}");
        assert_eq!(app.idp.tokens(), before + 1, "{what}");
    }
    app.idp.script(|script| script.token = None);
    for answer in [
        json!({ "id_token": null }),
        json!({ "access_token": null }),
        json!({ "token_type": "MAC" }),
        json!({ "token_type": null }),
        json!({ "id_token": "" }),
        json!({ "id_token": 1 }),
    ] {
        app.idp.script(|script| script.answer = answer.clone());
        assert_eq!(browser.flow("acme").await, "sign_in provider -", "{answer}");
    }
    assert_eq!((app.count("users").await, app.count("sessions").await), (0, 0));
    app.idp.script(|script| {
        script.answer = json!({ "token_type": "bearer", "expires_in": null, "refresh_token": null });
    });
    assert_eq!(browser.flow("acme").await, "signed in /profile");
}

#[tokio::test]
async fn an_id_token_of_another_flow_is_refused() {
    let app = App::new().await;
    let browser = app.browser();
    for claims in [
        json!({ "nonce": "another" }),
        json!({ "nonce": null }),
        json!({ "aud": "other" }),
        json!({ "iss": "x" }),
    ] {
        app.idp.script(|script| script.id_token = claims.clone());
        assert_eq!(browser.flow("acme").await, "sign_in provider -", "{claims}");
    }
    assert_eq!(app.count("users").await, 0);
}

#[tokio::test]
async fn changed_keys_are_fetched_once_in_five_minutes() {
    let app = App::new().await;
    let browser = app.browser();
    let fetched = || app.idp.key_sets.load(Ordering::SeqCst);
    // What was fetched for this very token is not fetched again.
    app.idp.script(|script| script.signer = Signer::es256("z"));
    assert_eq!(
        (browser.flow("acme").await.as_str(), fetched()),
        ("sign_in provider -", 1)
    );
    app.idp.script(|script| {
        script.signer = Signer::eddsa("b");
        script.published.push(Signer::eddsa("b"));
    });
    assert_eq!(
        (browser.flow("acme").await.as_str(), fetched()),
        ("signed in /profile", 2)
    );
    app.idp.script(|script| script.signer = Signer::es256("z"));
    for _ in 0..5 {
        assert_eq!(
            (browser.flow("acme").await.as_str(), fetched()),
            ("sign_in provider -", 2)
        );
    }
    app.clock.advance(Duration::seconds(300));
    for _ in 0..5 {
        assert_eq!(
            (browser.flow("acme").await.as_str(), fetched()),
            ("sign_in provider -", 3)
        );
    }
    app.clock.advance(Duration::hours(1));
    app.idp.script(|script| script.signer = Signer::es256("a"));
    assert_eq!(
        (browser.flow("acme").await.as_str(), fetched()),
        ("signed in /profile", 4)
    );
}

#[tokio::test]
async fn a_provider_that_is_down_or_another_is_tried_again_in_five_seconds() {
    let app = App::with(&[("CORP_ISSUER", "http://127.0.0.1:1")]).await;
    let browser = app.browser();
    assert_eq!(
        browser.post("/start/corp", &[]).await,
        (StatusCode::BAD_GATEWAY, "provider".to_owned())
    );
    app.idp
        .script(|script| script.metadata = json!({ "issuer": "https://evil.example" }));
    assert_eq!(
        browser.post("/start/acme", &[]).await,
        (StatusCode::BAD_GATEWAY, "provider".to_owned())
    );
    assert!(app.auth.oauth.check("acme").await.is_err());
    app.idp.script(|script| script.metadata = json!({}));
    app.clock.advance(Duration::seconds(4));
    assert!(app.auth.oauth.check("acme").await.is_err());
    app.clock.advance(Duration::seconds(1));
    assert!(app.auth.oauth.check("acme").await.is_ok());
    assert_eq!(browser.flow("acme").await, "signed in /profile");
    assert_eq!(
        app.auth.oauth.check("nobody").await,
        Err("is not configured".to_owned())
    );
}

#[tokio::test]
async fn what_is_under_way_at_one_provider_is_in_no_others_way() {
    let app = App::new().await;
    let browser = app.browser();
    let acme = app.auth.oauth.configured("acme").unwrap();
    for number in 0_u64.. {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&number.to_le_bytes());
        if acme
            .callbacks
            .join(key, NOW, std::future::pending)
            .now_or_never()
            .is_some()
        {
            break;
        }
    }
    assert_eq!(browser.flow("acme").await, "busy");
    assert_eq!(browser.flow("corp").await, "signed in /profile");
}

#[tokio::test]
async fn userinfo_completes_the_id_token_but_never_contradicts_it() {
    let app = App::new().await;
    let bare = json!({ "email": null, "email_verified": null, "name": null });
    let ok = |body: &str| {
        Some((
            StatusCode::OK,
            "application/json; charset=utf-8",
            body.as_bytes().to_vec(),
        ))
    };
    for mismatch in [r#"{"sub":"2","name":"Eve"}"#, r#"{"name":"Eve"}"#, r#"{"sub":1}"#] {
        app.idp.script(|script| script.userinfo = ok(mismatch));
        assert_eq!(
            app.browser().flow("acme").await,
            "sign_in provider -",
            "{mismatch}"
        );
    }
    assert_eq!(app.count("users").await, 0);
    let useless = [
        None,
        ok("[]"),
        ok("garbage"),
        Some((StatusCode::OK, "application/jwt", b"a.b.c".to_vec())),
        Some((
            StatusCode::OK,
            "text/html",
            br#"{"sub":"1","name":"Eve"}"#.to_vec(),
        )),
        Some((StatusCode::FOUND, "application/json", vec![])),
    ];
    for answer in useless {
        app.idp.script(|script| {
            script.id_token = bare.clone();
            script.userinfo = answer;
        });
        assert_eq!(app.browser().flow("acme").await, "signed in /profile");
    }
    assert_eq!(app.users().await, [(None, false, None)]);
    app.idp.script(|script| {
        script.id_token = json!({ "email": null, "email_verified": null, "name": null, "sub": "7" });
        script.userinfo =
            ok(r#"{"sub":"7","email":"grace@example.com","email_verified":true,"name":"Grace"}"#);
    });
    assert_eq!(app.browser().flow("acme").await, "signed in /profile");
    let grace = (
        Some("grace@example.com".to_owned()),
        true,
        Some("Grace".to_owned()),
    );
    assert_eq!(app.users().await.pop(), Some(grace));
}

#[tokio::test]
async fn a_taken_address_is_connected_only_by_its_owner_and_in_the_same_browser() {
    let app = App::new().await;
    let owner = app.user(Some("ada@example.com"), true).await;
    let other = app.user(Some("eve@example.com"), true).await;
    let browser = app.browser();
    assert_eq!(browser.flow("acme").await, "sign_in link_required -");
    assert_eq!((app.count("accounts").await, app.count("sessions").await), (0, 0));
    let pending: String = sqlx::query_scalar("SELECT pending FROM sign_in_flows")
        .fetch_one(app.auth.db.read())
        .await
        .unwrap();
    assert!(!pending.contains("ada@example.com") && !pending.contains("token"));
    // Neither in another browser nor for somebody else.
    assert_eq!(app.browser().sign_in_as(owner).await, "");
    assert_eq!(browser.sign_in_as(other).await, "");
    assert_eq!(app.count("accounts").await, 0);
    assert_eq!(browser.sign_in_as(owner).await, "Acme");
    let [(_, user, provider, subject)] = &app.accounts().await[..] else {
        panic!()
    };
    assert_eq!((*user, provider.as_str(), subject.as_str()), (owner, "acme", "1"));
    assert_eq!(app.count("sign_in_flows").await, 0);
    assert_eq!(app.browser().flow("acme").await, "signed in /profile");
    assert_eq!(app.count("users").await, 2);
}

#[tokio::test]
async fn a_pending_link_ends_after_ten_minutes_and_a_browser_has_one() {
    let app = App::new().await;
    let owner = app.user(Some("ada@example.com"), true).await;
    let browser = app.browser();
    assert_eq!(browser.flow("acme").await, "sign_in link_required -");
    assert_eq!(browser.flow("corp").await, "sign_in link_required -");
    assert_eq!(app.count("sign_in_flows").await, 1);
    app.clock.advance(Duration::seconds(600));
    assert_eq!(browser.sign_in_as(owner).await, "");
    assert_eq!(browser.flow("acme").await, "sign_in link_required -");
    app.clock.advance(Duration::seconds(600));
    app.auth.oauth.sweep().await.unwrap();
    assert_eq!(
        (app.count("sign_in_flows").await, app.count("accounts").await),
        (0, 0)
    );
}

#[tokio::test]
async fn an_unverified_address_is_nobodys() {
    let app = App::new().await;
    app.user(Some("ada@example.com"), true).await;
    for verified in [json!(false), Value::Null, json!("true"), json!(1)] {
        app.idp
            .script(|script| script.id_token = json!({ "email_verified": verified }));
        assert_eq!(
            app.browser().flow("acme").await,
            "sign_in unverified -",
            "{verified}"
        );
    }
    assert_eq!(
        (app.count("users").await, app.count("sign_in_flows").await),
        (1, 0)
    );
    app.idp.script(|script| {
        script.id_token = json!({ "email": "free@example.com", "email_verified": "true", "sub": "2" });
    });
    assert_eq!(app.browser().flow("acme").await, "signed in /profile");
    assert_eq!(app.users().await[1], (None, false, Some("Ada".to_owned())));
    // The confusable and the full-width are other addresses.
    app.idp
        .script(|script| script.id_token = json!({ "email": "\u{ff41}da@example.com", "sub": "3" }));
    assert_eq!(app.browser().flow("acme").await, "signed in /profile");
    assert_eq!(app.count("users").await, 3);
}

#[tokio::test]
async fn one_subject_at_two_providers_is_two_identities() {
    let app = App::new().await;
    assert_eq!(app.browser().flow("acme").await, "signed in /profile");
    app.idp
        .script(|script| script.id_token = json!({ "email": "other@example.com" }));
    assert_eq!(app.browser().flow("corp").await, "signed in /profile");
    assert_eq!((app.count("users").await, app.count("accounts").await), (2, 2));
}

// wing:linkedin
#[tokio::test]
async fn two_first_sign_ins_at_once_make_one_user() {
    // LinkedIn's row sends no nonce, so the same answer is good for both.
    let app = App::with(&[
        ("LINKEDIN_CLIENT_ID", "client"),
        ("LINKEDIN_CLIENT_SECRET", "s"),
        ("LINKEDIN_ISSUER", "IDP"),
    ])
    .await;
    let (one, other) = (app.browser(), app.browser());
    assert!(!one.begin("linkedin", &[]).await.contains_key("nonce"));
    app.idp
        .script(|script| script.answer = json!({ "token_type": null }));
    let (first, second) = tokio::join!(one.flow("linkedin"), other.flow("linkedin"));
    assert_eq!(
        (first.as_str(), second.as_str()),
        ("signed in /profile", "signed in /profile")
    );
    assert_eq!((app.count("users").await, app.count("accounts").await), (1, 1));
    app.idp.script(|script| {
        assert!(!script.token_form.contains_key("code_verifier"));
        assert_eq!(script.token_form["client_secret"], "s");
        assert_eq!(script.authorization, None);
    });
}
// end wing:linkedin

#[tokio::test]
async fn several_tabs_work_and_the_oldest_of_many_flows_goes() {
    let app = App::new().await;
    let browser = app.browser();
    let first = browser.begin("acme", &[]).await;
    let cookie = browser.jar.lock().unwrap()["flow"].clone();
    let second = browser.begin("acme", &[]).await;
    assert_eq!(browser.jar.lock().unwrap()["flow"], cookie);
    for asked in [first, second] {
        app.idp
            .script(|script| script.nonce = asked.get("nonce").cloned());
        assert_eq!(
            browser.come_back("acme", &asked["state"]).await,
            "signed in /profile"
        );
    }
    let mut flows = Vec::new();
    for _ in 0..21 {
        flows.push(browser.begin("acme", &[]).await);
    }
    assert_eq!(app.count("sign_in_flows").await, 20);
    let anonymous = app.browser();
    anonymous.jar.lock().unwrap().insert("flow".to_owned(), cookie);
    assert_eq!(
        anonymous.come_back("acme", &flows[0]["state"]).await,
        "sign_in expired -"
    );
    app.idp
        .script(|script| script.nonce = flows[1].get("nonce").cloned());
    assert_eq!(
        anonymous.come_back("acme", &flows[1]["state"]).await,
        "signed in /profile"
    );
}

#[tokio::test]
async fn linking_takes_the_session_that_began_it() {
    let app = App::new().await;
    let (ada, eve) = (
        app.user(Some("x@example.com"), true).await,
        app.user(Some("eve@example.com"), true).await,
    );
    let browser = app.browser();
    assert_eq!(
        browser.post("/start/acme", &[("intent", "link")]).await.0,
        StatusCode::FORBIDDEN
    );
    browser.sign_in_as(ada).await;
    // Signed in anew, as another or as the same: not the session that began it.
    for user in [eve, ada] {
        let state = browser
            .begin("acme", &[("intent", "link")])
            .await
            .remove("state")
            .unwrap();
        browser.sign_in_as(user).await;
        assert_eq!(browser.come_back("acme", &state).await, "link expired -");
        browser.sign_in_as(ada).await;
    }
    assert_eq!((app.idp.tokens(), app.count("accounts").await), (0, 0));

    let before = browser.jar.lock().unwrap()["id"].clone();
    assert_eq!(browser.link("acme").await, "linked");
    assert_ne!(browser.jar.lock().unwrap()["id"], before);
    assert_eq!(browser.get("/me").await, ada.to_string());
    assert_eq!(browser.link("acme").await, "linked");
    let [(_, user, ..)] = app.accounts().await[..] else {
        panic!()
    };
    assert_eq!(user, ada);
    let events: i64 =
        sqlx::query_scalar("SELECT count(*) FROM audit_events WHERE kind = 'link' AND user_id = $1")
            .bind(ada)
            .fetch_one(app.auth.db.read())
            .await
            .unwrap();
    assert_eq!(events, 1);

    browser.sign_in_as(eve).await;
    assert_eq!(browser.link("acme").await, "link taken -");
    assert_eq!(browser.get("/me").await, eve.to_string());
    app.clock.advance(Duration::minutes(10));
    assert_eq!(
        browser.post("/start/acme", &[("intent", "link")]).await.0,
        StatusCode::FORBIDDEN
    );
}

#[tokio::test]
async fn the_last_way_in_stays() {
    let app = App::new().await;
    let browser = app.browser();
    assert_eq!(browser.flow("acme").await, "signed in /profile");
    let [(acme, user, ..)] = app.accounts().await[..] else {
        panic!()
    };
    assert_eq!(browser.post(&format!("/unlink/{acme}"), &[]).await.1, "last");
    assert_eq!(browser.link("corp").await, "linked");
    let corp = app.accounts().await[1].0;

    let stranger = app.browser();
    stranger
        .sign_in_as(app.user(Some("eve@example.com"), true).await)
        .await;
    for foreign in [acme, Uuid::now_v7()] {
        assert_eq!(
            stranger.post(&format!("/unlink/{foreign}"), &[]).await.1,
            "not found"
        );
    }

    let (one, other) = (format!("/unlink/{acme}"), format!("/unlink/{corp}"));
    let (first, second) = tokio::join!(browser.post(&one, &[]), browser.post(&other, &[]));
    let ends = [first.1.as_str(), second.1.as_str()];
    assert_eq!(
        ends.iter().filter(|end| **end == "unlinked").count(),
        1,
        "{ends:?}"
    );
    assert_eq!(app.count("accounts").await, 1);
    let left: Uuid = sqlx::query_scalar("SELECT user_id FROM accounts")
        .fetch_one(app.auth.db.read())
        .await
        .unwrap();
    assert_eq!(left, user);
}

#[tokio::test]
async fn disconnecting_ends_the_sessions_that_began_there() {
    let app = App::new().await;
    let user = app.user(Some("x@example.com"), true).await;
    let (browser, provider) = (app.browser(), app.browser());
    browser.sign_in_as(user).await;
    assert_eq!(browser.link("acme").await, "linked");
    assert_eq!(provider.flow("acme").await, "signed in /profile");
    assert_eq!(provider.get("/me").await, user.to_string());
    let account = app.accounts().await[0].0;
    let before = browser.jar.lock().unwrap()["id"].clone();
    assert_eq!(
        browser.post(&format!("/unlink/{account}"), &[]).await.1,
        "unlinked"
    );
    assert_eq!(provider.get("/me").await, "");
    assert_eq!(browser.get("/me").await, user.to_string());
    assert_ne!(browser.jar.lock().unwrap()["id"], before);
    assert_eq!(
        browser.post(&format!("/unlink/{account}"), &[]).await.1,
        "not found"
    );
}

#[tokio::test]
async fn a_password_without_an_address_is_no_way_in() {
    let app = App::new().await;
    app.idp
        .script(|script| script.id_token = json!({ "email": null }));
    let browser = app.browser();
    assert_eq!(browser.flow("acme").await, "signed in /profile");
    sqlx::query("UPDATE users SET password_hash = 'x'")
        .execute(app.auth.db.write())
        .await
        .unwrap();
    let account = app.accounts().await[0].0;
    assert_eq!(browser.post(&format!("/unlink/{account}"), &[]).await.1, "last");
}

#[tokio::test]
async fn a_disabled_user_does_not_come_back_in() {
    let app = App::new().await;
    assert_eq!(app.browser().flow("acme").await, "signed in /profile");
    sqlx::query("UPDATE users SET disabled_at = created_at")
        .execute(app.auth.db.write())
        .await
        .unwrap();
    assert_eq!(app.browser().flow("acme").await, "sign_in provider -");
}

#[tokio::test]
async fn a_failed_sign_in_keeps_the_present_session_and_a_good_one_ends_it() {
    let app = App::new().await;
    let user = app.user(Some("x@example.com"), true).await;
    let browser = app.browser();
    browser.sign_in_as(user).await;
    app.idp
        .script(|script| script.id_token = json!({ "aud": "other" }));
    assert_eq!(browser.flow("acme").await, "sign_in provider -");
    assert_eq!(browser.get("/me").await, user.to_string());
    app.idp.script(|script| script.id_token = json!({}));
    assert_eq!(browser.flow("acme").await, "signed in /profile");
    assert_ne!(browser.get("/me").await, user.to_string());
    assert_eq!(app.count("sessions").await, 1);
}

// wing:github
#[tokio::test]
async fn github_is_asked_for_the_list_of_addresses() {
    let app = App::with(&[
        ("GITHUB_CLIENT_ID", "client"),
        ("GITHUB_CLIENT_SECRET", "s"),
        ("GITHUB_AUTH_URL", "IDP/authorize"),
        ("GITHUB_TOKEN_URL", "IDP/token"),
        ("GITHUB_USERINFO_URL", "IDP/userinfo"),
    ])
    .await;
    let profile = r#"{"id":583231,"login":"ada","name":null,"email":"public@example.com","avatar_url":"https://img.example/a"}"#;
    app.idp.script(|script| {
        script.answer = json!({ "id_token": null, "refresh_token": null, "scope": "read:user,user:email" });
        script.userinfo = Some((StatusCode::OK, "application/json", profile.as_bytes().to_vec()));
        script.emails = json!([
            { "email": "first@example.com", "primary": false, "verified": true },
            { "email": "ada@example.com", "primary": true, "verified": true },
        ]);
    });
    let browser = app.browser();
    let asked = browser.begin("github", &[]).await;
    assert!(asked.contains_key("code_challenge") && !asked.contains_key("nonce"));
    assert_eq!(asked["scope"], "read:user user:email");
    assert_eq!(
        browser.come_back("github", &asked["state"]).await,
        "signed in /profile"
    );
    assert_eq!(
        app.users().await,
        [(Some("ada@example.com".to_owned()), true, Some("ada".to_owned()))]
    );
    assert_eq!(app.accounts().await[0].3, "583231");
    app.idp.script(|script| {
        script.token = Some((
            StatusCode::OK,
            "application/json",
            br#"{"error":"bad_verification_code"}"#.to_vec(),
        ));
    });
    assert_eq!(app.browser().flow("github").await, "sign_in provider -");
}
// end wing:github

// wing:apple
#[tokio::test]
async fn apple_answers_by_form_and_names_the_person_once() {
    let key = super::testing::P256_PEM.replace('\n', "\\n");
    let app = App::with(&[
        ("APPLE_CLIENT_ID", "client"),
        ("APPLE_TEAM_ID", "TEAM"),
        ("APPLE_KEY_ID", "KEY"),
        ("APPLE_PRIVATE_KEY", &key),
        ("APPLE_ISSUER", "IDP"),
    ])
    .await;
    app.idp
        .script(|script| script.id_token = json!({ "name": null, "email_verified": "true" }));
    let browser = app.browser();
    let (_, url) = browser.post("/start/apple", &[]).await;
    assert!(
        url.contains("scope=name%20email") && url.contains("response_mode=form_post"),
        "{url}"
    );
    let asked = browser.begin("apple", &[]).await;
    let form = format!(
        "state={}&code=c&user=%7B%22name%22%3A%7B%22firstName%22%3A%22Ada%22%2C%22lastName%22%3A%22L%22%7D%7D",
        asked["state"]
    );
    let location = app.auth.oauth.repost("apple", &form).unwrap();
    assert!(location.starts_with("/auth/callback/apple?"));
    assert_eq!(
        browser.get(location.trim_start_matches("/auth")).await,
        "signed in /profile"
    );
    assert_eq!(
        app.users().await,
        [(Some("ada@example.com".to_owned()), true, Some("Ada L".to_owned()))]
    );
    app.idp
        .script(|script| assert_eq!(script.token_form["client_secret"].split('.').count(), 3));
    assert_eq!(
        app.auth.oauth.repost("acme", &form),
        Err(super::RepostError::NotAllowed)
    );
    assert_eq!(
        app.auth.oauth.repost("nobody", &form),
        Err(super::RepostError::UnknownProvider)
    );
    let asked = browser.begin("apple", &[]).await;
    let form = format!("state={}&error=user_cancelled_authorize", asked["state"]);
    let location = app.auth.oauth.repost("apple", &form).unwrap();
    assert_eq!(
        browser.get(location.trim_start_matches("/auth")).await,
        "sign_in denied -"
    );
}
// end wing:apple

// wing:microsoft
#[tokio::test]
async fn a_microsoft_tenant_signs_in_its_own_people_only() {
    let app = App::with(&[
        ("MICROSOFT_CLIENT_ID", "client"),
        ("MICROSOFT_CLIENT_SECRET", "s"),
        ("MICROSOFT_ISSUER", "IDP/common/v2.0"),
    ])
    .await;
    let tenant = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490";
    let other = "11111111-2b34-4da1-9baa-8bc8c9d6a490";
    let base = app.idp.base.clone();
    let claims = |iss: &str, tid: &str| json!({ "iss": format!("{base}/{iss}/v2.0"), "tid": tid, "oid": "o", "xms_edov": true });
    app.idp
        .script(|script| script.metadata = json!({ "issuer": format!("{base}/{{tenantid}}/v2.0") }));
    for bad in [
        claims(tenant, other),
        claims("{tenantid}", "{tenantid}"),
        claims("common", "common"),
        json!({}),
    ] {
        app.idp.script(|script| script.id_token = bad.clone());
        assert_eq!(
            app.browser().flow("microsoft").await,
            "sign_in provider -",
            "{bad}"
        );
    }
    app.idp.script(|script| script.id_token = claims(tenant, tenant));
    assert_eq!(app.browser().flow("microsoft").await, "signed in /profile");
    assert_eq!(app.accounts().await[0].3, format!("{tenant}.o"));
    assert_eq!(app.users().await[0].0.as_deref(), Some("ada@example.com"));
    // The same object's id in another tenant is somebody else, whose administrator vouches for nothing.
    app.idp.script(|script| {
        script.id_token = claims(other, other);
        patch(&mut script.id_token, &json!({ "xms_edov": false }));
    });
    assert_eq!(app.browser().flow("microsoft").await, "sign_in unverified -");
}
// end wing:microsoft

/// Whether a browser's cookies are worth a session without asking the authority.
fn snapshot_is_live(browser: &Browser<'_>) -> bool {
    let jar = browser.jar.lock().unwrap();
    let pairs: Vec<_> = jar
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let mut headers = HeaderMap::new();
    headers.insert(COOKIE, pairs.join("; ").parse().unwrap());
    browser.app.auth.sessions.check(&headers).is_some()
}

#[tokio::test]
async fn with_a_user_goes_all_that_is_theirs_and_snapshots_are_void_at_once() {
    let app = App::new().await;
    let (phone, laptop, other) = (app.browser(), app.browser(), app.browser());
    assert_eq!(phone.flow("acme").await, "signed in /profile");
    assert_eq!(laptop.flow("acme").await, "signed in /profile");
    let bystander = app.user(Some("grace@example.com"), true).await;
    other.sign_in_as(bystander).await;
    let user: Uuid = phone.get("/me").await.parse().unwrap();
    for id in [user, bystander] {
        sqlx::query("INSERT INTO user_data (user_id, bucket, updated_at) VALUES ($1, 'public', $2)")
            .bind(id)
            .bind(app.clock.now())
            .execute(app.auth.db.write())
            .await
            .unwrap();
    }

    // Dropped without a commit it has not happened: snapshots are asked about, and the sessions found alive.
    let mut tx = app.auth.db.begin().await.unwrap();
    app.auth.delete_user(&mut tx, user).await.unwrap();
    drop(tx);
    assert_eq!(phone.get("/me").await, user.to_string());

    // That left marks in memory. They are forgotten here, so that only the next ones count.
    app.clock.advance(Duration::seconds(421));
    app.auth.sweep().await.unwrap();
    laptop.begin("corp", &[("intent", "link")]).await;
    for browser in [&phone, &laptop, &other] {
        browser.get("/me").await;
        assert!(snapshot_is_live(browser));
    }
    let mut tx = app.auth.db.begin().await.unwrap();
    app.auth.delete_user(&mut tx, user).await.unwrap();
    tx.commit().await.unwrap();

    assert!(!snapshot_is_live(&phone) && !snapshot_is_live(&laptop));
    assert_eq!(
        (phone.get("/me").await, laptop.get("/me").await),
        Default::default()
    );
    assert!(snapshot_is_live(&other));
    assert_eq!(other.get("/me").await, bystander.to_string());
    for (rows_of, count) in [
        ("users", 1),
        ("accounts", 0),
        ("sessions", 1),
        ("tower_sessions", 1),
        ("sign_in_flows", 0),
        ("user_data", 1),
        ("audit_events WHERE kind = 'sign_in'", 3),
        ("audit_events WHERE kind = 'sign_in' AND user_id IS NULL", 2),
        ("audit_events WHERE kind = 'delete_user' AND user_id IS NULL", 1),
        ("stale_sessions", 2),
    ] {
        assert_eq!(app.count(rows_of).await, count, "{rows_of}");
    }

    let mut tx = app.auth.db.begin().await.unwrap();
    assert!(matches!(
        app.auth.delete_user(&mut tx, user).await,
        Err(Error::NotFound)
    ));
    drop(tx);
    // Who comes back is somebody new.
    assert_eq!(app.browser().flow("acme").await, "signed in /profile");
    assert_eq!(app.count("users").await, 2);
}

/// An adapter of a fork's: it knows names of its own, and asks the template's for the rest.
#[derive(Debug)]
struct Elsewhere {
    users: SqlUsers,
    calls: Arc<Mutex<Vec<&'static str>>>,
}

impl Elsewhere {
    fn note(&self, call: &'static str) {
        self.calls.lock().unwrap().push(call);
    }
}

#[async_trait::async_trait]
impl UserAdapter for Elsewhere {
    async fn get(&self, session: &IdHash, now: time::OffsetDateTime) -> crate::Result<Option<User>> {
        self.note("get");
        let user = self.users.get(session, now).await?;
        Ok(user.map(|user| User {
            name: Some("from elsewhere".to_owned()),
            ..user
        }))
    }

    async fn find_by_email(&self, tx: &mut Tx, email: &Email) -> crate::Result<Option<Uuid>> {
        self.note("find");
        self.users.find_by_email(tx, email).await
    }

    async fn upsert(
        &self,
        tx: &mut Tx,
        occasion: Occasion,
        user: NewUser,
        now: time::OffsetDateTime,
    ) -> crate::Result<Uuid> {
        self.note(match occasion {
            Occasion::Registration => "insert",
            Occasion::SignIn(_) | Occasion::Link(_) => "update",
        });
        self.users.upsert(tx, occasion, user, now).await
    }

    async fn delete(&self, tx: &mut Tx, user_id: Uuid) -> crate::Result<bool> {
        self.note("delete");
        self.users.delete(tx, user_id).await
    }
}

#[tokio::test]
async fn users_are_found_made_and_deleted_through_the_adapter() {
    let calls = Arc::<Mutex<Vec<&'static str>>>::default();
    let kept = Arc::clone(&calls);
    let app = App::with_users(&[], |users| Arc::new(Elsewhere { users, calls: kept })).await;
    let said = || std::mem::take(&mut *calls.lock().unwrap());
    let browser = app.browser();
    browser.flow("acme").await;
    assert_eq!(said(), ["find", "insert"]);
    app.browser().flow("acme").await;
    assert_eq!(said(), ["find", "update"]);
    app.idp.script(|script| script.id_token = json!({ "sub": "2" }));
    assert_eq!(browser.link("corp").await, "linked");
    assert_eq!(said(), ["update"]);
    assert_eq!(browser.get("/name").await, "from elsewhere");
    assert_eq!(said(), ["get"]);
    let user: Uuid = browser.get("/me").await.parse().unwrap();
    let mut tx = app.auth.db.begin().await.unwrap();
    app.auth.delete_user(&mut tx, user).await.unwrap();
    assert_eq!(said(), ["delete"]);
}
