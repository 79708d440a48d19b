//! A provider on loopback. It keeps to the standard until a test scripts it otherwise, and remembers what
//! it was asked.

use std::sync::OnceLock; // wing:pictures
use std::{
    collections::HashMap,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
    task::{Context, Poll},
};

use auth::Clock;
use axum::{
    Json, Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header::AUTHORIZATION};
use hyper::body::Frame;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::{net::TcpListener, sync::Semaphore};
use tower::ServiceExt; // wing:pictures
use url::Url;
use uuid::Uuid;

use crate::oauth::keys::{Signer, encode, patch};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    Metadata,
    Keys,
    Token,
    Userinfo,
    Emails,
    Revocation, // wing:data-rights
    /// Anything else: never to be asked.
    Other,
}

/// An answer that is not the usual one.
#[derive(Clone)]
pub enum Reply {
    Whole(StatusCode, Vec<(&'static str, String)>, Vec<u8>),
    /// Never answers.
    Hang,
    /// Breaks off in the middle of the body.
    Break,
    /// The usual answer, behind so many bytes of white space.
    Padded(usize),
    /// This once, and then the usual again.
    Once(Box<Reply>),
    /// The usual answer, made at once and sent when this is opened.
    Held(Gate),
}

impl Reply {
    pub fn json(status: u16, body: Value) -> Self {
        Self::text(status, "application/json", &body.to_string())
    }

    pub fn text(status: u16, kind: &str, body: &str) -> Self {
        let status = StatusCode::from_u16(status).unwrap();
        Self::Whole(
            status,
            vec![("content-type", kind.to_owned())],
            body.as_bytes().to_vec(),
        )
    }
}

/// Keeps answers back until it is opened.
#[derive(Clone)]
pub struct Gate(Arc<Semaphore>);

impl Gate {
    pub fn closed() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }

    pub fn open(&self) {
        self.0.close();
    }

    async fn passed(&self) {
        // A closed semaphore keeps no caller waiting.
        drop(self.0.acquire().await);
    }
}

type MakeToken = Arc<dyn Fn(&Value, &Value) -> String + Send + Sync>;

/// What differs from the usual. Objects replace members; null removes one.
#[derive(Clone)]
pub struct Script {
    pub metadata: Value,
    /// The ID token's claims and header.
    pub claims: Value,
    pub header: Value,
    /// The token answer.
    pub answer: Value,
    /// Userinfo, which else repeats the ID token.
    pub userinfo: Value,
    /// Creates the ID token from its header and claims, instead of the signer.
    pub make_token: Option<MakeToken>,
    pub signer: Arc<Signer>,
    /// What the key set holds.
    pub jwks: Value,
    /// Whether `at_hash` is sent: of which access token (`{}` is the right one).
    pub at_hash: Option<&'static str>,
    /// GitHub's list of addresses.
    pub emails: Value,
    pub checks_pkce: bool,
    pub replies: HashMap<Endpoint, Reply>,
}

/// One request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    pub endpoint: Endpoint,
    pub method: Method,
    pub path: String,
    pub query: HashMap<String, String>,
    pub headers: HeaderMap,
    pub form: HashMap<String, String>,
}

impl Asked {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Id and secret of HTTP Basic, form-decoded (RFC 6749 §2.3.1).
    pub fn basic(&self) -> Option<(String, String)> {
        let text = self
            .headers
            .get(AUTHORIZATION)?
            .to_str()
            .ok()?
            .strip_prefix("Basic ")?;
        let text = String::from_utf8(BASE64_STANDARD.decode(text).ok()?).ok()?;
        let (id, secret) = text.split_once(':')?;
        let decode = |text: &str| {
            serde_urlencoded::from_str::<Vec<(String, String)>>(&format!("x={text}"))
                .unwrap()
                .remove(0)
                .1
        };
        Some((decode(id), decode(secret)))
    }
}

/// What was granted to whom.
#[derive(Clone)]
struct Grant {
    person: Value,
    client_id: String,
    redirect_uri: String,
    nonce: Option<String>,
    challenge: Option<String>,
    /// When the person signed in, if the client asked (OpenID Connect Core §3.1.2.1).
    auth_time: Option<i64>,
}

struct Inner {
    origin: String,
    clock: Clock,
    usual: Script,
    script: Mutex<Script>,
    asked: Mutex<Vec<Asked>>,
    codes: Mutex<HashMap<String, Grant>>,
    /// Refresh tokens; one that was exchanged for another is used up.
    refresh_tokens: Mutex<HashMap<String, Grant>>,
    /// Access tokens, with the claims userinfo returns.
    tokens: Mutex<HashMap<String, Value>>,
    /// What else is at the provider's address.
    site: OnceLock<Router>, // wing:pictures
}

/// The provider. Cheap to clone.
#[derive(Clone)]
pub struct Idp(Arc<Inner>);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

impl Idp {
    pub async fn start(clock: &Clock) -> Self {
        Self::start_on(TcpListener::bind("127.0.0.1:0").await.unwrap(), clock)
    }

    pub fn start_on(listener: TcpListener, clock: &Clock) -> Self {
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let signer = Arc::new(Signer::es256("key-1"));
        let usual = Script {
            metadata: json!({}),
            claims: json!({}),
            header: json!({}),
            answer: json!({}),
            userinfo: json!({}),
            make_token: None,
            jwks: json!({ "keys": [signer.jwk] }),
            signer,
            at_hash: None,
            emails: json!([]),
            checks_pkce: true,
            replies: HashMap::new(),
        };
        let idp = Self(Arc::new(Inner {
            origin,
            clock: clock.clone(),
            script: Mutex::new(usual.clone()),
            usual,
            asked: Mutex::default(),
            codes: Mutex::default(),
            refresh_tokens: Mutex::default(),
            tokens: Mutex::default(),
            site: OnceLock::new(), // wing:pictures
        }));
        let router = Router::new().fallback(answer).with_state(idp.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        idp
    }

    // wing:pictures
    /// Has these routes answered as well.
    pub fn host(&self, site: Router) {
        self.0.site.set(site).unwrap();
    }
    // end wing:pictures

    pub fn origin(&self) -> &str {
        &self.0.origin
    }

    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.0.origin)
    }

    pub fn now(&self) -> i64 {
        self.0.clock.unix()
    }

    /// Changes what is answered from now on.
    pub fn script(&self, change: impl FnOnce(&mut Script)) {
        change(&mut lock(&self.0.script));
    }

    /// Back to the usual.
    pub fn behave(&self) {
        *lock(&self.0.script) = self.0.usual.clone();
    }

    /// Instead of what an endpoint usually answers.
    pub fn reply(&self, endpoint: Endpoint, reply: Reply) {
        self.script(|script| drop(script.replies.insert(endpoint, reply)));
    }

    pub fn asked(&self, endpoint: Endpoint) -> Vec<Asked> {
        let asked = lock(&self.0.asked);
        asked
            .iter()
            .filter(|asked| asked.endpoint == endpoint)
            .cloned()
            .collect()
    }

    pub fn count(&self, endpoint: Endpoint) -> usize {
        self.asked(endpoint).len()
    }

    /// All that was ever asked.
    pub fn everything(&self) -> Vec<Asked> {
        lock(&self.0.asked).clone()
    }

    pub fn forget_asked(&self) {
        lock(&self.0.asked).clear();
    }

    /// The person agrees on the provider's page: the code that goes back.
    pub fn approve(&self, authorize_url: &Url, person: &Value) -> String {
        let query: HashMap<String, String> = authorize_url.query_pairs().into_owned().collect();
        let code = format!("code-{}", Uuid::now_v7().simple());
        let grant = Grant {
            person: person.clone(),
            client_id: query["client_id"].clone(),
            redirect_uri: query["redirect_uri"].clone(),
            nonce: query.get("nonce").cloned(),
            challenge: query.get("code_challenge").cloned(),
            auth_time: query.contains_key("max_age").then(|| self.now()),
        };
        lock(&self.0.codes).insert(code.clone(), grant);
        code
    }

    fn metadata(&self, script: &Script, path: &str) -> Value {
        let issuer = format!(
            "{}{}",
            self.0.origin,
            path.trim_end_matches("/.well-known/openid-configuration")
        );
        let mut metadata = json!({
            "issuer": issuer,
            "authorization_endpoint": self.at("/authorize"),
            "token_endpoint": self.at("/token"),
            "userinfo_endpoint": self.at("/userinfo"),
            "jwks_uri": self.at("/jwks"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "ES256"],
        });
        patch(&mut metadata, &script.metadata);
        metadata
    }

    fn token(&self, script: &Script, asked: &Asked) -> Result<Value, &'static str> {
        match asked.form.get("grant_type").map(String::as_str) {
            Some("refresh_token") => self.renew(script, asked),
            _ => self.exchange(script, asked),
        }
    }

    fn exchange(&self, script: &Script, asked: &Asked) -> Result<Value, &'static str> {
        let form = &asked.form;
        let field = |name: &str| form.get(name).map(String::as_str);
        let grant = lock(&self.0.codes)
            .remove(field("code").unwrap_or(""))
            .ok_or("invalid_grant")?;
        let client_id = asked.basic().map(|(id, _)| id).or(form.get("client_id").cloned());
        let verified = match (&grant.challenge, field("code_verifier")) {
            (None, None) => true,
            (Some(challenge), Some(verifier)) => encode(Sha256::digest(verifier)) == *challenge,
            _ => false,
        };
        if field("grant_type") != Some("authorization_code")
            || field("redirect_uri") != Some(&grant.redirect_uri)
            || client_id.as_ref() != Some(&grant.client_id)
            || (script.checks_pkce && !verified)
        {
            return Err("invalid_grant");
        }
        Ok(self.tokens(script, grant))
    }

    /// OpenID Connect Core §12: as at the exchange, but for the nonce.
    fn renew(&self, script: &Script, asked: &Asked) -> Result<Value, &'static str> {
        let sent = asked.form.get("refresh_token").map_or("", String::as_str);
        let grant = lock(&self.0.refresh_tokens).get(sent).cloned();
        let grant = grant.ok_or("invalid_grant")?;
        let client_id = asked.basic().map(|(id, _)| id);
        if client_id.or(asked.form.get("client_id").cloned()).as_ref() != Some(&grant.client_id) {
            return Err("invalid_client");
        }
        let answer = self.tokens(script, Grant { nonce: None, ..grant });
        if answer.get("refresh_token").is_some_and(|new| new != sent) {
            lock(&self.0.refresh_tokens).remove(sent);
        }
        Ok(answer)
    }

    /// Withdraws all refresh tokens, as a person does on the provider's pages.
    pub fn withdraw(&self) {
        lock(&self.0.refresh_tokens).clear();
    }

    fn tokens(&self, script: &Script, grant: Grant) -> Value {
        let access_token = format!("access-{}", Uuid::now_v7().simple());
        let now = self.now();
        let mut claims = grant.person.clone();
        patch(
            &mut claims,
            &json!({
                "iss": self.0.origin, "aud": grant.client_id, "iat": now, "exp": now + 300, "nonce": grant.nonce,
                "auth_time": grant.auth_time,
            }),
        );
        if let Some(token) = script.at_hash {
            let token = token.replace("{}", &access_token);
            claims["at_hash"] = script.signer.at_hash(&token).into();
        }
        patch(&mut claims, &script.claims);
        let mut header = json!({ "alg": script.signer.alg, "typ": "JWT", "kid": script.signer.kid });
        patch(&mut header, &script.header);
        let id_token = match &script.make_token {
            Some(make) => make(&header, &claims),
            None => script.signer.token_of(header.to_string(), claims.to_string()),
        };
        lock(&self.0.tokens).insert(access_token.clone(), grant.person.clone());
        let mut answer = json!({
            "access_token": access_token, "token_type": "Bearer", "expires_in": 3600, "id_token": id_token,
            "scope": "openid profile email",
        });
        patch(&mut answer, &script.answer);
        // Whatever token was sent in the end works.
        if let Some(sent) = answer["access_token"].as_str() {
            let mut tokens = lock(&self.0.tokens);
            let person = tokens[&access_token].clone();
            tokens.insert(sent.to_owned(), person);
        }
        if let Some(sent) = answer["refresh_token"].as_str() {
            lock(&self.0.refresh_tokens).insert(sent.to_owned(), grant);
        }
        answer
    }

    fn person_behind(&self, asked: &Asked) -> Option<Value> {
        let token = asked.header("authorization").strip_prefix("Bearer ")?;
        lock(&self.0.tokens).get(token).cloned()
    }

    fn usual_answer(&self, script: &Script, asked: &Asked) -> (StatusCode, Value) {
        match asked.endpoint {
            Endpoint::Metadata => (StatusCode::OK, self.metadata(script, &asked.path)),
            Endpoint::Keys => (StatusCode::OK, script.jwks.clone()),
            Endpoint::Revocation => (StatusCode::OK, json!({})), // wing:data-rights
            Endpoint::Token => match self.token(script, asked) {
                Ok(answer) => (StatusCode::OK, answer),
                Err(error) => (StatusCode::BAD_REQUEST, json!({ "error": error })),
            },
            Endpoint::Userinfo => match self.person_behind(asked) {
                Some(mut person) => {
                    patch(&mut person, &script.userinfo);
                    (StatusCode::OK, person)
                }
                None => (StatusCode::UNAUTHORIZED, json!({ "error": "invalid_token" })),
            },
            Endpoint::Emails => match self.person_behind(asked) {
                Some(_) => (StatusCode::OK, script.emails.clone()),
                None => (StatusCode::UNAUTHORIZED, json!({ "message": "Bad credentials" })),
            },
            Endpoint::Other => (StatusCode::NOT_FOUND, json!({ "error": "not_found" })),
        }
    }
}

fn endpoint_of(path: &str) -> Endpoint {
    match path.rsplit('/').next().unwrap_or("") {
        "openid-configuration" => Endpoint::Metadata,
        "jwks" => Endpoint::Keys,
        "token" => Endpoint::Token,
        "userinfo" | "user" => Endpoint::Userinfo,
        "emails" => Endpoint::Emails,
        "revoke" => Endpoint::Revocation, // wing:data-rights
        _ => Endpoint::Other,
    }
}

async fn answer(State(idp): State<Idp>, request: Request) -> Response {
    // wing:pictures
    if endpoint_of(request.uri().path()) == Endpoint::Other
        && let Some(site) = idp.0.site.get()
    {
        return site.clone().oneshot(request).await.into_response();
    }
    // end wing:pictures
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap_or_default();
    let asked = Asked {
        endpoint: endpoint_of(parts.uri.path()),
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: serde_urlencoded::from_str(parts.uri.query().unwrap_or("")).unwrap_or_default(),
        headers: parts.headers,
        form: serde_urlencoded::from_bytes(&body).unwrap_or_default(),
    };
    lock(&idp.0.asked).push(asked.clone());
    let script = lock(&idp.0.script).clone();
    let (status, usual) = idp.usual_answer(&script, &asked);
    match script.replies.get(&asked.endpoint) {
        None if asked.endpoint == Endpoint::Emails => page_of(status, &usual, &asked),
        None => (status, Json(usual)).into_response(),
        Some(Reply::Once(reply)) => {
            idp.script(|script| drop(script.replies.remove(&asked.endpoint)));
            given(reply, status, &usual).await
        }
        Some(reply) => given(reply, status, &usual).await,
    }
}

/// A list page by page, as GitHub gives it.
fn page_of(status: StatusCode, list: &Value, asked: &Asked) -> Response {
    let Some(list) = list.as_array() else {
        return (status, Json(list)).into_response();
    };
    let number = |name: &str, default: usize| {
        asked
            .query
            .get(name)
            .map_or(default, |text| text.parse().unwrap())
    };
    let (size, page) = (number("per_page", 30).min(100), number("page", 1));
    let rest: Vec<&Value> = list.iter().skip(size * (page - 1)).collect();
    let mut response = (status, Json(&rest[..rest.len().min(size)])).into_response();
    if rest.len() > size {
        // Its address must not be followed with a token.
        let link = "<https://evil.example/user/emails?page=2>; rel=\"next\"";
        response
            .headers_mut()
            .insert("link", HeaderValue::from_static(link));
    }
    response
}

async fn given(reply: &Reply, status: StatusCode, usual: &Value) -> Response {
    match reply {
        Reply::Padded(bytes) => {
            let text = format!("{}{usual}", " ".repeat(*bytes));
            (status, [("content-type", "application/json")], text).into_response()
        }
        Reply::Held(gate) => {
            gate.passed().await;
            (status, Json(usual)).into_response()
        }
        Reply::Hang | Reply::Once(_) => std::future::pending().await,
        Reply::Break => {
            let half = usual.to_string();
            let half = Bytes::copy_from_slice(&half.as_bytes()[..half.len() / 2]);
            let body = Body::new(Broken(Some(half)));
            ([("content-type", "application/json")], body).into_response()
        }
        Reply::Whole(status, headers, body) => {
            let mut response = (*status, body.clone()).into_response();
            for (name, value) in headers {
                let value = HeaderValue::try_from(value).unwrap();
                response
                    .headers_mut()
                    .insert(HeaderName::from_static(name), value);
            }
            response
        }
    }
}

/// A body that fails after its first piece, so that the connection is cut.
struct Broken(Option<Bytes>);

impl hyper::body::Body for Broken {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Ready(Some(match self.0.take() {
            Some(piece) => Ok(Frame::data(piece)),
            None => Err(std::io::ErrorKind::ConnectionReset.into()),
        }))
    }
}
