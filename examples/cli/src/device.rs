//! Signing in with a code that the user types on any device (RFC 8628).

use oauth2::{Scope, StandardDeviceAuthorizationResponse};

use crate::{Failure, server::Server, store::Tokens};

pub(crate) async fn sign_in(server: &Server) -> Result<Tokens, Failure> {
    let started: StandardDeviceAuthorizationResponse = server
        .oauth
        .exchange_device_code()
        .add_scope(Scope::new("profile".to_owned()))
        .request_async(&server.http)
        .await?;
    println!(
        "Open {} and enter the code {}",
        started.verification_uri().as_str(),
        started.user_code().secret()
    );
    // Asks at the interval that the server wants, until the user has decided.
    let answer = server
        .oauth
        .exchange_device_access_token(&started)
        .request_async(&server.http, tokio::time::sleep, None)
        .await?;
    Tokens::of(&answer)
}
