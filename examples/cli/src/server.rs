//! The server: where its endpoints are, and how tokens are refreshed and used.

use std::{future::Future, pin::Pin, time::Duration};

use oauth2::{
    AsyncHttpClient, AuthUrl, ClientId, DeviceAuthorizationUrl, EndpointNotSet, EndpointSet, HttpRequest,
    HttpResponse, RefreshToken, TokenResponse, TokenUrl, basic::BasicClient,
};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use crate::{
    Failure,
    store::{Store, Tokens},
};

/// How often a request is sent again when no answer comes.
const TRIES: u32 = 3;

/// What `oauth2` needs to know.
pub(crate) type OAuth = BasicClient<EndpointSet, EndpointSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

/// What the server says of itself (RFC 8414).
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    device_authorization_endpoint: String,
    revocation_endpoint: String,
}

pub(crate) struct Server {
    base: Url,
    pub(crate) issuer: String,
    revocation: String,
    pub(crate) oauth: OAuth,
    pub(crate) http: Http,
}

impl Server {
    /// Asks the server where its endpoints are.
    pub(crate) async fn discover(base: &Url, client_id: &str) -> Result<Self, Failure> {
        let http = Http::new()?;
        let address = base.join("/.well-known/oauth-authorization-server")?;
        let metadata = http
            .0
            .get(address)
            .send()
            .await?
            .error_for_status()?
            .bytes()
            .await?;
        let metadata: Metadata = serde_json::from_slice(&metadata)?;
        let oauth = BasicClient::new(ClientId::new(client_id.to_owned()))
            .set_auth_uri(AuthUrl::new(metadata.authorization_endpoint)?)
            .set_token_uri(TokenUrl::new(metadata.token_endpoint)?)
            .set_device_authorization_url(DeviceAuthorizationUrl::new(
                metadata.device_authorization_endpoint,
            )?);
        Ok(Self {
            base: base.clone(),
            issuer: metadata.issuer,
            revocation: metadata.revocation_endpoint,
            oauth,
            http,
        })
    }

    /// Who is signed in. An access token that is no longer good is replaced once.
    pub(crate) async fn session(&self, store: &Store) -> Result<Value, Failure> {
        let mut tokens = store.read()?;
        for _ in 0..2 {
            let address = self.base.join("/api/session")?;
            let answer = self
                .http
                .0
                .get(address)
                .bearer_auth(&tokens.access)
                .send()
                .await?;
            if answer.status() != http::StatusCode::UNAUTHORIZED {
                return Ok(serde_json::from_slice(
                    &answer.error_for_status()?.bytes().await?,
                )?);
            }
            tokens = self.refresh(&tokens).await?;
            // Before the new ones are used: from their first use on, the old ones are worth nothing.
            store.write(&tokens)?;
        }
        Err("the server does not accept its own token".into())
    }

    /// The next tokens. If an answer is lost, the same token gets the same answer again.
    async fn refresh(&self, tokens: &Tokens) -> Result<Tokens, Failure> {
        let refresh = RefreshToken::new(tokens.refresh.clone());
        let mut tries = 0;
        loop {
            match self
                .oauth
                .exchange_refresh_token(&refresh)
                .request_async(&self.http)
                .await
            {
                Ok(answer) => return Tokens::of(&answer),
                Err(oauth2::RequestTokenError::Request(error)) if tries < TRIES => {
                    tries += 1;
                    eprintln!("no answer ({error}), trying again");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                Err(oauth2::RequestTokenError::ServerResponse(refused)) => {
                    return Err(format!("the session has ended ({refused}): sign in again").into());
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Ends the session on the server.
    pub(crate) async fn revoke(&self, refresh: &str) -> Result<(), Failure> {
        let fields = [
            ("token", refresh),
            ("token_type_hint", "refresh_token"),
            ("client_id", self.oauth.client_id().as_str()),
        ];
        // `oauth2` revokes at https addresses only, and a server in development has none.
        let request = self.http.0.post(&self.revocation).form(&fields);
        request.send().await?.error_for_status()?;
        Ok(())
    }
}

impl Tokens {
    /// What the server has sent.
    pub(crate) fn of(answer: &impl TokenResponse) -> Result<Self, Failure> {
        let refresh = answer.refresh_token().ok_or("the server sent no refresh token")?;
        Ok(Self {
            access: answer.access_token().secret().clone(),
            refresh: refresh.secret().clone(),
        })
    }
}

/// `reqwest` as `oauth2` calls it. It follows no redirect: a token endpoint has no business with one.
pub(crate) struct Http(reqwest::Client);

impl Http {
    fn new() -> Result<Self, Failure> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(30))
            .build()?;
        Ok(Self(client))
    }
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = reqwest::Error;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Self::Error>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async {
            let mut answer = self.0.execute(request.try_into()?).await?;
            let (status, headers) = (answer.status(), std::mem::take(answer.headers_mut()));
            let mut response = HttpResponse::new(answer.bytes().await?.to_vec());
            *response.status_mut() = status;
            *response.headers_mut() = headers;
            Ok(response)
        })
    }
}
