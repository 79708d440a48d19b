//! Requests as they really come: with cookies of others, through proxies, under other names, from caches and
//! link checkers.

use std::collections::BTreeMap;

use http::Method;

use crate::support::{Browser, Call, Folder, ORIGIN, PASSWORD, SOME_ID, Server, TestApp, command};

const ADA: &str = "ada@example.com";
const SITE: (&str, &str) = ("PUBLIC_URL", "http://127.0.0.1:3000");

fn with_cookies(browser: &Browser, path: &str, cookies: &str) -> Call {
    browser
        .request(Method::GET, path)
        .header("accept", "text/html")
        .cookies(cookies)
}

#[tokio::test]
async fn cookies_of_others_change_nothing_whatever_they_hold() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let (id, auth) = ada.session_cookies();
    for foreign in [
        "name=Jos\u{e9}",
        "\u{1f36a}=x",
        "name=\"a, b\"",
        "==",
        "id",
        "__host-id=x",
    ] {
        for cookies in [
            format!("{foreign}; __Host-id={id}; __Host-auth={auth}"),
            format!("__Host-id={id}; {foreign}; __Host-auth={auth}"),
            format!("__Host-id={id};{foreign};  __Host-auth={auth}; {foreign}"),
        ] {
            let page = with_cookies(&ada, "/profile", &cookies).send().await.expect(200);
            assert!(page.cookies().is_empty() && page.shows(ADA), "{cookies}");
            let call = ada.post("/api/get_user", &[]).cookies(&cookies).send().await;
            assert_eq!(call.expect(200).json()["email"], ADA, "{cookies}");
        }
    }
}

#[tokio::test]
async fn beside_a_good_id_a_malformed_snapshot_leaves_it_to_the_id() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let (id, auth) = ada.session_cookies();
    for snapshot in ["", "x", "J\u{e9}", "v4.local.x", "x; __Host-auth=y"] {
        let cookies = format!("__Host-id={id}; __Host-auth={snapshot}");
        let page = with_cookies(&ada, "/profile", &cookies).send().await.expect(200);
        assert!(page.shows(ADA) && page.renews(), "{cookies}");
    }
    // And the other way round: a snapshot opens nothing by itself.
    let cookies = format!("__Host-id=J\u{e9}; __Host-auth={auth}");
    let page = with_cookies(&ada, "/profile", &cookies).send().await.expect(303);
    assert!(page.clears());
}

#[tokio::test]
async fn a_provider_flow_survives_a_foreign_cookie() {
    let app = TestApp::new().await;
    let browser = app.browser();
    browser.post("/auth/login/acme", &[]).send().await.expect(200);
    let flow = browser.cookie("flow").unwrap();
    let again = browser
        .post("/auth/login/acme", &[])
        .cookies(&format!("name=Jos\u{e9}; __Host-flow={flow}"))
        .send()
        .await
        .expect(200);
    assert_eq!(
        again.cookie("__Host-flow").unwrap().value,
        flow,
        "the same browser"
    );
}

#[tokio::test]
async fn the_theme_survives_a_foreign_cookie() {
    let app = TestApp::new().await;
    let browser = app.browser();
    let page = with_cookies(&browser, "/", "name=Jos\u{e9}; __Host-theme=dark")
        .send()
        .await;
    assert!(page.expect(200).shows("data-theme=\"dark\""));
}

#[tokio::test]
async fn behind_a_proxy_every_client_has_its_own_address() {
    let app = TestApp::with(&[("TRUSTED_PROXIES", "203.0.113.7")]).await;
    for (number, forwarded, address) in [
        (1, "198.51.100.7:40000", "198.51.100.7"),
        (2, "[2001:db8::1]:1", "2001:db8::1"),
        (3, "\"[2001:db8::2]\"", "2001:db8::2"),
        (4, "\u{ff}\u{fe}, 198.51.100.8", "198.51.100.8"),
    ] {
        let email = format!("user{number}@example.com");
        let browser = app.browser();
        let fields = [("email", email.as_str()), ("password", PASSWORD)];
        let call = browser
            .post("/api/register", &fields)
            .header("x-forwarded-for", forwarded);
        call.send().await.expect(200);
        let sessions = browser.call("list_sessions", &[]).await.expect(200).json();
        assert_eq!(sessions[0]["ip"], address, "{forwarded}");
    }
}

#[tokio::test]
async fn a_request_needs_one_proper_host() {
    let app = TestApp::new().await;
    let get = || app.browser().request(Method::GET, "/healthz");
    get().send().await.expect(200);
    let refused = get().without("host").send().await.expect(400);
    assert!(refused.header("x-request-id").is_some());
    get().another("host", "app.example").send().await.expect(400);
    for host in [
        "",
        "a b",
        "app.example:x",
        "user@app.example",
        "http://app.example",
        "app.example/",
        "\u{e9}",
    ] {
        let answer = get()
            .header("host", host)
            .header("accept", "application/json")
            .send()
            .await;
        answer.refused(400, "bad_request");
    }
    for host in ["other.example", "app.example:8443", "[2001:db8::1]:80"] {
        get().header("host", host).send().await.expect(200);
    }
}

#[tokio::test]
async fn in_development_a_page_under_another_loopback_name_leads_to_the_public_url() {
    let app = TestApp::with(&[("PUBLIC_URL", "http://127.0.0.1:3000")]).await;
    let under = |host: &'static str, method: Method, path: &'static str| {
        let browser = app.browser();
        async move {
            let call = browser.request(method, path).header("accept", "text/html");
            call.header("host", host).send().await
        }
    };
    for path in ["/", "/login?return_to=%2Fprofile", "/profile", "/nowhere"] {
        for method in [Method::GET, Method::HEAD] {
            let answer = under("localhost:3000", method, path).await.expect(307);
            let location = format!("http://127.0.0.1:3000{path}");
            assert_eq!(answer.header("location"), Some(location.as_str()));
            assert!(answer.body.is_empty() && answer.cookies().is_empty());
        }
    }
    // What is not a page, not loopback or not another name stays where it is.
    under("localhost:3000", Method::GET, "/healthz").await.expect(200);
    under("localhost:3000", Method::GET, "/hello.txt")
        .await
        .expect(200);
    under("localhost:3000", Method::GET, "/api/session")
        .await
        .expect(200);
    under("app.example:3000", Method::GET, "/").await.expect(200);
    under("127.0.0.1:8080", Method::GET, "/").await.expect(200);

    let app = TestApp::new().await;
    let call = app
        .browser()
        .request(Method::GET, "/")
        .header("host", "localhost:3000");
    call.send().await.expect(200);
}

#[tokio::test]
async fn the_page_of_the_origin_rule_names_the_address_to_use() {
    let app = TestApp::new().await;
    let refused = |accept: &'static str| {
        app.browser()
            .post("/api/login", &[("email", ADA), ("password", PASSWORD)])
            .header("origin", "https://www.app.example")
            .header("accept", accept)
    };
    let page = refused("text/html").send().await.expect(403);
    assert!(page.shows(&format!("<a href=\"{ORIGIN}/\">")), "{}", page.text());
    assert!(!page.shows("www.app.example"));
    refused("application/json")
        .send()
        .await
        .refused(403, "cross_origin");
    refused("text/html;q=0, application/json")
        .send()
        .await
        .refused(403, "cross_origin");
}

#[tokio::test]
async fn pages_forbid_proxies_to_transform_them() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    for path in ["/", "/profile", "/settings/public", "/nowhere"] {
        let page = ada.get(path).await;
        assert_eq!(
            page.header("cache-control"),
            Some("no-store, no-transform"),
            "{path}"
        );
    }
    for other in ["/hello.txt", "/api/session", "/healthz"] {
        let answer = ada.get(other).await.expect(200);
        assert!(
            !answer
                .header("cache-control")
                .unwrap_or("")
                .contains("no-transform"),
            "{other}"
        );
    }
}

#[tokio::test]
async fn no_redirect_leads_to_an_address_that_is_too_long() {
    let app = TestApp::new().await;
    let browser = app.browser();
    for length in [100, 2000, 2100, 7000, 8000] {
        let path = format!("/settings/public?a={}", "%41/".repeat(length / 4));
        let led = browser.get(&path).await.expect(303);
        let location = led.header("location").unwrap().to_owned();
        assert!(
            location.starts_with("/login?return_to=%2Fsettings%2Fpublic"),
            "{location}"
        );
        browser.get(&location).await.expect(200);
    }
    let path = format!("/{}?a={}", "b/".repeat(500), "%41".repeat(2000));
    let led = browser.get(&path).await.expect(308);
    browser.get(led.header("location").unwrap()).await.expect(404);
}

#[tokio::test]
async fn password_managers_find_the_page_to_change_a_password() {
    let app = TestApp::new().await;
    let answer = app.browser().get("/.well-known/change-password").await;
    answer.leads_to("/settings/security");
}

#[tokio::test]
async fn the_nonce_stands_where_style_sheets_cannot_read_it() {
    let app = TestApp::new().await;
    // A page that loads the program.
    let page = app.registered(ADA).await.get("/profile").await.expect(200);
    let policy = page.header("content-security-policy").unwrap();
    let nonce = policy
        .split_once("'nonce-")
        .unwrap()
        .1
        .split('\'')
        .next()
        .unwrap();
    let text = page.text();
    for place in text.split(nonce).skip(1).zip(text.split(nonce)) {
        assert!(
            place.1.ends_with("nonce=\""),
            "{}",
            &place.1[place.1.len() - 40..]
        );
    }
    assert!(text.contains("/pkg/start-axum-auth.js\"") && text.contains("/pkg/start-axum-auth.wasm\""));
}

#[tokio::test]
async fn a_browser_may_call_itself_what_it_likes() {
    let app = TestApp::new().await;
    let browser = app.browser();
    let fields = [("email", ADA), ("password", PASSWORD)];
    let call = browser
        .post("/api/register", &fields)
        .header("user-agent", "Jos\u{e9}s Browser/1");
    call.send().await.expect(200);
    let sessions = browser.call("list_sessions", &[]).await.expect(200).json();
    assert_eq!(sessions[0]["user_agent"], "Jos\u{e9}s Browser/1");
}

#[tokio::test]
async fn a_confirmation_leads_back_to_an_address_that_can_be_asked_for() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    app.advance(601);
    let page = format!("/settings/accounts?a={}", "%41/".repeat(1500));
    let fields = [("account_id", SOME_ID)];
    let led = ada.submit(&page, "unlink_account", &fields).await;
    let location = led.header("location").unwrap().to_owned();
    assert_eq!(location, "/settings/security?return_to=%2Fsettings%2Faccounts");
    ada.get(&location).await.expect(200);
}

#[test]
fn migrations_have_the_line_ends_their_checksums_are_of() {
    let workspace = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let files = |folder: std::path::PathBuf| {
        let files = std::fs::read_dir(folder).unwrap();
        files.map(|file| file.unwrap().path())
    };
    let mut read = 0;
    for migration in files(format!("{workspace}/migrations").into()).flat_map(files) {
        let text = std::fs::read_to_string(migration).unwrap();
        assert!(!text.contains('\r'));
        read += 1;
    }
    assert!(read > 0);
    let attributes = std::fs::read_to_string(format!("{workspace}/.gitattributes")).unwrap();
    assert!(attributes.lines().any(|line| line == "* text=auto eol=lf"));
}

/// An answer's status line and headers by name, and its body.
fn read(answer: &str) -> (String, BTreeMap<String, String>, String) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap()[9..12].to_owned();
    let headers = lines.map(|line| line.split_once(": ").unwrap());
    let headers = headers
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    (status, headers, body.to_owned())
}

fn exchange(
    server: &Server,
    method: &str,
    path: &str,
    headers: &str,
) -> (String, BTreeMap<String, String>, String) {
    let request =
        format!("{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:3000\r\nconnection: close\r\n{headers}\r\n");
    read(&server.exchange(request.as_bytes()))
}

/// A site whose files are there compressed as well, as `cargo xtask build` leaves it.
fn built_site() -> Folder {
    let folder = Folder::new();
    let text = "a long file, ".repeat(100);
    for name in ["hello.txt", "pkg/start-axum-auth.css"] {
        let file = folder.0.join("site").join(name);
        std::fs::write(&file, &text).unwrap();
        // Not brotli and gzip, but nobody here looks into them.
        for (ending, content) in [("br", "as brotli"), ("gz", "as gzip")] {
            std::fs::write(format!("{}.{ending}", file.display()), content).unwrap();
        }
    }
    folder
}

#[test]
fn files_are_told_apart_by_their_encoding_and_ranges_are_of_the_same_file() {
    let site = built_site();
    let server = Server::start(&site, &[SITE]);
    for path in ["/hello.txt", "/pkg/start-axum-auth.css"] {
        for (encoding, expected) in [
            ("br", Some("br")),
            ("gzip", Some("gzip")),
            ("identity", None),
            ("br;q=0", None),
        ] {
            let (status, headers, _) =
                exchange(&server, "GET", path, &format!("accept-encoding: {encoding}\r\n"));
            assert_eq!(status, "200");
            assert_eq!(
                headers.get("content-encoding").map(String::as_str),
                expected,
                "{path} {encoding}"
            );
            assert_eq!(headers["vary"], "accept-encoding", "{path} {encoding}");
        }
        let (_, headers, whole) = exchange(&server, "GET", path, "");
        let modified = &headers["last-modified"];
        let (status, unchanged, _) = exchange(
            &server,
            "GET",
            path,
            &format!("if-modified-since: {modified}\r\n"),
        );
        assert_eq!(
            (status.as_str(), unchanged["vary"].as_str()),
            ("304", "accept-encoding")
        );
        assert_eq!(unchanged.get("cache-control"), headers.get("cache-control"));

        for (asked, expected) in [
            ("range: bytes=0-4\r\n".to_owned(), "206"),
            (format!("range: bytes=0-4\r\nif-range: {modified}\r\n"), "206"),
            (
                "range: bytes=0-4\r\nif-range: Thu, 01 Jan 1970 00:00:00 GMT\r\n".to_owned(),
                "200",
            ),
            ("range: bytes=0-4\r\nif-range: \"tag\"\r\n".to_owned(), "200"),
            ("range: bytes=9999999-\r\nif-range: \"tag\"\r\n".to_owned(), "200"),
            ("range: bytes=9999999-\r\n".to_owned(), "416"),
            ("range: bytes=0-1,3-4\r\n".to_owned(), "200"),
            ("range: lines=0-4\r\n".to_owned(), "200"),
        ] {
            let (status, headers, body) = exchange(&server, "GET", path, &asked);
            assert_eq!(status, expected, "{path} {asked}");
            match expected {
                "206" => assert_eq!(body, whole[..5]),
                "200" => assert_eq!((body, headers.get("content-range")), (whole.clone(), None)),
                _ => assert!(headers["content-range"].starts_with("bytes */")),
            }
        }
        let (status, headers, _) = exchange(&server, "HEAD", path, "range: bytes=0-4\r\n");
        assert_eq!(
            (status.as_str(), headers["content-length"].as_str()),
            ("200", "1300")
        );
    }
}

#[test]
fn head_is_answered_as_get_without_the_body() {
    let site = built_site();
    let server = Server::start(&site, &[SITE]);
    for encoding in ["identity", "gzip", "br, gzip"] {
        for path in [
            "/",
            "/login",
            "/profile",
            "/nowhere",
            "/hello.txt",
            "/pkg/start-axum-auth.css",
            "/pkg/nowhere",
            "/healthz",
            "/readyz",
            "/api/session",
            "/api/nowhere",
            "/.well-known/change-password",
        ] {
            let headers = format!("accept: text/html\r\naccept-encoding: {encoding}\r\n");
            let (got, mut of_get, _) = exchange(&server, "GET", path, &headers);
            let (status, mut of_head, body) = exchange(&server, "HEAD", path, &headers);
            assert_eq!((status, body.as_str()), (got, ""), "{path} {encoding}");
            for varying in ["x-request-id", "content-security-policy", "date"] {
                of_get.remove(varying);
                of_head.remove(varying);
            }
            // What is known only once the body is there may be left out (RFC 9110 §9.3.2).
            let framing = ["transfer-encoding", "content-length"];
            // How old the feed's proof is, `/readyz` says in another length each time.
            assert!(
                path == "/readyz"
                    || of_head
                        .get("content-length")
                        .is_none_or(|length| of_get.get("content-length") == Some(length)),
                "{path} {encoding}: {of_head:?} {of_get:?}"
            );
            of_get.retain(|name, _| !framing.contains(&name.as_str()));
            of_head.retain(|name, _| !framing.contains(&name.as_str()));
            assert_eq!(of_head, of_get, "{path} {encoding}");
        }
    }
}

#[test]
fn long_targets_are_refused_and_end_nothing_else() {
    let folder = Folder::new();
    let server = Server::start(&folder, &[SITE]);
    for length in [8_000, 9_000, 15_000, 16_000, 17_000] {
        for path in [
            format!("/{}", "a".repeat(length)),
            format!("/profile?{}", "a".repeat(length)),
        ] {
            let request = format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1:3000\r\nconnection: close\r\n\r\n");
            let answer = server.exchange(request.as_bytes());
            let status = &answer[9..12];
            let refused = ["404", "414", "431"].contains(&status);
            assert!(
                refused || (status == "303" && length == 8_000),
                "{length}: {answer}"
            );
        }
    }
    let without = server.exchange(b"GET /healthz HTTP/1.1\r\nconnection: close\r\n\r\n");
    assert!(without.starts_with("HTTP/1.1 400"), "{without}");
    // HTTP/1.0 has no Host: HAProxy's health checks, for one, are such.
    let old = server.exchange(b"GET /healthz HTTP/1.0\r\n\r\n");
    assert!(
        old.starts_with("HTTP/1.0 200") || old.starts_with("HTTP/1.1 200"),
        "{old}"
    );
}

#[cfg(not(feature = "postgres"))] // wing:postgres
#[test]
fn a_file_of_variables_means_what_it_says() {
    let folder = Folder::new();
    let db = folder.0.join("with space$x#1.db");
    let text = format!(
        "# Comment\nPUBLIC_URL='http://127.0.0.1:3000' # ours\nexport ACME_NAME=The $Acme Company's login#1\n\
         AUTH_PROVIDERS=acme\nACME_ISSUER=https://acme.example\nACME_CLIENT_ID=a b\nACME_CLIENT_SECRET=ab$cd9\n\
         DATABASE_URL=sqlite:{}\n",
        db.display()
    );
    std::fs::write(folder.0.join(".env"), text).unwrap();
    let mut command = command(&folder, &[]);
    command.env_remove("DATABASE_URL");
    let server = Server::run(command);
    let (_, _, page) = exchange(&server, "GET", "/login", "accept: text/html\r\n");
    assert!(page.contains("The $Acme Company"), "{page}");
    assert!(page.contains("login#1"), "{page}");
    assert!(db.exists());
}

#[test]
fn a_line_that_cannot_be_read_is_named_by_its_number_and_variable_and_never_shown() {
    let folder = Folder::new();
    let text =
        "PUBLIC_URL=http://127.0.0.1:3000\nGITHUB_CLIENT_SECRET=\"canary\ncanary\nSESSION_IDLE=never\n";
    std::fs::write(folder.0.join(".env"), text).unwrap();
    for (arguments, reads_lifetimes) in [
        (&["serve"][..], true),
        (&["migrate"], true),
        (&["doctor"], true),
        (&["admin", "list"], false), // wing:admin
    ] {
        let output = command(&folder, &[]).args(arguments).output().unwrap();
        assert!(!output.status.success());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("GITHUB_CLIENT_SECRET in line 2 of .env"), "{said}");
        assert!(said.contains("line 3 of .env"), "{said}");
        assert_eq!(said.contains("SESSION_IDLE"), reads_lifetimes, "{said}");
        assert!(!said.contains("canary") && !said.contains("never"), "{said}");
    }
}
