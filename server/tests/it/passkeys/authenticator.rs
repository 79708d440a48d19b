//! The authenticator in software, for the users of a test.

#[path = "../../../../auth/testing/authenticator.rs"]
mod software;

use serde_json::Value;

pub use self::software::Authenticator;
use crate::support::{Browser, ORIGIN};

impl Authenticator {
    pub fn new() -> Self {
        Self::at(ORIGIN)
    }

    /// A passkey of this user, made here.
    pub async fn of(user: &Browser) -> Self {
        let mut new = Self::new();
        let options = start(user, "start_passkey").await;
        let credential = new.make(&options);
        let fields = [("credential", &*credential), ("name", "Phone")];
        user.call("finish_passkey", &fields).await.expect(200);
        new
    }
}

/// What a challenge's function answers, without its frame.
pub async fn start(browser: &Browser, function: &str) -> Value {
    let answer = browser.call(function, &[]).await.expect(200).json();
    let members: Vec<_> = answer.as_object().unwrap().keys().collect();
    assert_eq!(members, ["publicKey"]);
    answer["publicKey"].clone()
}
