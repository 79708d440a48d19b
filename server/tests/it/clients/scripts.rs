//! Addresses for scripts: no redirects, JSON or a form.

use http::Method;
use serde_json::json;

use super::support::{ADA, Client, with_token};
use crate::support::{Browser, Call, PASSWORD, TestApp};

fn login(browser: &Browser) -> Call {
    browser.request(Method::POST, "/login")
}

fn json(call: Call, body: &serde_json::Value) -> Call {
    call.header("content-type", "application/json")
        .body(body.to_string())
}

#[tokio::test]
async fn a_script_signs_in_with_json_or_a_form_and_keeps_its_cookies() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let id = ada.session().await["user_id"].clone();
    for name in ["email", "username"] {
        let script = app.browser();
        let body = json!({ name: ADA, "password": PASSWORD, "remember": true });
        let answer = json(login(&script), &body).send().await.expect(200);
        assert_eq!(answer.json()["user_id"], id);
        assert!(answer.renews());
        assert!(answer.cookie("__Host-id").unwrap().max_age.is_some());
        assert!(script.is_signed_in().await);
        let script = app.browser();
        let form = login(&script).form(&[(name, ADA), ("password", PASSWORD)]);
        let answer = form.header("accept", "text/html").send().await.expect(200);
        assert_eq!(answer.json()["user_id"], id);
        let session = script.request(Method::GET, "/protected").send().await.expect(200);
        assert_eq!(session.json()["email"], ADA);
        let out = script
            .request(Method::POST, "/logout")
            .header("origin", &app.origin);
        let out = out
            .header("sec-fetch-site", "same-origin")
            .send()
            .await
            .expect(200);
        assert_eq!(out.text(), "null");
        assert!(out.clears());
        assert!(!script.is_signed_in().await);
    }
}

#[tokio::test]
async fn what_a_script_gets_wrong_has_its_own_status() {
    let app = TestApp::new().await;
    app.registered(ADA).await;
    let script = app.browser().unhindered();
    let wrong = json!({ "email": ADA, "password": "wrong" });
    json(login(&script), &wrong)
        .send()
        .await
        .refused(401, "invalid_credentials");
    let nobody = json!({ "email": "nobody@example.com", "password": PASSWORD });
    json(login(&script), &nobody)
        .send()
        .await
        .refused(401, "invalid_credentials");
    for body in [
        json!({}),
        json!({ "email": ADA }),
        json!([]),
        json!([ADA, PASSWORD, true]),
        json!({ "email": 1, "password": PASSWORD }),
    ] {
        json(login(&script), &body)
            .send()
            .await
            .refused(422, "invalid_input");
    }
    let broken = login(&script).header("content-type", "application/json");
    broken.body("{").send().await.refused(400, "bad_request");
    login(&script)
        .header("content-type", "text/plain")
        .body("x")
        .send()
        .await
        .refused(415, "unsupported_type");
    login(&script).send().await.refused(415, "unsupported_type");
    let long = json!({ "email": ADA, "password": "a".repeat(8 * 1024) });
    json(login(&script), &long).send().await.refused(413, "too_large");
    // The same rule as for every change: another site cannot sign anyone in.
    let foreign = json(login(&script), &json!({ "email": ADA, "password": PASSWORD }));
    foreign
        .header("sec-fetch-site", "cross-site")
        .send()
        .await
        .refused(403, "cross_origin");
    // A client that has a token has made a mistake.
    let confused = json(login(&script), &json!({ "email": ADA, "password": PASSWORD }));
    let answer = confused.header("authorization", "Bearer x").send().await;
    assert!(answer.cookies().is_empty());
    answer.refused(400, "bad_request");
    assert!(script.is_empty());
    // The page is where it was.
    app.browser().get("/login").await.expect(200);
}

#[tokio::test]
async fn sign_ins_of_scripts_count_as_sign_ins() {
    let app = TestApp::new().await;
    app.registered(ADA).await;
    let script = app.browser();
    let wrong = json!({ "email": ADA, "password": "wrong" });
    for _ in 0..5 {
        json(login(&script), &wrong)
            .send()
            .await
            .refused(401, "invalid_credentials");
    }
    let answer = json(login(&script), &wrong).send().await;
    assert!(answer.wait() > 0);
    answer.refused(429, "too_many_attempts");
    script.login(ADA, "wrong").await.refused(429, "too_many_attempts");
}

#[tokio::test]
async fn a_token_signs_its_own_session_out() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let client = Client::public(&app, "cli").await;
    let tokens = client.tokens(&ada).await;
    let out = with_token(&app, Method::POST, "/logout", &tokens.access)
        .send()
        .await;
    assert!(out.cookies().is_empty());
    assert_eq!(out.expect(200).text(), "null");
    with_token(&app, Method::POST, "/logout", &tokens.access)
        .send()
        .await
        .refused(401, "unauthenticated");
    super::support::refused(client.refresh(&tokens.refresh).await, 400, "invalid_grant");
    assert!(ada.is_signed_in().await);
    // Without a session it does nothing, and the answer is the same.
    let out = app
        .browser()
        .request(Method::POST, "/logout")
        .send()
        .await
        .expect(200);
    assert_eq!(out.text(), "null");
}

#[tokio::test]
async fn the_user_has_a_validator_and_is_private() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let token = Client::public(&app, "cli").await.tokens(&ada).await.access;
    let by_cookie = ada.request(Method::GET, "/api/user").send().await.expect(200);
    let by_token = with_token(&app, Method::GET, "/api/user", &token)
        .send()
        .await
        .expect(200);
    assert_eq!(by_cookie.json(), ada.user().await);
    assert_eq!(by_token.json(), by_cookie.json());
    for answer in [&by_cookie, &by_token] {
        assert_eq!(answer.header("cache-control"), Some("private, no-cache"));
        assert!(
            answer
                .headers
                .get_all("vary")
                .iter()
                .any(|value| value == "Authorization, Cookie")
        );
    }
    let etag = by_token.header("etag").unwrap();
    let again = with_token(&app, Method::GET, "/api/user", &token).header("if-none-match", etag);
    let again = again.send().await.expect(304);
    assert_eq!(again.header("cache-control"), Some("private, no-cache"));
    app.browser()
        .request(Method::GET, "/api/user")
        .header("if-none-match", "*")
        .send()
        .await
        .refused(401, "unauthenticated");
}
