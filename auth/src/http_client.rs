//! The one HTTP client that talks to providers.
//!
//! Providers are not under our control, so every response is bounded: in time, in size, and in where it
//! may come from. Redirects are not followed: a token endpoint that redirects would make us hand a code
//! and a secret to an address that is not configured.

use std::sync::Arc; // wing:pictures
use std::{fmt, future::Future, pin::Pin, time::Duration};

use http::{
    HeaderValue, Method, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE},
};
use oauth2::{AsyncHttpClient, HttpRequest, HttpResponse};
use reqwest::dns::Resolve; // wing:pictures
use reqwest::{Certificate, ClientBuilder, Proxy};
use url::Url;

use crate::{
    config::{problem::Problem, vars::Vars},
    error::chain,
    public_url::is_loopback,
};

const CONNECT: Duration = Duration::from_secs(3);
const TOTAL: Duration = Duration::from_secs(10);
/// The largest response: no token, key set or profile is near it.
const MAX_BODY: usize = 256 * 1024;
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Why a provider gave no usable response. No variant holds an address's query or any of a provider's text, except
/// the names in a certificate that was refused.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    #[error("the address is neither https nor on this machine")]
    Address,
    #[error("the request cannot be built")]
    Request,
    #[error("no answer: {}", chain(.0))]
    Transport(reqwest::Error),
    #[error("no answer within {} s", TOTAL.as_secs())]
    Timeout,
    #[error("the response is larger than {MAX_BODY} bytes")]
    TooLarge,
    #[error("the response has status {0}")]
    Status(StatusCode),
    #[error("the response is not declared as JSON")]
    NotJson,
}

impl From<reqwest::Error> for HttpError {
    fn from(error: reqwest::Error) -> Self {
        if error.is_timeout() {
            Self::Timeout
        } else {
            Self::Transport(error.without_url())
        }
    }
}

/// Whether we talk to this address at all: https, or plain http on this machine.
pub(crate) fn is_safe(url: &Url) -> bool {
    match url.scheme() {
        "https" => url.has_host(),
        "http" => is_loopback(url),
        _ => false,
    }
}

/// The client for all calls to providers. Cheap to clone.
#[derive(Clone)]
pub struct Http {
    client: reqwest::Client,
    /// The longest time of one response.
    most: Duration,
    way: Way, // wing:pictures
}

/// How the network is reached, and whose certificates are trusted.
#[derive(Clone, Default)]
struct Way {
    proxy: Option<Proxy>,
    roots: Vec<Certificate>,
    with_the_systems: bool,
}

/// Without its contents: a proxy's address may hold a password.
impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").finish_non_exhaustive()
    }
}

impl Http {
    /// Reads `PROVIDER_PROXY` and `SSL_CERT_FILE`; whatever is wrong is added to `problems`. Certificates are
    /// trusted that lead to the system's roots, to those of the file, or to the ones compiled in. As everywhere
    /// the file, where it is in the environment, stands in for the system's store.
    ///
    /// # Panics
    /// If not even the roots compiled in can be used.
    pub fn from_vars(vars: &Vars, problems: &mut Vec<Problem>) -> Self {
        let proxy = vars.parsed("PROVIDER_PROXY", None, problems, |text| proxy(text).map(Some));
        let roots = vars.parsed("SSL_CERT_FILE", Vec::new(), problems, roots);
        let way = Way {
            proxy,
            roots,
            with_the_systems: true,
        };
        match Self::build(way) {
            Ok(http) => http,
            Err(error) => {
                problems.push(Problem {
                    variable: "SSL_CERT_FILE".to_owned(),
                    message: format!("or the system's store holds no usable root: {}", chain(&error)),
                });
                Self::build(Way::default()).expect("the roots are compiled in")
            }
        }
    }

    fn build(way: Way) -> Result<Self, reqwest::Error> {
        let client = way.client().build()?;
        Ok(Self {
            client,
            most: TOTAL,
            way, // wing:pictures
        })
    }

    // wing:pictures
    /// A client for addresses that are not a provider's own, which reaches only those that this resolver finds. Behind a
    /// proxy, which looks names up itself, where it may go is for the proxy to say.
    pub(crate) fn outside(
        &self,
        resolver: impl Resolve + 'static,
    ) -> Result<reqwest::Client, reqwest::Error> {
        let client = self.way.client();
        match self.way.proxy {
            Some(_) => client.build(),
            None => client.dns_resolver(Arc::new(resolver)).build(),
        }
    }

    /// The longest time of one response.
    pub(crate) fn patience(&self) -> Duration {
        self.most
    }
    // end wing:pictures

    /// The same client, which waits for a response for at most this time. So a test need not wait as long as an
    /// operator would.
    pub fn waiting_at_most(self, most: Duration) -> Self {
        Self { most, ..self }
    }

    /// A GET that may be repeated, such as discovery: tried once more if the network or the server fails,
    /// within the same ten seconds.
    pub(crate) async fn get_again(&self, url: &str) -> Result<Vec<u8>, HttpError> {
        let twice = async {
            match self.get(url, None).await {
                Err(HttpError::Transport(_)) => self.get(url, None).await,
                Err(HttpError::Status(status)) if status.is_server_error() => self.get(url, None).await,
                other => other,
            }
        };
        let response = tokio::time::timeout(self.most, twice)
            .await
            .map_err(|_| HttpError::Timeout)??;
        Ok(response.into_body())
    }

    /// A GET of JSON with a bearer token.
    pub(crate) async fn get_with_token(&self, url: &str, token: &str) -> Result<Vec<u8>, HttpError> {
        self.get_json(url, token).await.map(HttpResponse::into_body)
    }

    /// As [`Http::get_with_token`], with the headers of the response.
    pub(crate) async fn get_json(&self, url: &str, token: &str) -> Result<HttpResponse, HttpError> {
        let response = self.get(url, Some(token)).await?;
        let declared = response
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        let essence = declared
            .and_then(|text| text.split(';').next())
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        match essence.as_str() {
            // Some forget to declare what they send, and JSON is nothing else by accident.
            "" | "application/json" => Ok(response),
            // GitHub's and others' own flavours.
            other if other.starts_with("application/") && other.ends_with("+json") => Ok(response),
            _ => Err(HttpError::NotJson),
        }
    }

    async fn get(&self, url: &str, token: Option<&str>) -> Result<HttpResponse, HttpError> {
        let mut request = http::Request::builder()
            .method(Method::GET)
            .uri(url)
            .header(ACCEPT, JSON);
        if let Some(token) = token {
            let mut bearer =
                HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| HttpError::Request)?;
            bearer.set_sensitive(true);
            request = request.header(AUTHORIZATION, bearer);
        }
        let response = self
            .send(request.body(Vec::new()).map_err(|_| HttpError::Request)?)
            .await?;
        match response.status() {
            StatusCode::OK => Ok(response),
            status => Err(HttpError::Status(status)),
        }
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let mut request = reqwest::Request::try_from(request).map_err(|_| HttpError::Request)?;
        *request.timeout_mut() = Some(self.most);
        if !is_safe(request.url()) {
            return Err(HttpError::Address);
        }
        let mut response = self.client.execute(request).await?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > MAX_BODY {
                return Err(HttpError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        let mut answer = http::Response::new(body);
        *answer.status_mut() = response.status();
        *answer.headers_mut() = std::mem::take(response.headers_mut());
        Ok(answer)
    }
}

impl Way {
    fn client(&self) -> ClientBuilder {
        let mut client = reqwest::Client::builder()
            .user_agent(format!("{}/{}", wire::NAME, env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            // A small compressed response may unpack to any size, so none is asked for or unpacked.
            .no_gzip()
            .no_brotli()
            .no_deflate()
            .no_zstd()
            .tls_built_in_native_certs(self.with_the_systems)
            // None of `HTTPS_PROXY` and the like, which are set for other programs: where secrets go is for our
            // own variable to say.
            .no_proxy()
            .referer(false);
        for root in &self.roots {
            client = client.add_root_certificate(root.clone());
        }
        match &self.proxy {
            Some(proxy) => client.proxy(proxy.clone()),
            None => client,
        }
    }
}

/// An HTTP proxy, with a password in its address or without. The messages repeat nothing of it.
fn proxy(text: &str) -> Result<Proxy, String> {
    let wrong = || "must be the address of an HTTP proxy, such as http://proxy.example:3128".to_owned();
    let url = Url::parse(text).map_err(|_| wrong())?;
    let is_proxy = matches!(url.scheme(), "http" | "https")
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none();
    if !is_proxy {
        return Err(wrong());
    }
    Proxy::all(text).map_err(|_| wrong())
}

/// The certificates in a file of them (PEM).
fn roots(file: &str) -> Result<Vec<Certificate>, String> {
    let text = std::fs::read(file).map_err(|error| format!("cannot be read: {error}"))?;
    match Certificate::from_pem_bundle(&text) {
        Ok(roots) if !roots.is_empty() => Ok(roots),
        _ => Err("holds no certificates in PEM".to_owned()),
    }
}

/// Lets `oauth2` write the token request and read the response, while we send it.
impl<'c> AsyncHttpClient<'c> for Http {
    type Error = HttpError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    fn http() -> Http {
        Http::build(Way::default()).unwrap()
    }

    /// A server that sends these bytes, `repeat`ed, on every connection, and counts connections.
    async fn server(head: &'static str, body: &'static [u8], repeat: usize) -> (String, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let count = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&count);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.write_all(head.as_bytes()).await;
                for _ in 0..repeat {
                    if stream.write_all(body).await.is_err() {
                        break;
                    }
                }
            }
        });
        (url, count)
    }

    #[test]
    fn plain_http_stays_on_this_machine() {
        let safe = |text| is_safe(&Url::parse(text).unwrap());
        for good in [
            "https://idp.example/x",
            "http://127.0.0.1:1/",
            "http://localhost/",
            "http://[::1]:80/",
        ] {
            assert!(safe(good), "{good}");
        }
        for bad in [
            "http://idp.example/",
            "http://localhost.evil.example/",
            "ftp://127.0.0.1/",
            "javascript:alert(1)",
        ] {
            assert!(!safe(bad), "{bad}");
        }
    }

    #[test]
    fn a_response_has_ten_seconds() {
        assert_eq!(http().most, Duration::from_secs(10));
    }

    #[tokio::test]
    async fn an_endless_answer_is_cut_off() {
        let endless = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n";
        let (url, _) = server(endless, &[b' '; 65_536], 1_000_000).await;
        assert!(matches!(
            http().get_with_token(&url, "t").await,
            Err(HttpError::TooLarge)
        ));
    }

    #[tokio::test]
    async fn compressed_answers_are_not_unpacked() {
        let packed = "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n";
        let (url, _) = server(packed, b"\x1f\x8b\x08", 1).await;
        assert_eq!(http().get_with_token(&url, "t").await.unwrap(), b"\x1f\x8b\x08");
    }

    #[tokio::test]
    async fn json_need_not_be_declared_but_not_as_something_else() {
        for (head, good) in [
            ("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n", true),
            (
                "HTTP/1.1 200 OK\r\ncontent-type: application/json; charset=utf-8\r\nconnection: close\r\n\r\n",
                true,
            ),
            (
                "HTTP/1.1 200 OK\r\ncontent-type: application/vnd.x+json\r\nconnection: close\r\n\r\n",
                true,
            ),
            (
                "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n",
                false,
            ),
            (
                "HTTP/1.1 200 OK\r\ncontent-type: application/jwt\r\nconnection: close\r\n\r\n",
                false,
            ),
        ] {
            let (url, _) = server(head, b"{}", 1).await;
            assert_eq!(http().get_with_token(&url, "t").await.is_ok(), good, "{head}");
        }
    }

    #[tokio::test]
    async fn redirects_are_answers() {
        let (evil, visited) = server("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n", b"{}", 1).await;
        let head: &'static str =
            format!("HTTP/1.1 307 Temporary Redirect\r\nlocation: {evil}\r\ncontent-length: 0\r\n\r\n")
                .leak();
        let (url, _) = server(head, b"", 0).await;
        assert!(matches!(
            http().get_again(&url).await,
            Err(HttpError::Status(StatusCode::TEMPORARY_REDIRECT))
        ));
        assert_eq!(visited.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn only_what_may_be_repeated_is_tried_twice() {
        let cut = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n";
        let down = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        let refused = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        for (head, times) in [(cut, 2), (down, 2), (refused, 1)] {
            let (url, count) = server(head, b"{}", 1).await;
            assert!(http().get_again(&url).await.is_err());
            assert_eq!(count.load(Ordering::SeqCst), times, "{head}");
            assert!(http().get_with_token(&url, "t").await.is_err());
            assert_eq!(count.load(Ordering::SeqCst), times + 1, "{head}");
        }
    }

    #[tokio::test]
    async fn what_cannot_be_a_header_is_no_token() {
        assert!(matches!(
            http().get_with_token("http://127.0.0.1:1/", "a\nb").await,
            Err(HttpError::Request)
        ));
        assert!(matches!(
            http().get_again("http://idp.example/").await,
            Err(HttpError::Address)
        ));
    }

    const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testing/tls/root.pem");
    const KEY: &[u8] = include_bytes!("../testing/tls/key.pem");

    /// A provider behind TLS on this machine, with this certificate.
    async fn behind_tls(certificate: &[u8]) -> String {
        use tokio_rustls::{
            TlsAcceptor,
            rustls::{
                ServerConfig,
                pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
            },
        };
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(
                vec![CertificateDer::from_pem_slice(certificate).unwrap()],
                PrivateKeyDer::from_pem_slice(KEY).unwrap(),
            )
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    continue;
                };
                let _ = stream.read(&mut [0; 4096]).await;
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
                let _ = stream.write_all(answer).await;
                let _ = stream.shutdown().await;
            }
        });
        url
    }

    fn configured(pairs: &[(&str, &str)]) -> (Http, Vec<String>) {
        let mut problems = Vec::new();
        let http = Http::from_vars(&pairs.iter().copied().collect(), &mut problems);
        (http, problems.iter().map(Problem::to_string).collect())
    }

    #[tokio::test]
    async fn a_certificate_is_judged_by_the_configured_roots_and_its_problem_is_named() {
        let (ours, problems) = configured(&[("SSL_CERT_FILE", ROOT)]);
        assert!(problems.is_empty(), "{problems:?}");
        let (bundled, problems) = configured(&[]);
        assert!(problems.is_empty(), "{problems:?}");
        let good = behind_tls(include_bytes!("../testing/tls/good.pem")).await;
        assert_eq!(ours.get_again(&good).await.unwrap(), b"{}");
        for (http, url, problem) in [
            (&bundled, good, "UnknownIssuer"),
            (
                &ours,
                behind_tls(include_bytes!("../testing/tls/expired.pem")).await,
                "expired",
            ),
            (
                &ours,
                behind_tls(include_bytes!("../testing/tls/elsewhere.pem")).await,
                "idp.example",
            ),
        ] {
            let error = http.get_again(&url).await.unwrap_err().to_string();
            assert!(
                error.contains("invalid peer certificate") && error.contains(problem),
                "{error}"
            );
        }
    }

    #[tokio::test]
    async fn an_error_says_what_is_wrong_below() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/secret?code=hush", listener.local_addr().unwrap());
        drop(listener);
        let error = http().get_again(&url).await.unwrap_err().to_string();
        assert!(error.contains("refused") && !error.contains("hush"), "{error}");
    }

    #[test]
    fn roots_and_proxies_that_cannot_be_used_are_mistakes_of_configuration() {
        for (variable, value) in [
            ("SSL_CERT_FILE", "/nowhere/hush.pem"),
            (
                "SSL_CERT_FILE",
                concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"),
            ),
            (
                "SSL_CERT_FILE",
                concat!(env!("CARGO_MANIFEST_DIR"), "/testing/tls/key.pem"),
            ),
            ("PROVIDER_PROXY", "hush"),
            ("PROVIDER_PROXY", "proxy.example:3128"),
            ("PROVIDER_PROXY", "socks5://proxy.example:1080"),
            ("PROVIDER_PROXY", "http://user:hush@proxy.example/path"),
            ("PROVIDER_PROXY", "http://proxy.example/?hush"),
        ] {
            let (_, problems) = configured(&[(variable, value)]);
            let [problem] = &problems[..] else {
                panic!("{value}: {problems:?}")
            };
            assert!(
                problem.starts_with(variable) && !problem.contains("hush"),
                "{problem}"
            );
        }
        let proxy = ("PROVIDER_PROXY", "http://user:hush@proxy.example:3128");
        let (http, problems) = configured(&[proxy]);
        assert!(problems.is_empty(), "{problems:?}");
        assert!(!format!("{http:?}").contains("hush"));
    }

    /// What a proxy is asked for, a connection at a time; its response is always the same.
    async fn proxy_that_answers(answer: &'static str) -> (String, Arc<std::sync::Mutex<Vec<String>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = Arc::<std::sync::Mutex<Vec<String>>>::default();
        let heard = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = vec![0; 4096];
                let length = stream.read(&mut request).await.unwrap_or_default();
                let request = String::from_utf8_lossy(&request[..length]).into_owned();
                heard.lock().unwrap().push(request);
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        (address, asked)
    }

    #[tokio::test]
    async fn every_call_goes_through_the_configured_proxy() {
        let answer = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
        let (address, asked) = proxy_that_answers(answer).await;
        let with_password = format!("http://user:hush@{address}");
        let (http, _) = configured(&[("PROVIDER_PROXY", &with_password)]);
        // Nothing listens there: the proxy responds.
        assert_eq!(
            http.get_again("http://127.0.0.1:1/metadata").await.unwrap(),
            b"{}"
        );
        assert_eq!(
            http.get_with_token("http://localhost:1/user", "t").await.unwrap(),
            b"{}"
        );
        let post = http::Request::post("http://127.0.0.1:1/token")
            .body(Vec::new())
            .unwrap();
        assert!(http.call(post).await.is_ok());
        {
            let asked = asked.lock().unwrap();
            assert_eq!(asked.len(), 3);
            assert!(
                asked[0].starts_with("GET http://127.0.0.1:1/metadata "),
                "{asked:?}"
            );
            assert!(
                asked[0]
                    .to_ascii_lowercase()
                    .contains("proxy-authorization: basic "),
                "{asked:?}"
            );
        }

        let refusal = "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        let (address, asked) = proxy_that_answers(refusal).await;
        let with_password = format!("http://user:hush@{address}");
        let (http, _) = configured(&[("PROVIDER_PROXY", &with_password)]);
        let error = http
            .get_again("https://idp.example/")
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains("tunnel") && !error.contains("hush"), "{error}");
        assert!(asked.lock().unwrap()[0].starts_with("CONNECT idp.example:443 "));
    }

    /// In a process of its own, which has the variables other programs take a proxy from.
    #[test]
    fn no_other_proxy_variable_is_read() {
        const MARK: &str = "ASKED_IN_A_PROCESS_OF_ITS_OWN";
        let runtime = tokio::runtime::Runtime::new().unwrap();
        if std::env::var_os(MARK).is_some() {
            let answered = runtime.block_on(async {
                let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n";
                let (url, _) = server(answer, b"{}", 1).await;
                Http::from_vars(&Vars::from_env(), &mut Vec::new())
                    .get_again(&url)
                    .await
            });
            assert_eq!(answered.unwrap(), b"{}");
            return;
        }
        let (address, asked) = runtime.block_on(proxy_that_answers("HTTP/1.1 502 Bad Gateway\r\n\r\n"));
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "http_client::tests::no_other_proxy_variable_is_read"]);
        child.env(MARK, "1").env_remove("NO_PROXY").env_remove("no_proxy");
        for name in [
            "HTTP_PROXY",
            "HTTPS_PROXY",
            "ALL_PROXY",
            "http_proxy",
            "https_proxy",
            "all_proxy",
        ] {
            child.env(name, format!("http://{address}"));
        }
        let output = child.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert!(
            String::from_utf8_lossy(&output.stdout).contains("1 passed"),
            "{output:?}"
        );
        assert_eq!(*asked.lock().unwrap(), Vec::<String>::new());
    }
}
