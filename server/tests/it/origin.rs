//! The origin rule: nothing changes because another site says so.

use http::Method;
use leptos::server_fn::axum::server_fn_paths;

use crate::support::{Browser, Call, ORIGIN, PASSWORD, TestApp, all_functions};

const ADA: &str = "ada@example.com";

/// What is neither ours nor like ours, though it tries to be.
const FOREIGN_ORIGINS: [&str; 9] = [
    "https://evil.example",
    "null",
    "https://app.example:8443",
    "http://app.example",
    "https://app.example.",
    "https://APP.example",
    "https://app.example.evil.example",
    "https://xn--pp-8kc.example",
    "https://app.example https://app.example",
];

/// Every address that takes posts from our own pages.
fn posts() -> impl Iterator<Item = (String, &'static [(&'static str, &'static str)])> {
    all_functions()
        .map(|(function, fields)| (format!("/api/{function}"), fields))
        .chain([("/auth/login/acme".to_owned(), &[][..])])
}

/// A post with this browser's cookies and none of the headers that say where it comes from.
fn bare(browser: &Browser, path: &str, fields: &[(&str, &str)]) -> Call {
    browser
        .post(path, fields)
        .without("origin")
        .without("sec-fetch-site")
}

#[tokio::test]
async fn the_list_of_server_functions_these_tests_go_by_is_complete() {
    let _app = TestApp::new().await;
    let mut known: Vec<_> = all_functions()
        .map(|(function, _)| format!("/api/{function}"))
        .collect();
    let mut registered: Vec<_> = server_fn_paths()
        .map(|(path, method)| {
            assert_eq!(method, Method::POST, "{path}");
            path.to_owned()
        })
        .collect();
    known.sort();
    registered.sort();
    assert_eq!(known, registered);
}

#[tokio::test]
async fn sec_fetch_site_decides_on_every_route() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let before = state(&app).await;
    for (path, fields) in posts() {
        for site in [
            "cross-site",
            "same-site",
            "garbage",
            "",
            "same-origin, cross-site",
            "SAME-ORIGIN",
        ] {
            let call = bare(&ada, &path, fields).header("sec-fetch-site", site);
            call.send().await.refused(403, "cross_origin");
        }
        let doubled = bare(&ada, &path, fields)
            .header("sec-fetch-site", "same-origin")
            .another("sec-fetch-site", "same-origin");
        doubled.send().await.refused(403, "cross_origin");
    }
    assert_eq!(state(&app).await, before);
    for site in ["same-origin", "none"] {
        let call = bare(&ada, "/api/get_user", &[]).header("sec-fetch-site", site);
        assert_eq!(call.send().await.expect(200).json()["email"], ADA);
    }
}

#[tokio::test]
async fn an_origin_that_is_not_ours_to_the_letter_is_refused_on_every_route() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let before = state(&app).await;
    for (path, fields) in posts() {
        for origin in FOREIGN_ORIGINS {
            let call = bare(&ada, &path, fields).header("origin", origin);
            call.send().await.refused(403, "cross_origin");
            // Sec-Fetch-Site does not make up for it.
            if origin != "null" {
                let call = bare(&ada, &path, fields)
                    .header("origin", origin)
                    .header("sec-fetch-site", "same-origin");
                call.send().await.refused(403, "cross_origin");
            }
        }
        let doubled = bare(&ada, &path, fields)
            .header("origin", ORIGIN)
            .another("origin", ORIGIN);
        doubled.send().await.refused(403, "cross_origin");
        let forged_host = bare(&ada, &path, fields)
            .header("origin", "https://evil.example")
            .header("host", "evil.example")
            .header("x-forwarded-host", "evil.example");
        forged_host.send().await.refused(403, "cross_origin");
    }
    assert_eq!(state(&app).await, before);
    let call = bare(&ada, "/api/get_user", &[]).header("origin", ORIGIN);
    assert_eq!(call.send().await.expect(200).json()["email"], ADA);
}

#[tokio::test]
async fn without_either_header_a_request_with_a_session_cookie_is_refused_and_one_without_passes() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let before = state(&app).await;
    let (id, snapshot) = ada.session_cookies();
    for (path, fields) in posts() {
        for cookies in [
            format!("__Host-id={id}"),
            format!("__Host-auth={snapshot}"),
            format!("__Host-id={id}; __Host-auth={snapshot}"),
            format!("__Host-id={id}; __Host-id={id}"),
        ] {
            let call = bare(&ada, &path, fields).cookies(&cookies);
            call.send().await.refused(403, "cross_origin");
        }
    }
    assert_eq!(state(&app).await, before);
    let script = app.browser();
    let call = bare(&script, "/api/login", &[("email", ADA), ("password", PASSWORD)]);
    call.send().await.expect(200);
    assert!(script.is_signed_in().await);
}

#[tokio::test]
async fn a_cross_site_login_with_the_attackers_credentials_is_refused() {
    let app = TestApp::new().await;
    app.registered("eve@example.com").await;
    let victim = app.browser();
    let fields = [("email", "eve@example.com"), ("password", PASSWORD)];
    let call = victim
        .post("/api/login", &fields)
        .header("origin", "https://evil.example")
        .header("sec-fetch-site", "cross-site")
        .header("accept", "text/html")
        .header("referer", "https://evil.example/");
    let answer = call.send().await.expect(403);
    assert!(
        answer.header("content-type").unwrap().starts_with("text/html"),
        "a person reads a page"
    );
    assert!(!answer.everything().contains("evil"));
    assert_eq!(answer.header("location"), None);
    assert!(victim.is_empty());
}

#[tokio::test]
async fn the_refusal_comes_before_type_body_and_session() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    app.lose_database().await;
    app.advance(300);
    for kind in [
        "text/plain",
        "application/json",
        "multipart/form-data; boundary=x",
        "APPLICATION/X-WWW-FORM-URLENCODED",
    ] {
        let call = ada
            .post("/api/update_public_data", &[("bio", "x")])
            .header("content-type", kind)
            .header("sec-fetch-site", "cross-site");
        call.send().await.refused(403, "cross_origin");
        let huge = ada
            .post("/api/login", &[])
            .header("content-type", kind)
            .header("sec-fetch-site", "cross-site")
            .body(vec![b'a'; 1024 * 1024]);
        huge.send().await.refused(403, "cross_origin");
    }
    // From our own pages, the type is looked at before the session is: no 503 yet.
    let call = ada
        .post("/api/get_user", &[])
        .header("content-type", "text/plain")
        .body("x");
    call.send().await.refused(415, "unsupported_type");
}

#[tokio::test]
async fn overrides_of_the_method_count_for_nothing() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let before = state(&app).await;
    for (path, fields) in posts() {
        let query = serde_urlencoded::to_string(fields).unwrap();
        for method in ["GET", "HEAD", "PUT", "PATCH", "DELETE"] {
            let call = ada
                .request(method.parse().unwrap(), &format!("{path}?{query}&_method=POST"))
                .header("sec-fetch-site", "same-origin")
                .header("x-http-method-override", "POST");
            let answer = call.send().await;
            // wing:admin
            if path.starts_with("/api/admin/") {
                answer.expect(404);
                continue;
            }
            // end wing:admin
            let answer = answer.expect(405);
            assert!(
                answer.header("allow").unwrap().contains("POST"),
                "{method} {path}"
            );
        }
    }
    assert_eq!(state(&app).await, before);
}

#[tokio::test]
async fn a_preflight_from_elsewhere_grants_nothing() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    for (path, _) in posts().chain([("/api/session".to_owned(), &[][..]), ("/".to_owned(), &[])]) {
        let call = ada
            .request(Method::OPTIONS, &path)
            .header("origin", "https://evil.example")
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "content-type");
        let answer = call.send().await;
        assert!(
            answer
                .headers
                .keys()
                .all(|name| !name.as_str().starts_with("access-control-"))
        );
    }
}

#[tokio::test]
async fn another_spelling_of_a_path_is_no_way_around() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    for path in [
        "//api/logout",
        "/api//logout",
        "/./api/logout",
        "/api/./logout",
        "/api/x/../logout",
        "/api/%2e/logout",
        "/api%2Flogout",
        "/%61pi/logout",
        "/api/%6Cogout",
        "/API/logout",
        "/api/LOGOUT",
        "/api/logout/",
        "/api/logout;x=1",
        "/api/logout%00",
    ] {
        let answer = bare(&ada, path, &[])
            .header("origin", "https://evil.example")
            .header("sec-fetch-site", "cross-site")
            .send()
            .await;
        assert!(
            matches!(answer.status, 400 | 403 | 404 | 405),
            "{path}: {}",
            answer.status
        );
        assert!(ada.is_signed_in().await, "{path}");
    }
    let query = bare(&ada, "/api/logout?x=/healthz", &[]).header("sec-fetch-site", "cross-site");
    query.send().await.refused(403, "cross_origin");
    assert!(ada.is_signed_in().await);
    ada.call("logout", &[]).await.expect(200);
    assert!(!ada.is_signed_in().await);
}

/// What a refused request must leave alone.
async fn state(app: &TestApp) -> String {
    let mut rows = String::new();
    for query in [
        "SELECT count(*) || ' at ' || coalesce(sum(version), 0) FROM sessions",
        "SELECT coalesce(string_agg(email || password_hash, ','), '') FROM users",
        "SELECT coalesce(string_agg(CAST(data AS TEXT), ','), '') FROM user_data",
        "SELECT count(*) || '' FROM sign_in_flows",
        "SELECT count(*) || '' FROM audit_events",
    ] {
        rows.push_str(&app.text(query).await);
    }
    rows
}
