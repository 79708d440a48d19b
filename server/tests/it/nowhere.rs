//! Administration, for everybody else: to the byte what any address is that nothing has.

use http::Method;

use crate::support::{ADMIN_FUNCTIONS, Answer, Browser, Call, TestApp};

const ADA: &str = "ada@example.com";

/// An answer without what differs between any two: the request's id, the nonce.
fn comparable(answer: &Answer) -> (u16, String, String) {
    let policy = answer.header("content-security-policy").unwrap();
    let nonce = policy
        .split_once("'nonce-")
        .and_then(|(_, rest)| rest.split('\'').next())
        .unwrap_or("no nonce");
    let (status, headers, _) = answer.comparable();
    (
        status,
        format!("{headers:?}").replace(nonce, ""),
        answer.text().replace(nonce, ""),
    )
}

/// The ways one could ask to learn that something is there.
fn probes(browser: &Browser, path: &str) -> Vec<Call> {
    let mut probes = Vec::new();
    for method in ["GET", "HEAD", "POST", "PUT", "OPTIONS"] {
        let method: Method = method.parse().unwrap();
        for accept in ["text/html", "application/json"] {
            let call = || {
                let call = browser.copy().request(method.clone(), path);
                call.header("accept", accept)
            };
            let own = || call().header("origin", "https://app.example");
            probes.push(call());
            probes.push(own());
            probes.push(own().form(&[("user_id", "malformed")]));
            probes.push(own().body("user_id=x"));
            probes.push(own().body("{}").header("content-type", "application/json"));
            probes.push(
                own()
                    .body(vec![b'x'; 400_000])
                    .header("content-type", "text/plain"),
            );
            probes.push(call().header("origin", "https://evil.example"));
            probes.push(call().header("sec-fetch-site", "cross-site"));
        }
    }
    probes
}

#[tokio::test]
async fn nothing_tells_administration_from_nothing() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    // One whose snapshot is over: the authority is asked, and the cookies are renewed.
    let renewed = ada.copy();
    renewed.set_cookie("auth", None);
    let ended = app.registered("eve@example.com").await;
    let elsewhere = app.signed_in("eve@example.com").await;
    elsewhere.call("revoke_other_sessions", &[]).await.expect(200);
    for browser in [&app.browser(), &ada, &renewed, &ended] {
        let mut hidden: Vec<(String, &str)> = ADMIN_FUNCTIONS
            .iter()
            .take(2)
            .map(|(function, _)| (format!("/api/{function}"), "/api/nowhere/at_all"))
            .collect();
        hidden.push(("/api/admin".to_owned(), "/api/nowhere"));
        hidden.push(("/api/admin/".to_owned(), "/api/nowhere/"));
        hidden.push(("/admin".to_owned(), "/nowhere"));
        hidden.push((
            "/admin/people/0190a8c0-0000-7000-8000-000000000001".to_owned(),
            "/nowhere/x/y",
        ));
        for (path, nowhere) in hidden {
            for (asked, compared) in probes(browser, &path).into_iter().zip(probes(browser, nowhere)) {
                let (asked, compared) = (asked.send().await, compared.send().await);
                let mut expected = comparable(&compared);
                let mut found = comparable(&asked);
                if asked.cookie("__Host-auth").is_some() {
                    // A snapshot is sealed anew each time.
                    for answer in [&mut expected, &mut found] {
                        answer.1 = String::new();
                    }
                    assert_eq!(asked.renews(), compared.renews(), "{path}");
                    assert_eq!(asked.clears(), compared.clears(), "{path}");
                }
                assert_eq!(found, expected, "{path}");
            }
        }
    }
}

#[tokio::test]
async fn not_even_when_the_database_is_away() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    app.lose_database().await;
    for &(function, fields) in ADMIN_FUNCTIONS {
        ada.call(function, fields).await.refused(404, "not_found");
    }
    ada.get("/admin").await.expect(404);
}
