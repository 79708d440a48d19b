//! `GET /api/session`: the REST twin, for scripts that poll.

use crate::support::{Answer, Browser, SECRET, TestApp};

const ADA: &str = "ada@example.com";
const CACHING: Option<&str> = Some("private, no-cache");

async fn ask(browser: &Browser, if_none_match: &str) -> Answer {
    let call = browser.request(http::Method::GET, "/api/session");
    let answer = match if_none_match {
        "" => call.send().await,
        condition => call.header("if-none-match", condition).send().await,
    };
    assert_eq!(answer.header("cache-control"), CACHING);
    answer
}

#[tokio::test]
async fn it_is_the_session_or_null_with_a_strong_validator() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let answer = ask(&ada, "").await.expect(200);
    assert_eq!(answer.json(), ada.session().await);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let etag = answer.header("etag").unwrap();
    assert!(
        etag.starts_with('"') && etag.ends_with('"') && etag.len() > 16,
        "{etag}"
    );

    let anonymous = ask(&app.browser(), "").await.expect(200);
    assert_eq!(anonymous.text(), "null");
    assert_ne!(anonymous.header("etag"), Some(etag));
}

#[tokio::test]
async fn what_did_not_change_is_304_by_strong_and_weak_validators_and_a_star() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let etag = ask(&ada, "").await.header("etag").unwrap().to_owned();
    for condition in [
        etag.clone(),
        format!("W/{etag}"),
        "*".to_owned(),
        format!("\"other\", {etag}"),
        format!("\"other\",W/{etag} , \"more\""),
    ] {
        let answer = ask(&ada, &condition).await.expect(304);
        assert_eq!(answer.header("etag"), Some(etag.as_str()));
        assert!(answer.body.is_empty());
    }
    for condition in ["\"other\"", "x", &etag.replace('"', ""), "W/\"other\"", "\"\""] {
        ask(&ada, condition).await.expect(200);
    }
    let changed = ada.copy();
    changed.login(ADA, crate::support::PASSWORD).await.expect(200);
    ask(&changed, &etag).await.expect(200);
}

#[tokio::test]
async fn the_validator_is_the_same_under_any_encoding_and_keyed_with_the_secret() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let mut etags = Vec::new();
    for encoding in ["identity", "gzip", "br", "gzip, br;q=0.5", "deflate"] {
        let call = ada
            .request(http::Method::GET, "/api/session")
            .header("accept-encoding", encoding);
        etags.push(call.send().await.expect(200).header("etag").unwrap().to_owned());
    }
    assert!(etags.iter().all(|etag| *etag == etags[0]), "{etags:?}");

    let rotated = format!("{},{SECRET}", crate::support::NEW_SECRET);
    let other = app.restarted(&[("SESSION_SECRET", &rotated)]).await;
    let with_other_key = ask(&ada.before(&other), "").await;
    assert_ne!(with_other_key.header("etag"), Some(etags[0].as_str()));
}

#[tokio::test]
async fn a_dead_session_is_null_and_never_304() {
    let app = TestApp::new().await;
    let (ada, other) = (app.registered(ADA).await, app.signed_in(ADA).await);
    let etag = ask(&ada, "").await.header("etag").unwrap().to_owned();
    let anonymous = ask(&app.browser(), "").await.header("etag").unwrap().to_owned();
    other.call("revoke_other_sessions", &[]).await.expect(200);
    for condition in [etag.as_str(), "*", &anonymous] {
        let answer = ask(&ada.copy(), condition).await.expect(200);
        assert_eq!(answer.text(), "null");
        assert!(answer.clears());
    }
}

#[tokio::test]
async fn it_renews_an_old_snapshot_and_keeps_its_caching() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let etag = ask(&ada, "").await.header("etag").unwrap().to_owned();
    app.advance(300);
    let answer = ask(&ada, &etag).await.expect(304);
    assert!(answer.renews());
    assert_eq!(answer.header("etag"), Some(etag.as_str()));
}

#[tokio::test]
async fn it_is_read_only() {
    let app = TestApp::new().await;
    let ada = app.registered(ADA).await;
    let head = ada
        .request(http::Method::HEAD, "/api/session")
        .send()
        .await
        .expect(200);
    assert!(head.body.is_empty());
    assert!(head.header("etag").is_some());
    for method in ["POST", "PUT", "DELETE", "PATCH"] {
        let call = ada.request(method.parse().unwrap(), "/api/session");
        let answer = call.header("sec-fetch-site", "same-origin").send().await;
        answer.refused(405, "method_not_allowed");
    }
}
