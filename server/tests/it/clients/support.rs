//! Registered clients, and the ways in which they get tokens.

use auth::{
    Lifetimes, RequestAuth,
    clients::{Authorization, ClientRegistry, NewClient},
};
use http::Method;
use secrecy::ExposeSecret;
use serde_json::Value;

use crate::support::{Answer, Browser, Call, TestApp};

pub const ADA: &str = "ada@example.com";
pub const REDIRECT: &str = "https://client.example/cb";
/// RFC 7636, appendix B.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// The registry of an application's clients.
pub async fn registry(app: &TestApp) -> ClientRegistry {
    let (db, clock) = (app.auth.db.clone(), app.clock.clone());
    ClientRegistry::at_command_line(db, clock, Lifetimes::default())
        .await
        .unwrap()
}

/// A registered client, from where it runs.
#[derive(Clone)]
pub struct Client {
    pub id: String,
    pub secret: Option<String>,
    browser: Browser,
}

impl Client {
    /// A public client with this id, by code and for devices, with the scope `profile`.
    pub async fn public(app: &TestApp, id: &str) -> Self {
        Self::registered(app, id, |_| {}).await
    }

    /// The same, changed before it is registered.
    pub async fn registered(app: &TestApp, id: &str, change: impl FnOnce(&mut NewClient)) -> Self {
        let mut new = NewClient {
            name: format!("The client {id}"),
            id: Some(id.to_owned()),
            redirect_uris: vec![REDIRECT.to_owned()],
            grants: vec![
                auth::clients::Grant::AuthorizationCode,
                auth::clients::Grant::DeviceCode,
            ],
            ..NewClient::default()
        };
        change(&mut new);
        let added = registry(app).await.add(new).await.unwrap();
        Self {
            id: added.client_id,
            secret: added
                .client_secret
                .map(|secret| secret.expose_secret().to_owned()),
            browser: app.browser().unhindered(),
        }
    }

    /// The same client at another instance.
    pub fn before(&self, app: &TestApp) -> Self {
        Self {
            browser: self.browser.before(app),
            ..self.clone()
        }
    }

    /// The same client at one address.
    pub fn at(&self, ip: &str) -> Self {
        Self {
            browser: self.browser.at(ip),
            ..self.clone()
        }
    }

    /// The same client with another secret.
    pub fn with_secret(&self, secret: Option<&str>) -> Self {
        Self {
            secret: secret.map(str::to_owned),
            ..self.clone()
        }
    }

    /// A request to one of the endpoints, with what the client says of itself.
    pub fn call(&self, path: &str, fields: &[(&str, &str)]) -> Call {
        let mut fields = fields.to_vec();
        fields.push(("client_id", &self.id));
        if let Some(secret) = &self.secret {
            fields.push(("client_secret", secret));
        }
        self.bare(path, &fields)
    }

    /// A request to one of the endpoints with these fields only.
    pub fn bare(&self, path: &str, fields: &[(&str, &str)]) -> Call {
        self.browser.request(Method::POST, path).form(fields)
    }

    pub async fn token(&self, fields: &[(&str, &str)]) -> Answer {
        self.call("/oauth/token", fields).send().await
    }

    /// Exchanges a code with the right verifier and redirect.
    pub async fn exchange(&self, code: &str) -> Answer {
        self.token(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ])
        .await
    }

    pub async fn refresh(&self, token: &str) -> Answer {
        self.refresh_asking(token, &[]).await
    }

    /// A refresh that asks for something in particular.
    pub async fn refresh_asking(&self, token: &str, more: &[(&str, &str)]) -> Answer {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", token)];
        self.token(&[&fields, more].concat()).await
    }

    /// The code that a user gives it, for all its scopes.
    pub async fn code(&self, user: &Browser) -> String {
        self.code_for(user, &[]).await
    }

    /// A request for authorization, as the server has checked it.
    pub async fn authorization(&self, app: &TestApp) -> Authorization {
        self.authorization_with(app, &[]).await
    }

    async fn authorization_with(&self, app: &TestApp, parameters: &[(&str, &str)]) -> Authorization {
        let mut query = vec![
            ("response_type", "code"),
            ("client_id", &self.id),
            ("redirect_uri", REDIRECT),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        query.extend(parameters);
        let query = serde_urlencoded::to_string(query).unwrap();
        let clients = &app.auth.clients;
        clients.authorization(query.as_bytes()).await.unwrap()
    }

    /// The code for a request with these parameters beside the usual ones.
    pub async fn code_for(&self, user: &Browser, parameters: &[(&str, &str)]) -> String {
        let authorization = self.authorization_with(user.app(), parameters).await;
        let clients = &user.app().auth.clients;
        let leads_to = clients
            .allow(&recognised(user).await, &authorization)
            .await
            .unwrap();
        parameter(&leads_to, "code").unwrap()
    }

    /// What a user's first exchange brings.
    pub async fn tokens(&self, user: &Browser) -> Tokens {
        let code = self.code(user).await;
        Tokens::of(&self.exchange(&code).await.expect(200))
    }

    /// The device code and the user code of a device that begins.
    pub async fn device(&self, fields: &[(&str, &str)]) -> (String, String) {
        let answer = self.call("/oauth/device_authorization", fields).send().await;
        let json = answer.expect(200).json();
        let text = |name: &str| json[name].as_str().unwrap().to_owned();
        (text("device_code"), text("user_code"))
    }

    pub async fn poll(&self, device_code: &str) -> Answer {
        self.token(&[("grant_type", DEVICE_GRANT), ("device_code", device_code)])
            .await
    }

    pub async fn introspect(&self, token: &str) -> Value {
        let call = self.call("/oauth/introspect", &[("token", token)]);
        call.send().await.expect(200).json()
    }
}

/// A browser's request, as the session layer recognises it.
pub async fn recognised(browser: &Browser) -> RequestAuth {
    let header = browser.cookie_header().unwrap();
    let headers = http::HeaderMap::from_iter([(http::header::COOKIE, header.parse().unwrap())]);
    let sessions = &browser.app().auth.sessions;
    sessions
        .request(&headers, &http::Extensions::new())
        .await
        .unwrap()
}

/// A parameter of an address.
pub fn parameter(address: &str, name: &str) -> Option<String> {
    let (_, query) = address.split_once('?')?;
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap();
    let mut values = pairs.into_iter().filter(|(found, _)| found == name);
    let value = values.next().map(|(_, value)| value);
    assert!(values.next().is_none(), "{name} is there twice");
    value
}

/// What a client got.
#[derive(Clone, Debug)]
pub struct Tokens {
    pub access: String,
    pub refresh: String,
}

impl Tokens {
    pub fn of(answer: &Answer) -> Self {
        let json = answer.json();
        let text = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
        Self {
            access: text("access_token"),
            refresh: text("refresh_token"),
        }
    }
}

/// A request with a token, and nothing that a browser would send.
pub fn with_token(app: &TestApp, method: Method, path: &str, token: &str) -> Call {
    let call = app.browser().unhindered().request(method, path);
    call.header("authorization", &format!("Bearer {token}"))
}

/// A server function called with a token.
pub async fn call_with(app: &TestApp, token: &str, function: &str, fields: &[(&str, &str)]) -> Answer {
    with_token(app, Method::POST, &format!("/api/{function}"), token)
        .form(fields)
        .send()
        .await
}

/// Asserts a refusal in the words of RFC 6749.
#[track_caller]
pub fn refused(answer: Answer, status: u16, code: &str) -> Answer {
    let answer = answer.expect(status);
    let json = answer.json();
    assert_eq!(json["error"], code, "{json}");
    assert!(json["error_description"].is_string(), "{json}");
    assert_eq!(json.as_object().unwrap().len(), 2, "{json}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("pragma"), Some("no-cache"));
    answer
}
