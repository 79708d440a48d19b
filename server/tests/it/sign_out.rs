//! Signing out: what goes along with the session, whichever way it ends by one's own hand.

use crate::support::{Answer, Browser, PASSWORD, TestApp};

const ADA: &str = "ada@example.com";

/// Begins a flow with a provider; its state.
async fn begin(browser: &Browser, fields: &[(&str, &str)]) -> String {
    let page = browser.post("/auth/login/acme", fields).send().await.expect(200);
    let page = page.text();
    let state = page.split("state=").nth(1).unwrap();
    state.split('&').next().unwrap().to_owned()
}

/// What a browser is told about its cookies and its site's data.
fn told(answer: &Answer) -> (Vec<String>, Option<String>) {
    let mut cookies: Vec<_> = answer
        .cookies()
        .into_iter()
        // What a form without JavaScript shows next is about no session.
        .filter(|cookie| cookie.name != "__Host-flash")
        .map(|cookie| cookie.text)
        .collect();
    cookies.sort();
    let data = answer.header("clear-site-data").map(str::to_owned);
    (cookies, data)
}

#[tokio::test]
async fn it_takes_along_what_the_browser_has_under_way_with_providers() {
    let app = TestApp::new().await;
    let (ada, other) = (app.registered(ADA).await, app.registered("eve@example.com").await);
    let state = begin(&ada, &[]).await;
    let link = begin(&ada, &[("intent", "link"), ("return_to", "/profile")]).await;
    let others = begin(&other, &[]).await;
    let flow = ada.cookie("flow").unwrap();
    let answer = ada.call("logout", &[]).await.expect(200);
    assert!(answer.clears());
    assert!(answer.cookie("__Host-flow").unwrap().removes());
    assert!(ada.is_empty(), "every cookie is gone");
    let whole = "SELECT count(*) FROM sign_in_flows WHERE return_to IS NOT NULL OR length(browser_hash) > 0";
    assert_eq!(app.number(whole).await, 1);
    // A copy of the cookie opens nothing; another browser's flow goes on.
    ada.set_cookie("flow", Some(&flow));
    ada.get(&format!("/auth/callback/acme?error=access_denied&state={state}"))
        .await
        .leads_to("/login?error=expired");
    ada.get(&format!("/auth/callback/acme?code=x&state={link}"))
        .await
        .leads_to("/settings/accounts?error=expired");
    ada.get(&format!("/auth/callback/acme?code=x&state={link}"))
        .await
        .leads_to("/login?error=expired");
    other
        .get(&format!("/auth/callback/acme?error=access_denied&state={others}"))
        .await
        .leads_to("/login?error=denied");
}

#[tokio::test]
async fn without_a_session_nothing_is_taken_along_and_nothing_set() {
    let app = TestApp::new().await;
    let stranger = app.browser();
    begin(&stranger, &[]).await;
    let answer = stranger.call("logout", &[]).await.expect(200);
    assert_eq!(answer.text(), "null");
    assert_eq!(told(&answer), (Vec::new(), None));
    assert!(stranger.cookie("flow").is_some());
    assert_eq!(app.number("SELECT count(*) FROM sign_in_flows").await, 1);
}

#[tokio::test]
async fn without_a_database_it_is_503_and_takes_nothing_along() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    begin(&ada, &[]).await;
    app.lose_database().await;
    let answer = ada.call("logout", &[]).await.refused(503, "unavailable");
    assert_eq!(told(&answer), (Vec::new(), None));
}

#[tokio::test]
async fn ending_ones_own_session_from_any_list_does_all_that_signing_out_does() {
    let app = TestApp::new().await;
    let expected = {
        let ada = app.registered(ADA).await;
        ada.call("update_public_data", &[("theme", "dark")])
            .await
            .expect(200);
        begin(&ada, &[]).await;
        told(&ada.call("logout", &[]).await.expect(200))
    };
    let (cookies, data) = &expected;
    assert_eq!(cookies.len(), 4, "id, auth, flow, theme: {cookies:?}");
    assert_eq!(data.as_deref(), Some("\"cache\", \"storage\""));
    app.promote(ADA).await;
    for (page, function, field) in [
        ("/settings/sessions", "revoke_session", "session_id"),
        ("/admin", "admin/revoke_session", "session_id"), // wing:admin
        ("/admin", "admin/revoke_all_sessions", "user_id"), // wing:admin
    ] {
        for by_form in [false, true] {
            let ada = app.browser();
            ada.login(ADA, PASSWORD).await.expect(200);
            ada.call("get_public_data", &[]).await.expect(200);
            begin(&ada, &[]).await;
            let former = ada.copy();
            let value = ada.session().await[field].as_str().unwrap().to_owned();
            let fields = [(field, value.as_str())];
            let answer = if by_form {
                ada.submit(page, function, &fields).await.leads_to("/")
            } else {
                ada.call(function, &fields).await.expect(200)
            };
            assert_eq!(told(&answer), expected, "{function}");
            ada.set_cookie("flash", None);
            assert!(ada.is_empty(), "{function}");
            assert!(!former.is_signed_in().await, "{function}");
            assert_eq!(app.number("SELECT count(*) FROM sign_in_flows").await, 0);
        }
    }
}

#[tokio::test]
async fn ending_another_session_leaves_this_browser_alone() {
    let app = TestApp::new().await;
    let (ada, other) = (app.registered(ADA).await, app.signed_in(ADA).await);
    begin(&ada, &[]).await;
    let session_id = other.session_id().await;
    let answer = ada
        .call("revoke_session", &[("session_id", &session_id)])
        .await
        .expect(200);
    assert_eq!(told(&answer), (Vec::new(), None));
    assert_eq!(app.number("SELECT count(*) FROM sign_in_flows").await, 1);
    assert!(ada.is_signed_in().await && !other.is_signed_in().await);
}
