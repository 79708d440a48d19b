//! Two-step sign-in: what sets it up, what asks for it, and that nothing goes around it.

mod codes;
mod devices;
mod reset; // wing:admin
mod setup;
mod sign_in;
mod ways_in;

use totp_rs::{Builder, Secret};

use crate::support::{Answer, Browser, PASSWORD, TestApp};

const ADA: &str = "ada@example.com";
const RETURN_TO: &str = "/settings/sessions";

/// A user's app, and what they have written down.
pub struct App {
    secret: String,
    recovery: Vec<String>,
}

impl App {
    /// Sets up two-step sign-in.
    pub async fn of(user: &Browser) -> Self {
        let started = user.call("start_totp", &[]).await.expect(200).json();
        let secret = started["secret"].as_str().unwrap().to_owned();
        let mut app = Self {
            secret,
            recovery: Vec::new(),
        };
        let code = app.code(user.app());
        let done = user.call("confirm_totp", &[("code", &code)]).await.expect(200);
        app.recovery = codes(&done);
        // The next sign-in needs a code of another step.
        user.app().advance(30);
        app
    }

    /// What the app shows now.
    pub fn code(&self, app: &TestApp) -> String {
        self.code_at(app.clock.unix())
    }

    fn code_at(&self, at: i64) -> String {
        let secret = Secret::try_from_base32(&self.secret).unwrap();
        let totp = Builder::new().with_secret(secret).with_account_name("x");
        totp.build().unwrap().generate(at.try_into().unwrap()).to_string()
    }

    // wing:mail
    /// Completes the sign-in that waits in this browser.
    pub async fn complete(&self, browser: &Browser) {
        second(browser, &self.code(browser.app())).await.expect(200);
    }

    /// The first recovery code.
    pub fn recovery_code(&self) -> &str {
        &self.recovery[0]
    }
    // end wing:mail

    /// A code that is wrong at every step near now.
    fn wrong(&self, app: &TestApp) -> String {
        let near: Vec<String> = (-2..3)
            .map(|step| self.code_at(app.clock.unix() + 30 * step))
            .collect();
        let all = (0..10).map(|digit| format!("00000{digit}"));
        let mut wrong = all.filter(|code| !near.contains(code));
        wrong.next().unwrap()
    }
}

fn codes(answer: &Answer) -> Vec<String> {
    let json = answer.json();
    let codes = json["recovery_codes"].as_array().unwrap();
    codes
        .iter()
        .map(|code| code.as_str().unwrap().to_owned())
        .collect()
}

/// A browser in which a sign-in with the password waits for its second factor.
async fn half_way(app: &TestApp) -> Browser {
    let browser = app.browser();
    let answer = browser.login(ADA, PASSWORD).await;
    is_half_way(&answer);
    browser
}

/// The answer gives the browser nothing but the cookie by which it can go on.
#[track_caller]
fn is_half_way(answer: &Answer) {
    let names: Vec<String> = answer.cookies().into_iter().map(|cookie| cookie.name).collect();
    assert_eq!(names, ["__Host-flow"], "{answer:?}");
}

async fn second(browser: &Browser, code: &str) -> Answer {
    browser.call("second_factor", &[("code", code)]).await
}
