//! What the tests of providers are written with: a browser's way to a provider and back, and a world that holds the
//! application and two providers.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use auth::{
    LiveSession, RequestAuth, SqlUsers, UserAdapter,
    keys::{Place, Purpose},
    session_layer,
};
use axum::{Extension, Router, middleware::from_fn_with_state, routing::get};
use http::{HeaderMap, Method, header::COOKIE};
use serde_json::{Value, json};
use server::config::ServerConfig;
use tokio::{sync::oneshot, time::timeout};
use url::Url;
use uuid::Uuid;

use super::idp::{Endpoint, Idp};
use crate::support::{Answer, Browser, TestApp, clock};

/// The number of places of one provider.
pub const PLACES: usize = 64;

/// A person at a provider, with a verified address.
pub fn person(name: &str) -> Value {
    json!({
        "sub": format!("{name}-at-idp"), "email": format!("{name}@example.com"), "email_verified": true, "name": name,
    })
}

/// A person with other or fewer claims.
pub fn person_with(name: &str, changes: Value) -> Value {
    let mut person = person(name);
    crate::oauth::keys::patch(&mut person, &changes);
    person
}

impl TestApp {
    /// A token of the one account: none stored, or what it opens to for this purpose, which may be nothing.
    pub async fn token(&self, purpose: Purpose, column: &'static str) -> Option<Option<String>> {
        let sql = format!("SELECT id, {column} FROM accounts");
        let (id, sealed): (Uuid, Option<String>) =
            sqlx::query_as(&sql).fetch_one(self.auth.db.read()).await.unwrap();
        let place = match column {
            "access_token" => "accounts.access_token",
            _ => "accounts.refresh_token",
        };
        let place = Place::new(place, &[id.as_bytes()]);
        Some(self.auth.keys.open_at(purpose, &place, &sealed?))
    }

    /// There is no user, no session, and no flow is left.
    #[track_caller]
    pub fn assert_untouched(&self) -> impl Future<Output = ()> + '_ {
        self.assert_counts(&[
            ("users", 0),
            ("accounts", 0),
            ("sessions", 0),
            ("sign_in_flows", 0),
            ("pending_links", 0),
        ])
    }

    /// Deletes all users, flows and sessions.
    pub async fn wipe(&self) {
        for table in ["users", "sign_in_flows", "sessions"] {
            self.sql(&format!("DELETE FROM {table}")).await;
        }
    }
}

impl Browser {
    /// The session by the authority rather than by the snapshot.
    pub async fn live_session_id(&self) -> Option<String> {
        let without_snapshot = self.copy();
        without_snapshot.set_cookie("auth", None);
        let session = without_snapshot.session().await;
        session["session_id"].as_str().map(str::to_owned)
    }

    /// Whether the cookies are worth a session without asking the authority.
    pub fn has_live_snapshot(&self) -> bool {
        let cookies = self.cookie_header().unwrap();
        let headers = HeaderMap::from_iter([(COOKIE, cookies.parse().unwrap())]);
        self.app().auth.sessions.check(&headers).is_some()
    }

    /// The live session, as a server function has it.
    pub async fn live(&self) -> LiveSession {
        let found = Arc::new(Mutex::new(None));
        let keep = Arc::clone(&found);
        let handler = |Extension(request): Extension<RequestAuth>| async move {
            *keep.lock().unwrap() = Some(request.require().await.unwrap());
        };
        let layer = from_fn_with_state(self.app().auth.sessions.clone(), session_layer);
        let router = Router::new().route("/", get(handler)).layer(layer);
        let there = self.copy().through(&router);
        there.request(Method::GET, "/").send_unchecked().await;
        found.lock().unwrap().take().unwrap()
    }

    pub async fn user_id(&self) -> Uuid {
        self.user().await["id"].as_str().unwrap().parse().unwrap()
    }

    /// The providers of the user's connected accounts.
    pub async fn providers(&self) -> Vec<String> {
        let user = self.user().await;
        let accounts = user["accounts"].as_array().unwrap().iter();
        accounts
            .map(|account| account["provider"].as_str().unwrap().to_owned())
            .collect()
    }

    /// The id of the user's account at a provider.
    pub async fn account_id(&self, provider: &str) -> String {
        let user = self.user().await;
        let mut accounts = user["accounts"].as_array().unwrap().iter();
        let account = accounts.find(|account| account["provider"] == provider);
        account.unwrap()["id"].as_str().unwrap().to_owned()
    }

    pub async fn unlink(&self, account_id: &str) -> Answer {
        self.call("unlink_account", &[("account_id", account_id)]).await
    }

    /// Presses a provider's button.
    pub async fn press(&self, provider: &str, fields: &[(&str, &str)]) -> Answer {
        self.post(&format!("/auth/login/{provider}"), fields)
            .header("accept", "text/html,*/*;q=0.8")
            .send()
            .await
    }

    /// Presses it, and is on its way.
    pub async fn begin_with(&self, provider: &str, fields: &[(&str, &str)]) -> Hop {
        Hop::of(provider, &self.press(provider, fields).await)
    }

    pub async fn begin(&self, provider: &str) -> Hop {
        self.begin_with(provider, &[]).await
    }

    pub async fn begin_link(&self, provider: &str) -> Hop {
        self.begin_with(provider, &[("intent", "link")]).await
    }

    /// The whole way: start, the person's consent, callback.
    pub async fn sign_in(&self, provider: &str, idp: &Idp, person: &Value) -> Answer {
        let hop = self.begin(provider).await;
        self.finish(&hop, idp, person).await
    }

    pub async fn link(&self, provider: &str, idp: &Idp, person: &Value) -> Answer {
        let hop = self.begin_link(provider).await;
        self.finish(&hop, idp, person).await
    }

    pub async fn finish(&self, hop: &Hop, idp: &Idp, person: &Value) -> Answer {
        let callback = hop.approved(idp, person);
        self.get(&callback).await
    }
}

impl Answer {
    /// Whether a session or snapshot cookie is set, to whatever value.
    pub fn touches_session(&self) -> bool {
        self.cookies()
            .iter()
            .map(|cookie| cookie.name.trim_start_matches("__Host-"))
            .any(|name| ["id", "auth"].contains(&name))
    }

    #[track_caller]
    pub fn assert_leads_to(&self, location: &str) {
        assert_eq!((self.status, self.location()), (303, location), "{}", self.text());
        assert_eq!(self.header("cache-control"), Some("no-store"));
    }

    /// A callback that failed: to the login page with a code of ours, and nothing else.
    #[track_caller]
    pub fn assert_failed(&self, code: &str) {
        self.assert_leads_to(&format!("/login?error={code}"));
        assert_eq!(self.header("referrer-policy"), Some("no-referrer"));
        assert!(!self.touches_session(), "{:?}", self.cookies());
        assert!(self.body.is_empty());
    }
}

/// A browser on its way to a provider.
#[derive(Clone, Debug)]
pub struct Hop {
    pub provider: String,
    pub url: Url,
}

impl Hop {
    #[track_caller]
    pub fn of(provider: &str, answer: &Answer) -> Self {
        let page = answer.clone().expect(200).text();
        let start = page.find("<a href=\"").expect("the page has a link") + "<a href=\"".len();
        let url = page[start..].split('"').next().unwrap().replace("&amp;", "&");
        Self {
            provider: provider.to_owned(),
            url: Url::parse(&url).unwrap(),
        }
    }

    pub fn param(&self, name: &str) -> Option<String> {
        let mut values = self.url.query_pairs().filter(|(found, _)| found == name);
        let value = values.next().map(|(_, value)| value.into_owned());
        assert!(values.next().is_none(), "{name} occurs twice");
        value
    }

    pub fn state(&self) -> String {
        self.param("state").unwrap()
    }

    /// The callback's address with these parameters.
    pub fn callback(&self, pairs: &[(&str, &str)]) -> String {
        callback(&self.provider, pairs)
    }

    /// The callback after the person agreed.
    pub fn approved(&self, idp: &Idp, person: &Value) -> String {
        let code = idp.approve(&self.url, person);
        self.callback(&[("code", &code), ("state", &self.state())])
    }
}

pub fn callback(provider: &str, pairs: &[(&str, &str)]) -> String {
    format!(
        "/auth/callback/{provider}?{}",
        serde_urlencoded::to_string(pairs).unwrap()
    )
}

/// The application with two providers about which nothing is known but their issuers.
pub struct World {
    pub acme: Idp,
    pub corp: Idp,
    pub app: TestApp,
}

impl World {
    pub async fn new() -> Self {
        Self::with(&[]).await
    }

    pub async fn with(vars: &[(&str, &str)]) -> Self {
        let clock = clock();
        let (acme, corp) = (Idp::start(&clock).await, Idp::start(&clock).await);
        let vars = [&Self::providers(&acme, &corp), vars].concat();
        let app = TestApp::with_own_providers(&clock, &vars).await;
        Self { acme, corp, app }
    }

    /// With users behind an adapter of a fork's.
    pub async fn with_users(adapter: impl FnOnce(SqlUsers) -> Arc<dyn UserAdapter>) -> Self {
        let Self { acme, corp, app } = Self::new().await;
        let app = app.with_users(&Self::providers(&acme, &corp), adapter).await;
        Self { acme, corp, app }
    }

    /// With less patience for a provider than the ten seconds it has.
    pub async fn impatient(most: Duration) -> Self {
        let change = |config: &mut ServerConfig| {
            let http = config.auth.provider_http.clone();
            config.auth.provider_http = http.waiting_at_most(most);
        };
        Self::new().await.configured(change).await
    }

    /// The same application, with a configuration that no variable can give it.
    pub async fn configured(self, change: impl FnOnce(&mut ServerConfig)) -> Self {
        let Self { acme, corp, app } = self;
        let app = app.configured(&Self::providers(&acme, &corp), change).await;
        Self { acme, corp, app }
    }

    fn providers<'a>(acme: &'a Idp, corp: &'a Idp) -> [(&'a str, &'a str); 8] {
        [
            ("AUTH_PROVIDERS", "acme,corp"),
            ("ACME_ISSUER", acme.origin()),
            ("ACME_CLIENT_ID", "acme-client"),
            // Characters that HTTP Basic and forms write differently.
            ("ACME_CLIENT_SECRET", "acme secret:+%&"),
            ("CORP_ISSUER", corp.origin()),
            ("CORP_CLIENT_ID", "corp-client"),
            ("CORP_CLIENT_SECRET", "corp-secret"),
            // Providers are the only ways in beside passwords.
            ("EMAIL_SIGN_IN", "0"),
        ]
    }

    /// The application anew, over the same database and with the same providers unless `vars` say otherwise.
    pub async fn restart(&mut self, vars: &[(&str, &str)]) {
        let vars = [&Self::providers(&self.acme, &self.corp), vars].concat();
        self.app = self.app.restarted(&vars).await;
    }

    pub fn browser(&self) -> Browser {
        self.app.browser().unhindered()
    }

    /// Takes this number of a provider's places, until what this returns is dropped.
    pub async fn crowd(&self, provider: &str, places: usize) -> Vec<oneshot::Sender<()>> {
        let at = self.app.auth.oauth.callbacks_of(provider).unwrap();
        let mut crowd = Vec::new();
        for _ in 0..places {
            let (leave, left) = oneshot::channel();
            let waiting = at.run(async move { drop(left.await) });
            // It has begun, and goes on.
            timeout(Duration::ZERO, waiting).await.unwrap_err();
            crowd.push(leave);
        }
        crowd
    }

    /// How often a provider was asked for tokens.
    pub fn token_requests(&self) -> usize {
        self.acme.count(Endpoint::Token) + self.corp.count(Endpoint::Token)
    }

    /// Signs a person in with a provider, in a new browser.
    pub async fn signed_in(&self, provider: &str, person: &Value) -> Browser {
        let idp = match provider {
            "corp" => &self.corp,
            _ => &self.acme,
        };
        let browser = self.browser();
        let answer = browser.sign_in(provider, idp, person).await;
        answer.assert_leads_to("/profile");
        browser
    }

    /// What failed has left nothing behind: no row, and nothing in the way of the next sign-in.
    pub async fn assert_recovers(&self) {
        self.app.assert_untouched().await;
        self.acme.behave();
        let browser = self.signed_in("acme", &person("ada")).await;
        assert_eq!(browser.session().await["email"], "ada@example.com");
        self.app.wipe().await;
    }
}
