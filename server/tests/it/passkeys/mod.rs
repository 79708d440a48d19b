//! Passkeys: making them, signing in and confirming with them, and what is refused.

mod authenticator;
mod confirming;
mod managing;
mod registering;
mod sign_in;
mod where_there_are_none;

pub use authenticator::Authenticator;
use authenticator::start;

use crate::support::{Answer, Browser};

const ADA: &str = "ada@example.com";

/// Signs in with a passkey.
pub async fn sign_in(browser: &Browser, with: &Authenticator) -> Answer {
    let options = start(browser, "start_passkey_sign_in").await;
    send(browser, &with.answer(&options)).await
}

async fn send(browser: &Browser, credential: &str) -> Answer {
    browser
        .call("passkey_sign_in", &[("credential", credential)])
        .await
}

async fn listed(user: &Browser) -> Vec<serde_json::Value> {
    let list = user.call("list_passkeys", &[]).await.expect(200).json();
    list.as_array().unwrap().clone()
}
