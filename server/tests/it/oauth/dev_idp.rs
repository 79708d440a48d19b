//! The development provider: the application asks itself, so here it listens in earnest.

use crate::support::{Answer, Browser, TestApp, clock};
use http::Method;
use serde_json::{Value, json};
use server::{
    config::{ServerConfig, TrustedProxies},
    connections::{Connections, Limits},
};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{database::TestDatabase, oauth::support::Hop};

const KEEP_ALIVE: std::time::Duration = std::time::Duration::from_secs(75);

/// The application on a port of its own, for as long as this lives.
struct Server {
    app: TestApp,
    origin: String,
    _stop: DropGuard,
}

impl Server {
    async fn start(vars: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap().to_string();
        let own = [("PUBLIC_URL", ""), ("LEPTOS_SITE_ADDR", addr.as_str())];
        let app = TestApp::with_own_providers(&clock(), &[&own, vars].concat()).await;
        let stop = CancellationToken::new();
        tokio::spawn({
            let (router, stop) = (app.router.clone(), stop.clone());
            let connections = Connections::new(Limits::new(KEEP_ALIVE), TrustedProxies::default());
            async move { server::serve::accept(listener, router, &connections, &stop).await }
        });
        Self {
            app,
            origin: format!("http://{addr}"),
            _stop: stop.drop_guard(),
        }
    }

    fn browser(&self) -> Browser {
        self.app.browser().unhindered()
    }

    /// An absolute address of ours as a path.
    fn path<'a>(&self, address: &'a str) -> &'a str {
        address.strip_prefix(&self.origin).unwrap()
    }

    /// The page to choose a person on.
    async fn ask(&self, browser: &Browser, fields: &[(&str, &str)]) -> (Hop, Answer) {
        let hop = browser.begin_with("dev", fields).await;
        let page = browser.get(self.path(hop.url.as_str())).await.expect(200);
        (hop, page)
    }

    /// Answers that page: its hidden fields, and some more.
    async fn choose(&self, browser: &Browser, hop: &Hop, fields: &[(&str, &str)]) -> Answer {
        let hidden: Vec<(String, String)> = hop.url.query_pairs().into_owned().collect();
        let hidden = hidden.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let fields: Vec<_> = hidden.chain(fields.iter().copied()).collect();
        browser.post("/dev/idp/authorize", &fields).send().await
    }

    async fn sign_in(&self, browser: &Browser, fields: &[(&str, &str)]) -> Answer {
        let (hop, _) = self.ask(browser, &[]).await;
        let answer = self.choose(browser, &hop, fields).await.expect(303);
        browser.get(self.path(answer.location())).await
    }
}

const ADA: [(&str, &str); 2] = [("email", "ada@example.com"), ("name", "Ada Lovelace")];

#[tokio::test]
async fn it_offers_people_to_sign_in_as() {
    let server = Server::start(&[]).await;
    let browser = server.browser();
    let login = browser.get("/login").await.text();
    assert!(login.contains("action=\"/auth/login/dev\""), "{login}");
    let (hop, page) = server.ask(&browser, &[("return_to", "/settings/public")]).await;
    for person in ["ada@example.com", "alan@example.com", "grace@example.com"] {
        assert!(page.shows(person), "{}", page.text());
    }
    assert!(!page.shows("<script"));
    let answer = server.choose(&browser, &hop, &ADA).await;
    assert!(
        answer
            .location()
            .starts_with(&format!("{}/auth/callback/dev?", server.origin)),
        "{}",
        answer.location()
    );
    let answer = browser.get(server.path(answer.location())).await;
    answer.assert_leads_to("/settings/public");
    let user = browser.user().await;
    assert_eq!(
        (&user["email"], &user["email_verified"]),
        (&json!("ada@example.com"), &json!(true))
    );
    assert_eq!(
        (&user["name"], &user["accounts"][0]["provider"]),
        (&json!("Ada Lovelace"), &json!("dev"))
    );
    // The same person the next time, in another browser.
    let again = server.browser();
    server.sign_in(&again, &ADA).await.assert_leads_to("/profile");
    assert_eq!(
        again.session().await["user_id"],
        browser.session().await["user_id"]
    );
    server
        .app
        .assert_counts(&[
            ("users", 1),
            ("accounts", 1),
            ("sessions", 2),
            ("sign_in_flows", 0),
        ])
        .await;
}

#[tokio::test]
async fn a_person_can_be_invented() {
    let server = Server::start(&[]).await;
    let browser = server.browser();
    let (hop, _) = server.ask(&browser, &[]).await;
    for bad in ["", "nobody", "@example.com", "a@b"] {
        let page = server.choose(&browser, &hop, &[("email", bad)]).await;
        assert_eq!(page.status, 422, "{bad}");
        assert!(page.shows("role=\"alert\""), "{}", page.text());
        assert!(page.shows(&hop.state()), "one can try again");
    }
    let named = [("email", "Zoe@Example.org"), ("name", "<script>Zo\u{eb}")];
    server.sign_in(&browser, &named).await.assert_leads_to("/profile");
    let user = browser.user().await;
    assert_eq!(
        (&user["email"], &user["name"]),
        (&json!("zoe@example.org"), &json!("<script>Zo\u{eb}"))
    );
    let nameless = [("email", "yann@example.org"), ("name", "")];
    server
        .sign_in(&browser, &nameless)
        .await
        .assert_leads_to("/profile");
    assert_eq!(browser.user().await["name"], "yann");
}

#[tokio::test]
async fn a_person_can_change_their_mind() {
    let server = Server::start(&[]).await;
    let browser = server.browser();
    server
        .sign_in(&browser, &[("cancel", "1")])
        .await
        .assert_failed("denied");
    assert_eq!(browser.session().await, Value::Null);
    server.app.assert_untouched().await;
}

#[tokio::test]
async fn it_links_like_any_other_provider() {
    let server = Server::start(&[]).await;
    let browser = server.browser();
    browser.register("zoe@example.org").await;
    let (hop, _) = server.ask(&browser, &[("intent", "link")]).await;
    let answer = server.choose(&browser, &hop, &ADA).await;
    browser
        .get(server.path(answer.location()))
        .await
        .assert_leads_to("/settings/accounts");
    let user = browser.user().await;
    assert_eq!(
        (&user["email"], &user["accounts"][0]["email"]),
        (&json!("zoe@example.org"), &json!("ada@example.com"))
    );
}

#[tokio::test]
async fn it_keeps_to_the_standard_as_a_true_provider_does() {
    let server = Server::start(&[]).await;
    let browser = server.browser();
    let (hop, _) = server.ask(&browser, &[]).await;
    // Only our own client, our own callback, and PKCE.
    let query = hop.url.query().unwrap();
    let other_client = query.replace("client_id=dev", "client_id=other");
    let elsewhere = query.replace("auth%2Fcallback%2Fdev", "elsewhere");
    let plain = query.replace("=S256", "=plain");
    let implicit = query.replace("response_type=code", "response_type=token");
    for wrong in [&other_client, &elsewhere, &plain, &implicit, "client_id=dev"] {
        assert_ne!(wrong, query);
        let answer = browser.get(&format!("/dev/idp/authorize?{wrong}")).await;
        assert_eq!(answer.status, 400, "{wrong}");
        assert_eq!(answer.location(), "");
    }
    // A code is good once, and only with the verifier.
    let answer = server.choose(&browser, &hop, &ADA).await;
    let address = answer.location().to_owned();
    let code = address
        .split("code=")
        .nth(1)
        .unwrap()
        .split('&')
        .next()
        .unwrap()
        .to_owned();
    let redirect_uri = format!("{}/auth/callback/dev", server.origin);
    for verifier in ["wrong", &hop.param("code_challenge").unwrap()] {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", &redirect_uri),
            ("code_verifier", verifier),
        ];
        let call = server.browser().post("/dev/idp/token", &fields);
        let answer = call.send().await.expect(400);
        assert_eq!(answer.json()["error"], "invalid_grant");
    }
    // Tried with a wrong verifier, it is spent.
    browser.get(server.path(&address)).await.assert_failed("provider");
    let userinfo = browser
        .request(Method::GET, "/dev/idp/userinfo")
        .header("authorization", &format!("Bearer {code}"));
    userinfo.send().await.expect(401);
    // A minute is what a code has.
    let (hop, _) = server.ask(&browser, &[]).await;
    let answer = server.choose(&browser, &hop, &ADA).await;
    server.app.advance(60);
    browser
        .get(server.path(answer.location()))
        .await
        .assert_failed("provider");
}

const OTHER: [(&str, &str); 4] = [
    ("AUTH_PROVIDERS", "acme"),
    ("ACME_ISSUER", "https://acme.example"),
    ("ACME_CLIENT_ID", "c"),
    ("ACME_CLIENT_SECRET", "s"),
];

/// Whether the development provider is offered, and whether it is there at all.
async fn offered(app: &TestApp) -> bool {
    let browser = app.browser().unhindered();
    let listed = browser.get("/login").await.shows("/auth/login/dev");
    let metadata = browser
        .get("/dev/idp/.well-known/openid-configuration")
        .await
        .status;
    let start = browser.press("dev", &[]).await.status;
    if listed {
        assert_eq!(metadata, 200);
    } else {
        for path in ["jwks", "authorize", "userinfo"] {
            let answer = browser.get(&format!("/dev/idp/{path}")).await;
            assert_eq!(answer.status, 404, "{path}");
        }
        assert_eq!((metadata, start), (404, 404));
    }
    listed
}

#[tokio::test]
async fn it_is_offered_where_there_is_no_other_provider_or_it_is_asked_for() {
    let both = [&OTHER[..], &[("DEV_IDP", "1")]].concat();
    assert!(
        Server::start(&[])
            .await
            .app
            .browser()
            .get("/login")
            .await
            .shows("/auth/login/dev")
    );
    assert!(offered(&Server::start(&[("DEV_IDP", "1")]).await.app).await);
    assert!(offered(&Server::start(&both).await.app).await);
    assert!(!offered(&Server::start(&OTHER).await.app).await);
}

#[tokio::test]
async fn it_serves_this_machine_only() {
    for addr in ["0.0.0.0:3000", "192.0.2.1:3000", "[::]:3000"] {
        let vars = [("PUBLIC_URL", ""), ("LEPTOS_SITE_ADDR", addr), ("DEV_IDP", "1")];
        assert!(
            !offered(&TestApp::with_own_providers(&clock(), &vars).await).await,
            "{addr}"
        );
    }
}

#[tokio::test]
async fn behind_a_tunnel_it_is_not_there() {
    for url in ["https://tunnel.example", "http://192.0.2.1:3000"] {
        let vars = [
            ("PUBLIC_URL", url),
            ("LEPTOS_SITE_ADDR", "127.0.0.1:3000"),
            ("DEV_IDP", "1"),
        ];
        assert!(
            !offered(&TestApp::with_own_providers(&clock(), &vars).await).await,
            "{url}"
        );
    }
}

#[tokio::test]
async fn it_answers_to_the_host_of_the_public_url_alone() {
    let server = Server::start(&[]).await;
    let asked = async |host: &str, path: &str| {
        let browser = server.app.browser();
        let call = browser.request(Method::GET, path).header("host", host);
        call.send().await.status
    };
    let own = server.origin.strip_prefix("http://").unwrap().to_owned();
    let (_, port) = own.split_once(':').unwrap();
    let metadata = "/dev/idp/.well-known/openid-configuration";
    assert_eq!(asked(&own, metadata).await, 200);
    for other in [
        format!("localhost:{port}"),
        "127.0.0.1".to_owned(),
        "127.0.0.1:1".to_owned(),
        "tunnel.example".to_owned(),
        format!("rebound.example:{port}"),
    ] {
        for path in [
            metadata,
            "/dev/idp/jwks",
            "/dev/idp/authorize",
            "/dev/idp/userinfo",
        ] {
            assert_eq!(asked(&other, path).await, 404, "{other} {path}");
        }
    }
}

#[test]
fn a_release_has_none_and_to_ask_for_it_is_a_mistake() {
    let secret = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let database_url = TestDatabase::new().url();
    let vars = [
        ("SESSION_SECRET", secret),
        ("DATABASE_URL", &database_url),
        ("LEPTOS_SITE_ADDR", "127.0.0.1:3000"),
    ];
    let asked = || vars.into_iter().chain([("DEV_IDP", "1")]).collect();
    let config = ServerConfig::from_vars(&vars.into_iter().collect(), true).unwrap();
    assert!(config.auth.providers.is_empty());
    let problems = ServerConfig::from_vars(&asked(), true).unwrap_err();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(problems[0].variable, "DEV_IDP");
    let config = ServerConfig::from_vars(&asked(), false).unwrap();
    assert_eq!(config.auth.providers.len(), 1);
}

#[test]
fn a_switch_that_is_neither_on_nor_off_is_a_mistake() {
    for odd in ["yes", "true", "0"] {
        let problems = ServerConfig::from_vars(
            &[("DEV_IDP", odd), ("SESSION_SECRET", "x")].into_iter().collect(),
            false,
        );
        let problems = problems.unwrap_err();
        assert!(
            problems.iter().any(|problem| problem.variable == "DEV_IDP"),
            "{problems:?}"
        );
    }
}
