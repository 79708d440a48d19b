//! Other clients.

mod access;
mod authorize;
mod device;
mod registered;

use crate::support::TestApp;

/// A page with the decision about a device that waits.
pub async fn device_page(app: &TestApp) -> String {
    let device = registered::device(app, &registered::add(app, registered::tv()).await, "profile").await;
    format!("/device?user_code={}", device.user_code)
}
