//! Registered clients, and what they send.

use auth::{
    Client, Scope,
    clients::{DeviceStart, Grant, Issued, NewClient, Parameters, Refusal},
};
use http::HeaderMap;

pub use super::support::{CHALLENGE, VERIFIER, registry};
use crate::support::{Answer, Browser, TestApp};

pub const REDIRECT: &str = "https://client.example/cb?x=1";
pub const ISSUER: &str = "https%3A%2F%2Fapp.example";

/// Registers a public client; its id.
pub async fn add(app: &TestApp, new: NewClient) -> String {
    registry(app).await.add(new).await.unwrap().client_id
}

/// Another's application in a browser.
pub fn web() -> NewClient {
    NewClient {
        name: "Weather & <More>".to_owned(),
        redirect_uris: vec![REDIRECT.to_owned()],
        scopes: vec![Scope::Profile, Scope::Data],
        resources: vec!["https://api.example".to_owned()],
        ..NewClient::default()
    }
}

/// An application of the operator's on a user's own machine.
pub fn native() -> NewClient {
    NewClient {
        name: "Command line".to_owned(),
        first_party: true,
        grants: vec![Grant::AuthorizationCode, Grant::DeviceCode],
        redirect_uris: vec![
            "http://127.0.0.1/cb".to_owned(),
            "http://[::1]/cb".to_owned(),
            "com.example.cli:/cb".to_owned(),
        ],
        scopes: vec![Scope::Profile, Scope::App],
        ..NewClient::default()
    }
}

/// A device without a browser.
pub fn tv() -> NewClient {
    NewClient {
        name: "Television".to_owned(),
        grants: vec![Grant::DeviceCode],
        scopes: vec![Scope::Profile, Scope::Data],
        ..NewClient::default()
    }
}

/// The parameters of a request for authorization, to be changed.
#[derive(Clone)]
pub struct Asking(pub Vec<(&'static str, String)>);

impl Asking {
    pub fn of(client_id: &str, redirect_uri: &str) -> Self {
        let pairs = [
            ("response_type", "code"),
            ("client_id", client_id),
            ("redirect_uri", redirect_uri),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
            ("state", "a b/+%&="),
        ];
        Self(pairs.map(|(name, value)| (name, value.to_owned())).to_vec())
    }

    /// The same with another value, or one more parameter.
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.0.retain(|(found, _)| *found != name);
        self.0.push((name, value.to_owned()));
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.0.retain(|(found, _)| *found != name);
        self
    }

    /// The same with one more parameter, of whatever name.
    pub fn and(mut self, name: &'static str, value: &str) -> Self {
        self.0.push((name, value.to_owned()));
        self
    }

    pub fn address(&self) -> String {
        format!(
            "/oauth/authorize?{}",
            serde_urlencoded::to_string(&self.0).unwrap()
        )
    }

    /// Sends the form of the page.
    pub async fn decide(&self, browser: &Browser, decision: &str) -> Answer {
        self.clone().and("decision", decision).post(browser).await
    }

    /// Sends these fields.
    pub async fn post(&self, browser: &Browser) -> Answer {
        let fields: Vec<(&str, &str)> = self.0.iter().map(|(name, value)| (*name, &**value)).collect();
        browser
            .post("/oauth/authorize", &fields)
            .header("accept", "text/html,*/*;q=0.8")
            .send()
            .await
    }
}

impl Answer {
    /// The address to which a page hands the browser over.
    #[track_caller]
    pub fn handed_over(&self) -> String {
        let page = self.clone().expect(200).text();
        assert_eq!(self.header("cache-control"), Some("no-store"));
        assert_eq!(self.header("referrer-policy"), Some("no-referrer"));
        assert!(self.cookie("__Host-flash").is_none());
        let between = |start: &str| {
            let rest = page.split_once(start).unwrap_or_else(|| panic!("{page}")).1;
            rest.split('"').next().unwrap().to_owned()
        };
        let url = between("<meta http-equiv=\"refresh\" content=\"0;url=");
        assert_eq!(between("<a href=\""), url, "the link leads to the same address");
        url.replace("&amp;", "&")
    }

    /// The code in that address.
    #[track_caller]
    pub fn code(&self) -> String {
        let url = self.handed_over();
        let rest = url.split_once("code=").unwrap_or_else(|| panic!("{url}")).1;
        rest.split('&').next().unwrap().to_owned()
    }
}

/// A request to the token endpoint.
pub async fn token(app: &TestApp, pairs: &[(&str, &str)]) -> Result<Issued, Refusal> {
    let form = serde_urlencoded::to_string(pairs).unwrap();
    let parameters = Parameters::parse(form.as_bytes()).unwrap();
    app.auth
        .clients
        .token(&HeaderMap::new(), &parameters, &Client::default())
        .await
}

/// Exchanges a code.
pub async fn exchange(
    app: &TestApp,
    client_id: &str,
    redirect_uri: &str,
    code: &str,
) -> Result<Issued, Refusal> {
    let pairs = [
        ("grant_type", "authorization_code"),
        ("client_id", client_id),
        ("redirect_uri", redirect_uri),
        ("code", code),
        ("code_verifier", VERIFIER),
    ];
    token(app, &pairs).await
}

/// A device begins to ask.
pub async fn device(app: &TestApp, client_id: &str, scope: &str) -> DeviceStart {
    let form = serde_urlencoded::to_string([("client_id", client_id), ("scope", scope)]).unwrap();
    let client = Client {
        ip: Some("198.51.100.20".parse().unwrap()),
        user_agent: Some("tv/1.0 <b>".to_owned()),
    };
    app.auth
        .clients
        .start_device(
            &HeaderMap::new(),
            &Parameters::parse(form.as_bytes()).unwrap(),
            &client,
        )
        .await
        .unwrap()
}

/// A device asks what was decided.
pub async fn poll(app: &TestApp, client_id: &str, device: &DeviceStart) -> Result<Issued, Refusal> {
    use secrecy::ExposeSecret;
    let pairs = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("client_id", client_id),
        ("device_code", device.device_code.expose_secret()),
    ];
    token(app, &pairs).await
}

/// A page as markup escapes text.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
