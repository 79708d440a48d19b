//! Providers the template knows by name, a file each with their peculiarities, on loopback by configuration.

#![allow(dead_code, reason = "each is for the presets that need it")]

mod apple; // wing:apple
mod discord; // wing:discord
mod facebook; // wing:facebook
pub mod github; // wing:github
mod gitlab; // wing:gitlab
mod google; // wing:google
mod linkedin; // wing:linkedin
pub mod microsoft; // wing:microsoft
mod slack; // wing:slack
mod spotify; // wing:spotify
mod twitch; // wing:twitch
mod x; // wing:x

use serde_json::{Value, json};

use crate::oauth::{
    idp::{Asked, Endpoint, Idp},
    support::Hop,
};
use crate::support::{Answer, Browser, TestApp, clock};

/// The application with one preset, whose variables begin with `prefix`.
pub struct Preset {
    id: String,
    pub idp: Idp,
    pub app: TestApp,
}

impl Preset {
    /// A provider that speaks OpenID Connect; the issuer is at `path`.
    pub async fn oidc(id: &str, path: &str, more: &[(&str, &str)]) -> Self {
        Self::start(id, |idp| vec![("ISSUER", idp.at(path))], more).await
    }

    /// A provider that speaks OAuth 2.0 only: it sends no ID token.
    pub async fn plain(id: &str, more: &[(&str, &str)]) -> Self {
        let urls = |idp: &Idp| {
            vec![
                ("AUTH_URL", idp.at("/authorize")),
                ("TOKEN_URL", idp.at("/token")),
                ("USERINFO_URL", idp.at("/user")),
            ]
        };
        let preset = Self::start(id, urls, more).await;
        preset
            .idp
            .script(|script| script.answer = json!({ "id_token": null }));
        preset
    }

    async fn start(
        id: &str,
        urls: impl FnOnce(&Idp) -> Vec<(&'static str, String)>,
        more: &[(&str, &str)],
    ) -> Self {
        let clock = clock();
        let idp = Idp::start(&clock).await;
        let prefix = id.to_uppercase();
        let mut vars = vec![
            (format!("{prefix}_CLIENT_ID"), format!("{id}-client")),
            (format!("{prefix}_CLIENT_SECRET"), format!("{id}-secret")),
        ];
        vars.extend(
            urls(&idp)
                .into_iter()
                .map(|(name, value)| (format!("{prefix}_{name}"), value)),
        );
        let mut vars: Vec<_> = vars
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        vars.extend(more);
        let app = TestApp::with_own_providers(&clock, &vars).await;
        Self {
            id: id.to_owned(),
            idp,
            app,
        }
    }

    fn browser(&self) -> Browser {
        self.app.browser().unhindered()
    }

    pub async fn sign_in(&self, person: &Value) -> (Browser, Answer) {
        let browser = self.browser();
        let answer = browser.sign_in(&self.id, &self.idp, person).await;
        (browser, answer)
    }

    pub async fn user(&self, person: &Value) -> Value {
        let (browser, answer) = self.sign_in(person).await;
        answer.assert_leads_to("/profile");
        browser.user().await
    }

    async fn subject(&self) -> String {
        self.app.text("SELECT subject FROM accounts").await
    }

    /// What a confirmation asks for, beside what a sign-in does.
    async fn asks_afresh(&self, expected: &[(&str, Option<&str>)]) {
        let browser = self.browser();
        browser.register("ada@example.com").await;
        let hop = browser.begin_with(&self.id, &[("intent", "confirm")]).await;
        for (name, value) in expected {
            assert_eq!(hop.param(name).as_deref(), *value, "{}: {name}", self.id);
        }
    }

    fn last(&self, endpoint: Endpoint) -> Asked {
        self.idp.asked(endpoint).pop().unwrap()
    }
}

/// What a preset sends and reads.
struct Row {
    id: &'static str,
    plain: bool,
    /// Authorization parameters; null for one that must not be there.
    asks: Value,
    /// Whether the secret goes into the body.
    secret_in_body: bool,
    person: Value,
    subject: &'static str,
    /// Address, name, picture of the user who comes of it.
    user: [Option<&'static str>; 3],
}

impl Row {
    /// Signs in, and looks at what was asked and stored.
    async fn signs_in(self) {
        let row = self;
        let id = row.id;
        let preset = if row.plain {
            Preset::plain(id, &[]).await
        } else {
            Preset::oidc(id, "", &[]).await
        };
        let browser = preset.browser();
        let hop: Hop = browser.begin(id).await;
        for (name, value) in row.asks.as_object().unwrap() {
            assert_eq!(hop.param(name).as_deref(), value.as_str(), "{id}: {name}");
        }
        browser
            .finish(&hop, &preset.idp, &row.person)
            .await
            .assert_leads_to("/profile");
        assert_eq!(preset.subject().await, row.subject, "{id}");
        let user = browser.user().await;
        let found = ["email", "name", "avatar_url"].map(|name| user[name].as_str());
        assert_eq!(found, row.user, "{id}");
        let asked = preset.last(Endpoint::Token);
        assert_eq!(
            asked.form.contains_key("client_secret"),
            row.secret_in_body,
            "{id}"
        );
        assert_eq!(asked.basic().is_some(), !row.secret_in_body, "{id}");
        // A verifier goes with a challenge, and never without (LinkedIn takes it for a wrong secret).
        let has_challenge = hop.param("code_challenge").is_some();
        assert_eq!(asked.form.contains_key("code_verifier"), has_challenge, "{id}");
    }
}

/// Nothing listens there, and it is on this machine.
const PICTURE: &str = "http://127.0.0.1:9/a.png";
/// The user who comes of a complete answer.
const FULL: [Option<&str>; 3] = [Some("ada@example.com"), Some("Ada"), Some(PICTURE)];

/// Somebody as the standard has it.
fn oidc() -> Value {
    json!({ "sub": "1", "email": "ada@example.com", "email_verified": true, "name": "Ada", "picture": PICTURE })
}

fn s256() -> Value {
    json!({ "code_challenge_method": "S256" })
}

fn no_pkce() -> Value {
    json!({ "code_challenge": null, "code_challenge_method": null })
}

fn with(mut asks: Value, more: Value) -> Value {
    asks.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    asks
}
