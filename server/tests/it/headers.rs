//! Headers: on every answer, static files, redirects and refusals included.

use http::Method;
use leptos::config::LeptosOptions;
use server::config::{SecurityContacts, Site, TrustedProxies};

use crate::support::{Answer, Folder, TestApp};

const ADA: &str = "ada@example.com";

/// One answer of every kind there is.
async fn one_of_each(app: &TestApp) -> Vec<(&'static str, Answer)> {
    let ada = app.registered(ADA).await;
    let stranger = app.browser();
    let mut answers = Vec::new();
    for path in [
        "/",
        "/login",
        "/register",
        "/profile",
        "/nowhere",
        "/hello.txt",
        "/pkg/start-axum-auth.css",
        "/pkg/nowhere.js",
        "/api/session",
        "/api/login",
        "/api/nowhere",
        "/api",
        "/healthz",
        "/readyz",
        "/auth/login/acme",
        "/auth/callback/acme",
        "/auth/callback/nobody",
        "/profile/",
    ] {
        answers.push((path, stranger.get(path).await));
        answers.push((path, ada.get(path).await));
        answers.push((path, stranger.request(Method::HEAD, path).send().await));
        answers.push((path, stranger.request(Method::OPTIONS, path).send().await));
    }
    let long = format!("/{}", "a".repeat(9000));
    answers.push(("a long address", stranger.get(&long).await.expect(414)));
    answers.push((
        "415",
        stranger
            .post("/api/login", &[])
            .header("content-type", "x/y")
            .send()
            .await,
    ));
    answers.push(("422", stranger.call("login", &[]).await));
    answers.push((
        "403",
        stranger
            .post("/api/login", &[])
            .header("origin", "null")
            .send()
            .await,
    ));
    answers.push(("hand-over", stranger.post("/auth/login/acme", &[]).send().await));
    answers
}

#[tokio::test]
async fn the_security_headers_have_their_exact_values_everywhere() {
    let app = TestApp::new().await;
    for (what, answer) in one_of_each(&app).await {
        for (name, value) in [
            ("strict-transport-security", "max-age=63072000; includeSubDomains"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cross-origin-embedder-policy", "require-corp"),
            (
                "permissions-policy",
                "camera=(), microphone=(), geolocation=(), payment=(), usb=(), browsing-topics=()",
            ),
        ] {
            assert_eq!(answer.header(name), Some(value), "{what}");
        }
        let referrer = answer.header("referrer-policy").unwrap();
        match what {
            "hand-over" | "/auth/callback/acme" | "/auth/callback/nobody" => {
                assert!(["no-referrer", "strict-origin-when-cross-origin"].contains(&referrer));
            }
            _ => assert_eq!(referrer, "strict-origin-when-cross-origin", "{what}"),
        }
        let policy = answer.header("content-security-policy").unwrap();
        assert!(
            policy.starts_with("default-src 'none';") && policy.contains("frame-ancestors 'none'"),
            "{what}"
        );
        for unsafe_word in ["'unsafe-inline'", "'unsafe-eval'", "*", "http:", "https:", "ws:"] {
            assert!(!policy.contains(unsafe_word), "{what}: {policy}");
        }
        let id: uuid::Uuid = answer.header("x-request-id").unwrap().parse().unwrap();
        assert_eq!(id.get_version_num(), 7);
    }
}

#[tokio::test]
async fn under_http_nothing_asks_for_https() {
    let app = TestApp::with(&[("PUBLIC_URL", "http://localhost:3000")]).await;
    for (what, answer) in one_of_each(&app).await {
        assert_eq!(answer.header("strict-transport-security"), None, "{what}");
        let policy = answer.header("content-security-policy").unwrap();
        assert!(!policy.contains("upgrade-insecure-requests"), "{what}");
    }
}

#[tokio::test]
async fn a_page_has_a_nonce_of_its_own_on_every_inline_script() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let mut nonces = std::collections::HashSet::new();
    for page in ["/", "/", "/profile", "/settings/public", "/nowhere"] {
        let answer = ada.get(page).await;
        let policy = answer.header("content-security-policy").unwrap().to_owned();
        let nonce = policy
            .split_once("script-src 'self' 'nonce-")
            .unwrap()
            .1
            .split('\'')
            .next()
            .unwrap();
        assert!(nonce.len() >= 22, "128 bits: {nonce}");
        assert!(nonces.insert(nonce.to_owned()), "a nonce is for one answer");
        let expected = format!(
            "default-src 'none'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; \
             style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; font-src 'self'; connect-src 'self'; \
             manifest-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; \
             frame-ancestors 'none'; upgrade-insecure-requests; report-to csp"
        );
        assert_eq!(policy, expected);
        assert_eq!(answer.header("reporting-endpoints"), Some("csp=\"/csp-report\""));
        assert_eq!(answer.header("cache-control"), Some("no-store, no-transform"));
        let text = answer.text();
        for script in text.split("<script").skip(1).chain(text.split("<style").skip(1)) {
            let (attributes, _) = script.split_once('>').unwrap();
            let own = attributes.contains(&format!("nonce=\"{nonce}\"")) || attributes.contains("src=\"/");
            assert!(own, "{page}: an inline script without nonce: {attributes}");
        }
    }
}

#[tokio::test]
async fn only_pages_that_are_hydrated_load_the_program() {
    let app = TestApp::new().await;
    let (ada, stranger) = (app.registered(ADA).await, app.browser());
    for (visitor, page, is_hydrated) in [
        (&stranger, "/", false),
        (&stranger, "/login?return_to=/settings", false),
        (&stranger, "/register", false),
        (&stranger, "/nowhere", false),
        (&stranger, "/loginx", false),
        (&ada, "/", false),
        (&ada, "/profile", true),
        (&ada, "/settings", true),
        (&ada, "/settings/public", true),
        (&ada, "/settings/sessions", true),
        (&ada, "/settings/security", false),
        (&ada, "/settings/accounts", false),
        (&ada, "/settings/nowhere", false),
    ] {
        let answer = visitor.get(page).await;
        let html = answer.text();
        assert!(html.contains("</html>"), "{page}: {html}");
        assert_eq!(html.contains(".wasm"), is_hydrated, "{page}");
    }
}

#[tokio::test]
async fn the_request_id_is_the_servers_own() {
    let app = TestApp::new().await;
    let call = app
        .browser()
        .request(Method::GET, "/healthz")
        .header("x-request-id", "forged");
    let first = call.send().await;
    let second = app.browser().get("/healthz").await;
    assert_ne!(first.header("x-request-id"), Some("forged"));
    assert_ne!(first.header("x-request-id"), second.header("x-request-id"));
}

#[tokio::test]
async fn no_address_is_made_of_what_the_client_says_of_its_host() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    for path in [
        "/",
        "/login",
        "/profile",
        "/profile/",
        "/nowhere",
        "/api/session",
        "/auth/callback/acme",
    ] {
        for browser in [&ada, &app.browser()] {
            let call = browser
                .request(Method::GET, path)
                .header("accept", "text/html")
                .header("host", "evil.example")
                .header("forwarded", "host=evil.example;proto=http")
                .header("x-forwarded-host", "evil.example")
                .header("x-forwarded-proto", "http")
                .header("x-original-url", "/evil.example")
                .header("x-rewrite-url", "/evil.example");
            let answer = call.send().await;
            assert!(!answer.everything().contains("evil.example"), "{path}");
        }
    }
    let call = ada.post("/auth/login/acme", &[]).header("host", "evil.example");
    let started = call
        .header("x-forwarded-host", "evil.example")
        .send()
        .await
        .expect(200);
    assert!(!started.everything().contains("evil.example"));
    assert!(
        started.shows("app.example"),
        "the address to come back to is the configured one"
    );
}

#[tokio::test]
async fn static_files_are_for_reading_with_validators_and_ranges() {
    let app = TestApp::new().await;
    let browser = app.registered(ADA).await;
    let file = browser.get("/hello.txt").await.expect(200);
    assert_eq!(file.text(), "hello, static file");
    assert!(file.cookies().is_empty());
    let modified = file.header("last-modified").unwrap().to_owned();
    let get = |name: &'static str, value: String| {
        let call = browser.request(Method::GET, "/hello.txt").header(name, &value);
        async move { call.send().await }
    };
    get("if-modified-since", modified).await.expect(304);
    let range = get("range", "bytes=0-4".to_owned()).await.expect(206);
    assert_eq!(range.text(), "hello");
    get("range", "bytes=999-".to_owned()).await.expect(416);
    assert_eq!(
        browser
            .request(Method::HEAD, "/hello.txt")
            .send()
            .await
            .expect(200)
            .body
            .len(),
        0
    );
    for method in ["POST", "PUT", "DELETE", "PATCH"] {
        let call = browser
            .request(method.parse().unwrap(), "/hello.txt")
            .header("sec-fetch-site", "same-origin");
        let answer = call.send().await;
        assert!(matches!(answer.status, 404 | 405), "{method}: {}", answer.status);
        assert!(!answer.shows("hello, static file"));
    }
    // With the database away, and with odd cookies, files are files.
    app.lose_database().await;
    app.advance(300);
    browser.get("/hello.txt").await.expect(200);
    browser.get("/pkg/start-axum-auth.css").await.expect(200);
}

#[tokio::test]
async fn only_what_has_a_hash_in_its_name_is_kept_for_good() {
    let (app, folder) = (TestApp::new().await, Folder::new());
    for (hash_files, kept) in [(true, "public, max-age=31536000, immutable"), (false, "no-cache")] {
        let leptos = LeptosOptions::builder()
            .output_name("start-axum-auth")
            .site_root(folder.site())
            .hash_files(hash_files)
            .build();
        let site = Site {
            leptos,
            reload_port: None,
            trusted_proxies: TrustedProxies::default(),
            security_contacts: SecurityContacts::default(),
        };
        let router = server::router::router(app.auth.clone(), site);
        let browser = app.browser().through(&router);
        let file = browser.get("/pkg/start-axum-auth.css").await.expect(200);
        assert_eq!(file.header("cache-control"), Some(kept));
        for other in ["/pkg/nowhere.css", "/hello.txt"] {
            let other = browser.get(other).await;
            assert!(
                !other
                    .header("cache-control")
                    .unwrap_or_default()
                    .contains("immutable")
            );
        }
    }
}

#[tokio::test]
async fn nothing_but_the_sites_files_is_served() {
    let app = TestApp::new().await;
    let browser = app.browser();
    for path in [
        "/../app.db",
        "/%2e%2e/app.db",
        "/..%2fapp.db",
        "/%2e%2e%2fapp.db",
        "/pkg/../../app.db",
        "/pkg/%2e%2e/%2e%2e/app.db",
        "/pkg/..%5c..%5capp.db",
        "/....//app.db",
        "//app.db",
        "/etc/passwd",
        "//etc/passwd",
        "/file:///etc/passwd",
        "/.env",
        "/.git/config",
        "/app.db",
        "/app.secret",
        "/pkg",
        "/pkg/",
        "/server-status",
        "/metrics",
        "/hello.txt%00.css",
    ] {
        let answer = browser.get(path).await;
        assert!(
            matches!(answer.status, 303 | 307 | 308 | 400 | 404),
            "{path}: {}",
            answer.status
        );
        assert!(
            !answer.shows("SQLite format") && !answer.shows("root:") && !answer.shows("hello, static"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn an_unknown_path_is_a_404_page_and_under_api_a_json_error() {
    let app = TestApp::new().await;
    for path in ["/nowhere", "/nowhere/else", "/favicon.png", "/dev/null"] {
        let answer = app.browser().get(path).await.expect(404);
        assert!(answer.shows("There is nothing here") && answer.shows("<html"));
    }
    for path in [
        "/api",
        "/api/",
        "/api/nowhere",
        "/api/login/x",
        "/api/get_user1234567890",
    ] {
        for method in [Method::GET, Method::POST] {
            let call = app
                .browser()
                .request(method, path)
                .header("accept", "application/json");
            call.send().await.refused(404, "not_found");
        }
    }
}

#[tokio::test]
async fn health_needs_no_database_and_readiness_tells_when_it_is_away() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    for path in ["/healthz", "/readyz"] {
        let answer = ada.get(path).await.expect(200);
        assert!(answer.header("content-type").unwrap().starts_with("text/plain"));
        assert!(answer.cookies().is_empty());
        assert!(!answer.text().contains(env!("CARGO_PKG_VERSION")));
    }
    // Outside the session layer: odd cookies are none of their business.
    let odd = app
        .browser()
        .request(Method::GET, "/readyz")
        .cookies("__Host-id=x; __Host-id=y");
    assert!(odd.send().await.expect(200).cookies().is_empty());
    app.lose_database().await;
    ada.get("/healthz").await.expect(200);
    let answer = ada.get("/readyz").await.expect(503);
    assert!(answer.header("content-type").unwrap().starts_with("text/plain"));

    let app = TestApp::new().await;
    app.sql(
        "INSERT INTO _sqlx_migrations
         SELECT 9999, 'of the future', installed_on, TRUE, checksum, 0 FROM _sqlx_migrations LIMIT 1",
    )
    .await;
    app.browser().get("/readyz").await.expect(503);
}

#[tokio::test]
async fn responses_that_set_a_cookie_or_show_a_user_are_not_stored() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    for &(function, fields) in crate::support::FUNCTIONS {
        let answer = ada.copy().call(function, fields).await;
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{function}");
    }
}

#[tokio::test]
async fn the_longest_address_and_name_fit_into_the_cookies() {
    let app = TestApp::new().await;
    let browser = app.browser();
    let email = format!("{}@{}.example", "a".repeat(64), vec!["b".repeat(60); 2].join("."));
    let name = "\u{1f9d1}\u{200d}\u{1f680}".repeat(33);
    let fields = [
        ("email", email.as_str()),
        ("password", crate::support::PASSWORD),
        ("name", &name),
    ];
    browser.call("register", &fields).await.expect(200);
    let (id, snapshot) = browser.session_cookies();
    assert!(id.len() + snapshot.len() < 1500, "{}", snapshot.len());
    assert!(snapshot.len() < 1024, "{}", snapshot.len());
    browser.get("/profile").await.expect(200);
    let too_long = "x".repeat(101);
    let fields = [
        ("email", "b@example.com"),
        ("password", crate::support::PASSWORD),
        ("name", &too_long),
    ];
    app.browser()
        .call("register", &fields)
        .await
        .refused(422, "invalid_input");
}

/// A page that is still being sent, on the thread that runs the function next: nothing of its request is found by another.
#[tokio::test]
async fn a_server_function_finds_nothing_of_a_page_that_is_being_rendered() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    for page in ["/", "/profile", "/settings/sessions", "/privacy"] {
        let rendering = ada.request(Method::GET, page).open().await;
        let answer = ada.call("get_auth_session", &[]).await.expect(200);
        let policy = answer.header("content-security-policy").unwrap_or_default();
        assert!(!policy.contains("nonce-"), "{page}: {policy}");
        drop(rendering);
    }
}
