//! The one HTTP client that talks to providers.
//!
//! What answers is not under our control, so every answer is bounded: in time, in size, and in where it
//! may come from. Redirects are not followed: a token endpoint that redirects would make us hand a code
//! and a secret to an address nobody configured.

use std::{future::Future, pin::Pin, time::Duration};

use http::{
    HeaderValue, Method, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE},
};
use oauth2::{AsyncHttpClient, HttpRequest, HttpResponse};
use url::Url;

use crate::public_url::is_loopback;

const CONNECT: Duration = Duration::from_secs(3);
const TOTAL: Duration = Duration::from_secs(10);
/// The largest answer: no token, key set or profile is near it.
const MAX_BODY: usize = 256 * 1024;
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Why a provider gave no usable answer. No variant holds an address's query or anything a provider said.
#[derive(Debug, thiserror::Error)]
pub(super) enum HttpError {
    #[error("the address is neither https nor on this machine")]
    Address,
    #[error("the request cannot be written")]
    Request,
    #[error("no answer: {0}")]
    Transport(#[source] reqwest::Error),
    #[error("no answer within {} s", TOTAL.as_secs())]
    Timeout,
    #[error("the answer is larger than {MAX_BODY} bytes")]
    TooLarge,
    #[error("the answer has status {0}")]
    Status(StatusCode),
    #[error("the answer is not declared as JSON")]
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
pub(super) fn is_safe(url: &Url) -> bool {
    match url.scheme() {
        "https" => url.has_host(),
        "http" => is_loopback(url),
        _ => false,
    }
}

/// The client. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Http(reqwest::Client);

impl Http {
    pub(super) fn new() -> Self {
        let client = reqwest::Client::builder()
            .user_agent(concat!("start-axum-auth/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            .timeout(TOTAL)
            // A small compressed answer may unpack to any size, so none is asked for or unpacked.
            .no_gzip()
            .no_brotli()
            .no_deflate()
            .no_zstd()
            .no_proxy()
            .referer(false)
            .build()
            .expect("the client's roots and options are compiled in");
        Self(client)
    }

    /// A GET that may be repeated, such as discovery: tried once more if the network or the server fails,
    /// within the same ten seconds.
    pub(super) async fn get_again(&self, url: &str) -> Result<Vec<u8>, HttpError> {
        let twice = async {
            match self.get(url, None).await {
                Err(HttpError::Transport(_)) => self.get(url, None).await,
                Err(HttpError::Status(status)) if status.is_server_error() => self.get(url, None).await,
                other => other,
            }
        };
        let response = tokio::time::timeout(TOTAL, twice)
            .await
            .map_err(|_| HttpError::Timeout)??;
        Ok(response.into_body())
    }

    /// A GET of JSON with a bearer token.
    pub(super) async fn get_with_token(&self, url: &str, token: &str) -> Result<Vec<u8>, HttpError> {
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
            "application/json" => Ok(response.into_body()),
            // GitHub's and others' own flavours.
            other if other.starts_with("application/") && other.ends_with("+json") => {
                Ok(response.into_body())
            }
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
        let request = reqwest::Request::try_from(request).map_err(|_| HttpError::Request)?;
        if !is_safe(request.url()) {
            return Err(HttpError::Address);
        }
        let mut response = self.0.execute(request).await?;
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

/// Lets `oauth2` write the token request and read its answer, while we send it.
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

    /// A server that answers every connection with these bytes, `repeat`ed, and counts connections.
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

    #[tokio::test]
    async fn an_endless_answer_is_cut_off() {
        let endless = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n";
        let (url, _) = server(endless, &[b' '; 65_536], 1_000_000).await;
        assert!(matches!(
            Http::new().get_with_token(&url, "t").await,
            Err(HttpError::TooLarge)
        ));
    }

    #[tokio::test]
    async fn compressed_answers_are_not_unpacked() {
        let packed = "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n";
        let (url, _) = server(packed, b"\x1f\x8b\x08", 1).await;
        assert_eq!(
            Http::new().get_with_token(&url, "t").await.unwrap(),
            b"\x1f\x8b\x08"
        );
    }

    #[tokio::test]
    async fn redirects_are_answers() {
        let (evil, visited) = server("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n", b"{}", 1).await;
        let head: &'static str =
            format!("HTTP/1.1 307 Temporary Redirect\r\nlocation: {evil}\r\ncontent-length: 0\r\n\r\n")
                .leak();
        let (url, _) = server(head, b"", 0).await;
        let http = Http::new();
        assert!(matches!(
            http.get_again(&url).await,
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
            assert!(Http::new().get_again(&url).await.is_err());
            assert_eq!(count.load(Ordering::SeqCst), times, "{head}");
            assert!(Http::new().get_with_token(&url, "t").await.is_err());
            assert_eq!(count.load(Ordering::SeqCst), times + 1, "{head}");
        }
    }

    #[tokio::test]
    async fn what_cannot_be_a_header_is_no_token() {
        assert!(matches!(
            Http::new().get_with_token("http://127.0.0.1:1/", "a\nb").await,
            Err(HttpError::Request)
        ));
        assert!(matches!(
            Http::new().get_again("http://idp.example/").await,
            Err(HttpError::Address)
        ));
    }
}
