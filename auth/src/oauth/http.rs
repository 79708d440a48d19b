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
    use super::*;

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
}
