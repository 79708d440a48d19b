//! Signing in with a browser on the same machine, which comes back to a port of it (RFC 8252).

use std::{borrow::Cow, time::Duration};

use oauth2::{AuthorizationCode, CsrfToken, PkceCodeChallenge, RedirectUrl, Scope};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use url::Url;

use crate::{Failure, server::Server, store::Tokens};

/// How long the user has.
const PATIENCE: Duration = Duration::from_secs(600);
/// The longest request that is read.
const MAX_REQUEST: usize = 8 * 1024;

pub(crate) async fn sign_in(server: &Server) -> Result<Tokens, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let here = format!("http://{}/callback", listener.local_addr()?);
    let redirect = RedirectUrl::new(here.clone())?;
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (address, state) = server
        .oauth
        .authorize_url(CsrfToken::new_random)
        .add_scope(Scope::new("profile".to_owned()))
        .set_pkce_challenge(challenge)
        .set_redirect_uri(Cow::Borrowed(&redirect))
        .url();
    println!("Open this address in a browser:\n{address}");
    let code = timeout(PATIENCE, callback(&listener, &here, &server.issuer, &state))
        .await
        .map_err(|_| "nobody came back in time")??;
    let answer = server
        .oauth
        .exchange_code(AuthorizationCode::new(code))
        .set_pkce_verifier(verifier)
        .set_redirect_uri(Cow::Borrowed(&redirect))
        .request_async(&server.http)
        .await?;
    Tokens::of(&answer)
}

/// The code that a browser brings. Other requests, and answers to other requests, are ignored.
async fn callback(
    listener: &TcpListener,
    here: &str,
    issuer: &str,
    state: &CsrfToken,
) -> Result<String, Failure> {
    loop {
        let (mut browser, _) = listener.accept().await?;
        let Some(asked) = asked(&mut browser, here).await else {
            continue;
        };
        let parameter = |name: &str| {
            let mut pairs = asked.query_pairs();
            pairs
                .find(|(found, _)| found == name)
                .map(|(_, value)| value.into_owned())
        };
        // An answer that is not to our question, or from another server (RFC 9207).
        if parameter("state").as_ref() != Some(state.secret()) || parameter("iss").as_deref() != Some(issuer)
        {
            say(&mut browser, "This is not what was asked for.").await;
            continue;
        }
        if let Some(code) = parameter("code") {
            say(&mut browser, "Signed in. You can close this page.").await;
            return Ok(code);
        }
        say(&mut browser, "Not signed in. You can close this page.").await;
        let error = parameter("error").unwrap_or_else(|| "no reason".to_owned());
        return Err(format!("the server refused: {error}").into());
    }
}

/// The address that a browser asks for, if it is the one that it was sent to.
async fn asked(browser: &mut TcpStream, here: &str) -> Option<Url> {
    let mut request = Vec::new();
    while !request.windows(4).any(|end| end == b"\r\n\r\n") && request.len() < MAX_REQUEST {
        if browser.read_buf(&mut request).await.ok()? == 0 {
            break;
        }
    }
    let line = String::from_utf8_lossy(&request);
    let path = line.strip_prefix("GET ")?.split(' ').next()?;
    let asked = Url::parse(here).ok()?.join(path).ok()?;
    (asked.as_str().split('?').next() == Some(here)).then_some(asked)
}

/// Shows one of the texts above. The icon is in the page, so that the browser does not ask for one when nobody listens any
/// more.
async fn say(browser: &mut TcpStream, text: &'static str) {
    let page =
        format!("<!doctype html><title>{text}</title><link rel=\"icon\" href=\"data:,\"><p>{text}</p>");
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{page}",
        page.len()
    );
    // The browser may have gone; what matters has arrived.
    _ = browser.write_all(answer.as_bytes()).await;
}
