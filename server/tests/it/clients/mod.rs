//! Other clients: how they get tokens, what tokens and keys open, and what users see of it.

mod access;
mod access_tokens;
mod authorize;
mod codes;
mod command_line;
mod data;
mod description;
mod device;
mod devices;
mod endpoints;
mod events;
mod keys;
mod logs;
mod metadata;
mod openapi;
mod refresh;
mod registered;
mod scripts;
pub mod support;
mod taking_back;

use crate::support::TestApp;

/// Where a client sends its users.
pub async fn authorization_address(app: &TestApp) -> String {
    let client = registered::add(app, registered::web()).await;
    registered::Asking::of(&client, registered::REDIRECT).address()
}

/// A page with the decision about a device that waits.
pub async fn device_page(app: &TestApp) -> String {
    let device = registered::device(app, &registered::add(app, registered::tv()).await, "profile").await;
    format!("/device?user_code={}", device.user_code)
}
