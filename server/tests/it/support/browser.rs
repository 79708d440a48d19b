//! A browser: an address, a cookie jar that keeps the rules, requests with the headers browsers send.

use std::{
    collections::{HashMap, VecDeque},
    convert::Infallible,
    net::{Ipv4Addr, SocketAddr},
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll},
};

use axum::{
    Router,
    body::{Body, Bytes, HttpBody},
    extract::ConnectInfo,
    response::Response,
};
use futures_util::{StreamExt, stream}; // wing:pictures
use http::{HeaderName, HeaderValue, Method, Request};
use hyper::body::Frame;
use serde_json::Value;
use tokio::sync::oneshot; // wing:pictures
use tower::ServiceExt;

use super::{Answer, PASSWORD, TestApp, answer::SetCookie};

/// One browser of one person.
#[derive(Clone)]
pub struct Browser {
    app: TestApp,
    /// Without one, each request comes from another address.
    address: Option<SocketAddr>,
    keeps_ended: bool,
    jar: Arc<Mutex<HashMap<String, Kept>>>,
}

#[derive(Clone, Debug)]
struct Kept {
    value: String,
    until: Option<i64>,
}

impl Browser {
    pub(super) fn new(app: TestApp) -> Self {
        Self {
            app,
            address: Some(([203, 0, 113, 7], 40_000).into()),
            keeps_ended: false,
            jar: Arc::default(),
        }
    }

    /// The application it visits.
    pub fn app(&self) -> &TestApp {
        &self.app
    }

    /// The same browser at another address.
    pub fn at(&self, ip: &str) -> Self {
        let address = SocketAddr::new(ip.parse().unwrap(), 40_000);
        Self {
            address: Some(address),
            ..self.clone()
        }
    }

    /// The same browser at another address each time, and with cookies it sends beyond their end. So neither limits
    /// nor the browser are in the way: what is too late, the application has to know.
    pub fn unhindered(&self) -> Self {
        Self {
            address: None,
            keeps_ended: true,
            ..self.clone()
        }
    }

    /// The same cookies before another process of the application.
    pub fn before(&self, app: &TestApp) -> Self {
        Self {
            app: app.clone(),
            ..self.clone()
        }
    }

    /// The same cookies before a router of the test's own.
    pub fn through(&self, router: &Router) -> Self {
        let mut browser = self.clone();
        browser.app.router = router.clone();
        browser
    }

    /// Another browser that begins with a copy of this one's cookies.
    pub fn copy(&self) -> Self {
        let jar = self.jar.lock().unwrap().clone();
        Self {
            jar: Arc::new(Mutex::new(jar)),
            ..self.clone()
        }
    }

    /// The value of a cookie by its name without prefix.
    pub fn cookie(&self, name: &str) -> Option<String> {
        let jar = self.jar.lock().unwrap();
        jar.get(&self.cookie_name(name))
            .filter(|kept| self.is_alive(kept))
            .map(|kept| kept.value.clone())
    }

    /// The session id cookie and the snapshot.
    pub fn session_cookies(&self) -> (String, String) {
        (self.cookie("id").unwrap(), self.cookie("auth").unwrap())
    }

    /// Plants a cookie, or takes one away.
    pub fn set_cookie(&self, name: &str, value: Option<&str>) {
        let name = self.cookie_name(name);
        let mut jar = self.jar.lock().unwrap();
        match value {
            Some(value) => jar.insert(
                name,
                Kept {
                    value: value.to_owned(),
                    until: None,
                },
            ),
            None => jar.remove(&name),
        };
    }

    /// Whether no cookie is left.
    pub fn is_empty(&self) -> bool {
        let jar = self.jar.lock().unwrap();
        !jar.values().any(|kept| self.is_alive(kept))
    }

    /// Ends the browser and starts it again: what it was not told to keep is gone.
    pub fn restart(&self) {
        self.jar.lock().unwrap().retain(|_, kept| kept.until.is_some());
    }

    fn cookie_name(&self, name: &str) -> String {
        let prefix = if self.is_secure() { "__Host-" } else { "" };
        format!("{prefix}{name}")
    }

    fn is_secure(&self) -> bool {
        self.app.origin.starts_with("https:")
    }

    fn is_alive(&self, kept: &Kept) -> bool {
        let in_time = |until| self.app.clock.unix() < until;
        self.keeps_ended || kept.until.is_none_or(in_time)
    }

    fn next_address(&self) -> SocketAddr {
        static NEXT: AtomicU32 = AtomicU32::new(0x0a00_0001);
        self.address.unwrap_or_else(|| {
            let address = Ipv4Addr::from(NEXT.fetch_add(1, Ordering::Relaxed));
            (address, 40_000).into()
        })
    }

    /// Keeps the cookies of an answer.
    pub fn keep(&self, answer: &Answer) {
        for cookie in answer.cookies() {
            self.receive(cookie);
        }
    }

    fn receive(&self, cookie: SetCookie) {
        // RFC 6265bis: a Secure cookie needs a secure origin, a `__Host-` one Secure and Path=/ besides.
        let host = cookie.name.starts_with("__Host-");
        let attributes: Vec<&str> = cookie.text.split("; ").collect();
        let refused = (cookie.secure && !self.is_secure())
            || (host
                && !(cookie.secure && attributes.contains(&"Path=/") && !cookie.text.contains("Domain=")));
        if refused {
            return;
        }
        let mut jar = self.jar.lock().unwrap();
        match cookie.max_age {
            Some(..=0) => jar.remove(&cookie.name),
            age => jar.insert(
                cookie.name,
                Kept {
                    value: cookie.value,
                    until: age.map(|age| self.app.clock.unix() + age),
                },
            ),
        };
    }

    /// The cookies as they are sent.
    pub fn cookie_header(&self) -> Option<String> {
        let jar = self.jar.lock().unwrap();
        let mut pairs: Vec<String> = jar
            .iter()
            .filter(|(_, kept)| self.is_alive(kept))
            .map(|(name, kept)| format!("{name}={}", kept.value))
            .collect();
        pairs.sort();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// A page, as typed into the address bar.
    pub async fn get(&self, path: &str) -> Answer {
        self.request(Method::GET, path)
            .header("accept", "text/html,*/*;q=0.8")
            .header("sec-fetch-site", "none")
            .send()
            .await
    }

    /// A server function, as a script calls it.
    pub async fn call(&self, function: &str, fields: &[(&str, &str)]) -> Answer {
        self.post(&format!("/api/{function}"), fields).send().await
    }

    /// A form of a page, sent without JavaScript.
    pub async fn submit(&self, page: &str, function: &str, fields: &[(&str, &str)]) -> Answer {
        let referer = format!("{}{page}", self.app.origin);
        self.post(&format!("/api/{function}"), fields)
            .header("accept", "text/html,*/*;q=0.8")
            .header("referer", &referer)
            .send()
            .await
    }

    /// A form post from one of our own pages.
    pub fn post(&self, path: &str, fields: &[(&str, &str)]) -> Call {
        self.request(Method::POST, path)
            .header("accept", "application/json")
            .header("origin", &self.app.origin)
            .header("sec-fetch-site", "same-origin")
            .form(fields)
    }

    /// A request with this browser's cookies and the host it is for, and nothing else.
    pub fn request(&self, method: Method, path: &str) -> Call {
        let host = self.app.origin.split_once("://").unwrap().1;
        let request = Request::builder().method(method).uri(path).header("host", host);
        Call {
            browser: self.clone(),
            request: request.body(Body::empty()).unwrap(),
            keeps_cookies: true,
        }
    }

    /// Registers with [`PASSWORD`] and is signed in; the session as JSON.
    pub async fn register(&self, email: &str) -> Value {
        self.call(
            "register",
            &[("email", email), ("password", PASSWORD), ("name", "Ada")],
        )
        .await
        .expect(200)
        .json()
    }

    pub async fn login(&self, email: &str, password: &str) -> Answer {
        self.call("login", &[("email", email), ("password", password)])
            .await
    }

    /// Who the snapshot says is signed in: an AuthSession or null.
    pub async fn session(&self) -> Value {
        self.call("get_auth_session", &[]).await.expect(200).json()
    }

    /// Whether the snapshot, or else the authority, lets this browser in.
    pub async fn is_signed_in(&self) -> bool {
        !self.session().await.is_null()
    }

    /// Who the authority says is signed in: a User or null.
    pub async fn user(&self) -> Value {
        self.call("get_user", &[]).await.expect(200).json()
    }

    /// The session's public handle.
    pub async fn session_id(&self) -> String {
        self.session().await["session_id"].as_str().unwrap().to_owned()
    }
}

/// A request in the making.
pub struct Call {
    browser: Browser,
    request: Request<Body>,
    keeps_cookies: bool,
}

impl Call {
    /// Sets a header; a second value takes the first one's place.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name: HeaderName = name.parse().unwrap();
        let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
        self.request.headers_mut().insert(name, value);
        self
    }

    /// Adds a header beside the ones of its name.
    pub fn another(mut self, name: &str, value: &str) -> Self {
        let name: HeaderName = name.parse().unwrap();
        let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
        self.request.headers_mut().append(name, value);
        self
    }

    // wing:admin
    pub fn method(mut self, method: Method) -> Self {
        *self.request.method_mut() = method;
        self
    }
    // end wing:admin

    pub fn without(mut self, name: &str) -> Self {
        self.request.headers_mut().remove(name);
        self
    }

    pub fn form(self, fields: &[(&str, &str)]) -> Self {
        let text = serde_urlencoded::to_string(fields).unwrap();
        self.header("content-type", "application/x-www-form-urlencoded")
            .body(text)
    }

    /// A body with its Content-Length.
    pub fn body(self, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let mut call = self.header("content-length", &body.len().to_string());
        *call.request.body_mut() = Body::from(body);
        call
    }

    /// The same body in chunks, whose sum nobody knows before.
    pub fn chunked(self, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let mut call = self.without("content-length");
        let chunks = body.chunks(4096).map(Bytes::copy_from_slice).collect();
        *call.request.body_mut() = Body::new(Chunks(chunks));
        call
    }

    // wing:pictures
    /// The same body without its end. What is returned hears when the application waits for that.
    pub fn stalled(mut self) -> (Self, oneshot::Receiver<()>) {
        let (waits, heard) = oneshot::channel();
        let body = std::mem::take(self.request.body_mut()).into_data_stream();
        let never = stream::once(async move {
            waits.send(()).unwrap();
            std::future::pending().await
        });
        *self.request.body_mut() = Body::from_stream(body.chain(never));
        (self, heard)
    }
    // end wing:pictures

    /// Sends these cookies in place of the browser's, and keeps none of the answer's.
    pub fn cookies(mut self, header: &str) -> Self {
        self.keeps_cookies = false;
        match header {
            "" => self,
            header => self.header("cookie", header),
        }
    }

    /// Sends it, keeps the cookies of the answer, and checks what holds for every answer.
    pub async fn send(self) -> Answer {
        let secure = self.browser.is_secure();
        let answer = self.send_unchecked().await;
        answer.check_invariants(secure);
        answer
    }

    /// Sends it to a router without the layers that every answer of the application goes through.
    pub async fn send_unchecked(self) -> Answer {
        let (browser, keeps_cookies) = (self.browser.clone(), self.keeps_cookies);
        let carried: Vec<String> = ["id", "auth"]
            .iter()
            .filter_map(|name| browser.cookie(name))
            .filter(|value| value.len() > 20)
            .collect();
        let answer = Answer::read(self.respond().await).await;
        if keeps_cookies {
            browser.keep(&answer);
        }
        for secret in carried {
            assert!(!answer.shows(&secret), "a cookie's value is in a body");
        }
        answer
    }

    /// Sends it, keeps the cookies of the answer, and leaves its body, which may have no end.
    pub async fn open(self) -> (Answer, Body) {
        let (browser, keeps_cookies) = (self.browser.clone(), self.keeps_cookies);
        let (parts, body) = self.respond().await.into_parts();
        let head = Response::from_parts(parts, Body::empty());
        let answer = Answer::read(head).await;
        answer.check_invariants(browser.is_secure());
        if keeps_cookies {
            browser.keep(&answer);
        }
        (answer, body)
    }

    async fn respond(self) -> Response {
        let Self {
            browser,
            mut request,
            keeps_cookies,
        } = self;
        if keeps_cookies && let Some(cookies) = browser.cookie_header() {
            request.headers_mut().insert("cookie", cookies.parse().unwrap());
        }
        request
            .extensions_mut()
            .insert(ConnectInfo(browser.next_address()));
        browser.app.router.clone().oneshot(request).await.unwrap()
    }
}

/// A body of unknown length.
struct Chunks(VecDeque<Bytes>);

impl HttpBody for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(|chunk| Ok(Frame::data(chunk))))
    }
}
