//! Providers the template knows by name, each with its peculiarities, on loopback by configuration.

use axum::body::Body;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use http::{Method, StatusCode};
use p256::{
    ecdsa::{Signature, SigningKey, VerifyingKey, signature::Verifier},
    pkcs8::DecodePrivateKey,
};
use serde_json::{Value, json};

use crate::{
    idp::{Asked, Endpoint, Idp, Reply},
    support::{Answer, App, Browser, Hop, clock, person_with},
};

/// The application with one preset, whose variables begin with `prefix`.
pub struct Preset {
    id: String,
    pub idp: Idp,
    pub app: App,
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
        let app = App::start(&clock, &vars).await;
        Self {
            id: id.to_owned(),
            idp,
            app,
        }
    }

    pub async fn sign_in(&self, person: &Value) -> (Browser, Answer) {
        let mut browser = self.app.browser();
        let answer = browser.sign_in(&self.id, &self.idp, person).await;
        (browser, answer)
    }

    pub async fn user(&self, person: &Value) -> Value {
        let (mut browser, answer) = self.sign_in(person).await;
        answer.assert_leads_to("/profile");
        browser.user().await
    }

    async fn subject(&self) -> String {
        self.app.text("SELECT subject FROM accounts").await.unwrap()
    }

    fn last(&self, endpoint: Endpoint) -> Asked {
        self.idp.asked(endpoint).pop().unwrap()
    }
}

/// Somebody at GitHub, as `/user` tells it: the public address is not shown.
pub fn octocat(changes: Value) -> Value {
    let mut user = json!({
        "id": 583_231, "login": "octocat", "name": null, "email": null,
        "avatar_url": "https://avatars.example/u/583231", "type": "User",
    });
    crate::keys::patch(&mut user, &changes);
    user
}

pub async fn github(emails: Value) -> Preset {
    let github = Preset::plain("github", &[]).await;
    github.idp.script(|script| {
        script.emails = emails;
        script.answer = json!({ "id_token": null, "scope": "read:user,user:email", "token_type": "bearer", "expires_in": null });
    });
    github
}

pub fn address(email: &str, primary: bool, verified: bool) -> Value {
    json!({ "email": email, "primary": primary, "verified": verified, "visibility": null })
}

/// OA22.
#[tokio::test]
async fn github_is_asked_for_the_list_of_addresses() {
    let github = github(json!([
        address("first@example.com", false, true),
        address("octocat@example.com", true, true),
        address("last@example.com", false, false),
    ]))
    .await;
    let mut browser = github.app.browser();
    let hop = browser.begin("github").await;
    assert!(hop.url.as_str().starts_with(&github.idp.at("/authorize?")));
    assert_eq!(hop.param("scope").as_deref(), Some("read:user user:email"));
    assert_eq!(hop.param("code_challenge_method").as_deref(), Some("S256"));
    assert_eq!(hop.param("nonce"), None);
    browser
        .finish(&hop, &github.idp, &octocat(json!({})))
        .await
        .assert_leads_to("/profile");

    let user = browser.user().await;
    assert_eq!(
        (&user["email"], &user["email_verified"]),
        (&json!("octocat@example.com"), &json!(true))
    );
    assert_eq!(
        (&user["name"], &user["avatar_url"]),
        (&json!("octocat"), &json!("https://avatars.example/u/583231"))
    );
    assert_eq!(github.subject().await, "583231");
    assert_eq!(
        github.app.text("SELECT scopes FROM accounts").await.as_deref(),
        Some("read:user user:email")
    );
    let token = github.last(Endpoint::Token);
    assert_eq!(
        (
            token.form["client_id"].as_str(),
            token.form["client_secret"].as_str()
        ),
        ("github-client", "github-secret")
    );
    assert_eq!(token.header("authorization"), "");
    assert_eq!(token.header("accept"), "application/json");
    for endpoint in [Endpoint::Userinfo, Endpoint::Emails] {
        let asked = github.last(endpoint);
        assert!(asked.header("authorization").starts_with("Bearer access-"));
        assert!(!asked.header("user-agent").is_empty());
    }
    assert_eq!(github.last(Endpoint::Emails).path, "/user/emails");
    // There is no metadata, and no key set.
    assert_eq!(
        (
            github.idp.count(Endpoint::Metadata),
            github.idp.count(Endpoint::Keys)
        ),
        (0, 0)
    );
}

#[tokio::test]
async fn of_githubs_addresses_only_the_primary_and_verified_one_counts() {
    for (emails, public, expected) in [
        (
            json!([address("a@example.com", true, true)]),
            json!("public@example.com"),
            json!("a@example.com"),
        ),
        (
            json!([
                address("a@example.com", true, false),
                address("b@example.com", false, true)
            ]),
            Value::Null,
            Value::Null,
        ),
        (
            json!([address("b@example.com", false, true)]),
            json!("b@example.com"),
            Value::Null,
        ),
        (json!([]), json!("public@example.com"), Value::Null),
        (json!([{ "email": "a@example.com" }]), Value::Null, Value::Null),
    ] {
        let github = github(emails.clone()).await;
        let user = github.user(&octocat(json!({ "email": public }))).await;
        assert_eq!(user["email"], expected, "{emails}");
    }
    // Nobody becomes somebody else by a public address, or by a login that changed hands.
    let github = github(json!([])).await;
    let first = github.user(&octocat(json!({}))).await["id"].clone();
    assert_eq!(
        github.user(&octocat(json!({ "login": "renamed" }))).await["id"],
        first
    );
    assert_ne!(github.user(&octocat(json!({ "id": 583_232 }))).await["id"], first);
}

#[tokio::test]
async fn github_may_withhold_the_list_but_not_garble_it() {
    let github = github(json!([address("a@example.com", true, true)])).await;
    for status in [403, 404] {
        github.idp.reply(
            Endpoint::Emails,
            Reply::json(status, json!({ "message": "Resource not accessible" })),
        );
        assert_eq!(github.user(&octocat(json!({}))).await["email"], Value::Null);
        github.app.wipe().await;
    }
    for reply in [
        Reply::text(500, "text/plain", "oops"),
        Reply::json(401, json!({})),
        Reply::json(200, json!({ "email": "a@example.com" })),
        Reply::json(
            200,
            json!([{ "email": "a@example.com", "primary": "true", "verified": "true" }]),
        ),
        Reply::text(200, "text/html", "[]"),
        Reply::Padded(300 * 1024),
        Reply::Break,
    ] {
        github.idp.reply(Endpoint::Emails, reply);
        let (_, answer) = github.sign_in(&octocat(json!({}))).await;
        answer.assert_failed("provider");
        github.app.assert_untouched().await;
    }
}

#[tokio::test]
async fn githubs_errors_come_with_status_200() {
    let github = github(json!([])).await;
    let canary = "<script>canary</script>";
    let refusal = json!({
        "error": "bad_verification_code", "error_description": canary, "error_uri": "https://docs.example/canary",
    });
    github.idp.reply(Endpoint::Token, Reply::json(200, refusal));
    let (mut browser, answer) = github.sign_in(&octocat(json!({}))).await;
    answer.assert_failed("provider");
    assert!(!browser.get(answer.location()).await.body.contains("canary"));
    assert_eq!(github.idp.count(Endpoint::Userinfo), 0);
    github.app.assert_untouched().await;
    // Form-encoded, as GitHub answers who does not ask for JSON.
    github.idp.reply(
        Endpoint::Token,
        Reply::text(
            200,
            "application/x-www-form-urlencoded",
            "access_token=a&token_type=bearer",
        ),
    );
    github
        .sign_in(&octocat(json!({})))
        .await
        .1
        .assert_failed("provider");
}

#[tokio::test]
async fn a_github_user_without_a_usable_id_is_nobody() {
    let github = github(json!([address("a@example.com", true, true)])).await;
    for id in [
        Value::Null,
        json!(""),
        json!(1.5),
        json!([583_231]),
        json!(true),
        json!("x".repeat(256)),
    ] {
        github
            .sign_in(&octocat(json!({ "id": id, "sub": "583231" })))
            .await
            .1
            .assert_failed("provider");
        github.app.assert_untouched().await;
    }
    for reply in [
        Reply::json(401, json!({ "message": "Bad credentials" })),
        Reply::json(200, json!([octocat(json!({}))])),
        Reply::text(200, "text/html", "<h1>hello</h1>"),
        Reply::Whole(
            StatusCode::FOUND,
            vec![("location", github.idp.at("/elsewhere/user"))],
            Vec::new(),
        ),
    ] {
        github.idp.reply(Endpoint::Userinfo, reply);
        github
            .sign_in(&octocat(json!({})))
            .await
            .1
            .assert_failed("provider");
        github.app.assert_untouched().await;
    }
}

#[tokio::test]
async fn githubs_list_of_addresses_can_be_elsewhere() {
    let clock = clock();
    let elsewhere = Idp::start(&clock).await;
    let url = elsewhere.at("/api/v3/my/emails");
    let github = Preset::plain("github", &[("GITHUB_EMAILS_URL", &url)]).await;
    let list = json!([address("octocat@example.com", true, true)]);
    elsewhere.reply(Endpoint::Emails, Reply::json(200, list));
    assert_eq!(
        github.user(&octocat(json!({}))).await["email"],
        "octocat@example.com"
    );
    assert_eq!(github.idp.count(Endpoint::Emails), 0);
    assert_eq!(elsewhere.asked(Endpoint::Emails)[0].path, "/api/v3/my/emails");
}

const APPLE_KEY: &str = include_str!("../../../auth/src/oauth/testdata/p256.pem");

async fn apple() -> Preset {
    let key = APPLE_KEY.trim().replace('\n', "\\n");
    let more = [
        ("APPLE_CLIENT_SECRET", ""),
        ("APPLE_TEAM_ID", "TEAM"),
        ("APPLE_KEY_ID", "KEY"),
        ("APPLE_PRIVATE_KEY", key.as_str()),
    ];
    Preset::oidc("apple", "", &more).await
}

/// Somebody at Apple: booleans are texts, and there is no name.
fn apple_person() -> Value {
    person_with(
        "ada",
        json!({ "name": null, "email_verified": "true", "is_private_email": "true", "nonce_supported": true }),
    )
}

/// Apple's form: from its own site, and so without our cookies.
async fn posted(apple: &Preset, fields: &[(&str, &str)]) -> Answer {
    let stranger = apple.app.browser();
    let mut request = stranger.form("/auth/callback/apple", fields);
    let headers = request.headers_mut();
    headers.insert("origin", "https://appleid.apple.com".parse().unwrap());
    headers.insert("sec-fetch-site", "cross-site".parse().unwrap());
    let answer = stranger.send(request).await;
    assert!(answer.set_cookies().is_empty(), "{:?}", answer.set_cookies());
    answer
}

#[tokio::test]
async fn apple_posts_its_answer_and_the_browser_brings_it_with_its_cookies() {
    let apple = apple().await;
    let mut browser = apple.app.browser();
    let hop = browser.begin("apple").await;
    assert_eq!(hop.param("response_mode").as_deref(), Some("form_post"));
    assert_eq!(hop.param("scope").as_deref(), Some("name email"));
    assert!(
        hop.url.query().unwrap().contains("scope=name%20email"),
        "{}",
        hop.url
    );
    assert!(hop.param("nonce").is_some() && hop.param("code_challenge").is_some());

    let code = apple.idp.approve(&hop.url, &apple_person());
    let user = r#"{"name":{"firstName":"Ada","lastName":"Lovelace & <b>"},"email":"victim@example.com"}"#;
    let answer = posted(
        &apple,
        &[("state", &hop.state()), ("code", &code), ("user", user)],
    )
    .await;
    // It has only been sent on.
    assert_eq!(apple.idp.count(Endpoint::Token), 0);
    apple
        .app
        .assert_counts(&[("users", 0), ("sign_in_flows", 1)])
        .await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let address = answer.location().to_owned();
    let mut sent_on: Vec<(String, String)> =
        serde_urlencoded::from_str(address.strip_prefix("/auth/callback/apple?").unwrap()).unwrap();
    sent_on.sort();
    let expected = [("code", code.as_str()), ("state", &hop.state()), ("user", user)];
    assert_eq!(
        sent_on,
        expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );

    browser.get(&address).await.assert_leads_to("/profile");
    let user = browser.user().await;
    assert_eq!(
        (&user["email"], &user["email_verified"]),
        (&json!("ada@example.com"), &json!(true))
    );
    assert_eq!(user["name"], "Ada Lovelace & <b>");
    // There is no userinfo at Apple.
    assert_eq!(apple.idp.count(Endpoint::Userinfo), 0);
    // The next time no name comes, and the old one stays.
    assert_eq!(apple.user(&apple_person()).await["name"], "Ada Lovelace & <b>");
}

#[tokio::test]
async fn apples_client_secret_is_signed_for_the_occasion() {
    let apple = apple().await;
    apple.user(&apple_person()).await;
    let asked = apple.last(Endpoint::Token);
    assert_eq!(asked.form["client_id"], "apple-client");
    assert_eq!(asked.header("authorization"), "");
    let parts: Vec<&str> = asked.form["client_secret"].split('.').collect();
    let read = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).unwrap();
    let json = |part: &str| serde_json::from_slice::<Value>(&read(part)).unwrap();
    let now = apple.idp.now();
    assert_eq!(json(parts[0]), json!({ "alg": "ES256", "kid": "KEY" }));
    let claims = json(parts[1]);
    assert_eq!(
        (&claims["iss"], &claims["sub"]),
        (&json!("TEAM"), &json!("apple-client"))
    );
    assert_eq!(claims["aud"], "https://appleid.apple.com");
    assert_eq!(claims["iat"], now);
    // Apple's cap is six months; there is no need for more than minutes.
    assert!((now + 1..=now + 600).contains(&claims["exp"].as_i64().unwrap()));
    let signature = Signature::from_slice(&read(parts[2])).unwrap();
    let key = VerifyingKey::from(&SigningKey::from_pkcs8_pem(APPLE_KEY).unwrap());
    assert!(
        key.verify(format!("{}.{}", parts[0], parts[1]).as_bytes(), &signature)
            .is_ok()
    );
}

#[tokio::test]
async fn apples_word_on_an_address_may_be_a_text() {
    for (claim, verified) in [
        (json!("true"), true),
        (json!(true), true),
        (json!("false"), false),
        (json!("True"), false),
        (json!(1), false),
        (Value::Null, false),
    ] {
        let apple = apple().await;
        let mut person = apple_person();
        person["email_verified"] = claim.clone();
        assert_eq!(apple.user(&person).await["email_verified"], verified, "{claim}");
    }
}

/// What comes by form from anywhere is judged by the GET it becomes.
#[tokio::test]
async fn a_posted_answer_that_is_wrong_fails_as_a_get_and_uses_up_its_flow() {
    let apple = apple().await;
    let long = "n".repeat(20_000);
    for (fields, code) in [
        (
            vec![("error", "user_cancelled_authorize"), ("state", "{state}")],
            "denied",
        ),
        (
            vec![("error", "<script>canary"), ("state", "{state}")],
            "provider",
        ),
        (
            vec![("code", "a"), ("code", "b"), ("state", "{state}")],
            "provider",
        ),
        (
            vec![("code", "a"), ("state", "{state}"), ("state", "x")],
            "provider",
        ),
        (
            vec![("code", "a"), ("error", "b"), ("state", "{state}")],
            "provider",
        ),
        (vec![("code", &long), ("state", "{state}")], "provider"),
        (vec![("state", "{state}")], "provider"),
        (
            vec![
                ("code", "a"),
                ("state", "{state}"),
                ("iss", "https://evil.example"),
            ],
            "provider",
        ),
    ] {
        let mut browser = apple.app.browser();
        let hop = browser.begin("apple").await;
        let state = hop.state();
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, value)| (*name, value.replace("{state}", &state)))
            .collect();
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let answer = posted(&apple, &fields).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{fields:.100?}");
        assert!(
            answer.location().starts_with("/auth/callback/apple?"),
            "{}",
            answer.location()
        );
        assert!(answer.location().len() <= 8 * 1024 + 64);
        browser.get(answer.location()).await.assert_failed(code);
        assert_eq!(apple.idp.count(Endpoint::Token), 0, "{fields:.100?}");
        apple.app.assert_untouched().await;
    }
    // A name too long for an address is left behind; the rest goes on.
    let mut browser = apple.app.browser();
    let hop = browser.begin("apple").await;
    let code = apple.idp.approve(&hop.url, &apple_person());
    let user = json!({ "name": { "firstName": "\"".repeat(4000) } }).to_string();
    let answer = posted(
        &apple,
        &[("code", &code), ("state", &hop.state()), ("user", &user)],
    )
    .await;
    assert!(answer.location().len() <= 8 * 1024 + 64);
    browser.get(answer.location()).await.assert_leads_to("/profile");
    assert_eq!(browser.user().await["name"], Value::Null);
}

#[tokio::test]
async fn an_apple_answer_posted_into_another_browser_is_waste() {
    let apple = apple().await;
    let mut attacker = apple.app.browser();
    let hop = attacker.begin("apple").await;
    let code = apple.idp.approve(&hop.url, &apple_person());
    let answer = posted(&apple, &[("code", &code), ("state", &hop.state())]).await;
    let mut victim = apple.app.browser();
    victim.begin("apple").await;
    victim.get(answer.location()).await.assert_failed("expired");
    assert_eq!(victim.session().await, Value::Null);
    assert_eq!(apple.idp.count(Endpoint::Token), 0);
}

#[tokio::test]
async fn a_body_that_is_no_form_is_sent_nowhere_in_particular() {
    let apple = apple().await;
    let browser = apple.app.browser();
    for body in [
        Vec::new(),
        vec![0xff; 100],
        b"//evil.example".to_vec(),
        b"\r\nset-cookie: a=b".to_vec(),
        vec![b'a'; 3 << 20],
    ] {
        let request = browser
            .request(Method::POST, "/auth/callback/apple")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(body))
            .unwrap();
        let answer = browser.send(request).await;
        match answer.status {
            StatusCode::SEE_OTHER => assert!(answer.location().starts_with("/auth/callback/apple?")),
            status => assert!(status.is_client_error(), "{status}"),
        }
        assert!(answer.set_cookies().is_empty());
    }
}

pub const TENANT: &str = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490";
const OTHER_TENANT: &str = "7c1d2b3a-0001-4da1-9baa-8bc8c9d6a490";
const PERSONAL: &str = "9188040d-6c67-4b5b-b112-36a304b66dad";

/// Microsoft for anybody's tenant: the issuer in the metadata is a template.
pub async fn microsoft(tenant: &str) -> Preset {
    let microsoft = Preset::oidc("microsoft", &format!("/{tenant}/v2.0"), &[]).await;
    let template = microsoft.idp.at("/{tenantid}/v2.0");
    microsoft
        .idp
        .script(|script| script.metadata = json!({ "issuer": template }));
    microsoft
}

impl Preset {
    /// Somebody of a tenant, and the ID token that tenant makes.
    pub async fn at_tenant(&self, tenant: &str, changes: Value) -> (Browser, Answer) {
        let mut person = json!({
            "sub": "pairwise", "oid": "0000-ada", "tid": tenant, "email": "ada@corp.example", "name": "Ada",
            "email_verified": true, "preferred_username": "ada@corp.example",
        });
        crate::keys::patch(&mut person, &changes);
        let issuer = self.idp.at(&format!("/{tenant}/v2.0"));
        self.idp.script(|script| script.claims = json!({ "iss": issuer }));
        self.sign_in(&person).await
    }
}

#[tokio::test]
async fn microsofts_issuer_is_the_persons_own_tenants() {
    let microsoft = microsoft("common").await;
    let (mut browser, answer) = microsoft.at_tenant(TENANT, json!({})).await;
    answer.assert_leads_to("/profile");
    assert_eq!(microsoft.subject().await, format!("{TENANT}.0000-ada"));
    // "nOAuth": an administrator of any tenant can write any address, so by itself it counts for nothing.
    let user = browser.user().await;
    assert_eq!((&user["email"], &user["name"]), (&Value::Null, &json!("Ada")));
    assert_eq!(user["accounts"][0]["email"], "ada@corp.example");
    let asked = microsoft.last(Endpoint::Token);
    assert_eq!(asked.form["client_secret"], "microsoft-secret");
    assert_eq!(microsoft.idp.count(Endpoint::Userinfo), 0);
    // Another tenant's person with the same id is somebody else; and so are personal accounts.
    for tenant in [OTHER_TENANT, PERSONAL] {
        let (mut other, answer) = microsoft.at_tenant(tenant, json!({})).await;
        answer.assert_leads_to("/profile");
        assert_ne!(other.user().await["id"], user["id"]);
    }
    microsoft
        .app
        .assert_counts(&[("users", 3), ("accounts", 3)])
        .await;
}

#[tokio::test]
async fn a_token_of_one_tenant_is_not_taken_for_anothers() {
    let microsoft = microsoft("common").await;
    let issuer = |tenant: &str| microsoft.idp.at(&format!("/{tenant}/v2.0"));
    for (name, claims) in [
        (
            "another tenant's issuer",
            json!({ "iss": issuer(OTHER_TENANT), "tid": TENANT }),
        ),
        (
            "the template",
            json!({ "iss": issuer("{tenantid}"), "tid": "{tenantid}" }),
        ),
        ("no tenant", json!({ "iss": issuer(TENANT), "tid": null })),
        (
            "a tenant that is no id",
            json!({ "iss": issuer("evil"), "tid": "evil" }),
        ),
        (
            "a path for a tenant",
            json!({ "iss": issuer(&format!("x/../{TENANT}")), "tid": format!("x/../{TENANT}") }),
        ),
        (
            "a tenant in capitals",
            json!({ "iss": issuer(&TENANT.to_uppercase()), "tid": TENANT.to_uppercase() }),
        ),
        (
            "another authority",
            json!({ "iss": format!("https://evil.example/{TENANT}/v2.0"), "tid": TENANT }),
        ),
        (
            "common itself",
            json!({ "iss": issuer("common"), "tid": "common" }),
        ),
    ] {
        microsoft.idp.script(|script| script.claims = claims);
        let person = json!({ "sub": "pairwise", "oid": "0000-ada", "tid": TENANT });
        let (_, answer) = microsoft.sign_in(&person).await;
        println!("{name}");
        answer.assert_failed("provider");
        microsoft.app.assert_untouched().await;
    }
    microsoft
        .at_tenant(TENANT, json!({}))
        .await
        .1
        .assert_leads_to("/profile");
}

/// RFC 9207, where the metadata's issuer is a template.
#[tokio::test]
async fn the_iss_of_microsofts_callback_is_some_tenants() {
    let microsoft = microsoft("common").await;
    let issuer = |tenant: &str| microsoft.idp.at(&format!("/{tenant}/v2.0"));
    microsoft
        .idp
        .script(|script| script.claims = json!({ "iss": issuer(TENANT) }));
    let person = json!({ "sub": "pairwise", "oid": "0000-ada", "tid": TENANT });
    for (iss, good) in [
        (issuer(TENANT), true),
        (issuer("{tenantid}"), true),
        (issuer("common"), false),
        (issuer("evil"), false),
        (format!("https://evil.example/{TENANT}/v2.0"), false),
        (format!("{}/", issuer(TENANT)), false),
    ] {
        microsoft.idp.forget_asked();
        let mut browser = microsoft.app.browser();
        let hop = browser.begin("microsoft").await;
        let code = microsoft.idp.approve(&hop.url, &person);
        let pairs = [("code", code.as_str()), ("state", &hop.state()), ("iss", &iss)];
        let answer = browser.get(&hop.callback(&pairs)).await;
        println!("{iss}");
        if good {
            answer.assert_leads_to("/profile");
        } else {
            answer.assert_failed("provider");
            assert_eq!(microsoft.idp.count(Endpoint::Token), 0);
        }
    }
}

#[tokio::test]
async fn organizations_are_not_persons_and_one_tenant_is_not_another() {
    let organizations = microsoft("organizations").await;
    organizations
        .at_tenant(PERSONAL, json!({}))
        .await
        .1
        .assert_failed("provider");
    organizations
        .at_tenant(TENANT, json!({}))
        .await
        .1
        .assert_leads_to("/profile");

    let one = Preset::oidc("microsoft", &format!("/{TENANT}/v2.0"), &[]).await;
    one.at_tenant(OTHER_TENANT, json!({}))
        .await
        .1
        .assert_failed("provider");
    one.app.assert_untouched().await;
    one.at_tenant(TENANT, json!({}))
        .await
        .1
        .assert_leads_to("/profile");

    // Its metadata must not turn one tenant into all of them.
    let template = one.idp.at("/{tenantid}/v2.0");
    one.app.advance(3601);
    one.idp
        .script(|script| script.metadata = json!({ "issuer": template }));
    let answer = one.app.browser().post("/auth/login/microsoft", &[]).await;
    answer.assert_leads_to("/login?error=provider");
}

#[tokio::test]
async fn microsoft_vouches_for_an_address_by_its_own_claims() {
    for (changes, verified) in [
        (json!({ "xms_edov": true }), true),
        (json!({ "xms_edov": "1" }), true),
        (json!({ "xms_edov": 1 }), true),
        (json!({ "verified_primary_email": ["ada@corp.example"] }), true),
        (json!({ "xms_edov": false }), false),
        (json!({ "xms_edov": "0" }), false),
        (json!({ "xms_edov": "no" }), false),
        (json!({ "verified_primary_email": ["other@corp.example"] }), false),
        (json!({ "email_verified": true }), false),
    ] {
        let microsoft = microsoft("common").await;
        let (mut browser, answer) = microsoft.at_tenant(TENANT, changes.clone()).await;
        answer.assert_leads_to("/profile");
        let expected = if verified {
            json!("ada@corp.example")
        } else {
            Value::Null
        };
        assert_eq!(browser.user().await["email"], expected, "{changes}");
    }
}

/// nOAuth in full: the address of a user here, from a tenant of the attacker's.
#[tokio::test]
async fn an_address_from_anybodys_tenant_opens_nobodys_account() {
    let microsoft = microsoft("common").await;
    microsoft.app.browser().register("ada@corp.example").await;
    let (mut browser, answer) = microsoft.at_tenant(OTHER_TENANT, json!({})).await;
    answer.assert_failed("unverified");
    assert_eq!(browser.session().await, Value::Null);
    microsoft
        .app
        .assert_counts(&[("users", 1), ("accounts", 0), ("sign_in_flows", 0)])
        .await;
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

fn rows() -> Vec<Row> {
    let picture = "https://img.example/a.png";
    let oidc = json!({ "sub": "1", "email": "ada@example.com", "email_verified": true, "name": "Ada", "picture": picture });
    let full = [Some("ada@example.com"), Some("Ada"), Some(picture)];
    let no_pkce = json!({ "code_challenge": null, "code_challenge_method": null });
    let with = |mut asks: Value, more: Value| {
        asks.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        asks
    };
    let s256 = json!({ "code_challenge_method": "S256" });
    vec![
        Row {
            id: "google",
            plain: false,
            asks: with(s256.clone(), json!({ "scope": "openid profile email" })),
            secret_in_body: true,
            person: oidc.clone(),
            subject: "1",
            user: full,
        },
        Row {
            id: "gitlab",
            plain: false,
            asks: with(s256.clone(), json!({ "scope": "openid profile email" })),
            secret_in_body: false,
            person: oidc.clone(),
            subject: "1",
            user: full,
        },
        Row {
            id: "linkedin",
            plain: false,
            asks: with(no_pkce.clone(), json!({ "nonce": null })),
            secret_in_body: true,
            person: oidc.clone(),
            subject: "1",
            user: full,
        },
        Row {
            id: "twitch",
            plain: false,
            asks: with(no_pkce.clone(), json!({ "scope": "openid user:read:email" })),
            secret_in_body: true,
            person: json!({ "sub": "1", "email": "ada@example.com", "email_verified": true, "preferred_username": "Ada", "picture": picture }),
            subject: "1",
            user: full,
        },
        Row {
            id: "slack",
            plain: false,
            asks: no_pkce.clone(),
            secret_in_body: true,
            person: json!({
                "sub": "U1", "https://slack.com/team_id": "T1", "https://slack.com/user_id": "U1", "email": "ada@example.com",
                "email_verified": true, "name": "Ada", "picture": picture,
            }),
            subject: "T1.U1",
            user: full,
        },
        Row {
            id: "discord",
            plain: true,
            asks: with(s256.clone(), json!({ "scope": "identify email", "nonce": null })),
            secret_in_body: true,
            person: json!({ "id": "80351110224678912", "username": "ada1", "global_name": "Ada", "email": "ada@example.com", "verified": true, "avatar": "12ab" }),
            subject: "80351110224678912",
            user: [
                full[0],
                full[1],
                Some("https://cdn.discordapp.com/avatars/80351110224678912/12ab.png"),
            ],
        },
        Row {
            id: "x",
            plain: true,
            asks: with(
                s256.clone(),
                json!({ "scope": "users.read tweet.read users.email", "nonce": null }),
            ),
            secret_in_body: false,
            person: json!({ "data": { "id": "2", "name": "Ada", "username": "ada", "confirmed_email": "ada@example.com", "profile_image_url": picture } }),
            subject: "2",
            user: full,
        },
        Row {
            id: "spotify",
            plain: true,
            asks: with(s256.clone(), json!({ "scope": "user-read-email", "nonce": null })),
            secret_in_body: false,
            person: json!({ "id": "ada", "display_name": "Ada", "email": "ada@example.com", "email_verified": true, "images": [{ "url": picture }] }),
            subject: "ada",
            user: [None, full[1], full[2]],
        },
        Row {
            id: "facebook",
            plain: true,
            asks: with(s256, json!({ "scope": "email public_profile", "nonce": null })),
            secret_in_body: true,
            person: json!({ "id": "10", "name": "Ada", "email": "ada@example.com", "picture": { "data": { "url": picture } } }),
            subject: "10",
            user: [None, full[1], full[2]],
        },
    ]
}

#[tokio::test]
async fn every_other_preset_signs_in_as_its_provider_wants_it() {
    for row in rows() {
        let id = row.id;
        let preset = match row.plain {
            true => Preset::plain(id, &[]).await,
            false => Preset::oidc(id, "", &[]).await,
        };
        let mut browser = preset.app.browser();
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

#[tokio::test]
async fn peculiar_questions_and_answers_of_some_presets() {
    let facebook = Preset::plain("facebook", &[]).await;
    facebook.user(&json!({ "id": "10", "name": "Ada" })).await;
    let asked = facebook.last(Endpoint::Userinfo);
    assert_eq!(asked.query["fields"], "id,name,email,picture");
    assert_eq!(asked.query["appsecret_proof"].len(), 64);
    assert!(!asked.query.contains_key("access_token"));

    let x = Preset::plain("x", &[]).await;
    x.user(&json!({ "data": { "id": "2", "username": "ada" } })).await;
    assert!(x.last(Endpoint::Userinfo).query["user.fields"].contains("confirmed_email"));

    let twitch = Preset::oidc("twitch", "", &[]).await;
    twitch.idp.script(|script| {
        script.answer = json!({ "scope": ["openid", "user:read:email"], "token_type": "bearer" });
    });
    let mut browser = twitch.app.browser();
    let hop = browser.begin("twitch").await;
    let claims: Value = serde_json::from_str(&hop.param("claims").unwrap()).unwrap();
    assert!(
        claims["id_token"]
            .as_object()
            .unwrap()
            .contains_key("email_verified")
    );
    browser
        .finish(
            &hop,
            &twitch.idp,
            &json!({ "sub": "1", "email": "ada@example.com", "email_verified": true }),
        )
        .await
        .assert_leads_to("/profile");
    assert_eq!(
        twitch.app.text("SELECT scopes FROM accounts").await.as_deref(),
        Some("openid user:read:email")
    );
    // Twitch's word for an error.
    twitch.idp.reply(
        Endpoint::Token,
        Reply::json(
            400,
            json!({ "status": 400, "message": "Invalid authorization code" }),
        ),
    );
    twitch
        .sign_in(&json!({ "sub": "1" }))
        .await
        .1
        .assert_failed("provider");

    // An account GitLab has blocked proves nothing.
    let gitlab = Preset::oidc("gitlab", "", &[]).await;
    for blocked in [json!({ "state": "blocked" }), json!({ "locked": true })] {
        gitlab
            .sign_in(&person_with("ada", blocked))
            .await
            .1
            .assert_failed("provider");
    }
    gitlab
        .user(&person_with("ada", json!({ "state": "active", "locked": false })))
        .await;

    // LinkedIn's ID token has no nonce, and its answer no type.
    let linkedin = Preset::oidc("linkedin", "", &[]).await;
    linkedin
        .idp
        .script(|script| script.answer = json!({ "token_type": null }));
    linkedin.user(&person_with("ada", json!({}))).await;
    // Discord's address is verified by its own claim only.
    let discord = Preset::plain("discord", &[]).await;
    let unverified = json!({ "id": "3", "username": "ada", "email": "ada@example.com", "verified": false, "email_verified": true });
    assert_eq!(discord.user(&unverified).await["email"], Value::Null);
}
