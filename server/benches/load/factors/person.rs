//! Somebody who signs in, each time in a new browser.

use std::net::SocketAddr;

use auth::{ClientAddress, Clock};
use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, StatusCode, header},
};
use serde_json::Value;
use tower::ServiceExt;

use super::Way;
use super::authenticator::Authenticator; // wing:passkeys
use crate::{Outcome, process::PASSWORD, server::ORIGIN};

pub(super) struct Person {
    router: Router,
    clock: Clock,
    email: String,
    /// Where they are: attempts are limited by address.
    address: ClientAddress,
    /// The cookies of the session in which everything is set up.
    cookies: String,
    key: String,                    // wing:second-factors
    passkey: Option<Authenticator>, // wing:passkeys
}

/// An answer: its status, the cookies it gives, its body.
struct Answer {
    status: StatusCode,
    cookies: String,
    json: Value,
}

impl Person {
    pub(super) async fn register(router: &Router, clock: &Clock, n: usize) -> Outcome<Self> {
        let address: SocketAddr = format!("10.0.{}.{}:1", n / 250, n % 250).parse()?;
        let mut person = Self {
            router: router.clone(),
            clock: clock.clone(),
            email: format!("person{n}@example.com"),
            address: ClientAddress(address.ip()),
            cookies: String::new(),
            key: String::new(), // wing:second-factors
            passkey: None,      // wing:passkeys
        };
        let body = person.first_factor();
        person.cookies = person.post("register", "", &body).await?.expect(200)?.cookies;
        Ok(person)
    }

    /// The same person with all that can be set up beside the password.
    pub(super) async fn with_factors(mut self) -> Outcome<Self> {
        // wing:passkeys
        let answer = self.post("start_passkey", &self.cookies, "").await?.expect(200)?;
        let mut passkey = Authenticator::at(ORIGIN);
        let credential = passkey.make(&answer.json["publicKey"]);
        let body = format!("credential={credential}");
        let answer = self.post("finish_passkey", &self.cookies, &body).await?;
        self.cookies = answer.expect(200)?.cookies;
        self.passkey = Some(passkey);
        // end wing:passkeys
        // wing:second-factors
        let answer = self.post("start_totp", &self.cookies, "").await?.expect(200)?;
        self.key = text(&answer.json, "secret")?;
        let body = format!("code={}", self.code()?);
        self.post("confirm_totp", &self.cookies, &body)
            .await?
            .expect(200)?;
        // end wing:second-factors
        Ok(self)
    }

    pub(super) async fn signs_in(&self, way: Way) -> Outcome {
        match way {
            // wing:second-factors
            Way::App => {
                let half_way = self.post("login", "", &self.first_factor()).await?.expect(403)?;
                let body = format!("code={}", self.code()?);
                let answer = self.post("second_factor", &half_way.cookies, &body).await?;
                answer.expect(200)?;
            }
            // end wing:second-factors
            // wing:passkeys
            Way::Passkey => {
                let started = self.post("start_passkey_sign_in", "", "").await?.expect(200)?;
                let passkey = self.passkey.as_ref().ok_or("there is no passkey")?;
                let body = format!("credential={}", passkey.answer(&started.json["publicKey"]));
                let answer = self.post("passkey_sign_in", &started.cookies, &body).await?;
                answer.expect(200)?;
            }
            // end wing:passkeys
            Way::Password => {
                self.post("login", "", &self.first_factor()).await?.expect(200)?;
            }
        }
        Ok(())
    }

    fn first_factor(&self) -> String {
        format!("email={}&password={PASSWORD}", self.email.replace('@', "%40"))
    }

    // wing:second-factors
    /// What the app shows now.
    fn code(&self) -> Outcome<String> {
        let key = totp_rs::Secret::try_from_base32(&self.key).map_err(|error| format!("{error:?}"))?;
        let app = totp_rs::Builder::new().with_secret(key).with_account_name("x");
        let app = app.build().map_err(|error| format!("{error:?}"))?;
        Ok(app.generate(self.clock.unix().try_into()?).to_string())
    }
    // end wing:second-factors

    async fn post(&self, function: &str, cookies: &str, body: &str) -> Outcome<Answer> {
        let request = Request::post(format!("/api/{function}"))
            .header(header::HOST, "localhost:3000")
            .header(header::ORIGIN, ORIGIN)
            .header(header::COOKIE, cookies)
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .extension(ClientAddress(self.address.0))
            .body(Body::from(body.to_owned()))?;
        let answer = self.router.clone().oneshot(request).await?;
        let given = answer.headers().get_all(header::SET_COOKIE).iter();
        let cookies: Vec<_> = given
            .filter_map(|cookie| cookie.to_str().ok()?.split(';').next().map(str::to_owned))
            .collect();
        Ok(Answer {
            status: answer.status(),
            cookies: cookies.join("; "),
            json: serde_json::from_slice(&to_bytes(answer.into_body(), 1 << 20).await?)?,
        })
    }
}

impl Answer {
    fn expect(self, status: u16) -> Outcome<Self> {
        if self.status == status {
            Ok(self)
        } else {
            Err(format!("answered with {}: {}", self.status, self.json).into())
        }
    }
}

// wing:second-factors
fn text(json: &Value, member: &str) -> Outcome<String> {
    let text = json[member].as_str();
    Ok(text.ok_or_else(|| format!("{member} is missing"))?.to_owned())
}
// end wing:second-factors
